"""Splits that keep clusters whole."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from folkseq.corpora import Split, split
from folkseq.errors import CorpusError


@settings(deadline=None)
@given(st.lists(st.integers(0, 8), min_size=1, max_size=60), st.integers(0, 3))
def test_a_split_holds_every_piece_once_and_no_cluster_twice(labels, seed):
    dealt = split(labels, seed=seed)
    assert dealt == split(labels, seed=seed)
    assert sorted(dealt.train + dealt.valid + dealt.test) == list(range(len(labels)))
    sides = [{labels[piece] for piece in side} for side in (dealt.train, dealt.valid, dealt.test)]
    assert sum(map(len, sides)) == len(set(labels))
    assert [bool(side) for side in sides] == [True, len(set(labels)) > 1, len(set(labels)) > 2]


@pytest.mark.parametrize(
    ("count", "sizes"), [(1, (1, 0, 0)), (2, (1, 1, 0)), (3, (1, 1, 1)), (10, (8, 1, 1)), (1000, (900, 50, 50))]
)
def test_the_sides_are_as_large_as_their_shares(count, sizes):
    dealt = split(range(count))
    assert (len(dealt.train), len(dealt.valid), len(dealt.test)) == sizes


def test_a_split_refuses_what_it_cannot_mean():
    with pytest.raises(CorpusError, match="no pieces"):
        split([])
    with pytest.raises(ValueError, match="more than one side"):
        Split((0, 1), (1,), ())
