"""The n-gram against the formula written out, one probability at a time."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from folkseq.corpora.ngram import NGram

V = 5


def probability_slowly(pieces, history, wanted):
    """p(w | h) by its recursion, counting anew each time."""
    if history is None:
        return 1 / V
    followers = [
        piece[place]
        for piece in pieces
        for place in range(max(1, len(history)), len(piece))
        if piece[place - len(history) : place] == history
    ]
    below = probability_slowly(pieces, history[1:] if history else None, wanted)
    types = len(set(followers))
    return (followers.count(wanted) + types * below) / (len(followers) + types) if followers else below


pieces = st.lists(st.lists(st.integers(0, V - 1), min_size=1, max_size=8), min_size=1, max_size=6)


@settings(deadline=None)
@given(pieces, pieces, st.integers(1, 4))
def test_probabilities_are_those_of_the_formula(seen, heard, order):
    model = NGram.fit(seen, order, V)
    total = 0.0
    for piece in heard:
        expected = [
            probability_slowly(seen, piece[max(0, place - order + 1) : place], piece[place])
            for place in range(1, len(piece))
        ]
        assert model.probabilities(piece) == pytest.approx(expected)
        total -= sum(map(math.log, expected))
    assert model.nll(heard) == (pytest.approx(total), sum(len(piece) - 1 for piece in heard))


@settings(deadline=None)
@given(pieces, st.lists(st.integers(0, V - 1), min_size=1, max_size=5))
def test_probabilities_sum_to_one(seen, history):
    model = NGram.fit(seen, 3, V)
    assert sum(model.probabilities([*history, wanted])[-1] for wanted in range(V)) == pytest.approx(1)


def test_ids_outside_the_vocabulary_are_refused():
    with pytest.raises(ValueError, match="0 to 4"):
        NGram.fit([[0, 5]], 2, V)
