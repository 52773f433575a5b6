"""Batches of windows drawn at random over all pieces, for pieces far longer than what gradients reach back over.

A few streams, as tunes are read, would show a batch only as many pieces as it has rows, and a model would run after
the pieces that are being read. Here every row of every batch comes from a place of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from folkseq.dataset.batch import IGNORED, Batch
from folkseq.dataset.store import Ids, TokenStore


class Cut(Protocol):
    """How a stretch of a piece becomes a window: as it stands, or varied."""

    lookahead: int
    """How many ids beyond the window it may look at."""
    controls: int
    """C: the width of the side input that it gives; 0 if it gives none."""

    def __call__(
        self, ids: Ids, piece: int, length: int, random: np.random.Generator
    ) -> tuple[Ids, NDArray[np.float32] | None]:
        """Cut a window.

        Args:
            ids: from the window's first id on, to the piece's end or `length` + 1 + `lookahead` at most.
            piece: the piece's index in the store.
            length: T.
            random: draws how the window is varied.

        Returns:
            At most T + 1 ids, and the controls of all but the first of them, (T, C), if there are any.
        """
        ...


class Whole:
    """Windows as they stand."""

    lookahead = 0
    controls = 0

    def __call__(
        self, ids: Ids, piece: int, length: int, random: np.random.Generator
    ) -> tuple[Ids, NDArray[np.float32] | None]:
        """The first T + 1 ids."""
        return ids[: length + 1], None


class Windows:
    """Endless batches of windows.

    In an epoch each piece is cut into windows from a phase of its own, drawn afresh, and all windows of all pieces
    come once in a random order. The last window of a piece is filled up with targets that are not to be predicted.
    """

    def __init__(
        self,
        store: TokenStore,
        pieces: Sequence[int],
        rows: int,
        length: int,
        generator: np.random.Generator,
        cut: Cut,
    ) -> None:
        """Begin the first epoch.

        Args:
            store: the pieces' ids.
            pieces: which of them to read.
            rows: B.
            length: T.
            generator: draws each epoch's phases and order; over a bit generator whose state is plain integers.
            cut: makes a window of a stretch of ids.
        """
        if not pieces or rows < 1 or length < 1:
            raise ValueError(f"expected pieces, rows >= 1, length >= 1, got {len(pieces)}, {rows}, {length}")
        self._store, self._pieces, self._cut = store, np.asarray(pieces), cut
        self._rows, self._length, self._generator = rows, length, generator
        self._epoch = 0
        self._shuffle()

    @property
    def epoch(self) -> float:
        """How often the corpus has been dealt out, with the part of the epoch that is under way."""
        return float(self._epoch + self._dealt / int(self._ends[-1]))

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        """Draw one batch."""
        x = np.zeros((self._rows, self._length), np.int64)
        y = np.full((self._rows, self._length), IGNORED, np.int64)
        controls = np.zeros((self._rows, self._length, self._cut.controls), np.float32) if self._cut.controls else None
        for row in range(self._rows):
            ids, beside = self._window(*self._take())
            x[row, : len(ids) - 1], y[row, : len(ids) - 1] = ids[:-1], ids[1:]
            if controls is not None and beside is not None:
                controls[row, : len(beside)] = beside
        return Batch(x, y, np.ones(self._rows, np.bool_), controls)

    def state(self) -> dict[str, Any]:
        """Where the windows stand, as values that JSON can hold exactly."""
        return {
            "before": self._before,
            "generator": self._generator.bit_generator.state,
            "epoch": self._epoch,
            "dealt": self._dealt,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to where `state` was taken, over the same store, pieces, rows and length."""
        self._generator.bit_generator.state = state["before"]
        self._shuffle()
        self._generator.bit_generator.state = state["generator"]
        self._epoch, self._dealt = state["epoch"], state["dealt"]

    def _window(self, piece: int, start: int) -> tuple[Ids, NDArray[np.float32] | None]:
        ids = self._store[piece][start : start + self._length + 1 + self._cut.lookahead]
        return self._cut(ids, piece, self._length, self._generator)

    def _shuffle(self) -> None:
        self._before: Any = self._generator.bit_generator.state  # drawing from it again gives this epoch again
        predicted = np.diff(self._store.offsets)[self._pieces] - 1
        # A phase below 0 begins with a window of which a part would lie before the piece: it begins with the piece.
        self._phases = -self._generator.integers(0, self._length, len(self._pieces))
        windows = -((self._phases - predicted) // self._length)  # by piece, rounded up
        self._ends = np.cumsum(windows)
        self._order = self._generator.permutation(int(self._ends[-1]))
        self._dealt = 0

    def _take(self) -> tuple[int, int]:
        """The piece and the place in it of the next window."""
        if self._dealt == len(self._order):
            self._shuffle()
            self._epoch += 1
        number = int(self._order[self._dealt])
        self._dealt += 1
        place = int(np.searchsorted(self._ends, number, side="right"))
        within = number - (int(self._ends[place - 1]) if place else 0)
        return int(self._pieces[place]), max(0, int(self._phases[place]) + within * self._length)
