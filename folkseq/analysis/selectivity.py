"""Which cell tells a label best: each is held against what is known of every token.

Source: the share of a cell's variance that a label explains. Of a label of categories that is the correlation ratio η²
(Pearson 1905; Fisher, Statistical methods for research workers, 1925, section 45), the variance between the categories'
means over that of all; of an amount it is the square r² of Pearson's correlation. Both lie in [0, 1]. A cell that tells
an amount by a curve has a lower r² than it might.

Conventions: the cell is chosen on some pieces and scored on others, for the best of hundreds is always better where it
was chosen. Beside the score stands what shuffled labels come to, which are chosen for and scored alike. Labels of
neighbours are alike, so they are not shuffled one by one, which would make any slow cell look like evidence: the labels
of all pieces in a row are turned round by a random distance, a twentieth of them at least, as is done with cells of the
brain (Skaggs et al., An information-theoretic approach to deciphering the hippocampal code, 1993). The highest of
`TURNS` such scores is told, which chance exceeds one time in twenty. A label that has one period throughout all pieces
has a high null, since it may be turned into itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

TURNS = 19
LEAST_TURN = 20  # of so many parts of all labels, one
FEWEST = 20
"""Tokens of which a label must say something in either half."""
ETA, R = "η²", "r²"

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Half:
    """The tokens of some pieces, one piece after another."""

    states: NDArray[np.float32]
    """(N, C) of every cell after every token."""
    label: NDArray[Any]
    """(N,) integers from 0 or floats; what is below 0 or NaN says nothing."""

    def __post_init__(self) -> None:
        if len(self.states) != len(self.label):
            raise ValueError(f"a label for each of {len(self.states)} tokens, got {len(self.label)}")

    @property
    def known(self) -> int:
        """Of how many tokens the label says something."""
        return int(_known(self.label).sum())


@dataclass(frozen=True)
class Tuned:
    """The cell that tells a label best."""

    cell: int
    """Its number among the C."""
    chosen: float
    """Its share of variance where it was chosen."""
    score: float
    """The same in the other half."""
    null: float
    """The highest such score of shuffled labels."""
    measure: str
    """`ETA` or `R`."""
    ranking: tuple[int, ...]
    """All cells, from the best where it was chosen on."""


def explained(states: NDArray[np.float32], label: NDArray[Any]) -> Floats:
    """The share of each cell's variance that a label explains.

    >>> explained(np.array([[0, 1], [0, 2], [1, 1], [1, 2]], np.float32), np.array([7, 7, 3, 3])).tolist()
    [1.0, 0.0]

    Args:
        states: (N, C).
        label: (N,) integers are categories, those below 0 left out; floats are amounts, NaN left out.

    Returns:
        (C,) in [0, 1]: η² of categories, r² of amounts; 0 of a cell or a label that does not move.
    """
    known = _known(label)
    return _explained(_standard(states[known]), label[known])


def best(choosing: Half, scoring: Half, seed: int = 0) -> Tuned:
    """Choose the cell that tells a label best in one half, and score it in the other.

    Args:
        choosing: where it is chosen.
        scoring: where it is scored.
        seed: of how labels are shuffled.

    Raises:
        ValueError: the label says too little in a half.
    """
    for half in (choosing, scoring):
        if half.known < FEWEST:
            raise ValueError(f"a label must say something of {FEWEST} tokens in either half, got {half.known}")
    known, scored_known = _known(choosing.label), _known(scoring.label)
    here, there = _standard(choosing.states[known]), _standard(scoring.states[scored_known])
    label, scored_label = choosing.label[known], scoring.label[scored_known]
    shares = _explained(here, label)
    ranking = np.argsort(-shares, kind="stable")
    cell = int(ranking[0])
    random = np.random.default_rng(seed)
    null = max(_shuffled(here, label, there, scored_label, random) for _ in range(TURNS))
    score = float(_explained(there[:, cell : cell + 1], scored_label)[0])
    measure = R if label.dtype.kind == "f" else ETA
    return Tuned(cell, float(shares[cell]), score, null, measure, tuple(ranking.tolist()))


def _shuffled(
    here: NDArray[np.float32],
    label: NDArray[Any],
    there: NDArray[np.float32],
    scored: NDArray[Any],
    random: np.random.Generator,
) -> float:
    """What choosing and scoring come to when the labels of either half are turned round."""
    turned, scored_turned = (_turned(each, random) for each in (label, scored))
    cell = int(_explained(here, turned).argmax())
    return float(_explained(there[:, cell : cell + 1], scored_turned)[0])


def _turned(label: NDArray[Any], random: np.random.Generator) -> NDArray[Any]:
    least = len(label) // LEAST_TURN
    return np.roll(label, int(random.integers(least, len(label) - least + 1)))


def _known(label: NDArray[Any]) -> NDArray[np.bool_]:
    known: NDArray[np.bool_] = np.isfinite(label) if label.dtype.kind == "f" else label >= 0
    return known


def _standard(states: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, C) with a mean of 0 and a variance of 1 each; 0 where it does not move."""
    standard: NDArray[np.float32] = states - states.mean(axis=0, dtype=np.float64).astype(np.float32)
    spread = np.sqrt(np.einsum("nc,nc->c", standard, standard, dtype=np.float64) / max(len(states), 1))
    moves = spread > 1e-6 * max(float(np.abs(states).max(initial=0)), 1e-30)
    standard *= np.where(moves, 1 / np.where(moves, spread, 1), 0).astype(np.float32)
    return standard


def _explained(standard: NDArray[np.float32], label: NDArray[Any]) -> Floats:
    """`explained` of standardised cells, of which the label says something everywhere."""
    count = len(label)
    if label.dtype.kind == "f":
        amount = label - label.mean()
        spread = float(np.sqrt((amount**2).mean()))
        amount = (amount / spread if spread > 0 else amount).astype(np.float32)
        shares: Floats = ((amount @ standard).astype(np.float64) / count) ** 2
    else:
        shares = np.zeros(standard.shape[1])
        for chosen in _categories(label):
            shares += standard[chosen].sum(axis=0, dtype=np.float64) ** 2 / len(chosen)
        shares /= count
    return np.clip(shares, 0, 1)


def _categories(label: NDArray[Any]) -> Iterator[NDArray[np.int64]]:
    """The places of each category."""
    order = np.argsort(label, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(label[order])) + 1)
