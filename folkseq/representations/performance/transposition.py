"""The identity of performances across keys and players.

Two pianists never play the same tokens. The fingerprint consists of multisets of twelve consecutive onsets, so the
order within a spread chord has no effect. Pitches are relative to the lowest one, so the key has no effect either. Only
the multisets with the smallest hashes are kept, so that fingerprints have a limited size and remain comparable.

Measured on the 877 performances of ASAP's 175 movements: two performances of one movement share at least 8 % of their
hashes, and half of these pairs at least 35 %; performances of two movements share less than 3 %.

Drums have no key, and one groove occurs in many pieces, so their multisets have 48 onsets with absolute pitches. With
twelve, 773 of Groove's 1,021 performances would count as one work; with 48, at most 24 do.
"""

from __future__ import annotations

from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from folkseq.representations.capabilities import Profile, Transposition
from folkseq.representations.performance.config import Ids, PerformanceConfig

ONSETS, DRUM_ONSETS = 12, 48
_KEPT = 512  # maximum number of hashes of a piece
_FACTOR = np.uint64(0x100000001B3)  # the prime of FNV-1a
_MIX = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1))  # shifts and factors of splitmix64


class Pitches(Protocol):
    """A layout of ids with pitches."""

    def onset_pitches(self, ids: Ids) -> Ids:
        """Return the pitches of all onsets, in order."""
        ...


class PerformanceTransposition(Transposition):
    """Performances across keys; drums have no key."""

    figure = 1
    twin_share = 0.05

    def __init__(self, config: PerformanceConfig, pitches: Pitches | None = None) -> None:
        """Store the layout that gives the pitches of ids; by default, the layout of the configuration."""
        self.layout, self.drums = config.layout, config.drums
        self._pitches = pitches or config.layout

    def fingerprint(self, ids: Ids) -> NDArray[np.int64]:
        """Return at most 512 distinct hashes; a single hash of all notes if there are too few for a window."""
        pitches = self._pitches.onset_pitches(ids)
        length = min(DRUM_ONSETS if self.drums else ONSETS, len(pitches))
        if not length:
            return np.zeros(0, np.int64)
        windows = np.sort(sliding_window_view(pitches.astype(np.uint8), length), axis=1)  # (N − 11, 12)
        columns = (windows if self.drums else np.diff(windows, axis=1)).astype(np.uint64)  # (N − 11, 11) semitones
        hashes = np.zeros(len(columns), np.uint64)
        for column in columns.T:
            hashes = hashes * _FACTOR + column + np.uint64(1)  # wraps around
        for shift, factor in _MIX:
            hashes = (hashes ^ hashes >> np.uint64(shift)) * np.uint64(factor)
        return np.unique(hashes.view(np.int64))[:_KEPT]

    @cached_property
    def profile(self) -> Profile:
        """Return the pitches of NOTE_ON and NOTE_OFF; ids that end a note or move the pedal are not free."""
        layout, ids = self.layout, np.arange(self.layout.size)
        pitched = (ids < layout.time_shift) & (not self.drums)
        onsets, between = ids < layout.note_off, (ids >= layout.time_shift) & (ids < layout.start)
        return Profile(
            heights=np.where(pitched, layout.values, 0),
            kinds=np.where(pitched, np.where(onsets, layout.note_on, layout.note_off), ids),
            pitched=pitched,
            free=onsets | between,
            binding=np.zeros(layout.size, np.bool_),
            ends=(ids == layout.start) | (ids == layout.end),
        )

    def melody(self, ids: Ids) -> NDArray[np.int64]:
        """Return the pitches in order of onset, with durations of 0, since no two players share durations."""
        pitches = self._pitches.onset_pitches(ids).astype(np.int64)
        return np.stack((pitches, np.zeros_like(pitches)), axis=1)
