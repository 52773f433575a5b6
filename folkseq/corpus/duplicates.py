"""Clusters of near twins, which must stand on one side of a split.

Near twins are pieces that share at least half of the smaller one's distinct n-grams of a fingerprint (for tunes, nine
melodic intervals, which are ten notes whatever the key). A tune printed twice would otherwise be learnt on one side
and be 'predicted' on the other.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def cluster(fingerprints: Sequence[ArrayLike], length: int = 9, share: float = 0.5) -> NDArray[np.int64]:
    """Label the pieces so that near twins, and twins of twins, bear the same label.

    Two pieces are near twins when they share at least `share` of the smaller set of distinct `length`-grams. A piece
    shorter than `length` has a twin only in one whose whole fingerprint is equal and not empty.

    Candidates come from an inverted index. If a piece needs t of its n shingles to be shared, one of any n − t + 1 of
    them must be; the rarest are looked up, so that shingles common to the whole corpus cost nothing.

    Args:
        fingerprints: one sequence of integers a piece.
        length: integers in a shingle.
        share: of the smaller set, in (0, 1].

    Returns:
        (pieces,) int64: labels 0, 1, 2, … in order of first appearance.
    """
    if length < 1 or not 0 < share <= 1:
        raise ValueError(f"expected length >= 1 and 0 < share <= 1, got {length} and {share}")
    if length == 1:
        return _cluster_sets([np.unique(np.asarray(fingerprint, np.int64)) for fingerprint in fingerprints], share)
    keys = [tuple(np.asarray(fingerprint, np.int64).tolist()) for fingerprint in fingerprints]
    shingles = [_shingles(key, length) for key in keys]
    pieces_with = Counter(shingle for piece in shingles for shingle in piece)
    forest = Forest(len(keys))

    first_with: dict[frozenset[tuple[int, ...]], int] = {}
    for piece, grams in enumerate(shingles):  # equal sets are twins at once; one of them stands for all below
        if grams:
            forest.join(piece, first_with.setdefault(grams, piece))

    postings: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for piece in sorted(
        first_with.values(), key=lambda piece: -len(shingles[piece])
    ):  # the smaller looks up the larger
        grams = shingles[piece]
        needed = max(1, math.ceil(share * len(grams)))
        rarest = sorted(grams, key=pieces_with.__getitem__)[: len(grams) - needed + 1]
        for other in sorted({other for gram in rarest for other in postings[gram]}):
            if forest.root(other) != forest.root(piece) and len(grams & shingles[other]) >= needed:
                forest.join(piece, other)
        for gram in grams:
            if pieces_with[gram] > 1:
                postings[gram].append(piece)

    return forest.labels(len(keys))


def _cluster_sets(sets: Sequence[NDArray[np.int64]], share: float) -> NDArray[np.int64]:
    """The same where a figure is one number: each set is looked up in one sorted array of all, 12 bytes a number."""
    sizes = np.array([len(numbers) for numbers in sets], np.int64)
    forest = Forest(len(sets))
    owners = np.repeat(np.arange(len(sets), dtype=np.int32), sizes)
    flat = np.concatenate([np.zeros(0, np.int64), *sets])
    order = np.argsort(flat, kind="stable")
    flat, owners = flat[order], owners[order]
    for piece, numbers in enumerate(sets):
        first, last = np.searchsorted(flat, numbers), np.searchsorted(flat, numbers, side="right")
        counts = last - first
        ends = np.cumsum(counts)
        places = np.arange(ends[-1] if len(ends) else 0) + np.repeat(last - ends, counts)
        others, shared = np.unique(owners[places], return_counts=True)
        twins = others[shared >= np.ceil(share * np.minimum(sizes[others], len(numbers)))]
        for other in twins.tolist():
            forest.join(other, piece)
    return forest.labels(len(sets))


def _shingles(key: tuple[int, ...], length: int) -> frozenset[tuple[int, ...]]:
    if len(key) < length:
        return frozenset([key] if key else [])  # shorter than any true shingle, so equal only to its like
    return frozenset(key[start : start + length] for start in range(len(key) - length + 1))


class Forest:
    """Union–find with path halving; the root of a set is its smallest member."""

    def __init__(self, size: int) -> None:
        self.parents = list(range(size))

    def root(self, item: int) -> int:
        """The smallest member of an item's set."""
        parents = self.parents
        while parents[item] != item:
            parents[item] = item = parents[parents[item]]
        return item

    def labels(self, size: int) -> NDArray[np.int64]:
        """Labels of the first `size` items, in order of first appearance."""
        number: dict[int, int] = {}
        return np.array([number.setdefault(self.root(item), len(number)) for item in range(size)], dtype=np.int64)

    def join(self, one: int, other: int) -> None:
        """Make one set of those of two items."""
        low, high = sorted((self.root(one), self.root(other)))
        self.parents[high] = low
