"""What pieces are like as a body: how many are whole, figures of all that they hold, and what they have in common.

A share or a rate is that of all pieces together, so that a long piece weighs more than a short one. The overlap of two
histograms is the sum over all values of the smaller of their two probabilities, which is 1 less their total variation
distance: 1 where they are alike, 0 where no value is in both. Two samples of one distribution overlap by less than 1,
and the less the smaller they are, so an overlap means something beside that of real pieces that were held out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from folkseq.representations.capabilities import Features

Values = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Portrait:
    """Some pieces, in figures; those of which the pieces have nothing are not there."""

    pieces: int
    faults: dict[str, int]
    """How many pieces are not whole, by what is wrong first."""
    shares: dict[str, float]
    """Each from 0 to 1: `valid_pieces`, and what the representation knows."""
    rates: dict[str, float]
    """What the representation knows, with its unit in its name."""
    overlaps: dict[str, float]
    """Of each histogram with that of the pieces trained on, from 0 to 1."""

    @classmethod
    def of(cls, faults: Sequence[str], traits: Sequence[Features], trained: Values) -> Self:
        """Draw it.

        Args:
            faults: what is wrong with each piece, empty where nothing is; (P,).
            traits: of each piece; (P,).
            trained: the values of those trained on, all together, (N,) integers each.

        Raises:
            ValueError: `faults` and `traits` are not of equally many pieces.
        """
        if len(faults) != len(traits):
            raise ValueError(f"expected a fault, or none, for each of {len(traits)} pieces, got {len(faults)}")
        wrong = Counter(filter(None, faults))
        valid = {"valid_pieces": 1 - wrong.total() / len(faults)} if faults else {}
        values = together(traits)
        both = [name for name in trained if len(values.get(name, ())) and len(trained[name])]
        return cls(
            pieces=len(faults),
            faults=dict(wrong.most_common()),
            shares=valid | ratios(piece.shares for piece in traits),
            rates=ratios(piece.rates for piece in traits),
            overlaps={name: overlap(values[name], trained[name]) for name in both},
        )


def together(traits: Iterable[Features]) -> dict[str, NDArray[Any]]:
    """The values of all pieces by name, (N,) each."""
    found = defaultdict[str, list[NDArray[Any]]](list)
    for piece in traits:
        for name, values in piece.values.items():
            found[name].append(values)
    return {name: np.concatenate(arrays) for name, arrays in found.items()}


def ratios(counts: Iterable[Mapping[str, tuple[float, float]]]) -> dict[str, float]:
    """The ratio of the sums of what was counted, by name; without those that are of nothing.

    >>> ratios([{"notes_per_second": (3, 1)}, {"notes_per_second": (1, 1), "rests_per_second": (0, 0)}])
    {'notes_per_second': 2.0}
    """
    sums = defaultdict[str, NDArray[np.float64]](lambda: np.zeros(2))
    for piece in counts:
        for name, pair in piece.items():
            sums[name] += pair
    return {name: float(much / of) for name, (much, of) in sums.items() if of}


def overlap(ours: ArrayLike, theirs: ArrayLike) -> float:
    """The overlap of the histograms of two arrays of values.

    >>> overlap([60, 60, 62, 64], [60, 62, 62, 67])
    0.5

    Args:
        ours: (N,) integers, one at least.
        theirs: (M,) integers, one at least.

    Returns:
        0 to 1.

    Raises:
        ValueError: one of the arrays is empty.
    """
    arrays = [np.asarray(values, np.int64) for values in (ours, theirs)]
    if not all(map(len, arrays)):
        raise ValueError(f"a histogram is of one value or more, got {len(arrays[0])} and {len(arrays[1])}")
    names, places = np.unique(np.concatenate(arrays), return_inverse=True)
    halves = np.split(places, [len(arrays[0])])
    shares = [np.bincount(half, minlength=len(names)) / len(half) for half in halves]  # (values,) each
    return min(float(np.minimum(*shares).sum()), 1.0)
