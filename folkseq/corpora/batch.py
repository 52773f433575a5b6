"""Batches: the input of a model in one update."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from folkseq.corpora.store import TokenStore

IGNORED = -100
"""The target that is not predicted; PyTorch's cross entropy leaves it out."""
Array = TypeVar("Array")


class SourceBatch(NamedTuple, Generic[Array]):
    """The sources of an encoder–decoder's rows, as NumPy arrays or as tensors."""

    ids: Array
    """(B, S, F)."""
    lengths: Array
    """(B,) the number of elements of each row."""
    at: Array
    """(B, T) the element at which the decoder is at each step of its cells."""
    relative: Array
    """(B, T, S) the relative position of each element, from `folkseq.pairs.RelativePositions`."""


class Batch(NamedTuple):
    """Ids, their targets, and the additional input of the model."""

    x: NDArray[np.int64]
    """(B, T) ids."""
    y: NDArray[np.int64]
    """(B, T) the ids that follow them, or `IGNORED`."""
    fresh: NDArray[np.bool_]
    """(B,) whether a row begins at a zero state instead of the state after the previous batch."""
    conditioning: NDArray[np.float32] | None = None
    """(B, T, C) of each id of `y`."""
    lookback: NDArray[np.int64] | None = None
    """(B, T, W) after each id of `x`, from `Lookback.indices`."""
    source: SourceBatch[NDArray[np.int64]] | None = None


class Batches(ABC):
    """Endless batches over the pieces of a store, epoch after epoch, with an exact resume."""

    def __init__(self, store: TokenStore, pieces: ArrayLike, generator: np.random.Generator) -> None:
        """Start the first epoch.

        Args:
            store: the pieces' ids.
            pieces: the numbers of those to read.
            generator: draws the order of each epoch; the state of its bit generator must fit JSON.
        """
        self._store, self._pieces, self._generator = store, np.asarray(pieces), generator
        if not self._pieces.size:
            raise ValueError("there are no pieces to read")
        self._epoch = 0
        self._shuffle()

    @property
    def epoch(self) -> float:
        """Return the number of epochs so far, including the fraction of the current one."""
        return self._epoch + self._taken / len(self._order)

    def __iter__(self) -> Iterator[Batch]:
        return self

    @abstractmethod
    def __next__(self) -> Batch: ...

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Return the position in the data, as values that JSON holds exactly."""

    @abstractmethod
    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a position that `state` returned; everything else must be as it was then."""

    def _draw_order(self) -> NDArray[np.int64]:
        return self._generator.permutation(self._pieces)

    def _shuffle(self) -> None:
        self._order_start: Any = self._generator.bit_generator.state  # from which the order can be drawn again
        self._order = self._draw_order()
        self._taken = 0

    def _take(self) -> int:
        """Return the next number of the order."""
        if self._taken == len(self._order):
            self._shuffle()
            self._epoch += 1
        self._taken += 1
        return int(self._order[self._taken - 1])

    def _go_back(self, order_start: Any, epoch: int, taken: int) -> None:
        self._generator.bit_generator.state = order_start
        self._shuffle()
        self._epoch, self._taken = epoch, taken
