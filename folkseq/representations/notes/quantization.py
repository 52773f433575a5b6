"""Quantization of performances to notes in steps, in the order of their onsets, and back."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from folkseq.music.instruments import PROGRAMS
from folkseq.music.performance import NOTE, Performance, Track
from folkseq.representations.notes.layout import DRUMS, NO_NOTE, Tokens, spread
from folkseq.representations.performance.config import Integers, PerformanceConfig
from folkseq.representations.performance.events import Notes
from folkseq.representations.performance.quantization import one_at_a_time, quantize


class Band(NamedTuple):
    """Notes in steps, sorted by onset, instrument and pitch, (N,) int64 each."""

    onset: Integers
    length: Integers
    pitch: Integers
    velocity: Integers  # 1 to 127, or a bin
    instrument: Integers

    def where(self, mask: NDArray[np.bool_] | Integers) -> Band:
        """Return the notes selected by a mask or by indices."""
        return Band(*(column[mask] for column in self))

    def in_order(self) -> Band:
        """Return the notes in order."""
        return self.where(np.lexsort((self.pitch, self.instrument, self.onset)))

    def tokens(self) -> Tokens:
        """Return the notes, whose velocities are bins, as tokens; the first note waits from step 0."""
        wait = np.diff(self.onset, prepend=0)
        return spread(Tokens(wait, self.instrument, self.pitch, self.velocity, self.length))


@lru_cache(maxsize=1)  # reading a corpus asks for the ids and the losses of each piece
def quantized(piece: Performance, config: PerformanceConfig, tracks: bool) -> tuple[Band, Counter[str]]:
    """Quantize the drums, or all other tracks; with `tracks`, all tracks, merged by instrument."""
    if not tracks:
        notes, _, lost = quantize(piece, config)
        return _band(notes, 0).in_order(), lost
    groups: dict[int, list[Track]] = {}
    for track in piece.tracks:
        groups.setdefault(DRUMS if track.drum else track.program, []).append(track)
    lost, parts = Counter[str](), [_band(Notes(*np.zeros((4, 0), np.int64)), 0)]
    for instrument, group in sorted(groups.items()):
        own = PerformanceConfig(config.velocity_bins, config.steps_per_second, drums=instrument == DRUMS)
        notes, _, more = quantize(Performance(tuple(group), length_s=piece.length_s), own)
        parts.append(_band(notes, instrument))
        lost += more
        if instrument == DRUMS:
            lost["drum kit that is not the standard one"] = sum(track.program > 0 for track in group)
    return Band(*map(np.concatenate, zip(*parts, strict=True))).in_order(), +lost


def band_of(tokens: Tokens) -> Band:
    """Return the notes of any tokens, in order; a pitch of an instrument sounds only once at a time."""
    onset, real = np.cumsum(tokens.wait), tokens.pitch < NO_NOTE
    length = tokens.length.copy()
    before = np.maximum.accumulate(np.where(real, np.arange(len(real)), -1))
    lengthens = np.flatnonzero(~real & (tokens.wait == 0) & (before >= 0))
    np.add.at(length, before[lengthens], tokens.length[lengthens])
    found = Band(onset, length, tokens.pitch, tokens.velocity, tokens.instrument).where(real)
    found = found.where(np.lexsort((found.onset, found.pitch, found.instrument)))
    offset, key = found.onset + found.length, found.instrument * NO_NOTE + found.pitch
    notes = Notes(found.onset, offset, key, found.velocity)
    alone, _ = one_at_a_time(notes, offset.copy(), np.zeros(len(key), np.bool_), Counter())
    instrument, pitch = np.divmod(alone.pitch, NO_NOTE)
    return Band(alone.onset, alone.offset - alone.onset, pitch, alone.velocity, instrument).in_order()


def performance(band: Band, config: PerformanceConfig, tracks: bool) -> Performance:
    """Return the performance of notes with velocities 1 to 127; with `tracks`, one track per instrument."""
    if not tracks:
        return _notes(band).performance(np.zeros(0, np.int64), config)
    made = []
    for instrument in np.unique(band.instrument).tolist():
        own = _notes(band.where(band.instrument == instrument))
        rows = np.empty(len(own.onset), NOTE)
        rows["onset_s"], rows["offset_s"] = (steps / config.steps_per_second for steps in (own.onset, own.offset))
        rows["pitch"], rows["velocity"] = own.pitch, own.velocity
        drum = instrument == DRUMS
        made.append(Track(rows, "Drums" if drum else PROGRAMS[instrument], 0 if drum else instrument, drum))
    return Performance(tuple(made))


def _band(notes: Notes, instrument: int) -> Band:
    length = notes.offset - notes.onset
    return Band(notes.onset, length, notes.pitch, notes.velocity, np.full(len(length), instrument))


def _notes(band: Band) -> Notes:
    return Notes(band.onset, band.onset + band.length, band.pitch, band.velocity)
