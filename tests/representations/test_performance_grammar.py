"""The grammar: whatever is drawn from it is valid, within every limit, and equals the reference for one piece."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from performance_reference import CLOSED, SlowGrammar

from folkseq.grammar import put, take
from folkseq.representations.capabilities import Prime
from folkseq.representations.performance import PerformanceRepresentation
from folkseq.representations.performance.codec import PerformanceCodec
from folkseq.representations.performance.grammar import PerformanceGrammar
from folkseq.representations.performance.options import PerformanceOptions


def codec_of(**fields):
    return PerformanceCodec(PerformanceRepresentation(**fields))


CODECS = [
    codec_of(),
    codec_of(sustain="tokens"),
    codec_of(velocity_bins=0, max_shift=7),
    codec_of(velocity_bins=100, max_shift=40, sustain="tokens"),
]
MAGENTA = codec_of(order="magenta", sustain="tokens")
KINDS = ["NOTE_ON", "NOTE_OFF", "TIME_SHIFT", "VELOCITY", "</s>", "PEDAL_UP", "PEDAL_DOWN", "<s>"]


def grammar_of(codec, prime=None, **options):
    return codec.generation.plan(PerformanceOptions(**options), prime).grammar


def weigh(tokens, random):
    """(V,) random weights of the ids."""
    likely = dict(zip(KINDS, random.dirichlet(np.full(len(KINDS), 0.5)) + 1e-3, strict=True))
    weights = np.array([likely[token.rstrip("0123456789").rstrip("_")] for token in tokens])
    for kind in KINDS:
        weights[[token.startswith(kind) for token in tokens]] /= sum(token.startswith(kind) for token in tokens) or 1
    return weights


def write(codec, grammar, seed, limit):
    """Tokens of a piece, drawn with random weights."""
    random, tokens = np.random.default_rng(seed), codec.vocabulary.tokens
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
    """(pitch, onset, offset) of each note by counting; fails if a note does not end, or ends without an onset."""
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
@given(st.sampled_from([*CODECS, MAGENTA]), st.integers(0, 2**32), st.integers(16, 500), limits)
@example(CODECS[0], 15678, 303, {"end": 600, "longest": 30, "most": 64, "early": 0})  # due at many steps in turn
def test_whatever_is_drawn_is_valid_and_ends_in_time(codec, seed, limit, bounds):
    end, earliest = bounds["end"], int(bounds["end"] * bounds["early"])
    grammar = PerformanceGrammar(
        codec.config,
        end=end,
        earliest=earliest,
        longest=bounds["longest"],
        most=bounds["most"],
    )
    tokens = write(codec, grammar, seed, limit)
    assert tokens[0] == "<s>"
    assert tokens[-1] == "</s>"
    assert len(tokens) <= limit
    ids = np.array(codec.vocabulary.encode(tokens))
    assert codec.analysis.validate(ids) == ""
    notes, length = play(tokens)
    assert min(onset for _, onset, _ in notes) == 0
    assert length <= end
    if len(tokens) < limit - bounds["most"] - 16:  # else the ids ran out
        assert length >= earliest
    assert all(0 < last - first <= bounds["longest"] for _, first, last in notes)
    changes = sorted([(last, -1) for _, _, last in notes] + [(first, 1) for _, first, _ in notes])
    assert np.cumsum([change for _, change in changes]).max() <= bounds["most"]
    if codec.config.canonical:
        assert codec.encode(codec.decode(ids)).tolist() == ids.tolist()
    else:
        steps = codec.config.steps_per_second
        (track,) = codec.decode(ids).tracks
        heard = [(note.pitch, round(note.onset_s * steps), round(note.offset_s * steps)) for note in track]
        assert sorted(heard) == sorted(notes)


@settings(max_examples=150, deadline=None)
@given(
    codec=st.sampled_from([*CODECS, MAGENTA, codec_of(order="magenta", velocity_bins=0)]),
    seed=st.integers(0, 2**32),
    limit=st.integers(16, 300),
    bounds=limits,
    prime=st.sampled_from([0, 1, 90, 700]),
    starved=st.booleans(),
    opening_rest=st.booleans(),
)
def test_many_rows_are_masked_like_the_reference_masks_each(codec, seed, limit, bounds, prime, starved, opening_rest):
    limits = {"end": prime + bounds["end"], "earliest": prime + int(bounds["end"] * bounds["early"])}
    limits |= {"longest": bounds["longest"], "most": bounds["most"], "prime": prime, "opening_rest": opening_rest}
    grammar, slow = PerformanceGrammar(codec.config, **limits), SlowGrammar(codec.config, **limits)
    random, tokens, b = np.random.default_rng(seed), codec.vocabulary.tokens, 5
    weights = np.stack([weigh(tokens, random) for _ in range(b)])  # (B, V)
    left = random.integers(16, limit, b, endpoint=True) if starved else np.full(b, 10**6)
    rows, states, over = grammar.begin(b), [slow.new_state()] * b, np.zeros(b, int)
    for _ in range(limit):
        for remaining in (random.integers(1, 40, b), left):  # if the ids ran out here, and as they run out
            pairs = zip(states, remaining.tolist(), strict=True)
            mask = grammar.allowed(rows, remaining)
            np.testing.assert_array_equal(mask, np.stack([slow.allowed(*pair) for pair in pairs]))
            assert mask.any(axis=1).all()
        steps = np.array([state.step for state in states])
        going = [state.last != CLOSED for state in states]  # the reference forgets the step at the end
        share = np.clip((steps - prime) / bounds["end"], 0, 1)
        np.testing.assert_array_equal(grammar.progress(rows)[going], share[going])
        drawn = mask * weights * random.exponential(size=mask.shape)
        ids = drawn.argmax(axis=1)
        before = [array.copy() for array in rows]
        after = grammar.advance(rows, ids)
        for array, same in zip(rows, before, strict=True):
            np.testing.assert_array_equal(array, same)
        rows, states = after, [slow.advance(state, id_) for state, id_ in zip(states, ids.tolist(), strict=True)]
        left = left - 1
        over += ids == codec.layout.end
        if over.all():
            break


def test_rows_can_be_selected_and_replaced():
    codec = CODECS[1]
    grammar, encode = grammar_of(codec), codec.vocabulary.encode
    rows = grammar.begin(2)
    for tokens in [("<s>", "<s>"), ("PEDAL_DOWN", "VELOCITY_9"), ("TIME_SHIFT_5", "NOTE_ON_60")]:
        rows = grammar.advance(rows, np.array(encode(tokens)))
    many = np.array([4000, 4000])
    turned = take(rows, [1, 0])
    np.testing.assert_array_equal(grammar.allowed(turned, many), grammar.allowed(rows, many)[::-1])
    put(turned, [1], take(rows, [1]))
    np.testing.assert_array_equal(grammar.allowed(turned, many), grammar.allowed(rows, many)[[1, 1]])
    put(turned, [0], grammar.begin(1))
    assert np.flatnonzero(grammar.allowed(turned, many)[0]).tolist() == [codec.layout.start]


class Alone:
    """A piece by itself, with plenty of ids left unless it is told how many."""

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
    ("<s>", "TIME_SHIFT_1", False),  # the first note begins at once
    ("<s> PEDAL_DOWN", "TIME_SHIFT_1", False),
    ("<s> VELOCITY_20", "TIME_SHIFT_5", False),  # a velocity is for a note
    ("<s> VELOCITY_20", "VELOCITY_20", False),
    ("<s> VELOCITY_20 NOTE_ON_60", "VELOCITY_20", False),  # the velocity is in force already
    ("<s> VELOCITY_20 NOTE_ON_60", "VELOCITY_21", True),
    ("<s> VELOCITY_20 NOTE_ON_60", "NOTE_ON_59", False),  # pitches rise
    ("<s> VELOCITY_20 NOTE_ON_60", "NOTE_ON_60", False),
    ("<s> VELOCITY_20 NOTE_ON_60", "NOTE_ON_61", True),
    ("<s> VELOCITY_20 NOTE_ON_60", "NOTE_OFF_60", False),  # the note would have no length
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
    ("<s> PEDAL_DOWN VELOCITY_20 NOTE_ON_60 TIME_SHIFT_1", "PEDAL_UP", True),
    ("<s> PEDAL_DOWN VELOCITY_20 NOTE_ON_60 TIME_SHIFT_9 NOTE_OFF_60", "</s>", False),  # the pedal is down
    (
        "<s> PEDAL_DOWN VELOCITY_20 NOTE_ON_60 TIME_SHIFT_9 NOTE_OFF_60",
        "PEDAL_UP",
        False,
    ),  # the pedal comes first
    ("<s> PEDAL_DOWN VELOCITY_20 NOTE_ON_60 TIME_SHIFT_9 PEDAL_UP NOTE_OFF_60", "</s>", True),
]


@pytest.mark.parametrize(("tokens", "token", "allowed"), ALLOWED)
def test_ids_that_may_follow(tokens, token, allowed):
    codec = CODECS[1]
    piece = Alone(grammar_of(codec), codec.vocabulary)
    for before in tokens.split():
        assert before in piece.allowed()
        piece.read(before)
    assert (token in piece.allowed()) == allowed


def test_notes_end_when_they_are_as_long_as_allowed():
    codec = CODECS[0]
    piece = Alone(grammar_of(codec, longest_note=0.5, most_notes=2), codec.vocabulary)
    piece.read("<s> VELOCITY_9 NOTE_ON_60 NOTE_ON_64")
    assert "NOTE_ON_67" not in piece.allowed()  # a third
    assert "TIME_SHIFT_50" in piece.allowed()
    assert "TIME_SHIFT_51" not in piece.allowed()
    piece.read("TIME_SHIFT_50")
    assert piece.allowed() == ["NOTE_OFF_60"]
    piece.read("NOTE_OFF_60")
    assert piece.allowed() == ["NOTE_OFF_64"]


def test_notes_that_are_due_end_first_when_the_ids_run_out():
    codec = CODECS[0]
    piece = Alone(grammar_of(codec, longest_note=0.5), codec.vocabulary)
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


def test_limits_do_not_apply_within_a_prime():
    codec = CODECS[0]
    opening = "<s> VELOCITY_9 NOTE_ON_60 NOTE_ON_64 NOTE_ON_67 TIME_SHIFT_100 NOTE_OFF_60 NOTE_OFF_64 NOTE_OFF_67"
    prime = Prime(tuple(codec.vocabulary.encode(opening.split())), None)
    grammar = grammar_of(codec, prime, longest_note=0.5, most_notes=2, seconds=2)
    piece = Alone(grammar, codec.vocabulary)
    for token in opening.split():
        assert token in piece.allowed()
        piece.read(token)
    assert grammar.progress(piece.rows).tolist() == [0]
    piece.read("TIME_SHIFT_100 TIME_SHIFT_90 NOTE_ON_60")
    assert grammar.progress(piece.rows).tolist() == [0.95]
    assert "TIME_SHIFT_10" in piece.allowed()  # 2 s after the prime
    assert "TIME_SHIFT_11" not in piece.allowed()
