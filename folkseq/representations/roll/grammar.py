"""The grammar of frames: falling pitches in each frame, closed frames, and the requested number of frames."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from folkseq.grammar import Ids, Rows
from folkseq.representations.vocabulary import END, START, Vocabulary

FRAME = "."
"""The token that closes a frame."""
_START, _OPEN = -1, 128  # before the start id; in a frame without pitches so far


@dataclass(frozen=True)
class RollGrammar:
    """A `folkseq.grammar.Grammar`. The state of a row is its last pitch in the frame, and the number of frames."""

    vocabulary: Vocabulary
    frames: int | None = None

    @cached_property
    def _frame(self) -> int:
        return self.vocabulary.id(FRAME)

    @cached_property
    def _start(self) -> int:
        return self.vocabulary.id(START)

    @cached_property
    def _end(self) -> int:
        return self.vocabulary.id(END)

    @property
    def fewest(self) -> int:
        return (self.frames or 1) + 3

    def begin(self, rows: int) -> Rows:
        return np.full(rows, _START), np.zeros(rows, np.int64)

    def advance(self, rows: Rows, ids: Ids) -> Rows:
        return np.where(ids < _OPEN, ids, _OPEN), rows[1] + (ids == self._frame)

    def allowed(self, rows: Rows, remaining: Ids) -> NDArray[np.bool_]:
        last, frames, left = (each[:, None] for each in (*rows, remaining))  # (B, 1)
        ids = np.arange(len(self.vocabulary))
        between = (last == _OPEN) & (frames > 0)
        if self.frames is None:
            missing, ends = 1, between & (left <= 2)
            may_end = between
        else:
            missing = np.maximum(self.frames - frames, 1)
            ends = may_end = between & (frames >= self.frames)
        pitches = (ids < last) & (ids < _OPEN) & (left > missing + 1)  # each missing frame takes one id
        found = np.where(ends, False, pitches | (ids == self._frame)) | (may_end & (ids == self._end))
        return np.asarray(np.where(last == _START, ids == self._start, found), np.bool_)

    def given(self, rows: Rows) -> Rows:
        return rows

    def progress(self, rows: Rows) -> NDArray[np.float64]:
        _, frames = rows
        return np.minimum(frames / (self.frames or 100), 1.0)
