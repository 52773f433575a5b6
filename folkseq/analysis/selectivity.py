"""Selectivity: the neuron that a label explains best, compared with shuffled labels.

Source: the share of a neuron's variance that a label explains, in [0, 1]: the correlation ratio η² for categories
(Fisher, Statistical methods for research workers, 1925, section 45), the squared correlation r² for amounts.

Conventions: a neuron is chosen on one half of the pieces and scored on the other, because the best of hundreds has a
higher score on the data that it was chosen on. The null is the highest of `ROTATIONS` scores of shuffled labels; by
chance, a score exceeds it one time in twenty. Labels change slowly, so shuffling them independently would make every
slow neuron look significant. Instead, the whole sequence of labels is rotated by a random distance (Skaggs et al., An
information-theoretic approach to deciphering the hippocampal code, 1993). A strictly periodic label has a high null.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROTATIONS = 19
LEAST_ROTATION = 20  # the minimum rotation is the length divided by this number
FEWEST = 20  # minimum number of known labels in each half
ETA, R = "η²", "r²"

States = NDArray[np.float32]
Label = NDArray[Any]


@dataclass(frozen=True)
class Selectivity:
    """The score of the neuron that follows a label best."""

    ranking: tuple[int, ...]  # all neurons, best first, on the half for choosing
    score: float  # the share of the best neuron's variance that the label explains on the other half
    null: float  # the highest score of shuffled labels
    measure: str  # `ETA` or `R`


def explained(states: States, label: Label) -> NDArray[np.float64]:
    """Return the share of each neuron's variance that a label explains.

    >>> explained(np.array([[0, 1], [0, 2], [1, 1], [1, 2]], np.float32), np.array([7, 7, 3, 3])).tolist()
    [1.0, 0.0]

    Args:
        states: (N, C) states of C neurons after N tokens.
        label: (N,) categories if integers, quantities if floats; negative or NaN values are unknown.

    Returns:
        (C,) in [0, 1]: η² or r²; 0 for a neuron or a label that is constant.
    """
    known = _known(label)
    return _explained(_standardise(states[known]), label[known])


def selectivity(states: Sequence[States], labels: Sequence[Label], seed: int = 0) -> Selectivity | None:
    """Choose the neuron that a label explains best on one half of the tokens, and score it on the other.

    Args:
        states: (N, C) states of each half: first the half for choosing, then the half for scoring.
        labels: (N,) labels of the same halves; see `explained`.
        seed: seed for shuffling the labels.

    Returns:
        None if fewer than `FEWEST` labels are known in either half.
    """
    known = [_known(label) for label in labels]
    if min(int(each.sum()) for each in known) < FEWEST:
        return None
    states = [_standardise(half[rows]) for half, rows in zip(states, known, strict=True)]
    labels = [half[rows] for half, rows in zip(labels, known, strict=True)]
    ranking, score = _choose_and_score(states, labels)
    random = np.random.default_rng(seed)
    null = max(_choose_and_score(states, [_rotate(half, random) for half in labels])[1] for _ in range(ROTATIONS))
    measure = R if labels[0].dtype.kind == "f" else ETA
    return Selectivity(tuple(ranking.tolist()), score, null, measure)


def _choose_and_score(states: Sequence[States], labels: Sequence[Label]) -> tuple[NDArray[np.int64], float]:
    ranking = np.argsort(-_explained(states[0], labels[0]), kind="stable")
    return ranking, float(_explained(states[1][:, ranking[:1]], labels[1])[0])


def _rotate(label: Label, random: np.random.Generator) -> Label:
    least = len(label) // LEAST_ROTATION
    return np.roll(label, int(random.integers(least, len(label) - least + 1)))


def _known(label: Label) -> NDArray[np.bool_]:
    known: NDArray[np.bool_] = np.isfinite(label) if label.dtype.kind == "f" else label >= 0
    return known


def _standardise(states: States) -> States:
    """Return (N, C) with mean 0 and variance 1 for each neuron, or 0 for a constant one."""
    standard: States = states - states.mean(axis=0, dtype=np.float64).astype(np.float32)
    spread = np.sqrt(np.einsum("nc,nc->c", standard, standard, dtype=np.float64) / max(len(states), 1))
    varies = spread > 1e-6 * max(float(np.abs(states).max(initial=0)), 1e-30)
    standard *= np.where(varies, 1 / np.where(varies, spread, 1), 0).astype(np.float32)
    return standard


def _explained(standard: States, label: Label) -> NDArray[np.float64]:
    """Return `explained` for standardised states and known labels."""
    shares = np.zeros(standard.shape[1])
    if label.dtype.kind == "f":
        amount = label - label.mean()
        amount /= float(np.sqrt((amount**2).mean())) or 1.0
        shares += ((amount.astype(np.float32) @ standard).astype(np.float64) / len(label)) ** 2
    else:
        for category in np.unique(label):
            members = standard[label == category]
            shares += members.sum(axis=0, dtype=np.float64) ** 2 / len(members) / len(label)
    return np.clip(shares, 0, 1)
