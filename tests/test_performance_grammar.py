"""Whatever is drawn from what the grammar allows is music with nothing to repair, within every limit."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from folkseq.tokenizers.performance import PerformanceTokenizer
from folkseq.tokenizers.performance.grammar import PerformanceGrammar

TOKENIZERS = [
    PerformanceTokenizer(),
    PerformanceTokenizer(sustain="tokens"),
    PerformanceTokenizer(velocity_bins=0, max_shift=7),
    PerformanceTokenizer(velocity_bins=100, max_shift=40, sustain="tokens"),
]
MAGENTA = PerformanceTokenizer(order="magenta", sustain="tokens")
KINDS = ["NOTE_ON", "NOTE_OFF", "TIME_SHIFT", "VELOCITY", "</s>", "PEDAL_UP", "PEDAL_DOWN", "<s>"]


def write(tokenizer, grammar, seed, limit):
    """Tokens of a piece; how often each kind of id is drawn among those allowed is drawn too, for each piece anew."""
    random, tokens = np.random.default_rng(seed), tokenizer.vocabulary.tokens
    likely = dict(zip(KINDS, random.dirichlet(np.full(len(KINDS), 0.5)) + 1e-3, strict=True))
    weights = np.array([likely[token.rstrip("0123456789").rstrip("_")] for token in tokens])
    for kind in KINDS:
        weights[[token.startswith(kind) for token in tokens]] /= sum(token.startswith(kind) for token in tokens) or 1
    state, ids = grammar.new_state(), []
    while len(ids) < limit:
        allowed = np.flatnonzero(grammar.allowed(state, limit - len(ids)))
        ids.append(int(random.choice(allowed, p=weights[allowed] / weights[allowed].sum())))
        state = grammar.advance(state, ids[-1])
        if tokens[ids[-1]] == "</s>":
            break
    return [tokens[id_] for id_ in ids]


def play(tokens):
    """(pitch, first step, last step) of each note, by plain counting; fails where one hangs or ends unbegun."""
    step, sounding, notes, pedal = 0, {}, [], False
    for token in tokens[1:-1]:
        kind, _, value = token.rpartition("_")
        if kind == "TIME_SHIFT":
            step += int(value)
        elif kind == "NOTE_ON":
            assert value not in sounding
            sounding[value] = step
        elif kind == "NOTE_OFF":
            notes.append((int(value), sounding.pop(value), step))
        elif kind == "PEDAL":
            assert pedal != (value == "DOWN")
            pedal = value == "DOWN"
    assert not sounding
    assert not pedal
    return notes, step


limits = st.fixed_dictionaries(
    {
        "end": st.sampled_from([1, 2, 50, 600, 3000]),
        "longest": st.sampled_from([1, 30, 500]),
        "most": st.sampled_from([1, 3, 64]),
        "early": st.sampled_from([0.0, 0.9]),
    }
)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from([*TOKENIZERS, MAGENTA]), st.integers(0, 2**32), st.integers(16, 500), limits)
@example(TOKENIZERS[0], 15678, 303, {"end": 600, "longest": 30, "most": 64, "early": 0})  # due at many steps in turn
def test_whatever_is_drawn_ends_in_time_with_nothing_hanging(tokenizer, seed, limit, bounds):
    end, earliest = bounds["end"], int(bounds["end"] * bounds["early"])
    grammar = PerformanceGrammar(
        tokenizer.layout,
        canonical=tokenizer.order == "canonical",
        end=end,
        earliest=earliest,
        longest=bounds["longest"],
        most=bounds["most"],
    )
    tokens = write(tokenizer, grammar, seed, limit)
    assert tokens[0] == "<s>"
    assert tokens[-1] == "</s>"
    assert len(tokens) <= limit
    notes, length = play(tokens)
    assert notes
    assert length <= end
    if len(tokens) < limit - bounds["most"] - 16:  # else it had to end for want of ids
        assert length >= earliest
    assert all(0 < last - first <= bounds["longest"] for _, first, last in notes)
    changes = sorted([(last, -1) for _, _, last in notes] + [(first, 1) for _, first, _ in notes])
    assert np.cumsum([change for _, change in changes]).max() <= bounds["most"]
    if tokenizer.order == "canonical":
        assert tokenizer.tokenize(tokenizer.detokenize(tokens)) == tokens
    else:
        steps = tokenizer.steps_per_second
        (track,) = tokenizer.detokenize(tokens).tracks
        heard = [(note.pitch, round(note.onset_s * steps), round(note.offset_s * steps)) for note in track]
        assert sorted(heard) == sorted(notes)


ALLOWED = [
    ("", "<s>", True),
    ("", "NOTE_ON_60", False),
    ("<s>", "</s>", False),  # no note yet
    ("<s>", "NOTE_ON_60", False),  # no velocity yet
    ("<s>", "VELOCITY_20", True),
    ("<s> VELOCITY_20", "TIME_SHIFT_5", False),  # a velocity is for a note
    ("<s> VELOCITY_20", "VELOCITY_20", False),
    ("<s> VELOCITY_20 NOTE_ON_60", "VELOCITY_20", False),  # it is so loud already
    ("<s> VELOCITY_20 NOTE_ON_60", "VELOCITY_21", True),
    ("<s> VELOCITY_20 NOTE_ON_60", "NOTE_ON_59", False),  # pitches rise
    ("<s> VELOCITY_20 NOTE_ON_60", "NOTE_ON_60", False),
    ("<s> VELOCITY_20 NOTE_ON_60", "NOTE_ON_61", True),
    ("<s> VELOCITY_20 NOTE_ON_60", "NOTE_OFF_60", False),  # it would have no length
    ("<s> VELOCITY_20 NOTE_ON_60", "</s>", False),
    ("<s> VELOCITY_20 NOTE_ON_60 TIME_SHIFT_100", "TIME_SHIFT_100", True),
    ("<s> VELOCITY_20 NOTE_ON_60 TIME_SHIFT_99", "TIME_SHIFT_1", False),  # that is TIME_SHIFT_100
    ("<s> VELOCITY_20 NOTE_ON_60 TIME_SHIFT_99", "NOTE_OFF_61", False),
    ("<s> VELOCITY_20 NOTE_ON_60 TIME_SHIFT_99", "NOTE_OFF_60", True),
    ("<s> VELOCITY_20 NOTE_ON_60 TIME_SHIFT_99 NOTE_OFF_60", "NOTE_ON_60", True),
    ("<s> VELOCITY_20 NOTE_ON_60 TIME_SHIFT_99 NOTE_OFF_60", "</s>", True),
    ("<s> VELOCITY_20 NOTE_ON_60 TIME_SHIFT_99 NOTE_OFF_60 TIME_SHIFT_1", "</s>", False),  # silence at the end
    ("<s> PEDAL_DOWN", "PEDAL_UP", False),  # within a step
    ("<s> PEDAL_DOWN", "PEDAL_DOWN", False),
    ("<s>", "PEDAL_UP", False),  # it is up
    ("<s> PEDAL_DOWN TIME_SHIFT_1", "PEDAL_UP", True),
    ("<s> PEDAL_DOWN VELOCITY_20 NOTE_ON_60 TIME_SHIFT_9 NOTE_OFF_60", "</s>", False),  # the pedal is down
    ("<s> PEDAL_DOWN VELOCITY_20 NOTE_ON_60 TIME_SHIFT_9 NOTE_OFF_60", "PEDAL_UP", False),  # the pedal comes first
    ("<s> PEDAL_DOWN VELOCITY_20 NOTE_ON_60 TIME_SHIFT_9 PEDAL_UP NOTE_OFF_60", "</s>", True),
]


@pytest.mark.parametrize(("tokens", "token", "allowed"), ALLOWED)
def test_what_may_follow_what(tokens, token, allowed):
    tokenizer = TOKENIZERS[1]
    grammar, vocabulary = tokenizer.grammar(tokenizer.vocabulary), tokenizer.vocabulary
    state = grammar.new_state()
    for position, before in enumerate(tokens.split()):
        assert grammar.allowed(state, 5000 - position)[vocabulary.id(before)], before
        state = grammar.advance(state, vocabulary.id(before))
    assert grammar.allowed(state, 4000)[vocabulary.id(token)] == allowed


def test_notes_end_when_they_have_lasted_as_long_as_they_may():
    tokenizer = TOKENIZERS[0]
    vocabulary = tokenizer.vocabulary
    grammar = tokenizer.grammar(vocabulary, longest_note=0.5, most_notes=2)
    state = grammar.new_state()
    for token in ["<s>", "VELOCITY_9", "NOTE_ON_60", "NOTE_ON_64"]:
        state = grammar.advance(state, vocabulary.id(token))
    mask = grammar.allowed(state, 4000)
    assert not mask[vocabulary.id("NOTE_ON_67")]  # a third
    assert mask[vocabulary.id("TIME_SHIFT_50")]
    assert not mask[vocabulary.id("TIME_SHIFT_51")]
    state = grammar.advance(state, vocabulary.id("TIME_SHIFT_50"))
    assert vocabulary.decode(np.flatnonzero(grammar.allowed(state, 4000))) == ["NOTE_OFF_60"]
    state = grammar.advance(state, vocabulary.id("NOTE_OFF_60"))
    assert vocabulary.decode(np.flatnonzero(grammar.allowed(state, 4000))) == ["NOTE_OFF_64"]


def test_notes_that_are_due_end_first_when_the_ids_run_out():
    tokenizer = TOKENIZERS[0]
    vocabulary = tokenizer.vocabulary
    grammar = tokenizer.grammar(vocabulary, longest_note=0.5)
    state = grammar.new_state()
    before = "<s> VELOCITY_9 NOTE_ON_70 NOTE_ON_80 TIME_SHIFT_10 NOTE_ON_60 TIME_SHIFT_40 NOTE_OFF_70"
    for token in before.split():
        assert grammar.allowed(state, 4000)[vocabulary.id(token)], token
        state = grammar.advance(state, vocabulary.id(token))
    written = []
    for remaining in range(4, 0, -1):
        (only,) = np.flatnonzero(grammar.allowed(state, remaining))
        state = grammar.advance(state, int(only))
        written.append(vocabulary.tokens[only])
    assert written == ["NOTE_OFF_80", "TIME_SHIFT_1", "NOTE_OFF_60", "</s>"]


def test_a_prime_is_bound_by_no_limit_and_counts_for_none():
    tokenizer = TOKENIZERS[0]
    vocabulary = tokenizer.vocabulary
    opening = "<s> VELOCITY_9 NOTE_ON_60 NOTE_ON_64 NOTE_ON_67 TIME_SHIFT_100 NOTE_OFF_60 NOTE_OFF_64 NOTE_OFF_67"
    prime = type("Prime", (), {"tokens": tuple(opening.split())})
    grammar = tokenizer.grammar(vocabulary, prime, longest_note=0.5, most_notes=2, seconds=2)
    state = grammar.new_state()
    for token in prime.tokens:
        assert grammar.allowed(state, 4000)[vocabulary.id(token)], token
        state = grammar.advance(state, vocabulary.id(token))
    for token in ["TIME_SHIFT_100", "TIME_SHIFT_90", "NOTE_ON_60"]:
        state = grammar.advance(state, vocabulary.id(token))
    mask = grammar.allowed(state, 4000)
    assert mask[vocabulary.id("TIME_SHIFT_10")]  # 2 s after the prime
    assert not mask[vocabulary.id("TIME_SHIFT_11")]
