"""Bach's chorales, from those that come with music21: a table each, of four voices, sixteenth by sixteenth.

A cell is the pitch (MIDI) that begins, a hold of it, or a rest; beside the voices it is told whether the soprano's note
bears a fermata, and how many sixteenths into the bar a step is. Repeats are written once. Of a voice's notes shorter
than a step the first counts. Scores without the four voices, by their names and alone, are passed over; so is one that
equals another step by step.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from folkseq.corpus.named.made import Made
from folkseq.errors import CorpusError
from folkseq.formats import table
from folkseq.music.chorale import COLUMNS, HOLD, REST, STEPS, VOICES
from folkseq.music.grid import Grid

_MOST_STEPS = 4096


def make() -> dict[str, bytes]:
    """The tables by their names. Raises CorpusError if music21 or its corpus is missing."""
    from music21 import converter

    made: dict[str, bytes] = {}
    for path in _scores():
        rows = _rows(converter.parse(path, forceSource=True))
        if rows is None:
            continue
        data = table.format(Grid(COLUMNS, tuple(rows)))
        if data not in made.values():
            made[f"{path.stem}.csv"] = data
    return made


def _scores() -> list[Path]:
    spec = find_spec("music21")
    if spec is None or not spec.submodule_search_locations:
        raise CorpusError("the chorales come with music21, which is missing; pip install music21")
    folder = Path(spec.submodule_search_locations[0]) / "corpus" / "bach"
    found = sorted([*folder.glob("*.mxl"), *folder.glob("*.xml")])
    if not found:
        raise CorpusError(f"{folder}: no scores: this music21 came without its corpus; reinstall it")
    return found


def _rows(score: Any) -> list[tuple[str, ...]] | None:
    """The steps of a score; None if it is not for the four voices."""
    parts = [[part for part in score.parts if part.partName == voice.capitalize()] for voice in VOICES]
    if any(len(found) != 1 for found in parts):
        return None
    voices = [found[0] for found in parts]
    length = min(round(float(part.duration.quarterLength) * STEPS) for part in voices)
    if not 0 < length <= _MOST_STEPS:
        return None
    cells = [_cells(part, length) for part in voices]
    fermatas = ["0"] * length
    for onset, stop, note in _notes(voices[0], length):
        if any(type(mark).__name__ == "Fermata" for mark in note.expressions):
            fermatas[onset:stop] = ["1"] * (stop - onset)
    return list(zip(*cells, fermatas, _places(voices[0], length), strict=True))


def _cells(part: Any, length: int) -> list[str]:
    """A voice's cells."""
    cells = [REST] * length
    tied = False
    for onset, stop, note in _notes(part, length):
        pitch = str(max(note.pitches).midi)
        goes_on = tied and onset and cells[onset - 1] != REST
        cells[onset:stop] = [HOLD if goes_on else pitch, *[HOLD] * (stop - onset - 1)]
        tied = note.tie is not None and note.tie.type in ("start", "continue")
    return cells


def _notes(part: Any, length: int) -> Iterator[tuple[int, int, Any]]:
    """A voice's notes with the steps from which and up to which they sound."""
    for note in part.flatten().notes:
        onset = round(float(note.offset) * STEPS)
        stop = min(round(float(note.offset + note.quarterLength) * STEPS), length)
        if stop > onset:
            yield onset, stop, note


def _places(part: Any, length: int) -> list[str]:
    """How many sixteenths into its bar each step is."""
    places = ["0"] * length
    for measure in part.getElementsByClass("Measure"):
        first = round(float(measure.offset) * STEPS)
        lead = round(float(measure.paddingLeft) * STEPS)
        for step in range(first, length):
            places[step] = str(step - first + lead)
    return places


MADE = Made("chorales", "Bach's chorales, four voices by sixteenths, from music21", "chorales, from music21", make)
