"""An interpolated Witten–Bell n-gram: the baseline that a recurrent model has to beat.

Source: Witten and Bell, The zero-frequency problem (IEEE Transactions on Information Theory, 1991), in the
interpolated form of Chen and Goodman (1998): p(w | h) = (c(h, w) + t(h) p(w | h')) / (c(h) + t(h)), where t(h) is the
number of distinct ids that followed h and h' is h without its oldest id. Below the empty context stands the uniform
distribution, so no id is impossible.

Every id after the first of a piece is predicted; the first, the start id, is context only. Contexts do not reach over
the start of a piece.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

Integers = NDArray[np.int64]
AT_ONCE = 1_000_000  # ids whose probabilities are looked up together; each takes some 60 bytes


@dataclass(frozen=True, eq=False)
class _Level:
    """Everything counted after contexts of one length."""

    contexts: Integers
    """Sorted keys (context one shorter, older id); the index is the context's number."""
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
    """The counts of a corpus, as sorted arrays that are searched for all positions at once."""

    vocabulary_size: int
    levels: tuple[_Level, ...]

    @classmethod
    def fit(cls, pieces: Iterable[ArrayLike], order: int, vocabulary_size: int) -> Self:
        """Count the n-grams of `pieces`.

        Args:
            pieces: 1-D arrays of ids, each beginning with a start id.
            order: the longest n-gram, at least 1.
            vocabulary_size: V; ids are below it.
        """
        if order < 1 or vocabulary_size < 1:
            raise ValueError(f"expected order >= 1 and vocabulary_size >= 1, got {order} and {vocabulary_size}")
        ids, age = _flatten(pieces, vocabulary_size)
        levels: list[_Level] = []
        context = np.zeros(len(ids), dtype=np.int64)  # the number of the context before each position
        for length in range(order):
            known = age > max(length - 1, 0)  # enough ids before it in its piece; a start id is never predicted
            if length:
                keys = context[known] * vocabulary_size + ids[np.flatnonzero(known) - length]
                contexts, context[known] = np.unique(keys, return_inverse=True)
            else:
                contexts = np.zeros(1, dtype=np.int64)
            pairs, counts = np.unique(context[known] * vocabulary_size + ids[known], return_counts=True)
            totals = np.bincount(context[known], minlength=len(contexts))
            types = np.bincount(pairs // vocabulary_size, minlength=len(contexts))
            levels.append(_Level(contexts, totals, types, pairs, counts))
        return cls(vocabulary_size, tuple(levels))

    def of_order(self, order: int) -> Self:
        """The n-gram of a lower order over the same pieces."""
        return replace(self, levels=self.levels[:order])

    def best(self, pieces: Sequence[ArrayLike]) -> Self:
        """This n-gram or that of a lower order, whichever `pieces` surprise least."""
        orders = [self.of_order(order) for order in range(1, len(self.levels) + 1)]
        return min(orders, key=lambda ngram: ngram.nll(pieces)[0])

    @property
    def order(self) -> int:
        """The longest n-gram that is counted."""
        return len(self.levels)

    def probabilities(self, piece: ArrayLike) -> NDArray[np.float64]:
        """The probability of each id after the first, (length − 1,)."""
        return self._probabilities(*_flatten([piece], self.vocabulary_size))

    def nll(self, pieces: Iterable[ArrayLike]) -> tuple[float, int]:
        """The negative log likelihood of `pieces`.

        Returns:
            The total in nats, and the number of ids that were predicted.
        """
        nats, predicted = 0.0, 0
        for part in _parts(pieces, AT_ONCE):
            probabilities = self._probabilities(*_flatten(part, self.vocabulary_size))
            nats -= float(np.log(probabilities).sum())
            predicted += len(probabilities)
        return nats, predicted

    def _probabilities(self, ids: Integers, age: Integers) -> NDArray[np.float64]:
        size = self.vocabulary_size
        probability = np.full(len(ids), 1 / size)
        context = np.zeros(len(ids), dtype=np.int64)
        at = np.flatnonzero(age > 0)  # the positions whose context, as long as it has become, was seen
        for length, level in enumerate(self.levels):
            if length:
                at = at[age[at] >= length]
                number, seen = _find(level.contexts, context[at] * size + ids[at - length])
                at = at[seen]
                context[at] = number[seen]
            pair, seen = _find(level.pairs, context[at] * size + ids[at])
            count = np.where(seen, level.counts[pair], 0) if len(level.pairs) else np.zeros(len(at))
            total, types = level.totals[context[at]], level.types[context[at]]
            followed = np.maximum(total + types, 1)
            probability[at] = np.where(total > 0, (count + types * probability[at]) / followed, probability[at])
        return probability[age > 0]


def _flatten(pieces: Iterable[ArrayLike], vocabulary_size: int) -> tuple[Integers, Integers]:
    """All ids end to end, and for each its place in its piece."""
    arrays = list(_arrays(pieces))
    if not arrays:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    ids = np.concatenate(arrays)
    if len(ids) and not (ids.min() >= 0 and ids.max() < vocabulary_size):
        raise ValueError(f"ids run from 0 to {vocabulary_size - 1}, got {ids.min()} to {ids.max()}")
    return ids, np.concatenate([np.arange(len(array), dtype=np.int64) for array in arrays])


def _parts(pieces: Iterable[ArrayLike], most: int) -> Iterator[list[NDArray[Any]]]:
    """The pieces in their order, as many at a time as hold `most` ids, or one."""
    part: list[NDArray[Any]] = []
    for piece in map(np.asarray, pieces):
        if part and sum(map(len, part)) + len(piece) > most:
            yield part
            part = []
        part.append(piece)
    if part:
        yield part


def _arrays(pieces: Iterable[ArrayLike]) -> Iterator[Integers]:
    for piece in pieces:
        array: NDArray[Any] = np.asarray(piece)
        yield array.astype(np.int64)


def _find(keys: Integers, wanted: Integers) -> tuple[Integers, NDArray[np.bool_]]:
    """For each of `wanted` a place in the sorted `keys`, and whether it stands there."""
    place = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
    return place, keys[place] == wanted if len(keys) else np.zeros(len(wanted), dtype=np.bool_)
