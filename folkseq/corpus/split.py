"""Which pieces are learnt from and which are held out, dealt by whole clusters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from folkseq.errors import CorpusError

FEWEST = 1  # pieces in a cluster
MANY = 20  # files, of which some can be held out whole


@dataclass(frozen=True)
class Split:
    """Which pieces are learnt from, which choose the best weights, and which are only looked at in the end."""

    train: tuple[int, ...]
    valid: tuple[int, ...]
    test: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.train:
            raise ValueError("a split has at least one piece to train on")
        pieces = np.concatenate([np.asarray(side, np.int64) for side in (self.train, self.valid, self.test)])
        if len(np.unique(pieces)) != len(pieces):
            raise ValueError("a piece stands on more than one side of the split")


def split(labels: ArrayLike, shares: tuple[float, float, float] = (0.90, 0.05, 0.05), seed: int = 0) -> Split:
    """Deal whole clusters to train, valid and test.

    The clusters come in a random order and each goes to the first held-out side that it brings closer to its share;
    the largest is always trained on. With two clusters there is a valid side, with three a test side, however small
    the shares.

    Args:
        labels: (pieces,) the cluster of each piece, as `cluster` gives them.
        shares: of the pieces, for train, valid and test; they sum to one.
        seed: of the order in which clusters are dealt.

    Returns:
        The pieces' indices, rising on each side.

    Raises:
        CorpusError: there are no pieces.
        ValueError: the shares are negative or do not sum to one.
    """
    if min(shares) < 0 or not math.isclose(sum(shares), 1.0, abs_tol=1e-6):
        raise ValueError(f"shares are positive and sum to one, got {shares}")
    clusters, sizes = _by_first(np.asarray(labels))  # (pieces,) the cluster of each; (clusters,)
    if not len(sizes):
        raise CorpusError("the corpus holds no pieces that could be trained on")
    order = np.random.default_rng(seed).permutation(len(sizes))
    order = np.delete(order, np.argmax(sizes[order]))  # the largest is trained on

    wanted = [len(clusters) * share for share in shares[1:]]
    side_of = np.zeros(len(sizes), np.int8)
    held = [0, 0]
    for cluster in order.tolist():
        missing = [target - count for target, count in zip(wanted, held, strict=True)]
        if max(missing) <= FEWEST / 2:
            break
        for side, lacking in enumerate(missing):
            if sizes[cluster] < 2 * lacking:  # it ends closer to its share with the cluster than without
                held[side] += int(sizes[cluster])
                side_of[cluster] = side + 1
                break
    for side, target in enumerate(wanted):
        rest = order[side_of[order] == 0]
        if not held[side] and len(rest) and target > 0:
            side_of[rest[np.argmin(sizes[rest])]] = side + 1
    sides = side_of[clusters]
    return Split(*(tuple(np.flatnonzero(sides == side).tolist()) for side in range(3)))


def split_in_order(sources: ArrayLike, lengths: ArrayLike, share: float = 0.1) -> Split:
    """Hold out the end of each file, where a file's pieces go on from one another.

    Of many files, or of files of a piece each, some are held out whole.

    >>> split_in_order([0, 0, 0, 0, 1, 1], [30, 50, 15, 5, 10, 10])
    Split(train=(0, 1, 4), valid=(2, 3, 5), test=())

    Args:
        sources: (pieces,) the file of each, in order.
        lengths: (pieces,) how many ids each has.
        share: of each file's ids, that is held out at least, in whole pieces; but its first piece is trained on.

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
        after = np.cumsum(lengths[pieces][::-1])[::-1]  # ids from each piece on
        enough = np.flatnonzero(after >= share * after[0])[-1]  # the last from which on they are enough
        valid += pieces[max(enough, 1) :].tolist()
    if not valid and len(files) > 1:  # each is one piece
        return split(sources)
    train = np.setdiff1d(np.arange(len(sources)), valid)
    if not len(train):
        raise CorpusError("the corpus holds no pieces that could be trained on")
    return Split(tuple(train.tolist()), tuple(valid), ())


def _by_first(labels: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Labels as numbers 0, 1, 2, … in order of first appearance, and how many pieces bear each."""
    _, first, numbers, counts = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return place[numbers.ravel()], counts[order]
