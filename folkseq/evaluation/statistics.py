"""Corpus statistics: the validity of sampled pieces, and their similarity to the training set as a whole.

Source: the overlapping area of histograms, after Yang and Lerch (On the evaluation of generative models in music,
2020). The overlap is the sum over all values of the smaller of the two probabilities, or 1 minus the total variation
distance: 1 if the histograms are equal, 0 if they have no value in common. Two samples of one distribution overlap by
less than 1, and the smaller they are, the less they overlap; so compare with the overlap of held-out pieces.

Conventions: shares and rates are computed over all pieces together, so a long piece has more weight than a short one.
Figures of features that no piece has are left out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from folkseq.representations.capabilities import Features

Values = Mapping[str, NDArray[Any]]


def validate(faults: Sequence[str], features: Sequence[Features]) -> None:
    """Raise ValueError unless there is one fault (or an empty string) for the features of each piece."""
    if len(faults) != len(features):
        raise ValueError(f"expected a fault, or an empty text, for each of {len(features)} pieces, got {len(faults)}")


def pooled_values(features: Iterable[Features]) -> dict[str, NDArray[Any]]:
    """Return the values of all pieces by name, (N,) each."""
    found = defaultdict[str, list[NDArray[Any]]](list)
    for piece in features:
        for name, values in piece.values.items():
            found[name].append(values)
    return {name: np.concatenate(arrays) for name, arrays in found.items()}


def pooled_ratios(counts: Iterable[Mapping[str, tuple[float, float]]]) -> dict[str, float]:
    """Return the ratio of the summed counts to the summed totals, by name; names with a total of 0 are left out.

    >>> pooled_ratios([{"notes_per_second": (3, 1)}, {"notes_per_second": (1, 1), "rests_per_second": (0, 0)}])
    {'notes_per_second': 2.0}
    """
    sums = defaultdict[str, NDArray[np.float64]](lambda: np.zeros(2))
    for piece in counts:
        for name, pair in piece.items():
            sums[name] += pair
    return {name: float(count / total) for name, (count, total) in sums.items() if total}


def overlapping_area(ours: ArrayLike, theirs: ArrayLike) -> float:
    """Return the overlap of the histograms of two arrays of integers, from 0 to 1.

    Raises ValueError if one of them is empty.

    >>> overlapping_area([60, 60, 62, 64], [60, 62, 62, 67])
    0.5
    """
    arrays = [np.asarray(values, np.int64) for values in (ours, theirs)]
    if not all(map(len, arrays)):
        raise ValueError(f"a histogram is of one value or more, got {len(arrays[0])} and {len(arrays[1])}")
    names, places = np.unique(np.concatenate(arrays), return_inverse=True)
    halves = np.split(places, [len(arrays[0])])
    shares = [np.bincount(half, minlength=len(names)) / len(half) for half in halves]  # (values,) each
    return min(float(np.minimum(*shares).sum()), 1.0)


def evaluate(faults: Sequence[str], features: Sequence[Features], trained: Values) -> dict[str, Any]:
    """Return the statistics of pieces.

    Args:
        faults: (P,) the first fault of each piece; an empty string for a valid piece.
        features: (P,) the features of each piece.
        trained: the pooled values of the training set.

    Returns:
        `pieces`, the number of pieces; `faults`, the number of pieces with each fault; `shares`, from 0 to 1; `rates`,
        with units in their names; and `overlaps`, the overlap of each histogram with the training set's.
    """
    validate(faults, features)
    wrong, values = Counter(filter(None, faults)), pooled_values(features)
    valid = {"valid_pieces": 1 - wrong.total() / len(faults)} if faults else {}
    common = [name for name in trained if len(values.get(name, ())) and len(trained[name])]
    return {
        "pieces": len(faults),
        "faults": dict(wrong.most_common()),
        "shares": valid | pooled_ratios({**piece.validity, **piece.shares} for piece in features),
        "rates": pooled_ratios(piece.rates for piece in features),
        "overlaps": {name: overlapping_area(values[name], trained[name]) for name in common},
    }
