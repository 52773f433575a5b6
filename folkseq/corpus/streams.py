"""Batches for training: rows that read piece after piece, and a cursor to go on from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from folkseq.corpus.batch import Batch
from folkseq.corpus.lookback import Lookback
from folkseq.corpus.store import TokenStore

KEPT = 1 << 26
"""Bytes of what is recalled that are kept for the next time that their pieces are read."""


class Streams:
    """Endless batches in which each row reads whole pieces one after another.

    Each epoch has its own random order. A row that comes to the end of a piece takes the next one that no other row
    has taken, so that rows never begin inside a piece, a corpus smaller than a batch fills it nonetheless, and the
    caller may carry the model's state from each batch to the next: row b of a batch goes on where row b of the batch
    before it ended.
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
        """Open the streams at the start of the first epoch.

        Args:
            store: the pieces' ids.
            pieces: which of them to read.
            rows: B.
            steps: T.
            generator: draws each epoch's order; over a bit generator whose state is plain integers, such as PCG64.
            lookback: what is to be given beside the ids, if anything.
        """
        self._store, self._pieces, self._steps, self._generator = store, np.asarray(pieces), steps, generator
        if not self._pieces.size or rows < 1 or steps < 1:
            raise ValueError(f"expected pieces, rows >= 1, steps >= 1, got {self._pieces.size}, {rows}, {steps}")
        self._lookback = lookback
        self._recalled: dict[int, NDArray[np.int64]] = {}  # of pieces that are being read, and of others while they fit
        self._room = KEPT
        self._epoch, self._dealt = 0, 0
        self._shuffle()
        self._cursors = [(self._take(), 0) for _ in range(rows)]

    @property
    def epoch(self) -> float:
        """How often the corpus has been dealt out, with the part of the epoch that is under way."""
        return self._epoch + self._dealt / len(self._order)

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        """Read one batch."""
        fresh = np.array([start == 0 for _, start in self._cursors])
        window = np.empty((len(self._cursors), self._steps + 1), dtype=np.int64)  # (B, T + 1)
        recalled = None
        if self._lookback is not None:
            recalled = np.empty((*window.shape, self._lookback.width), np.int64)  # (B, T + 1, W)
        for row, (piece, start) in enumerate(self._cursors):
            filled = 0
            while True:
                ids = self._store[piece][start : start + self._steps + 1 - filled]
                window[row, filled : filled + len(ids)] = ids
                if recalled is not None:
                    recalled[row, filled : filled + len(ids)] = self._recalled_of(piece)[start : start + len(ids)]
                filled += len(ids)
                if filled > self._steps:
                    break
                piece, start = self._take(), 0
            self._cursors[row] = (piece, start + len(ids) - 1)  # the last id is the next batch's first
        beside = None
        if recalled is not None:
            beside = recalled[:, :-1]
            if self._room < 0:
                reading = {piece for piece, _ in self._cursors}
                self._recalled = {piece: of for piece, of in self._recalled.items() if piece in reading}
                self._room = KEPT
        return Batch(window[:, :-1], window[:, 1:], fresh, lookback=beside)

    def state(self) -> dict[str, Any]:
        """Where the streams stand, as values that JSON can hold exactly."""
        return {
            "generator": self._before,
            "epoch": self._epoch,
            "dealt": self._dealt,
            "cursors": [list(cursor) for cursor in self._cursors],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to where `state` was taken, over the same store, pieces, rows and steps."""
        self._generator.bit_generator.state = state["generator"]
        self._shuffle()
        self._epoch, self._dealt = state["epoch"], state["dealt"]
        self._cursors = [(piece, start) for piece, start in state["cursors"]]

    def _recalled_of(self, piece: int) -> NDArray[np.int64]:
        if self._lookback is None:
            raise ValueError("nothing is recalled")
        if piece not in self._recalled:
            self._recalled[piece] = self._lookback.indices(self._store[piece])
            self._room -= self._recalled[piece].nbytes
        return self._recalled[piece]

    def _shuffle(self) -> None:
        self._before: Any = self._generator.bit_generator.state  # drawing from it again gives this order again
        self._order = self._generator.permutation(self._pieces)
        self._dealt = 0

    def _take(self) -> int:
        if self._dealt == len(self._order):
            self._shuffle()
            self._epoch += 1
        self._dealt += 1
        return int(self._order[self._dealt - 1])
