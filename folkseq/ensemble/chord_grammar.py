"""The grammar of the chords of a tune, one per beat, and the preference for chords that contain the melody's notes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from folkseq.ensemble.beats import SILENT, Beats, Label, intervals_of
from folkseq.grammar import Ids, Rows

EVERY = BEAT, BAR = ("beat", "bar")
"""The positions at which chords may change."""
START, END, FIRST = 0, 1, 2
"""The start id, the end id and the id of no chord; the ids of chords follow."""
PREFERENCE = 10.0
"""Logarithm of the factor by which a chord with all notes of the melody is more probable than one with none."""


class ChordGrammar:
    """A `folkseq.grammar.PlacedGrammar` of chords, one per beat.

    A chord begins only where a sound begins, since a chord symbol is attached to a sound. Only the first bar may have
    no chord. The state of a row is the number of ids so far, and the last id.
    """

    def __init__(self, size: int, beats: Beats, every: str = BEAT) -> None:
        """Build the grammar over `size` ids; chords may change at every beat or at every bar."""
        self.limit = len(beats) + 2
        self._changes = beats.sounds >= 0
        if every != BEAT:
            bars = beats.positions[:, 0]
            first = [np.flatnonzero((bars == bar) & self._changes)[:1] for bar in range(beats.bars)]
            self._changes = np.isin(np.arange(len(beats)), np.concatenate(first))
        self._changes[:1] = True
        self._silent = beats.positions[:, 0] == 0
        self._ids = np.arange(size)

    @property
    def fewest(self) -> int:
        return self.limit

    def begin(self, rows: int) -> Rows:
        return np.zeros(rows, np.int64), np.zeros(rows, np.int64)

    def advance(self, rows: Rows, ids: Ids) -> Rows:
        return rows[0] + 1, np.asarray(ids, np.int64)

    def allowed(self, rows: Rows, remaining: Ids) -> NDArray[np.bool_]:
        count, last = rows
        beat = self.at(rows)
        mask = np.tile(self._ids >= FIRST, (len(count), 1))  # (B, V)
        mask[~self._silent[beat], FIRST] = False
        held = ~self._changes[beat] & (last >= FIRST)
        held &= self._silent[beat] | (last != FIRST)
        mask[held] = self._ids == last[held, None]
        mask[count == 0] = self._ids == START
        mask[count > len(self._changes)] = self._ids == END
        return mask

    def given(self, rows: Rows) -> Rows:
        return rows

    def progress(self, rows: Rows) -> NDArray[np.float64]:
        return np.clip(rows[0] / self.limit, 0.0, 1.0)

    def at(self, rows: Rows) -> Ids:
        return np.asarray(np.clip(rows[0] - 1, 0, len(self._changes) - 1))


class ChordTones:
    """A `folkseq.grammar.Target` that prefers chords with the notes of the melody up to the end of the bar.

    Each beat counts half as much as the previous one, since the chord may change.
    """

    version = 1

    def __init__(self, labels: Sequence[Label | None], beats: Beats) -> None:
        """Compute the factor of each chord on each beat; `labels` are the chords of the ids from `FIRST` on."""
        heard = np.stack([np.bincount(beat, minlength=SILENT + 1)[:SILENT] for beat in beats.pitches]) * 1.0  # (N, 12)
        for beat in np.flatnonzero(np.diff(beats.positions[:, 0]) == 0)[::-1].tolist():
            heard[beat] += heard[beat + 1] / 2
        tones = np.zeros((FIRST + len(labels), SILENT))  # (V, 12)
        for place, label in enumerate(labels, FIRST):
            tones[place, sorted(intervals_of(label))] = 1
        shares = heard @ tones.T / np.maximum(heard.sum(axis=1, keepdims=True), 1)
        self._factors = np.exp(PREFERENCE * shares).astype(np.float32)  # (N, V)

    def begin(self, uniforms: NDArray[np.float64]) -> Rows:
        return (np.zeros(len(uniforms), np.int64),)

    def advance(self, rows: Rows, ids: Ids) -> Rows:
        return (rows[0] + 1,)

    def weights(self, rows: Rows) -> NDArray[np.float32]:
        return np.asarray(self._factors[np.clip(rows[0] - 1, 0, len(self._factors) - 1)])
