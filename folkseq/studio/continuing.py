"""The context before a passage of a performance, which a model continues, and the new notes in the passage.

Continuing     a model of performances, given the seconds before
ContinuingBars a model of drums, given whole bars before
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from folkseq.errors import FolkseqError
from folkseq.formats.ticks import TempoMap
from folkseq.music.grid import Grid
from folkseq.music.performance import NOTE, Note, Notes, Performance, Track
from folkseq.music.pitch import PITCH_CLASSES
from folkseq.music.sustain import bake
from folkseq.representations.packed.media.midi import DrumMedium
from folkseq.representations.performance.config import PerformanceConfig
from folkseq.representations.performance.files import PerformanceFiles
from folkseq.verbs.model import Model

CONTEXT_S, CONTEXT_BARS = 20.0, 8
"""Length of the context before a passage."""
SHORTEST_S = 1.0
"""Length of the shortest piece that a model can write."""
_AROUND_S = 5.0  # before and after a passage, for counting pitch classes
_LAST_S = 0.03  # end of a passage in which no note begins, since it would be cut to nothing
_NAMES_IN_A_SET = 24


def drums_of(model: Model) -> DrumMedium:
    """Return the medium of a model of drums on a grid. Raises FolkseqError for other models."""
    files = model.representation.files
    if isinstance(files, DrumMedium):
        return files
    raise FolkseqError(f"{model.run.address}: writes no performances; choose another model")


@dataclass(frozen=True, eq=False)
class Continuing(ABC):
    """A model that continues the music before a passage."""

    model: Model
    piece: Performance
    start_s: float
    stop_s: float

    @classmethod
    def of(cls, model: Model, piece: Performance, start_s: float, stop_s: float) -> Continuing:
        """Return an instance of the class that fits the model. Raises FolkseqError if none does."""
        if isinstance(model.representation.files, PerformanceFiles):
            return ContinuingNotes(model, piece, start_s, stop_s, model.representation.files.config)
        return ContinuingBars(model, piece, start_s, stop_s, drums_of(model))

    @property
    @abstractmethod
    def drums(self) -> bool:
        """Return whether it writes drums."""

    @abstractmethod
    def options(self, density: str, pitch_classes: str) -> dict[str, Any]:
        """Return the options for the model. Raises FolkseqError for options that it does not have."""

    @abstractmethod
    def context(self) -> Performance:
        """Return the context before the passage."""

    @abstractmethod
    def notes(self, piece: Any) -> list[Note]:
        """Return the notes of a new piece that fall into the passage."""

    @cached_property
    def played(self) -> Notes:
        """Return the notes of its kind (drums or others), with their sounding lengths."""
        tracks = [track.notes for track in bake(self.piece).tracks if track.drum == self.drums]
        return np.concatenate([np.empty(0, NOTE), *tracks])


@dataclass(frozen=True, eq=False)
class ContinuingNotes(Continuing):
    """A model of performances, which continues the seconds before a passage."""

    config: PerformanceConfig

    @property
    def drums(self) -> bool:
        """Return whether it writes drums."""
        return self.config.drums

    def options(self, density: str, pitch_classes: str) -> dict[str, Any]:
        """Return the duration, and the given options or else the present density and the harmony around the passage."""
        length_s, begins = self.stop_s - self.start_s, self.played["onset_s"]
        if not density and self.config.density:
            inside = np.count_nonzero((begins >= self.start_s) & (begins < self.stop_s))
            density = f"{inside / length_s:.2f}" if inside else ""
        if not pitch_classes and self.config.pitch_classes and not self.drums:
            pitch_classes = self._harmony()
        return {"seconds": max(length_s, SHORTEST_S), "density": density, "pitch_classes": pitch_classes}

    def context(self) -> Performance:
        """Return the music before the passage; notes that sound into it end at its start."""
        begin_s = max(self.start_s - CONTEXT_S, 0.0)
        notes = self.played[(self.played["offset_s"] > begin_s) & (self.played["onset_s"] < self.start_s)].copy()
        for name in ("onset_s", "offset_s"):
            notes[name] = np.clip(notes[name], begin_s, self.start_s) - begin_s
        return Performance((Track(notes, drum=self.drums),))

    def notes(self, piece: Any) -> list[Note]:
        """Return the notes of a new piece that begin in the passage."""
        found = (
            note for track in piece.tracks for note in track if note.onset_s < self.stop_s - self.start_s - _LAST_S
        )
        return [
            Note(note.onset_s + self.start_s, note.offset_s + self.start_s, note.pitch, note.velocity) for note in found
        ]

    def _harmony(self) -> str:
        """Return names of the pitch classes that sound in and around the passage, repeated in proportion."""
        first_s, last_s = self.start_s - _AROUND_S, self.stop_s + _AROUND_S
        sounding = np.minimum(self.played["offset_s"], last_s) - np.maximum(self.played["onset_s"], first_s)
        seconds = np.bincount(self.played["pitch"] % 12, np.maximum(sounding, 0), 12)
        if not seconds.any():
            return ""
        counts = np.round(seconds / seconds.sum() * _NAMES_IN_A_SET).astype(int)
        return ",".join(name for name, count in zip(PITCH_CLASSES, counts.tolist(), strict=True) for _ in range(count))


@dataclass(frozen=True, eq=False)
class ContinuingBars(Continuing):
    """A model of drums on a grid, which continues the whole bars before a passage."""

    medium: DrumMedium

    @property
    def drums(self) -> bool:
        """Return that it writes drums."""
        return True

    @cached_property
    def clock(self) -> TempoMap:
        """Return the map from seconds to steps."""
        return TempoMap.on_grid(self.piece.tempos, self.medium.division)

    @cached_property
    def bars(self) -> tuple[int, int, int]:
        """Return the steps at which the context, the passage's first bar, and the bar after the passage begin."""
        size = self.medium.bar
        first, last = (int(self.clock.to_ticks(each)) for each in (self.start_s, self.stop_s))
        first, last = first // size * size, -(-(last + 1) // size) * size
        return max(first - CONTEXT_BARS * size, 0), first, last

    def options(self, density: str, pitch_classes: str) -> dict[str, Any]:
        """Return the number of bars. Raises FolkseqError for options that the model does not have."""
        if density or pitch_classes:
            raise FolkseqError(
                f"{self.model.run.address}: cannot be asked for a density or pitch classes; leave them out"
            )
        begin, _, end = self.bars
        return {"bars": (end - begin) // self.medium.bar}

    def context(self) -> Performance:
        """Return the strokes of the whole bars before the passage, at a constant tempo."""
        begin, first, _ = self.bars
        steps = self.clock.to_ticks(self.played["onset_s"])
        chosen = (steps >= begin) & (steps < first)
        notes = self.played[chosen].copy()
        notes["onset_s"] = (steps[chosen] - begin) * self._step_s
        notes["offset_s"] = notes["onset_s"] + self._step_s
        return Performance((Track(notes, drum=True),), meters=((0.0, self.medium.meter),))

    def notes(self, piece: Grid) -> list[Note]:
        """Return the strokes of a new piece in the passage, at the tempo of the performance."""
        begin, _, _ = self.bars
        (track,) = self.medium.to_tracks(piece, 1.0)
        found = []
        for note in track:
            onset_s, offset_s = self.clock.to_seconds([note.onset_s + begin, note.offset_s + begin]).tolist()
            if self.start_s - 1e-6 <= onset_s < self.stop_s - _LAST_S:
                found.append(Note(onset_s, offset_s, note.pitch, note.velocity))
        return found

    @property
    def _step_s(self) -> float:
        return 0.5 / float(self.medium.division)  # at 120 quarter notes per minute
