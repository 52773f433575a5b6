"""Whatever is drawn from what the grammar allows is music with nothing to repair, within every limit."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from performance_reference import CLOSED, SlowGrammar

from folkseq.grammar import put, take
from folkseq.representations.performance import PerformanceTokenizer
from folkseq.representations.performance.grammar import PerformanceGrammar

TOKENIZERS = [
    PerformanceTokenizer(),
    PerformanceTokenizer(sustain="tokens"),
    PerformanceTokenizer(velocity_bins=0, max_shift=7),
    PerformanceTokenizer(velocity_bins=100, max_shift=40, sustain="tokens"),
]
MAGENTA = PerformanceTokenizer(order="magenta", sustain="tokens")
KINDS = ["NOTE_ON", "NOTE_OFF", "TIME_SHIFT", "VELOCITY", "</s>", "PEDAL_UP", "PEDAL_DOWN", "<s>"]


def weigh(tokens, random):
    """(V,) how often each id is drawn among those allowed, which is drawn too."""
    likely = dict(zip(KINDS, random.dirichlet(np.full(len(KINDS), 0.5)) + 1e-3, strict=True))
    weights = np.array([likely[token.rstrip("0123456789").rstrip("_")] for token in tokens])
    for kind in KINDS:
        weights[[token.startswith(kind) for token in tokens]] /= sum(token.startswith(kind) for token in tokens) or 1
    return weights


def write(tokenizer, grammar, seed, limit):
    """Tokens of a piece, with weights drawn for it anew."""
    random, tokens = np.random.default_rng(seed), tokenizer.vocabulary.tokens
    weights = weigh(tokens, random)
    rows, ids = grammar.begin(1), []
    while len(ids) < limit:
        allowed = np.flatnonzero(grammar.allowed(rows, np.array([limit - len(ids)])))
        ids.append(int(random.choice(allowed, p=weights[allowed] / weights[allowed].sum())))
        rows = grammar.advance(rows, np.array(ids[-1:]))
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
    assert tokenizer.fault(np.array(tokenizer.vocabulary.encode(tokens)), tokenizer.vocabulary) == ""
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


@settings(max_examples=150, deadline=None)
@given(
    tokenizer=st.sampled_from([*TOKENIZERS, MAGENTA, PerformanceTokenizer(order="magenta", velocity_bins=0)]),
    seed=st.integers(0, 2**32),
    limit=st.integers(16, 300),
    bounds=limits,
    opening=st.sampled_from([0, 1, 90, 700]),
    starved=st.booleans(),
)
def test_many_rows_are_allowed_what_each_is_alone(tokenizer, seed, limit, bounds, opening, starved):
    asked = {"end": opening + bounds["end"], "earliest": opening + int(bounds["end"] * bounds["early"])}
    asked |= {"longest": bounds["longest"], "most": bounds["most"], "opening": opening}
    asked["canonical"] = tokenizer.order == "canonical"
    grammar, slow = PerformanceGrammar(tokenizer.layout, **asked), SlowGrammar(tokenizer.layout, **asked)
    random, tokens, b = np.random.default_rng(seed), tokenizer.vocabulary.tokens, 5
    weights = np.stack([weigh(tokens, random) for _ in range(b)])  # (B, V)
    left = random.integers(16, limit, b, endpoint=True) if starved else np.full(b, 10**6)
    rows, states, over = grammar.begin(b), [slow.new_state()] * b, np.zeros(b, int)
    for _ in range(limit):
        for remaining in (random.integers(1, 40, b), left):  # as if the ids ran out here, and as they do
            pairs = zip(states, remaining.tolist(), strict=True)
            mask = grammar.allowed(rows, remaining)
            np.testing.assert_array_equal(mask, np.stack([slow.allowed(*pair) for pair in pairs]))
            assert mask.any(axis=1).all()
        steps = np.array([state.step for state in states])
        going = [state.last != CLOSED for state in states]  # the slow one forgets the step at the end
        share = np.clip((steps - opening) / bounds["end"], 0, 1)
        np.testing.assert_array_equal(grammar.progress(rows)[going], share[going])
        drawn = mask * weights * random.exponential(size=mask.shape)
        ids = drawn.argmax(axis=1)
        before = [array.copy() for array in rows]
        after = grammar.advance(rows, ids)
        for array, same in zip(rows, before, strict=True):
            np.testing.assert_array_equal(array, same)
        rows, states = after, [slow.advance(state, id_) for state, id_ in zip(states, ids.tolist(), strict=True)]
        left = left - 1
        over += ids == tokenizer.layout.end
        if over.all():
            break


def test_rows_may_be_picked_and_replaced():
    tokenizer = TOKENIZERS[1]
    grammar, encode = tokenizer.grammar(tokenizer.vocabulary), tokenizer.vocabulary.encode
    rows = grammar.begin(2)
    for tokens in [("<s>", "<s>"), ("PEDAL_DOWN", "VELOCITY_9"), ("TIME_SHIFT_5", "NOTE_ON_60")]:
        rows = grammar.advance(rows, np.array(encode(tokens)))
    many = np.array([4000, 4000])
    turned = take(rows, [1, 0])
    np.testing.assert_array_equal(grammar.allowed(turned, many), grammar.allowed(rows, many)[::-1])
    put(turned, [1], take(rows, [1]))
    np.testing.assert_array_equal(grammar.allowed(turned, many), grammar.allowed(rows, many)[[1, 1]])
    put(turned, [0], grammar.begin(1))
    assert np.flatnonzero(grammar.allowed(turned, many)[0]).tolist() == [tokenizer.layout.start]


class Alone:
    """A piece that is read by itself, with plenty of ids left unless it is said how many."""

    def __init__(self, grammar, vocabulary):
        self.grammar, self.vocabulary, self.rows = grammar, vocabulary, grammar.begin(1)

    def read(self, tokens):
        for id_ in self.vocabulary.encode(tokens.split()):
            self.rows = self.grammar.advance(self.rows, np.array([id_]))

    def allowed(self, remaining=4000):
        (mask,) = self.grammar.allowed(self.rows, np.array([remaining]))
        return self.vocabulary.decode(np.flatnonzero(mask))


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
    vocabulary = tokenizer.vocabulary
    piece = Alone(tokenizer.grammar(vocabulary), vocabulary)
    for before in tokens.split():
        assert before in piece.allowed()
        piece.read(before)
    assert (token in piece.allowed()) == allowed


def test_notes_end_when_they_have_lasted_as_long_as_they_may():
    tokenizer = TOKENIZERS[0]
    vocabulary = tokenizer.vocabulary
    piece = Alone(tokenizer.grammar(vocabulary, longest_note=0.5, most_notes=2), vocabulary)
    piece.read("<s> VELOCITY_9 NOTE_ON_60 NOTE_ON_64")
    assert "NOTE_ON_67" not in piece.allowed()  # a third
    assert "TIME_SHIFT_50" in piece.allowed()
    assert "TIME_SHIFT_51" not in piece.allowed()
    piece.read("TIME_SHIFT_50")
    assert piece.allowed() == ["NOTE_OFF_60"]
    piece.read("NOTE_OFF_60")
    assert piece.allowed() == ["NOTE_OFF_64"]


def test_notes_that_are_due_end_first_when_the_ids_run_out():
    tokenizer = TOKENIZERS[0]
    vocabulary = tokenizer.vocabulary
    piece = Alone(tokenizer.grammar(vocabulary, longest_note=0.5), vocabulary)
    before = "<s> VELOCITY_9 NOTE_ON_70 NOTE_ON_80 TIME_SHIFT_10 NOTE_ON_60 TIME_SHIFT_40 NOTE_OFF_70"
    for token in before.split():
        assert token in piece.allowed()
        piece.read(token)
    written = []
    for remaining in range(4, 0, -1):
        (only,) = piece.allowed(remaining)
        piece.read(only)
        written.append(only)
    assert written == ["NOTE_OFF_80", "TIME_SHIFT_1", "NOTE_OFF_60", "</s>"]


def test_a_prime_is_bound_by_no_limit_and_counts_for_none():
    tokenizer = TOKENIZERS[0]
    vocabulary = tokenizer.vocabulary
    opening = "<s> VELOCITY_9 NOTE_ON_60 NOTE_ON_64 NOTE_ON_67 TIME_SHIFT_100 NOTE_OFF_60 NOTE_OFF_64 NOTE_OFF_67"
    prime = type("Prime", (), {"tokens": tuple(opening.split())})
    grammar = tokenizer.grammar(vocabulary, prime, longest_note=0.5, most_notes=2, seconds=2)
    piece = Alone(grammar, vocabulary)
    for token in prime.tokens:
        assert token in piece.allowed()
        piece.read(token)
    assert grammar.progress(piece.rows).tolist() == [0]
    piece.read("TIME_SHIFT_100 TIME_SHIFT_90 NOTE_ON_60")
    assert grammar.progress(piece.rows).tolist() == [0.95]
    assert "TIME_SHIFT_10" in piece.allowed()  # 2 s after the prime
    assert "TIME_SHIFT_11" not in piece.allowed()
