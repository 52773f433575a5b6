"""Voices in MIDI files, a field a track at every step: the pitch that begins, a hold of it, or a rest.

A track is one voice: of notes that begin together the highest is kept, and a note ends where the next begins. Drums are
left out. A step is a share of a quarter, by the file's own beats, whatever its tempo; notes are moved to the nearest,
and their loudness is not kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, BinaryIO

import numpy as np

from folkseq.errors import ParseError
from folkseq.formats import midi
from folkseq.formats.ticks import TempoMap
from folkseq.music.grid import Grid
from folkseq.music.performance import Note, Track
from folkseq.representations.packed.media.drums import FINE, bar_steps, check_length, performed, seconds_a_step

SUFFIXES = (".mid", ".midi", ".kar")
OUTPUTS = (".mid",)
CONTROLS = ("steps", "bars", "bpm")
HOLD, REST = "hold", "rest"
VELOCITY = 80


def read(opened: BinaryIO, file: str, division: int, colours: int) -> tuple[list[Grid], Counter[str]]:
    """See the package. Raises ParseError for a file with fewer than two voices."""
    performance, lost, _ = midi.parse(opened.read(), file)
    tracks = [track for track in performance.tracks if len(track) and not track.drum]
    if len(tracks) < 2:
        raise ParseError(f"{file}: {len(tracks)} track with notes; two voices or more are packed, each on its own")
    clock = TempoMap.on_grid(performance.tempos, division)
    fine = TempoMap.on_grid(performance.tempos, division * FINE)
    ends = max(int(clock.to_ticks(track.notes["offset_s"].max())) for track in tracks)
    bar = bar_steps(performance, division)
    length = -(-max(ends, 1) // bar) * bar
    check_length(length, file)
    voices = [_voice(track, clock, length, lost) for track in tracks]
    for track in tracks:
        moved = [fine.to_ticks(track.notes[name]) % FINE != 0 for name in ("onset_s", "offset_s")]
        lost["note moved to the grid"] += int(np.logical_or(*moved).sum())
        lost["loudness of a note"] += len(track)
        lost["pedal of a voice"] += len(track.pedal)
    lost["note among drums"] += sum(len(track) for track in performance.tracks if track.drum)
    columns = tuple(map(str, range(1, len(voices) + 1)))
    return [Grid(columns, tuple(zip(*voices, strict=True)), named=False)], +lost


def write(grid: Grid, suffix: str, comments: Sequence[str], **controls: Any) -> bytes:
    """See the package: a MIDI file of type 1, a track a voice."""
    step_s = seconds_a_step(controls, int(controls["division"]))
    tracks = [
        Track.of(_notes(grid.column(column), step_s), f"Voice {number}")
        for number, column in enumerate(grid.columns, 1)
    ]
    return midi.format(performed(grid, tracks, step_s, controls), comments)


def _voice(track: Track, clock: TempoMap, length: int, lost: Counter[str]) -> list[str]:
    """A track's cells."""
    cells = [REST] * length
    onsets, offsets = clock.to_ticks(track.notes["onset_s"]), clock.to_ticks(track.notes["offset_s"])
    order = np.lexsort((track.notes["pitch"], onsets))  # of those that begin together the highest is the last
    begins: dict[int, tuple[int, int]] = {}
    for note in order.tolist():
        onset = min(int(onsets[note]), length - 1)
        lost["note beside another of its voice"] += onset in begins
        begins[onset] = int(offsets[note]), int(track.notes["pitch"][note])
    starts = [*sorted(begins), length]
    for onset, following in pairwise(starts):
        offset, pitch = begins[onset]
        lost["note cut where another begins"] += offset > following
        cells[onset] = str(pitch)
        for step in range(onset + 1, min(offset, following)):
            cells[step] = HOLD
    return cells


def _notes(cells: Sequence[str], step_s: float) -> list[Note]:
    """The notes of a voice; a hold of nothing is a rest."""
    notes: list[Note] = []
    pitch, onset = -1, 0
    for step, cell in enumerate([*cells, REST]):
        if cell == HOLD:
            continue
        if pitch >= 0:
            notes.append(Note(onset * step_s, step * step_s, pitch, VELOCITY))
        pitch, onset = (int(cell) if cell.isdecimal() else -1), step
    return notes
