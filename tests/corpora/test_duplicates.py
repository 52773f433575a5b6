"""Clusters of near-duplicates against a quadratic reference."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from folkseq.corpora import cluster, duplicates


def cluster_slowly(fingerprints, length, share):
    """Every pair compared, and labels spread until nothing changes."""

    def grams(values):
        return {tuple(values[i : i + length]) for i in range(len(values) - length + 1)}

    def twins(one, other):
        if len(one) < length or len(other) < length:
            return one == other and len(one) > 0
        a, b = grams(one), grams(other)
        return len(a & b) >= share * min(len(a), len(b))

    labels = list(range(len(fingerprints)))
    pairs = [(i, j) for j in range(len(labels)) for i in range(j) if twins(fingerprints[i], fingerprints[j])]
    for _ in labels:
        for i, j in pairs:
            labels[i] = labels[j] = min(labels[i], labels[j])
    return [sorted(set(labels)).index(label) for label in labels]


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.lists(st.integers(0, 2), max_size=12), max_size=12),
    st.integers(1, 4),
    st.sampled_from([0.3, 0.5, 1]),
    st.sampled_from([0, 1, duplicates.COMMON]),
)
def test_clusters_are_those_of_comparing_every_pair(fingerprints, length, share, common):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duplicates, "COMMON", common)
        assert cluster(fingerprints, length, share).tolist() == cluster_slowly(fingerprints, length, share)


def test_half_of_the_smaller_piece_makes_duplicates_and_less_does_not():
    tune = list(range(28))  # 20 shingles of nine
    half, less = [*tune[:18], *range(100, 110)], [*tune[:17], *range(200, 211)]  # which share 10 and 9 of them
    assert cluster([tune, half]).tolist() == [0, 0]
    assert cluster([tune, less]).tolist() == [0, 1]
    assert cluster([[], [], [2, 2], [2, 2]]).tolist() == [0, 1, 2, 2]


@pytest.mark.parametrize("common", [0, 40])
def test_a_passage_that_all_pieces_have_makes_no_duplicates(common):
    rng = np.random.default_rng(0)
    shared = rng.integers(-5, 6, common).tolist()
    fingerprints = [shared + rng.integers(-5, 6, 100 - common).tolist() for _ in range(1000)]
    assert len(set(cluster(fingerprints).tolist())) == 1000
