"""Drums in MIDI files, a bit a class of drums at every step: whether it is struck.

The classes are nine of a kit, each with General MIDI's drums that belong to it (and those of Roland's kits that stand
beside them); the first of each is the one that is written. A step is a share of a quarter, by the file's own beats,
whatever its tempo. Strokes are moved to the nearest step, and their loudness is not kept: on the beat one is written
louder than off it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np

from folkseq.errors import ParseError
from folkseq.formats import midi
from folkseq.formats.ticks import TempoMap
from folkseq.music.grid import Grid
from folkseq.music.performance import DEFAULT_BPM, Note, Performance, Track
from folkseq.music.signature import Meter

SUFFIXES = (".mid", ".midi", ".kar")
OUTPUTS = (".mid",)
CONTROLS = ("steps", "bars", "bpm")
CLASSES = {
    "kick": (36, 35),
    "snare": (38, 37, 39, 40),
    "closed_hat": (42, 22, 44),
    "open_hat": (46, 26),
    "low_tom": (43, 41, 58),
    "mid_tom": (47, 45),
    "high_tom": (50, 48),
    "crash": (49, 52, 55, 57),
    "ride": (51, 53, 59),
}
"""Pitches by class, the one that is written first."""
ON_BEAT, OFF_BEAT = 100, 80  # velocities
MOST_STEPS = 1_000_000
_CLASS_OF = {pitch: place for place, pitches in enumerate(CLASSES.values()) for pitch in pitches}


def read(opened: BinaryIO, file: str, division: int, colours: int) -> tuple[list[Grid], Counter[str]]:
    """See the package. Raises ParseError for a file without drums."""
    performance, lost, _ = midi.parse(opened.read(), file)
    tracks = [track.notes for track in performance.tracks if track.drum and len(track)]
    if not tracks:
        raise ParseError(f"{file}: holds no drums, which MIDI has on channel 10")
    notes = np.concatenate(tracks)
    exact = TempoMap.on_grid(performance.tempos, division * FINE).to_ticks(notes["onset_s"])
    steps = (exact + FINE // 2) // FINE
    bar = bar_steps(performance, division)
    length = -(-(int(steps.max()) + 1) // bar) * bar
    check_length(length, file)
    cells = np.zeros((length, len(CLASSES)), np.int64)
    for step, off, pitch in zip(steps.tolist(), (exact - steps * FINE).tolist(), notes["pitch"].tolist(), strict=True):
        place = _CLASS_OF.get(pitch)
        lost["drum of no class"] += place is None
        lost["stroke moved to the grid"] += off != 0
        if place is not None:
            lost["stroke beside another of its class"] += int(cells[step, place])
            cells[step, place] = 1
    lost["loudness of a stroke"] += len(notes)
    rows = tuple(tuple(map(str, row)) for row in cells.tolist())
    return [Grid(tuple(CLASSES), rows)], +lost


FINE = 12
"""Parts of a step, by which it is told whether a stroke lies on the grid."""


def write(grid: Grid, suffix: str, comments: Sequence[str], **controls: Any) -> bytes:
    """See the package: a MIDI file of type 1, with the drums on channel 10."""
    division = int(controls["division"])
    step_s = seconds_a_step(controls, division)
    pitches = [CLASSES[column][0] for column in grid.columns]
    notes = [
        Note(step * step_s, (step + 1) * step_s, pitch, OFF_BEAT if step % division else ON_BEAT)
        for step, row in enumerate(grid.rows)
        for pitch, cell in zip(pitches, row, strict=True)
        if cell == "1"
    ]
    return midi.format(performed(grid, [Track.of(notes, "Drums", drum=True)], step_s, controls), comments)


def bar_steps(performance: Performance, division: int) -> int:
    """How many steps the first bar has, rounded up."""
    meter = performance.meters[0][1] if performance.meters else Meter()
    return max(-int(-(meter.bar * 4 * division) // 1), 1)


def check_length(steps: int, file: str) -> None:
    """Raise ParseError for a file of more steps than there can be."""
    if steps > MOST_STEPS:
        raise ParseError(f"{file}: {steps:,} steps; one of at most {MOST_STEPS:,} is read")


def seconds_a_step(controls: dict[str, Any], division: int) -> float:
    """By the tempo asked for, in quarters a minute."""
    return 60 / float(controls.get("bpm") or DEFAULT_BPM) / division


def performed(grid: Grid, tracks: Sequence[Track], step_s: float, controls: dict[str, Any]) -> Performance:
    """What plays a grid, in bars of 4/4."""
    bpm = float(controls.get("bpm") or DEFAULT_BPM)
    meters = ((0.0, Meter(4, 4)),)
    return Performance(tuple(tracks), ((0.0, bpm),), meters, name=grid.title, length_s=len(grid.rows) * step_s)
