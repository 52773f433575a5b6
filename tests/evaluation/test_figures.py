"""Shares of figures, against the definition in plain loops."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from folkseq.evaluation.figures import known_shares


def figures_slowly(melody, length):
    """The intervals and ratios of durations of all figures of a list of (pitch, duration)."""
    pairs = [
        (after[0] - before[0], Fraction(after[1], before[1]) if before[1] else None)
        for before, after in pairwise(melody)
    ]
    return [tuple(pairs[start : start + length - 1]) for start in range(len(melody) - length + 1)]


def shares_in(ours, theirs, lengths):
    return known_shares([*ours, *theirs], [0] * len(ours) + [1] * len(theirs), lengths, first=len(ours))


durations = st.one_of(st.just(0), st.sampled_from([1, 2, 3, 6]))
melodies = durations.flatmap(
    lambda some: st.lists(st.tuples(st.integers(60, 62), st.sampled_from([1, 2, 3, 6]) if some else st.just(0)))
)
books = st.lists(melodies, max_size=5)
lengths = st.sets(st.integers(2, 7))


@settings(deadline=None)
@given(books, books, lengths)
def test_shares_are_those_of_plain_loops(ours, theirs, lengths):
    expected = {}
    for length in lengths:
        known = {figure for melody in theirs for figure in figures_slowly(melody, length)}
        every = [figure for melody in ours for figure in figures_slowly(melody, length)]
        if every:
            expected[length] = pytest.approx(sum(figure in known for figure in every) / len(every))
    assert shares_in(ours, theirs, sorted(lengths)) == expected


@settings(deadline=None)
@given(st.lists(st.tuples(melodies, st.integers(-1, 2)), max_size=6), lengths)
def test_shares_among_groups_are_those_of_plain_loops(book, lengths):
    expected = {}
    for length in lengths:
        every = [(figure, group) for melody, group in book for figure in figures_slowly(melody, length)]
        if every:
            found = [any(figure == other and group != label for other, label in every) for figure, group in every]
            expected[length] = pytest.approx(sum(found) / len(every))
    assert known_shares([melody for melody, _ in book], [group for _, group in book], sorted(lengths)) == expected


def test_neither_key_nor_tempo_matters():
    tune = [(60, 2), (62, 1), (64, 1), (60, 4)]
    higher = [(67, 8), (69, 4), (71, 4), (67, 16)]
    uneven = [(60, 3), (62, 1), (64, 1), (60, 4)]
    assert shares_in([higher], [tune], [2, 3, 4, 5]) == {2: 1.0, 3: 1.0, 4: 1.0}
    assert shares_in([uneven], [tune], [3, 4]) == {3: 0.5, 4: 0.0}
    assert known_shares([tune, higher], [1, 1], [4]) == {4: 0.0}
    assert known_shares([tune, higher, uneven], [1, 2, 3], [4]) == {4: pytest.approx(2 / 3)}


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="2 notes or more"):
        known_shares([[(60, 1)]], [0], [1])
    with pytest.raises(ValueError, match="a group for each of 1 melodies"):
        known_shares([[(60, 1)]], [0, 1])
    assert known_shares([], []) == {}
