"""Batches of long pieces: rows that read passages drawn at random from all pieces.

If a few rows read whole long pieces, the model sees only these pieces for minutes and adapts to them. Here, a row reads
a passage of a few windows, with the state carried between them, and then a passage of another piece. If each window
began at a zero state, the training loss would be as low, but after a thousand ids of a piece the model would reach
states that are unknown from training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from folkseq.corpora.batch import IGNORED, Batch, Batches
from folkseq.corpora.recall import RecentTokens
from folkseq.corpora.store import Ids, TokenStore
from folkseq.representations.capabilities import Augmentation
from folkseq.voices import VoiceLookback

MOST_EMPTY = 1000  # consecutive passages that an augmentation may leave empty, as with long silences


@dataclass
class _Passage:
    """The passage of a row, and the data for reproducing it."""

    piece: int
    start: int
    length: int
    random: Any
    """The generator's state before it was made."""
    ids: Ids
    heard: Ids
    """The ids that the model reads; see `Augmentation.heard`."""
    conditioning: NDArray[np.float32] | None
    lookback: NDArray[np.int64] | None = None
    """(G, W) of each compound token, if the model sees recent ones; (T, W) of each id, if it sees voices."""
    at: int = 0
    """The number of its ids that have been read."""


class Windows(Batches):
    """Endless batches of windows.

    In each epoch each piece is cut into passages from a new random phase, and the passages of all pieces come once in a
    random order. To make passages begin in different batches, the first passage of each row is cut short. The last
    window of a passage is padded with `IGNORED` targets.
    """

    def __init__(
        self,
        store: TokenStore,
        pieces: ArrayLike,
        rows: int,
        length: int,
        generator: np.random.Generator,
        augmentation: Augmentation | None = None,
        windows: int = 1,
        last_only: bool = False,
        conditioning: int = 0,
        stride: int = 1,
        tokens: RecentTokens | VoiceLookback | None = None,
    ) -> None:
        """Start the first epoch.

        Args:
            store: see `Batches`.
            pieces: see `Batches`.
            rows: B.
            length: T.
            generator: see `Batches`; it draws the phases, too.
            augmentation: varies the passages.
            windows: in a passage.
            last_only: predict only the last id of each window.
            conditioning: C, the width of the conditioning; 0 for none.
            stride: passages begin at multiples of this number of ids.
            tokens: computes the model's features of recent compound tokens, or of voices.
        """
        if length % stride or min(rows, length, windows) < 1:
            raise ValueError(
                f"rows, length and windows must be at least 1, and length a multiple of {stride}, "
                f"got {rows}, {length} and {windows}"
            )
        self._augmentation, self._length, self._passage = augmentation, length, length * windows
        self._spans: dict[int, tuple[int, int]] = {}
        self._last_only, self._conditioning, self._stride, self._tokens = last_only, conditioning, stride, tokens
        super().__init__(store, pieces, generator)
        self._rows = [self._take_passage(length * (row % windows + 1)) for row in range(rows)]

    def __next__(self) -> Batch:
        rows, length, width = len(self._rows), self._length, self._conditioning
        x = np.zeros((rows, length), np.int64)
        y = np.full((rows, length), IGNORED, np.int64)
        conditioning = np.zeros((rows, length, width), np.float32) if width else None
        fresh = np.zeros(rows, np.bool_)
        lookback: NDArray[np.int64] | None = None
        for row, passage in enumerate(self._rows):
            for _ in range(MOST_EMPTY):
                if passage.at < len(passage.ids) - 1:
                    break
                passage = self._rows[row] = self._take_passage(self._passage)
            fresh[row] = passage.at == 0
            ids = passage.ids[passage.at : passage.at + length + 1]
            size = len(ids) - 1
            x[row, :size], y[row, :size] = passage.heard[passage.at : passage.at + size], ids[1:]
            if self._last_only:
                y[row, : size - 1] = IGNORED
            if conditioning is not None and passage.conditioning is not None:
                conditioning[row, :size] = passage.conditioning[passage.at : passage.at + length]
            if passage.lookback is not None and self._tokens is not None:
                per = 1 if isinstance(self._tokens, VoiceLookback) else self._stride
                if lookback is None:
                    lookback = np.tile(self._tokens.blank, (rows, length // per, 1))
                own = passage.lookback[passage.at // per : (passage.at + length) // per]
                lookback[row, : len(own)] = own
            passage.at += length
        return Batch(x, y, fresh, conditioning, lookback)

    def state(self) -> dict[str, Any]:
        return {
            "before": self._order_start,
            "generator": self._generator.bit_generator.state,
            "epoch": self._epoch,
            "dealt": self._taken,
            "rows": [[row.piece, row.start, row.length, row.at, row.random] for row in self._rows],
        }

    def restore(self, state: dict[str, Any]) -> None:
        self._rows = []
        for piece, start, length, at, before in state["rows"]:
            self._generator.bit_generator.state = before
            self._rows.append(self._read(piece, start, length))
            self._rows[-1].at = at
        self._go_back(state["before"], state["epoch"], state["dealt"])
        self._generator.bit_generator.state = state["generator"]

    def _draw_order(self) -> NDArray[np.int64]:
        predicted = np.diff(self._store.offsets)[self._pieces] - 1
        # A phase below 0 begins with a passage that would begin before the piece: it begins with the piece.
        self._phases = -self._stride * self._generator.integers(0, self._passage // self._stride, len(self._pieces))
        passages = -((self._phases - predicted) // self._passage)  # of each piece, rounded up
        self._ends = np.cumsum(passages)
        return self._generator.permutation(int(self._ends[-1]))

    def _take_passage(self, length: int) -> _Passage:
        """Return the next passage, with `length` ids to predict at most."""
        number = self._take()
        index = int(np.searchsorted(self._ends, number, side="right"))
        before = int(self._ends[index - 1]) if index else 0
        start = int(self._phases[index]) + (number - before) * self._passage
        if start < 0:  # up to where the next passage begins
            start, length = 0, min(length, start + self._passage)
        return self._read(int(self._pieces[index]), start, length)

    def _read(self, piece: int, start: int, length: int) -> _Passage:
        random = self._generator.bit_generator.state
        conditioning = None
        if self._augmentation is None:
            ids = self._store[piece][start : start + length + 1]
        else:
            if piece not in self._spans:
                self._spans[piece] = self._augmentation.span(self._store[piece])
            ids = self._store[piece][start : start + length + 1 + self._augmentation.lookahead]
            ids, conditioning = self._augmentation.excerpt(ids, length, self._spans[piece], self._generator)
        heard = ids if self._augmentation is None else self._augmentation.heard(ids, self._generator)
        lookback = None
        if isinstance(self._tokens, VoiceLookback):
            lookback = self._tokens.indices(heard, without=piece)
        elif self._tokens is not None:
            lookback = self._tokens.indices(heard)
        return _Passage(piece, start, length, random, ids, heard, conditioning, lookback)
