"""An interpolated Witten–Bell n-gram model, the baseline for recurrent models.

Source: Witten and Bell, The zero-frequency problem (IEEE Transactions on Information Theory, 1991), in the interpolated
form of Chen and Goodman (1998): p(w | h) = (c(h, w) + t(h) p(w | h')) / (c(h) + t(h)), where t(h) is the number of
distinct ids that followed h, and h' is h without its oldest id. The empty context is interpolated with the uniform
distribution, so no id is impossible.

The model predicts every id of a piece except the start id, which is only context. Contexts do not cross the start of a
piece.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Level:
    """The counts after contexts of one length."""

    contexts: Integers
    """Sorted keys (number of the context one id shorter, older id); the index is the context's number."""
    totals: Integers
    """c(h), by context."""
    types: Integers
    """t(h), by context."""
    pairs: Integers
    """Sorted keys (context, id)."""
    counts: Integers
    """c(h, w), by pair."""


@dataclass(frozen=True, eq=False)
class NGram:
    """The counts of a corpus, as sorted arrays that are searched for all positions together."""

    vocabulary_size: int
    levels: tuple[_Level, ...]

    @classmethod
    def fit(cls, pieces: Iterable[ArrayLike], order: int, vocabulary_size: int) -> Self:
        """Count the n-grams of pieces.

        Args:
            pieces: 1-D arrays of ids, each beginning with a start id.
            order: the longest n-gram, at least 1.
            vocabulary_size: V; ids are below it.
        """
        if order < 1 or vocabulary_size < 1:
            raise ValueError(f"expected order >= 1 and vocabulary_size >= 1, got {order} and {vocabulary_size}")
        ids, age = _flatten(pieces, vocabulary_size)
        levels: list[_Level] = []
        context = np.zeros(len(ids), np.int64)  # the number of the context before each position
        for length in range(order):
            known = np.flatnonzero(age > max(length - 1, 0))  # enough ids before; a start id is never predicted
            contexts = np.zeros(1, np.int64)
            if length:
                keys = context[known] * vocabulary_size + ids[known - length]
                contexts, context[known] = np.unique(keys, return_inverse=True)
            pairs, counts = np.unique(context[known] * vocabulary_size + ids[known], return_counts=True)
            totals = np.bincount(context[known], minlength=len(contexts))
            types = np.bincount(pairs // vocabulary_size, minlength=len(contexts))
            levels.append(_Level(contexts, totals, types, pairs, counts))
        return cls(vocabulary_size, tuple(levels))

    @property
    def order(self) -> int:
        """Return the length of the longest n-gram that is counted."""
        return len(self.levels)

    def of_order(self, order: int) -> Self:
        """Return the n-gram of a lower order over the same pieces."""
        return replace(self, levels=self.levels[:order])

    def best(self, pieces: Sequence[ArrayLike]) -> Self:
        """Return the n-gram, of this order or a lower one, that predicts `pieces` best."""
        orders = [self.of_order(order) for order in range(1, self.order + 1)]
        return min(orders, key=lambda ngram: ngram.nll(pieces)[0])

    def probabilities(self, piece: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of each id after the first, (length − 1,)."""
        return self._probabilities([piece])

    def nll(self, pieces: Iterable[ArrayLike]) -> tuple[float, int]:
        """Return the total negative log-likelihood of pieces in nats, and the number of ids that were predicted."""
        probabilities = self._probabilities(pieces)
        return -float(np.log(probabilities).sum()), len(probabilities)

    def _probabilities(self, pieces: Iterable[ArrayLike]) -> NDArray[np.float64]:
        size = self.vocabulary_size
        ids, age = _flatten(pieces, size)
        probability = np.full(len(ids), 1 / size)
        context = np.zeros(len(ids), np.int64)
        at = np.flatnonzero(age > 0)  # the positions with a known context of the current length
        for length, level in enumerate(self.levels):
            if length:
                at = at[age[at] >= length]
                number, seen = _find(level.contexts, context[at] * size + ids[at - length])
                at = at[seen]
                context[at] = number[seen]
            pair, seen = _find(level.pairs, context[at] * size + ids[at])
            count = np.append(level.counts, 0)[np.where(seen, pair, -1)]
            total, types = level.totals[context[at]], level.types[context[at]]
            followed = np.maximum(total + types, 1)
            probability[at] = np.where(total > 0, (count + types * probability[at]) / followed, probability[at])
        return probability[age > 0]


def _flatten(pieces: Iterable[ArrayLike], vocabulary_size: int) -> tuple[Integers, Integers]:
    """Return all ids end to end, and the place of each in its piece."""
    arrays = [np.asarray(piece, np.int64) for piece in pieces]
    ids = np.concatenate([np.zeros(0, np.int64), *arrays])
    if len(ids) and not (ids.min() >= 0 and ids.max() < vocabulary_size):
        raise ValueError(f"ids run from 0 to {vocabulary_size - 1}, got {ids.min()} to {ids.max()}")
    return ids, np.concatenate([np.zeros(0, np.int64), *(np.arange(len(array)) for array in arrays)])


def _find(keys: Integers, wanted: Integers) -> tuple[Integers, NDArray[np.bool_]]:
    """Return the place of each wanted key among sorted ones, and whether it is there."""
    place = np.searchsorted(keys, wanted)
    return place, np.append(keys, -1)[place] == wanted
