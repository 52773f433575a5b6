"""Performances note by note: each note is one compound token of wait, pitch, velocity and length.

Times, bins, pedal, conditioning and primes are the same as in `performance`. There are no note-off events, so no note
can hang, and no time is clipped. With tracks, each note also has an instrument, so that a model can learn whole bands.

layout                 conversion between ids, values and notes
quantization           conversion between performances and notes in steps
grammar                the ids that may come next
codec, generation      the capabilities of the codec
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from folkseq.music.performance import Performance
from folkseq.representations.base import Representation
from folkseq.representations.notes.options import NotesOptions
from folkseq.representations.performance.config import PerformanceConfig
from folkseq.representations.vocabulary import Vocabulary
from folkseq.settings import setting, validate

if TYPE_CHECKING:
    from folkseq.representations.notes.codec import NotesCodec
    from folkseq.representations.notes.layout import NotesLayout
    from folkseq.representations.performance.files import PerformanceFiles


@dataclass(frozen=True)
class NotesRepresentation(Representation[Performance]):
    """Performances as notes."""

    velocity_bins: int = setting(32, "Number of velocity bins; with 0, every note has velocity 80.", low=0, high=127)
    steps_per_second: int = setting(100, "Time steps per second.", low=1, high=1000)
    tracks: bool = setting(False, "Keep the instrument of each note, and the drums.")
    drums: bool = setting(False, "Keep only the drums, instead of only the other instruments.")
    density: bool = setting(True, "Condition the model on notes per second.")
    pitch_classes: bool = setting(True, "Condition the model on pitch classes.")

    name: ClassVar[str] = "notes"
    options: ClassVar[type[NotesOptions]] = NotesOptions

    def __post_init__(self) -> None:
        validate(self)
        if self.tracks and self.drums:
            raise ValueError("with tracks all notes are kept, so leave out drums")

    @cached_property
    def layout(self) -> NotesLayout:
        """Return the ids."""
        from folkseq.representations.notes.layout import NotesLayout

        return NotesLayout(self.velocity_bins, self.tracks)

    @cached_property
    def config(self) -> PerformanceConfig:
        """Return the configuration of `performance` for the same notes."""
        own = (self.velocity_bins, self.steps_per_second)
        return PerformanceConfig(*own, drums=self.drums, density=self.density, pitch_classes=self.pitch_classes)

    @cached_property
    def files(self) -> PerformanceFiles:
        """Return the input and output files."""
        from folkseq.representations.performance.files import PerformanceFiles

        return PerformanceFiles(self.config, self.name, self.tracks)

    def codec(self, vocabulary: Vocabulary) -> NotesCodec:
        """Return the codec over the fixed vocabulary."""
        from folkseq.representations.notes.codec import NotesCodec

        return NotesCodec(self)

    def merge(self, tokens: Iterable[str]) -> Vocabulary:
        """Return the fixed vocabulary."""
        return self.layout.vocabulary
