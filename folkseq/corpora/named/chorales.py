"""Bach's chorales from music21's corpus: one table per chorale, with four voices in sixteenths.

See `folkseq.music.chorale` for the columns. Repeats are written once. If several notes of a voice fall on one step, the
first counts. Scores without exactly the four voices, and duplicates, are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from folkseq.corpora.named.folders import package_files
from folkseq.formats import table
from folkseq.music.chorale import COLUMNS, HOLD, REST, STEPS, VOICES
from folkseq.music.grid import Grid

_MOST_STEPS = 4096


def make() -> dict[str, bytes]:
    """Return the tables by name. Raises FolkseqError if music21 or its corpus is missing."""
    scores = _scores()
    from music21 import converter

    made: dict[str, bytes] = {}
    for path in scores:
        rows = _rows(converter.parse(path, forceSource=True))
        data = table.format(Grid(COLUMNS, tuple(rows))) if rows else b""
        if data and data not in made.values():
            made[f"{path.stem}.csv"] = data
    return made


def _scores() -> list[Path]:
    return package_files("music21", "bach", "*.mxl", "*.xml")


def _rows(score: Any) -> list[tuple[str, ...]]:
    """Return the steps of a score; none if it does not have the four voices."""
    parts = [[part for part in score.parts if part.partName == voice.capitalize()] for voice in VOICES]
    if any(len(found) != 1 for found in parts):
        return []
    voices = [found[0] for found in parts]
    length = min(round(float(part.duration.quarterLength) * STEPS) for part in voices)
    if length > _MOST_STEPS:
        return []
    fermatas = ["0"] * length
    for onset, stop, note in _notes(voices[0], length):
        if any(type(mark).__name__ == "Fermata" for mark in note.expressions):
            fermatas[onset:stop] = ["1"] * (stop - onset)
    places = ["0"] * length
    for measure in voices[0].getElementsByClass("Measure"):
        first, pickup = round(float(measure.offset) * STEPS), round(float(measure.paddingLeft) * STEPS)
        places[first:] = map(str, range(pickup, pickup + length - first))
    return list(zip(*(_cells(part, length) for part in voices), fermatas, places, strict=True))


def _cells(part: Any, length: int) -> list[str]:
    """Return the cells of a voice."""
    cells = [REST] * length
    tied = False
    for onset, stop, note in _notes(part, length):
        continues = tied and onset and cells[onset - 1] != REST
        cells[onset:stop] = [HOLD if continues else str(max(note.pitches).midi), *[HOLD] * (stop - onset - 1)]
        tied = note.tie is not None and note.tie.type in ("start", "continue")
    return cells


def _notes(part: Any, length: int) -> Iterator[tuple[int, int, Any]]:
    """Yield the first step of each note of a voice, the step at which it ends, and the note."""
    for note in part.flatten().notes:
        onset = round(float(note.offset) * STEPS)
        stop = min(round(float(note.offset + note.quarterLength) * STEPS), length)
        if stop > onset:
            yield onset, stop, note
