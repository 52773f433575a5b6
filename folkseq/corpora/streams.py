"""Batches of short pieces: rows that read piece after piece."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from folkseq.corpora.batch import Batch, Batches
from folkseq.corpora.lookback import Lookback
from folkseq.corpora.store import TokenStore

KEPT_BYTES = 1 << 26
"""Maximum size of cached lookbacks."""


class Streams(Batches):
    """Endless batches in which each row reads whole pieces one after another.

    Each epoch has its own random order. A row at the end of a piece takes the next free piece. Rows therefore never
    begin inside a piece, a corpus smaller than a batch still fills it, and the caller can carry the state of the model
    from batch to batch, since each row continues the same row of the previous batch.
    """

    def __init__(
        self,
        store: TokenStore,
        pieces: ArrayLike,
        rows: int,
        steps: int,
        generator: np.random.Generator,
        lookback: Lookback | None = None,
    ) -> None:
        """Start the first epoch of batches (rows, steps), with the lookback of each id if one is given."""
        super().__init__(store, pieces, generator)
        if min(rows, steps) < 1:
            raise ValueError(f"rows and steps must be at least 1, got {rows} and {steps}")
        self._steps, self._lookback = steps, lookback
        self._lookbacks: dict[int, NDArray[np.int64]] = {}  # by piece
        self._kept = 0  # bytes of them
        self._cursors = [(self._take(), 0) for _ in range(rows)]  # the piece and the position of each row

    def __next__(self) -> Batch:
        fresh = np.array([start == 0 for _, start in self._cursors])
        window = np.empty((len(self._cursors), self._steps + 1), np.int64)  # (B, T + 1)
        beside = None
        if self._lookback is not None:
            beside = np.empty((*window.shape, self._lookback.width), np.int64)  # (B, T + 1, W)
        for row, (piece, start) in enumerate(self._cursors):
            filled = 0
            while True:
                ids = self._store[piece][start : start + self._steps + 1 - filled]
                window[row, filled : filled + len(ids)] = ids
                if beside is not None and self._lookback is not None:
                    own = self._lookback_of(self._lookback, piece)  # (T of the piece, W)
                    beside[row, filled : filled + len(ids)] = own[start : start + len(ids)]
                filled += len(ids)
                if filled > self._steps:
                    break
                piece, start = self._take(), 0
            self._cursors[row] = (piece, start + len(ids) - 1)  # the last id is the next batch's first
        return Batch(window[:, :-1], window[:, 1:], fresh, lookback=None if beside is None else beside[:, :-1])

    def state(self) -> dict[str, Any]:
        cursors = [list(cursor) for cursor in self._cursors]
        return {"generator": self._order_start, "epoch": self._epoch, "dealt": self._taken, "cursors": cursors}

    def restore(self, state: dict[str, Any]) -> None:
        self._go_back(state["generator"], state["epoch"], state["dealt"])
        self._cursors = [(piece, start) for piece, start in state["cursors"]]

    def _lookback_of(self, lookback: Lookback, piece: int) -> NDArray[np.int64]:
        """Return the lookback of a piece; the cache holds up to `KEPT_BYTES`."""
        if piece not in self._lookbacks:
            if self._kept > KEPT_BYTES:
                reading = {piece for piece, _ in self._cursors}
                self._lookbacks = {other: kept for other, kept in self._lookbacks.items() if other in reading}
                self._kept = 0
            self._lookbacks[piece] = lookback.indices(self._store[piece])
            self._kept += self._lookbacks[piece].nbytes
        return self._lookbacks[piece]
