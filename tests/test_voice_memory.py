"""The memory of voices: the counts are those of the training pieces, in any key, without the own piece in training."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lookback_rows import check_rows

from folkseq.compound import CompoundLayout
from folkseq.corpora import TokenStore, Windows
from folkseq.voice_memory import CLASSES, CONTEXTS, NEAR, pack, unpack
from folkseq.voices import VoiceLookback, Voices

BAR, LOWEST, PITCHES = 8, 40, 20
HEIGHTS = ((-1,) * BAR, *[(*range(LOWEST, LOWEST + PITCHES), -1)] * 3)  # a place in the bar; three voices, with rests
LAYOUT = CompoundLayout(tuple(map(len, HEIGHTS)))
BLANK = VoiceLookback.of(LAYOUT, Voices(HEIGHTS, (4, BAR), ""))
VOICES = (1, 2, 3)  # the fields


def piece(seed, steps=60, up=0):
    """Return the values of a piece whose voices seldom move, by few different intervals, so that contexts return."""
    random = np.random.default_rng(seed)
    moves = random.integers(-1, 2, (steps, 3)) * (random.random((steps, 3)) < 0.3)
    pitches = 4 + up + np.abs(np.cumsum(moves, axis=0)) % 4 + np.array([8, 4, 0])
    pitches[steps // 2, 1] = PITCHES  # a rest
    return np.column_stack([np.arange(steps) % BAR, pitches])


def ids_of(values):
    ends = np.zeros(LAYOUT.width, np.int64), np.full(LAYOUT.width, LAYOUT.end)
    return np.concatenate([ends[0], (values + LAYOUT.offsets[:-1]).ravel(), ends[1]])


def lookback_of(pieces):
    """The lookback with the memory of some pieces by number."""
    memory = BLANK.remember((number, ids_of(values)) for number, values in pieces.items())
    return VoiceLookback.of(LAYOUT, replace(BLANK.voices, memory=memory))


def counts(lookback, ids, without=None):
    """The counts after each id, (T, K, C)."""
    return lookback.indices(ids, without)[:, -lookback.counts :].reshape(len(ids), len(CONTEXTS), CLASSES)


PIECES = {3: piece(3), 7: piece(7), 8: piece(8)}
LOOKBACK = lookback_of(PIECES)


def interval(height, base):
    return None if height < 0 or base < 0 else height - base


def height_at(values, step, voice):
    return HEIGHTS[VOICES[voice]][values[step, VOICES[voice]]] if step >= 0 else -1


def described(context, values, step, voice):
    """What a context says before a voice of a step, word for word."""
    own, place = height_at(values, step - 1, voice), values[step, 0] % 4

    def told(height, base):
        found = interval(height, base)
        return found if found is None or not context.modulo else (found + 36) % context.modulo

    back = [*range(1, context.steps + 1), *((place or 4) + 4 * beat for beat in range(context.beats))]
    compared = {"all": (0, 1, 2), "outer": (0, 2), "first": (0,)}[context.voices]
    past = [told(height_at(values, step - distance, other), own) for distance in back for other in compared]
    known = [other for other in range(voice) if other == 0 or context.voices != "first"]
    now = [(height_at(values, step, other), height_at(values, step - 1, other)) for other in known]
    return place, *past, *(told(height, own) for height, _ in now), *(told(*pair) for pair in now)


def class_of(values, step, voice):
    found = interval(height_at(values, step, voice), height_at(values, step - 1, voice))
    return CLASSES - 1 if found is None or abs(found) > NEAR else found + NEAR


@pytest.mark.parametrize("number", range(len(CONTEXTS)))
def test_the_counts_are_those_of_a_search_through_all_pieces(number):
    values = PIECES[7]
    found, context = counts(LOOKBACK, ids_of(values), without=7), CONTEXTS[number]
    for voice, field in enumerate(VOICES):
        places = [(each, step) for each in (PIECES[3], PIECES[8]) for step in range(len(each))]
        known = [described(context, *place, voice) for place in places]
        for step in range(len(values)):
            expected, wanted = np.zeros(CLASSES, int), described(context, values, step, voice)
            for place, told in zip(places, known, strict=True):
                expected[class_of(*place, voice)] += told == wanted
            np.testing.assert_array_equal(found[LAYOUT.width * (step + 1) + field - 1, number], expected)


@pytest.mark.parametrize("number", PIECES)
def test_a_piece_that_is_left_out_counts_as_if_it_had_never_been_there(number):
    """So a window of training does not find its own continuation."""
    ids = ids_of(PIECES[number])
    others = lookback_of({other: values for other, values in PIECES.items() if other != number})
    np.testing.assert_array_equal(LOOKBACK.indices(ids, without=number), others.indices(ids))
    assert (counts(LOOKBACK, ids) > counts(others, ids)).any(axis=(0, 2)).all()


def test_windows_of_training_leave_out_their_own_piece():
    pieces = [ids_of(piece(seed)) for seed in (1, 2)]
    batches = Windows(
        TokenStore.of(pieces), [1], 1, 40, np.random.default_rng(0), stride=4, tokens=lookback_of({1: piece(2)})
    )
    assert not any(next(batches).lookback[..., -LOOKBACK.counts :].any() for _ in range(8))
    both = lookback_of({0: piece(1), 1: piece(2)})
    batches = Windows(TokenStore.of(pieces), [1], 1, 40, np.random.default_rng(0), stride=4, tokens=both)
    assert any(next(batches).lookback[..., -LOOKBACK.counts :].any() for _ in range(8))


@given(st.integers(0, 50), st.integers(-4, 4))
@settings(max_examples=10, deadline=None)
def test_the_counts_are_the_same_in_every_key(seed, up):
    low, high = (counts(LOOKBACK, ids_of(piece(seed, 40, shift))) for shift in (0, up))
    np.testing.assert_array_equal(low, high)
    moved = lookback_of({number: piece(number, up=up) for number in PIECES})
    np.testing.assert_array_equal(low, counts(moved, ids_of(piece(seed, 40))))


@given(st.integers(0, 50), st.integers(0, 5))
@settings(max_examples=10, deadline=None)
def test_row_by_row_and_piece_by_piece_are_the_same(seed, late):
    check_rows(LOOKBACK, ids_of(piece(seed, 60)), late)


def test_what_comes_later_changes_nothing():
    ids = ids_of(PIECES[3])
    for stop in range(len(ids) + 1):
        np.testing.assert_array_equal(LOOKBACK.indices(ids[:stop]), LOOKBACK.indices(ids)[:stop])


def test_everything_else_is_as_without_a_memory():
    plain, ids = VoiceLookback.of(LAYOUT, Voices(HEIGHTS, (4, BAR))), ids_of(PIECES[3])
    np.testing.assert_array_equal(LOOKBACK.indices(ids)[:, : plain.width], plain.indices(ids))


def test_an_empty_memory_counts_nothing():
    assert not counts(BLANK, ids_of(PIECES[3])).any()


def test_the_memory_is_stored_as_text():
    assert VoiceLookback.from_json(LOOKBACK.to_json()) == LOOKBACK
    values = [(5, np.array([[0, 60], [1, -1]])), (2, np.array([[3, 61]]))]
    found = list(unpack(pack(values), 1))
    assert [number for number, _ in found] == [5, 2]
    for (_, expected), (_, rows) in zip(values, found, strict=True):
        np.testing.assert_array_equal(rows, expected)
