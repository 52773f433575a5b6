"""The codec of performances, with its capabilities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from folkseq.music.performance import Performance
from folkseq.representations.base import Codec
from folkseq.representations.capabilities import Analysis, Augmentation, Features, Profile, Timing, Transposition
from folkseq.representations.performance import events, features, grid, labels, magenta
from folkseq.representations.performance.controls import Controls
from folkseq.representations.performance.decoding import Notes, pair, pair_in_turn, pedal_turns, perform
from folkseq.representations.performance.events import Rows
from folkseq.representations.performance.excerpt import KEYBOARD, SEMITONES, excerpt
from folkseq.representations.performance.fingerprint import SHARE, fingerprint
from folkseq.representations.performance.generation import PerformanceGeneration

if TYPE_CHECKING:
    from folkseq.representations.performance import PerformanceRepresentation


class PerformanceCodec(Codec[Performance]):
    """Performances to ids and back."""

    def __init__(self, representation: PerformanceRepresentation) -> None:
        self.representation, self.layout = representation, representation.layout
        self.vocabulary = self.layout.vocabulary

    @property
    def recipe(self) -> Mapping[str, Any]:
        """Return windows from all over the corpus, without dropout: ten minutes do not exhaust a large corpus."""
        windows = {"batches": "windows", "rows": 16, "length": 128, "passage": 4}
        return {
            **windows,
            "learning_rate": 6e-3,
            "dropout": 0.0,
            "weight_decay": 0.3,
            "conditioning": self.conditioning.size,
        }

    @cached_property
    def conditioning(self) -> Controls:
        """Return the density and pitch classes that a model reads beside the ids."""
        chosen = self.representation
        return Controls(self.layout, chosen.steps_per_second, chosen.density, chosen.pitch_classes)

    @cached_property
    def transposition(self) -> PerformanceTransposition:
        """Return the identity of performances across keys and players."""
        return PerformanceTransposition(self)

    @cached_property
    def augmentation(self) -> PerformanceAugmentation:
        """Return windows in other keys and tempos."""
        return PerformanceAugmentation(self)

    @cached_property
    def analysis(self) -> PerformanceAnalysis:
        """Return the analysis of performances."""
        return PerformanceAnalysis(self)

    @cached_property
    def generation(self) -> PerformanceGeneration:
        """Return the constraints on new performances."""
        return PerformanceGeneration(self)

    def encode(self, piece: Performance) -> NDArray[np.uint16]:
        """Return the ids of the piece, (T,) uint16."""
        return events.to_ids(self._rows(piece)[0], self.layout)

    def decode(self, ids: NDArray[Any]) -> Performance:
        """Return the performance that any (T,) ids stand for."""
        rows = events.to_rows(ids, self.layout)
        last = events.length(ids, self.layout)
        notes = (pair_in_turn if self.representation.order == "magenta" else pair)(rows, last)
        notes = notes._replace(velocity=self.layout.velocities(notes.velocity))
        return self._performed(notes, pedal_turns(rows, last))

    def canonical(self, piece: Performance) -> Performance:
        """Return the piece as ids represent it: one track on the grid; in magenta's order with notes paired anew."""
        if self.representation.order == "magenta":
            return self.decode(self.encode(piece))
        found = self._grid(piece)
        velocity = self.layout.velocities(self.layout.bins(found.velocity))
        return self._performed(Notes(found.onset, found.offset, found.pitch, velocity), found.pedal)

    def lost(self, piece: Performance) -> Mapping[str, int]:
        """Count what the ids do not represent, apart from rounding to steps and bins."""
        return self._rows(piece)[1] if self.representation.order == "magenta" else Counter(self._grid(piece).lost)

    def _performed(self, notes: Notes, pedal: Any) -> Performance:
        return perform(notes, pedal, self.representation.steps_per_second, self.representation.drums)

    def _grid(self, piece: Performance) -> grid.Grid:
        chosen = self.representation
        return grid.on_grid(piece, chosen.steps_per_second, chosen.sustain == "baked", chosen.drums)

    def _rows(self, piece: Performance) -> tuple[Rows, Counter[str]]:
        if self.representation.order == "magenta":
            return magenta.rows_of(piece, self.layout, self.representation.steps_per_second)
        found = self._grid(piece)
        return grid.to_rows(found, self.layout), found.lost


class PerformanceTransposition(Transposition):
    """Performances across keys; drums have no key."""

    figure = 1
    twin_share = SHARE

    def __init__(self, codec: PerformanceCodec) -> None:
        self.layout, self.drums = codec.layout, codec.representation.drums

    def fingerprint(self, ids: NDArray[Any]) -> NDArray[np.int64]:
        """Return what the piece has in common with other performances of the same work; see `fingerprint`."""
        return fingerprint(ids[ids < self.layout.note_off], self.drums)

    @cached_property
    def profile(self) -> Profile:
        """Return the pitches of NOTE_ON and NOTE_OFF; ids that end a note or move the pedal cannot be replaced."""
        layout, ids = self.layout, np.arange(self.layout.size)
        pitched = (ids < layout.time_shift) & (not self.drums)
        ons, rest = ids < layout.note_off, (ids >= layout.time_shift) & (ids < layout.start)
        return Profile(
            heights=np.where(pitched, layout.rows[1], 0),
            kinds=np.where(pitched, np.where(ons, layout.note_on, layout.note_off), ids),
            pitched=pitched,
            free=ons | rest,
            binding=np.zeros(layout.size, np.bool_),
            ends=(ids == layout.start) | (ids == layout.end),
        )

    def melody(self, ids: NDArray[Any]) -> NDArray[np.int64]:
        """Return its pitches in order of onset, with durations of 0, since no two players share durations."""
        pitches = ids[ids < self.layout.note_off].astype(np.int64)
        return np.stack((pitches, np.zeros_like(pitches)), axis=1)


class PerformanceAugmentation(Augmentation):
    """Windows in other keys and tempos, with their conditioning."""

    def __init__(self, codec: PerformanceCodec) -> None:
        self.layout, self.conditioning, self.representation = codec.layout, codec.conditioning, codec.representation

    @property
    def lookahead(self) -> int:  # type: ignore[override]  # it depends on the configuration
        """Return about the number of ids in 5 s, or a few for those that a faster tempo drops."""
        return 400 if self.conditioning.size else 16

    def span(self, ids: NDArray[Any]) -> tuple[int, int]:
        """Return the lowest and highest pitch."""
        pitches = ids[ids < self.layout.note_off]
        return (int(pitches.min()), int(pitches.max())) if len(pitches) else KEYBOARD

    def excerpt(
        self, ids: NDArray[Any], length: int, span: tuple[int, int], random: np.random.Generator
    ) -> tuple[NDArray[Any], NDArray[np.float32] | None]:
        """Return a window in another key and at another tempo, with its conditioning."""
        semitones = 0 if self.representation.drums else SEMITONES
        canonical = self.representation.order == "canonical"
        return excerpt(
            ids, length, self.layout, self.conditioning, span, random, canonical=canonical, semitones=semitones
        )


class PerformanceAnalysis(Analysis):
    """The analysis of performances."""

    def __init__(self, codec: PerformanceCodec) -> None:
        super().__init__(codec.vocabulary)
        self.layout, self.steps_per_second = codec.layout, codec.representation.steps_per_second
        self.drums, self.several = codec.representation.drums, codec.representation.order == "magenta"

    def validate(self, ids: NDArray[Any]) -> str:
        """Return the first fault by a strict reading; see `features`."""
        return features.fault(ids, self.layout, several=self.several)

    def features(self, ids: NDArray[Any]) -> Features:
        """Count pitches, durations, velocities, notes per second and simultaneous notes."""
        return features.features(ids, self.layout, self.steps_per_second, several=self.several)

    def labels(self, ids: NDArray[Any]) -> Mapping[str, NDArray[Any]]:
        """Label pitch class and hand of each onset, the pedal, the density and the time since the last onset."""
        return labels.labels(ids, self.layout, self.steps_per_second, drums=self.drums)

    def timing(self, ids: NDArray[Any]) -> Timing:
        """Return onset and duration of each id in seconds."""
        return labels.timing(ids, self.layout, self.steps_per_second)

    def amounts(self, ids: NDArray[Any]) -> dict[str, float]:
        """Return the number of notes, and of seconds up to the last event."""
        seconds = events.length(ids, self.layout) / self.steps_per_second
        return {"note": float(np.count_nonzero(ids < self.layout.note_off)), "second": seconds}
