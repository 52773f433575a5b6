"""The split into training, validation and test set, by whole clusters of near-duplicates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from folkseq.errors import CorpusError

HELD_OUT = 0.05
"""Share of the pieces in the validation set, and also in the test set."""
MANY = 20
"""Minimum number of files for holding out whole files."""
EMPTY = "the corpus holds no pieces that can be trained on"


@dataclass(frozen=True)
class Split:
    """The numbers of the pieces in the training, validation and test set."""

    train: tuple[int, ...]
    valid: tuple[int, ...]
    test: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.train:
            raise ValueError("a split has at least one piece to train on")
        pieces = [piece for side in (self.train, self.valid, self.test) for piece in side]
        if len(set(pieces)) != len(pieces):
            raise ValueError("a piece is on more than one side of the split")


def split(labels: ArrayLike, seed: int = 0) -> Split:
    """Split whole clusters into train, valid and test.

    Clusters are assigned in random order, each to the first held-out set that it brings closer to its share, or else to
    the training set, which always gets the largest. Two clusters give a validation set, and three also a test set.

    Args:
        labels: (pieces,) the cluster of each piece, as `cluster` returns them.
        seed: the seed of the random order of clusters.

    Returns:
        The numbers of the pieces on each side, sorted.

    Raises:
        CorpusError: there are no pieces.
    """
    _, first, numbers, sizes = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    if not len(sizes):
        raise CorpusError(EMPTY)
    by_first = np.argsort(first)  # clusters count in order of first appearance
    clusters, sizes = np.argsort(by_first)[numbers.ravel()], sizes[by_first]  # (pieces,); (clusters,)
    order = np.random.default_rng(seed).permutation(len(sizes))
    order = np.delete(order, np.argmax(sizes[order]))

    missing = [len(clusters) * HELD_OUT] * 2  # pieces, of valid and test
    side_of = np.zeros(len(sizes), np.int8)
    for cluster in order.tolist():
        for side, count in enumerate(missing):
            if sizes[cluster] < 2 * count:  # the side is closer to its share with the cluster than without
                missing[side] -= int(sizes[cluster])
                side_of[cluster] = side + 1
                break
    for side in (1, 2):
        rest = order[side_of[order] == 0]
        if len(rest) and side not in side_of:
            side_of[rest[np.argmin(sizes[rest])]] = side
    sides = side_of[clusters]
    return Split(*(tuple(np.flatnonzero(sides == side).tolist()) for side in range(3)))


def split_in_order(sources: ArrayLike, lengths: ArrayLike, share: float = 0.1) -> Split:
    """Hold out the end of each file, for files whose pieces are consecutive parts of one stream.

    If there are many files, or files of one piece each, whole files are held out.

    >>> split_in_order([0, 0, 0, 0, 1, 1], [30, 50, 15, 5, 10, 10])
    Split(train=(0, 1, 4), valid=(2, 3, 5), test=())

    Args:
        sources: (pieces,) The file of each piece, in order.
        lengths: (pieces,) The number of ids of each piece.
        share: The minimum share of each file's ids to hold out, in whole pieces; the first piece is always trained on.

    Raises:
        CorpusError: there are no pieces.
    """
    sources, lengths = np.asarray(sources), np.asarray(lengths)
    files = np.unique(sources)
    if len(files) >= MANY:
        return split(sources)
    valid: list[int] = []
    for file in files.tolist():
        pieces = np.flatnonzero(sources == file)
        rest = np.cumsum(lengths[pieces][::-1])[::-1]  # ids from each piece on
        enough = np.flatnonzero(rest >= share * rest[0])[-1]  # the last piece from which on they are enough
        valid += pieces[max(enough, 1) :].tolist()
    if not valid and len(files) > 1:  # each is one piece
        return split(sources)
    train = np.setdiff1d(np.arange(len(sources)), valid)
    if not len(train):
        raise CorpusError(EMPTY)
    return Split(tuple(train.tolist()), tuple(valid), ())
