"""Clusters of near-duplicates, which a split must keep together.

Two pieces are near-duplicates if they share at least half of the smaller set of distinct n-grams of their fingerprints
(for tunes, nine melodic intervals, which are ten notes in any key). Without clusters, a tune that was printed twice
could be in the training set and "predicted" in the test set.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from folkseq.corpora.hashing import Hashes, mixed, powers
from folkseq.representations.capabilities import Transposition

COMMON = 32
"""Number of pieces with an n-gram above which it is looked up only if necessary."""


def near_duplicates(fingerprints: Sequence[ArrayLike], transposition: Transposition | None) -> NDArray[np.int64]:
    """Label pieces so that near-duplicates, as their representation knows them, have the same label; see `cluster`."""
    if transposition is None:
        return np.arange(len(fingerprints))
    return cluster(fingerprints, transposition.figure, transposition.twin_share)


def cluster(fingerprints: Sequence[ArrayLike], length: int = 9, share: float = 0.5) -> NDArray[np.int64]:
    """Label the pieces so that near-duplicates, and near-duplicates of these, have the same label.

    Two pieces are near-duplicates if they share at least `share` of the smaller set of distinct n-grams. A piece
    shorter than n is a near-duplicate only of a piece with the same fingerprint, which must not be empty.

    Each piece looks up its n-grams in an inverted index, for pieces that have no fewer. If s of its n-grams have to be
    shared, the s − 1 most common ones need not be looked up, so that n-grams that all pieces have cost nothing.

    Args:
        fingerprints: a sequence of integers for each piece.
        length: n.
        share: the shared part of the smaller set, in (0, 1].

    Returns:
        (pieces,) int64: labels 0, 1, 2, … in order of first appearance.
    """
    if length < 1 or not 0 < share <= 1:
        raise ValueError(f"expected length >= 1 and 0 < share <= 1, got {length} and {share}")
    sets = [distinct_ngrams(fingerprint, length) for fingerprint in fingerprints]
    sizes = np.array([len(ngrams) for ngrams in sets], np.int64)
    flat = np.concatenate([np.zeros(0, np.uint64), *sets])
    _, numbers, pieces = np.unique(flat, return_inverse=True, return_counts=True)  # counts of the distinct n-grams
    owners = np.repeat(np.arange(len(sets), dtype=np.int32), sizes)[np.argsort(numbers, kind="stable")]
    starts, ends = np.cumsum(sizes) - sizes, np.cumsum(pieces)
    forest = Forest(len(sets))
    for piece, ngrams in enumerate(sets):
        needed = max(1, math.ceil(share * len(ngrams)))
        own = numbers[starts[piece] : starts[piece] + len(ngrams)]
        first, counts = ends[own] - pieces[own], pieces[own]  # of those in `owners` that have each n-gram
        skipped = min(needed - 1, int((counts > COMMON).sum()))
        if skipped:
            rarest = np.argsort(counts)[: len(counts) - skipped]
            first, counts = first[rarest], counts[rarest]
        places = np.arange(counts.sum()) + np.repeat(first - np.cumsum(counts) + counts, counts)
        others, shared = np.unique(owners[places], return_counts=True)
        for other in others[(shared >= needed - skipped) & (sizes[others] >= len(ngrams))].tolist():
            if forest.root(other) != forest.root(piece) and (
                not skipped or len(np.intersect1d(ngrams, sets[other], assume_unique=True)) >= needed
            ):
                forest.join(other, piece)
    return forest.labels(len(sets))


def distinct_ngrams(fingerprint: ArrayLike, length: int) -> Hashes:
    """Return the distinct n-grams of a fingerprint, as 64-bit hashes; a shorter fingerprint counts as one n-gram."""
    numbers = mixed(np.asarray(fingerprint, np.int64))
    if 0 < len(numbers) < length:
        return np.array([(numbers * powers(len(numbers))).sum(dtype=np.uint64)])
    return np.unique(sliding_window_view(numbers, length) @ powers(length)) if len(numbers) else numbers


class Forest:
    """Union–find with path halving; the root of a set is its smallest member."""

    def __init__(self, size: int) -> None:
        self.parents = list(range(size))

    def root(self, item: int) -> int:
        """Return the smallest member of an item's set."""
        parents = self.parents
        while parents[item] != item:
            parents[item] = item = parents[parents[item]]
        return item

    def labels(self, size: int) -> NDArray[np.int64]:
        """Return labels of the first `size` items, in order of first appearance."""
        number: dict[int, int] = {}
        return np.array([number.setdefault(self.root(item), len(number)) for item in range(size)], dtype=np.int64)

    def join(self, one: int, other: int) -> None:
        """Unite the sets of two items."""
        low, high = sorted((self.root(one), self.root(other)))
        self.parents[high] = low
