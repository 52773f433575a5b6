"""What may be written to a melody: three voices within their ranges, frame by frame, as many steps as it has."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.frames import Frames
from folkseq.music.chorale import HOLD, RANGES, REST
from folkseq.pairs import Integers

Rows = tuple[NDArray[Any], ...]


@dataclass(frozen=True, eq=False)
class Choir:
    """A `folkseq.sampling.grammar.Placed`. A row is the number of its ids, and which of its voices sound.

    Attributes:
        voices: Their names, in the order of the fields.
        labels: What each knows.
        rests: (steps,) whether the melody rests at each step; only then another voice may.
    """

    voices: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    rests: NDArray[np.bool_]

    @property
    def steps(self) -> int:
        """How many there are."""
        return len(self.rests)

    @property
    def limit(self) -> int:
        """The most ids, those of the start and the end among them."""
        return (self.steps + 2) * self.frames.width

    @property
    def fewest(self) -> int:
        """See the protocol."""
        return self.limit

    @cached_property
    def frames(self) -> Frames:
        """Of the voices' labels."""
        return Frames(tuple(map(len, self.labels)))

    def begin(self, rows: int) -> Rows:
        """See the protocol."""
        return np.zeros(rows, np.int64), np.zeros((rows, self.frames.width), np.bool_)

    def advance(self, rows: Rows, ids: Integers) -> Rows:
        """See the protocol."""
        count, sounds = rows
        sounds = sounds.copy()
        field = count % self.frames.width
        every = np.arange(len(count))
        sounds[every, field] = np.where(self._is_hold[ids], sounds[every, field], self._is_pitch[ids])
        return count + 1, sounds

    def allowed(self, rows: Rows, remaining: Integers) -> NDArray[np.bool_]:
        """See the protocol."""
        count, sounds = rows
        step, field = np.divmod(count, self.frames.width)
        step = step - 1  # after the start's frame
        mask = self._in_range[field]  # (B, V)
        silent = ~sounds[np.arange(len(count)), field]
        mask[silent[:, None] & self._is_hold] = False
        resting = self.rests[np.clip(step, 0, self.steps - 1)]
        mask[~resting[:, None] & self._is_rest] = False
        mask[step < 0] = self._start
        mask[step >= self.steps] = self._end
        return mask

    def given(self, rows: Rows) -> Rows:
        """See the protocol."""
        return rows

    def progress(self, rows: Rows) -> NDArray[np.float64]:
        """See the protocol."""
        return np.clip(rows[0] / self.limit, 0.0, 1.0)

    def at(self, rows: Rows) -> Integers:
        """See the protocol: the step that is written once the frames read are whole."""
        return np.asarray(np.clip(rows[0] // self.frames.width - 1, 0, self.steps - 1))

    @cached_property
    def _labels(self) -> NDArray[np.str_]:
        """(V,) the label of each id, empty for the start and the end."""
        flat = [label for labels in self.labels for label in labels]
        return np.array([""] * (self.frames.width + 1) + flat)

    @cached_property
    def _is_hold(self) -> NDArray[np.bool_]:
        return np.asarray(self._labels == HOLD)

    @cached_property
    def _is_rest(self) -> NDArray[np.bool_]:
        return np.asarray(self._labels == REST)

    @cached_property
    def _is_pitch(self) -> NDArray[np.bool_]:
        return np.asarray(np.char.isdecimal(self._labels))

    @cached_property
    def _start(self) -> NDArray[np.bool_]:
        return np.asarray(np.arange(self.frames.size) == 0)

    @cached_property
    def _end(self) -> NDArray[np.bool_]:
        return np.asarray(np.arange(self.frames.size) == self.frames.end)

    @cached_property
    def _in_range(self) -> NDArray[np.bool_]:
        """(F, V) which ids each voice can have: its own, and of pitches those of its range."""
        pitches = np.array([int(label) if label.isdecimal() else -1 for label in self._labels.tolist()])
        mask = np.zeros((self.frames.width, self.frames.size), np.bool_)
        for field, voice in enumerate(self.voices):
            low, high = RANGES[voice]
            own = slice(self.frames.firsts[field], self.frames.firsts[field + 1])
            mask[field, own] = ((pitches >= low) & (pitches <= high) | ~self._is_pitch)[own]
        return mask
