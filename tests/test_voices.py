"""The lookback of voices: what is shown before each id follows from the ids before it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from lookback_rows import check_rows

from folkseq.compound import CompoundLayout
from folkseq.voices import FARTHEST, LONGEST, MATCHED, VoiceLookback, Voices

HEIGHTS = ((-1, -1), (60, 62, 64, -1, 60), (50, 52, 53, -1))  # a place in the bar; two voices, one with 60 struck again
LAYOUT = CompoundLayout(tuple(map(len, HEIGHTS)))
LOOKBACK = VoiceLookback(LAYOUT, Voices(HEIGHTS, (2, 4)))
NOTHING = 2 * FARTHEST + 1 - FARTHEST  # as an interval
steps = st.lists(st.tuples(*(st.integers(0, size - 1) for size in LAYOUT.fields)), max_size=30)


def ids_of(values, end=False):
    """The ids of a piece: a start token, the tokens of some values, and perhaps the end."""
    tokens = [np.array(each) + LAYOUT.offsets[:-1] for each in values]
    return np.concatenate([np.zeros(LAYOUT.width, np.int64), *tokens, *[np.full(LAYOUT.width, LAYOUT.end)] * end])


def shown(values, voice):
    """What is shown before a voice of the token after these: a stay, two counts of changes, intervals; and bases."""
    rows = LOOKBACK.indices(np.append(ids_of(values), np.zeros(LAYOUT.width, np.int64)))
    row = rows[LAYOUT.width * (1 + len(values)) + LOOKBACK.fields[voice] - 1]
    sizes = LOOKBACK.shown_sizes
    first = sum(map(sum, sizes[:voice])) + np.cumsum((0, *sizes[voice][:-1]))
    columns = row[: len(first)] - first
    return columns[:3].tolist(), (columns[3:] - FARTHEST).tolist(), row[LOOKBACK.shown_width :].tolist()


def test_how_long_a_voice_has_stayed_and_how_far_the_others_are():
    piece = [(0, 0, 0), (1, 0, 1), (0, 0, 1)]  # 60 over 50, and then over 52
    stays, intervals, bases = shown(piece, 0)
    assert (stays, bases) == ([2, 0, 0], [60, 52, -1])
    # Nothing matches; the other voice is 8 below; 60 was there two tokens before the next, after 60; four are too many.
    assert intervals == [NOTHING, -8, 0, 0, NOTHING, NOTHING]


def test_a_pitch_that_is_struck_again_has_not_stayed():
    assert shown([(0, 0, 0), (1, 4, 0)], 0)[0][0] == 0
    assert shown([(0, 0, 0), (1, 0, 0)], 0)[0][0] == 1


def test_the_token_that_followed_the_best_match():
    bar = [(0, 0, 0), (1, 1, 1), (0, 2, 2), (1, 1, 0)]
    stays, intervals, bases = shown([*bar, *bar[:2]], 0)
    assert stays[1:] == [2, 3]  # changes of this voice, and of both
    assert (intervals[0], bases[-1]) == (2, 64)  # what followed: two semitones above 62


def test_what_the_voices_before_have_done_is_known():
    piece = [(0, 0, 0), (1, 2, 0)]
    ids = ids_of(piece)
    row = LOOKBACK.indices(ids)[-2]  # before the second voice of the last token
    assert row[LOOKBACK.shown_width :].tolist()[:2] == [64, 50]


@given(steps, st.integers(0, 5))
def test_row_by_row_and_piece_by_piece_are_the_same(values, late):
    check_rows(LOOKBACK, ids_of(values, end=True), late)


@given(steps.filter(len), st.data())
def test_what_comes_later_changes_nothing(values, data):
    ids = ids_of(values)
    stop = data.draw(st.integers(1, len(ids)))
    np.testing.assert_array_equal(LOOKBACK.indices(ids)[:stop], LOOKBACK.indices(ids[:stop]))


def test_it_is_the_same_in_every_key():
    """All voices a tone higher, in a layout of all pitches."""
    heights = tuple(tuple(range(40, 90)) for _ in range(2))
    layout = CompoundLayout((50, 50))
    lookback = VoiceLookback(layout, Voices(heights, (2, 4)))
    random = np.random.default_rng(0)
    values = np.repeat(random.integers(0, 45, (20, 2)), random.integers(1, 4, 20), axis=0)
    low, high = (np.concatenate([[0, 0], (values + up + layout.offsets[:-1]).ravel()]) for up in (0, 2))
    size = lookback.shown_width
    np.testing.assert_array_equal(lookback.indices(low)[:, :size], lookback.indices(high)[:, :size])


def test_long_stays_and_matches_are_not_told_apart():
    assert shown([(0, 0, 0)] * (LONGEST + 9), 0)[0][0] == LONGEST - 1
    phrase = [(0, at % 3, at % 2) for at in range(2 * MATCHED)]
    assert max(shown([*phrase, *phrase], 0)[0][1:]) == MATCHED - 1


def test_json():
    assert VoiceLookback.from_json(LOOKBACK.to_json()) == LOOKBACK
