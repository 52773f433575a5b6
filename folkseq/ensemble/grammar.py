"""What may be written to a melody: three voices within their ranges, frame by frame, as many steps as it has.

By default textbooks' rules are kept, too. No two voices move in parallel fifths or octaves: a pitch that would is left
out, and as a note can always be held, something is left. No voice crosses another, by a new note or by one held, unless
nothing else is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.compound import CompoundLayout
from folkseq.music.chorale import HOLD, RANGES, REST, VOICES
from folkseq.pairs import Integers

SILENT = -1
PARALLEL = (0, 7)
"""Intervals, octaves aside, in which two voices do not move."""
Rows = tuple[NDArray[Any], ...]


@dataclass(frozen=True, eq=False)
class Choir:
    """A `folkseq.grammar.Placed`. A row is the number of its ids, and what its voices sound, now and before.

    Attributes:
        voices: Their names, in the order of the fields.
        labels: What each knows.
        melody: (steps,) the pitch that the melody sounds at each step, −1 where it rests; only there another may.
        strict: Whether parallel fifths and octaves, and voices that cross, are left out.
    """

    voices: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    melody: Integers
    strict: bool = True

    @property
    def steps(self) -> int:
        """How many there are."""
        return len(self.melody)

    @property
    def limit(self) -> int:
        """The most ids, those of the start and the end among them."""
        return (self.steps + 2) * self.compound.width

    @property
    def fewest(self) -> int:
        """See the protocol."""
        return self.limit

    @cached_property
    def compound(self) -> CompoundLayout:
        """Of the voices' labels."""
        return CompoundLayout(tuple(map(len, self.labels)))

    def begin(self, rows: int) -> Rows:
        """See the protocol."""
        return np.zeros(rows, np.int64), *(np.full((rows, self.compound.width), SILENT) for _ in range(2))

    def advance(self, rows: Rows, ids: Integers) -> Rows:
        """See the protocol."""
        count, sounds, before = rows
        field, every = count % self.compound.width, np.arange(len(count))
        before = np.where(field[:, None] == 0, sounds, before)  # (B, F) as a frame begins
        sounds = sounds.copy()
        sounds[every, field] = np.where(self._holds[ids], sounds[every, field], self._pitches[ids])
        return count + 1, sounds, before

    def allowed(self, rows: Rows, remaining: Integers) -> NDArray[np.bool_]:
        """See the protocol."""
        count, sounds, before = rows
        step, field = np.divmod(count, self.compound.width)
        step = step - 1  # after the start's frame
        now = np.clip(step, 0, self.steps - 1)
        mask = self._in_range[field]  # (B, V)
        own = sounds[np.arange(len(count)), field]  # (B,) as it was a step ago
        mask[(own < 0)[:, None] & self._holds] = False
        mask[(self.melody[now] >= 0)[:, None] & self._rests] = False
        if self.strict:
            below = np.ones(len(count), np.bool_)
            mask &= ~self._parallel(own, self.melody[np.maximum(now - 1, 0)], self.melody[now], below, now > 0)
            for voice, rank in enumerate(self._ranks[:-1].tolist()):
                below = self._ranks[field] > rank
                mask &= ~self._parallel(own, before[:, voice], sounds[:, voice], below, voice < field)
            tidy = mask & ~self._crossing(own, field, sounds, self.melody[now])
            left = np.asarray(tidy.any(axis=1))
            mask[left] = tidy[left]
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
        return np.asarray(np.clip(rows[0] // self.compound.width - 1, 0, self.steps - 1))

    def _parallel(
        self, own: Integers, was: Integers, sounds: Integers, below: NDArray[np.bool_], told: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """Which pitches would move in parallel with another voice, (B, V).

        Args:
            own: (B,) the pitch from which a voice moves.
            was: (B,) that of another voice before.
            sounds: (B,) and now.
            below: (B,) whether the voice is the lower of the two.
            told: (B,) whether it is known what the other sounds now.
        """
        way = np.sign(sounds - was)
        sign = np.where(below, -1, 1)
        apart = sign * (own - was) % 12
        moves = told & (own >= 0) & (was >= 0) & (sounds >= 0) & (way != 0) & np.isin(apart, PARALLEL)
        same = np.sign(self._pitches - own[:, None]) == way[:, None]
        as_far = sign[:, None] * (self._pitches - sounds[:, None]) % 12 == apart[:, None]
        return np.asarray(moves[:, None] & same & as_far & (self._pitches >= 0))

    def _crossing(self, own: Integers, field: Integers, sounds: Integers, melody: Integers) -> NDArray[np.bool_]:
        """Which ids would put a voice above a higher one or below a lower one, of those told at this step, (B, V).

        Args:
            own: (B,) the pitch that a hold goes on with.
            field: (B,) the voice's.
            sounds: (B, F) what those before it sound now.
            melody: (B,) what the highest does.
        """
        would = np.where(self._holds, own[:, None], self._pitches)  # (B, V)
        found = (would > melody[:, None]) & (melody >= 0)[:, None]
        for voice, rank in enumerate(self._ranks[:-1].tolist()):
            other = sounds[:, voice, None]  # (B, 1)
            over = np.where((self._ranks[field] > rank)[:, None], would > other, would < other)
            found |= over & (other >= 0) & (voice < field)[:, None]
        return np.asarray(found & (would >= 0))

    @cached_property
    def _ranks(self) -> Integers:
        """(F,) the place of each voice from the highest down."""
        return np.array([VOICES.index(voice) for voice in self.voices])

    @cached_property
    def _labels(self) -> NDArray[np.str_]:
        """(V,) the label of each id, empty for the start and the end."""
        flat = [label for labels in self.labels for label in labels]
        return np.array([""] * (self.compound.width + 1) + flat)

    @cached_property
    def _holds(self) -> NDArray[np.bool_]:
        return np.asarray(self._labels == HOLD)

    @cached_property
    def _rests(self) -> NDArray[np.bool_]:
        return np.asarray(self._labels == REST)

    @cached_property
    def _pitches(self) -> Integers:
        """(V,) the pitch of each id, −1 for what is none."""
        return np.array([int(label) if label.isdecimal() else SILENT for label in self._labels.tolist()])

    @cached_property
    def _start(self) -> NDArray[np.bool_]:
        return np.asarray(np.arange(self.compound.size) == 0)

    @cached_property
    def _end(self) -> NDArray[np.bool_]:
        return np.asarray(np.arange(self.compound.size) == self.compound.end)

    @cached_property
    def _in_range(self) -> NDArray[np.bool_]:
        """(F, V) which ids each voice can have: its own, and of pitches those of its range."""
        mask = np.zeros((self.compound.width, self.compound.size), np.bool_)
        for field, voice in enumerate(self.voices):
            low, high = RANGES[voice]
            own = slice(self.compound.offsets[field], self.compound.offsets[field + 1])
            mask[field, own] = ((self._pitches >= low) & (self._pitches <= high) | (self._pitches < 0))[own]
        return mask
