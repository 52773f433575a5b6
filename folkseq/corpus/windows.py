"""Batches of windows of long pieces: rows that read passages drawn at random over all pieces.

A few streams that read whole pieces, as suits tunes, would show a batch only as many pieces as it has rows for minutes
on end, and a model would run after the pieces that are being read. Here a row reads a passage of a few windows with the
state carried between them, and then goes to another place in another piece. Windows that each begin at a zero state
would do for the loss of windows; but a model that never reads on from its own state comes to states, a thousand ids
into a piece, from which it foretells nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from folkseq.corpus.batch import IGNORED, Batch
from folkseq.corpus.store import Ids, TokenStore

MOST_EMPTY = 1000  # passages in a row that may be cut down to nothing, as long silences are


class Augmentation(Protocol):
    """How a stretch of a piece becomes a passage: as it stands, or varied."""

    lookahead: int
    """How many ids beyond the passage it may look at."""
    conditioning: int
    """C: the width of the side input that it gives; 0 if it gives none."""
    stride: int
    """Where in a piece a passage may begin: at every so many ids."""

    def __call__(
        self, ids: Ids, piece: int, length: int, random: np.random.Generator
    ) -> tuple[Ids, NDArray[np.float32] | None]:
        """Cut a passage.

        Args:
            ids: from the passage's first id on, to the piece's end or `length` + 1 + `lookahead` at most.
            piece: the piece's index in the store.
            length: T, of the passage.
            random: draws how it is varied.

        Returns:
            At most T + 1 ids, and the conditioning of all but the first of them, (T, C), if there are any.
        """
        ...


class Unchanged:
    """Passages as they stand."""

    lookahead = 0
    conditioning = 0
    stride = 1

    def __call__(
        self, ids: Ids, piece: int, length: int, random: np.random.Generator
    ) -> tuple[Ids, NDArray[np.float32] | None]:
        """The first T + 1 ids."""
        return ids[: length + 1], None


class Windows:
    """Endless batches of windows.

    In an epoch each piece is cut into passages from a phase of its own, drawn afresh, and all passages of all pieces
    come once in a random order. Passages begin in different batches, so that each batch holds beginnings and ends; for
    that the first of each row are cut short. The last window of a piece is filled up with targets that are not to be
    predicted.
    """

    def __init__(
        self,
        store: TokenStore,
        pieces: ArrayLike,
        rows: int,
        length: int,
        generator: np.random.Generator,
        augmentation: Augmentation,
        windows: int = 1,
        last_only: bool = False,
    ) -> None:
        """Begin the first epoch.

        Args:
            store: the pieces' ids.
            pieces: which of them to read.
            rows: B.
            length: T.
            generator: draws each epoch's phases and order; over a bit generator whose state is plain integers.
            augmentation: makes a passage of a stretch of ids.
            windows: in a passage.
            last_only: whether the last id of each window is all that is to be predicted.
        """
        self._store, self._pieces, self._augmentation = store, np.asarray(pieces), augmentation
        if length % augmentation.stride:
            raise ValueError(f"windows begin at every {augmentation.stride} ids, so their length cannot be {length}")
        if not self._pieces.size or min(rows, length, windows) < 1:
            wanted = "pieces, rows >= 1, length >= 1, windows >= 1"
            raise ValueError(f"expected {wanted}, got {self._pieces.size}, {rows}, {length}, {windows}")
        self._length, self._passage, self._generator = length, length * windows, generator
        self._last_only = last_only
        self._epoch = 0
        self._shuffle()
        self._rows = [self._take(length * (row % windows + 1)) for row in range(rows)]

    @property
    def epoch(self) -> float:
        """How often the corpus has been dealt out, with the part of the epoch that is under way."""
        return float(self._epoch + self._dealt / int(self._ends[-1]))

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        """Draw one batch."""
        rows, length = len(self._rows), self._length
        x = np.zeros((rows, length), np.int64)
        y = np.full((rows, length), IGNORED, np.int64)
        conditioning = (
            np.zeros((rows, length, self._augmentation.conditioning), np.float32)
            if self._augmentation.conditioning
            else None
        )
        fresh = np.zeros(rows, np.bool_)
        for row, passage in enumerate(self._rows):
            for _ in range(MOST_EMPTY):
                if passage.at < len(passage.ids) - 1:
                    break
                passage = self._rows[row] = self._take(self._passage)
            fresh[row] = passage.at == 0
            window = slice(passage.at, passage.at + length)
            following = passage.ids[passage.at + 1 : passage.at + 1 + length]
            x[row, : len(following)], y[row, : len(following)] = passage.ids[window][: len(following)], following
            if self._last_only:
                y[row, : len(following) - 1] = IGNORED
            if conditioning is not None and passage.conditioning is not None:
                conditioning[row, : len(following)] = passage.conditioning[window]
            passage.at += length
        return Batch(x, y, fresh, conditioning)

    def state(self) -> dict[str, Any]:
        """Where the windows stand, as values that JSON can hold exactly."""
        return {
            "before": self._before,
            "generator": self._generator.bit_generator.state,
            "epoch": self._epoch,
            "dealt": self._dealt,
            "rows": [[row.piece, row.start, row.most, row.at, row.before] for row in self._rows],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to where `state` was taken, over the same store, pieces, rows, length and windows."""
        random = self._generator.bit_generator
        self._rows = []
        for piece, start, most, at, before in state["rows"]:
            random.state = before
            self._rows.append(self._read(piece, start, most))
            self._rows[-1].at = at
        random.state = state["before"]
        self._shuffle()
        random.state = state["generator"]
        self._epoch, self._dealt = state["epoch"], state["dealt"]

    def _shuffle(self) -> None:
        self._before: Any = self._generator.bit_generator.state  # drawing from it again gives this epoch again
        predicted = np.diff(self._store.offsets)[self._pieces] - 1
        # A phase below 0 begins with a passage of which a part would lie before the piece: it begins with the piece.
        stride = self._augmentation.stride
        self._phases = -stride * self._generator.integers(0, self._passage // stride, len(self._pieces))
        passages = -((self._phases - predicted) // self._passage)  # by piece, rounded up
        self._ends = np.cumsum(passages)
        self._order = self._generator.permutation(int(self._ends[-1]))
        self._dealt = 0

    def _take(self, most: int) -> _Passage:
        """The next passage, of so many ids to predict at most."""
        if self._dealt == len(self._order):
            self._shuffle()
            self._epoch += 1
        number = int(self._order[self._dealt])
        self._dealt += 1
        place = int(np.searchsorted(self._ends, number, side="right"))
        within = number - (int(self._ends[place - 1]) if place else 0)
        start = int(self._phases[place]) + within * self._passage
        if start < 0:  # up to where the next begins
            start, most = 0, min(most, start + self._passage)
        return self._read(int(self._pieces[place]), start, most)

    def _read(self, piece: int, start: int, most: int) -> _Passage:
        before = self._generator.bit_generator.state
        ids = self._store[piece][start : start + most + 1 + self._augmentation.lookahead]
        return _Passage(piece, start, most, before, *self._augmentation(ids, piece, most, self._generator))


@dataclass
class _Passage:
    """What a row is reading, and all that cutting it again takes."""

    piece: int
    start: int
    most: int
    before: Any
    """The generator's state before it was cut."""
    ids: Ids
    conditioning: NDArray[np.float32] | None
    at: int = 0
    """How many of its ids have been read."""
