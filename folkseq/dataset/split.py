"""Which pieces are learnt from and which are held out, dealt by whole clusters."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from folkseq.errors import CorpusError


@dataclass(frozen=True)
class Split:
    """Which pieces are learnt from, which choose the best weights, and which are only looked at in the end."""

    train: tuple[int, ...]
    valid: tuple[int, ...]
    test: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.train:
            raise ValueError("a split has at least one piece to train on")
        pieces = self.train + self.valid + self.test
        if len(set(pieces)) != len(pieces):
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
    members: dict[int, list[int]] = defaultdict(list)
    for piece, label in enumerate(np.asarray(labels).tolist()):
        members[label].append(piece)
    if not members:
        raise CorpusError("the corpus holds no pieces that could be trained on")
    clusters = list(members.values())
    order = [clusters[index] for index in np.random.default_rng(seed).permutation(len(clusters))]
    largest = order.pop(max(range(len(order)), key=lambda index: len(order[index])))

    wanted = [sum(map(len, clusters)) * share for share in shares[1:]]
    held_out: list[list[int]] = [[], []]
    rest: list[list[int]] = []
    for pieces in order:
        for side, target in zip(held_out, wanted, strict=True):
            if abs(len(side) + len(pieces) - target) < abs(len(side) - target):
                side.extend(pieces)
                break
        else:
            rest.append(pieces)
    for side, target in zip(held_out, wanted, strict=True):
        if not side and rest and target > 0:
            side.extend(rest.pop(min(range(len(rest)), key=lambda index: len(rest[index]))))
    train = [*largest, *(piece for pieces in rest for piece in pieces)]
    return Split(tuple(sorted(train)), tuple(sorted(held_out[0])), tuple(sorted(held_out[1])))
