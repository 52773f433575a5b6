"""Performance RNN's representation: note on, note off, velocity and time shift.

Source: Oore et al., This time with feeling (2018), and magenta's `performance` library; `events` has the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from folkseq.errors import ParseError
from folkseq.formats import midi
from folkseq.music.performance import Performance
from folkseq.representations.base import Files, Parsed, Representation
from folkseq.representations.performance import magenta
from folkseq.representations.performance.codec import PerformanceCodec
from folkseq.representations.performance.events import Layout
from folkseq.representations.performance.generation import PerformanceOptions
from folkseq.representations.vocabulary import Vocabulary

MOST_SHIFTS = 10_000_000
"""The most TIME_SHIFTs in a piece; the silence of a damaged file would otherwise fill the memory."""


class PerformanceFiles(Files[Performance]):
    """MIDI files, one performance each."""

    suffixes = (".mid", ".midi", ".kar")
    outputs = (".mid",)
    max_bytes = midi.LARGEST

    def __init__(self, representation: PerformanceRepresentation) -> None:
        self.representation = representation

    def parse(self, data: bytes, file: str) -> Parsed[Performance]:
        """Parse the performance in a MIDI file. Raises ParseError if it holds no notes that are kept."""
        reading = midi.parse(data, file)
        piece, lost = magenta.as_read(reading) if self.representation.order == "magenta" else reading[:2]
        tracks = [track for track in piece.tracks if len(track)]
        kept = [
            track
            for track in tracks
            if track.drum == self.representation.drums or self.representation.order == "magenta"
        ]
        if not tracks:
            raise ParseError(f"{file}: holds no notes")
        if not kept:
            drums = str(not self.representation.drums).lower()
            what = "no drums" if self.representation.drums else "nothing but drums"
            raise ParseError(f"{file}: holds {what}; performance:drums={drums} would read it")
        if (
            shifts := piece.length_s * self.representation.steps_per_second / self.representation.max_shift
        ) > MOST_SHIFTS:
            raise ParseError(f"{file}: takes {shifts:,.0f} TIME_SHIFTs; a piece of at most {MOST_SHIFTS:,} is read")
        return Parsed((piece,), (lost,))

    def format(self, piece: Performance, suffix: str, comments: Sequence[str] = (), options: Any = None) -> bytes:
        """Format the performance as MIDI, with the comments as text events at its beginning."""
        return midi.format(piece, comments)

    def title(self, piece: Performance) -> str:
        """Return the name of the performance."""
        return piece.name


@dataclass(frozen=True)
class PerformanceRepresentation(Representation[Performance]):
    """Performances as Performance RNN's tokens.

    Attributes:
        velocity_bins: 0 to 127 steps of loudness; with 0 every note is played at 80.
        steps_per_second: 1 to 1000.
        max_shift: The longest TIME_SHIFT, 1 to 1000 steps.
        sustain: Whether notes last as long as the pedal holds them (`baked`), or the pedal has `tokens` of its own.
        order: `canonical`, or `magenta` for ids that equal note_seq's.
        drums: Whether to keep the drums and nothing else, instead of all but the drums.
        density: Whether a model can be told how many notes a second to play.
        pitch_classes: Whether a model can be told which pitch classes to play.
    """

    velocity_bins: int = 32
    steps_per_second: int = 100
    max_shift: int = 100
    sustain: str = "baked"
    order: str = "canonical"
    drums: bool = False
    density: bool = True
    pitch_classes: bool = True

    name: ClassVar[str] = "performance"
    version: ClassVar[str] = "1"
    options: ClassVar[type[PerformanceOptions]] = PerformanceOptions

    def __post_init__(self) -> None:
        ranges = {"velocity_bins": (0, 127), "steps_per_second": (1, 1000), "max_shift": (1, 1000)}
        for field, (low, high) in ranges.items():
            if not low <= getattr(self, field) <= high:
                raise ValueError(f"{field} is {low} to {high}, not {getattr(self, field)}")
        for field, choices in {"sustain": ("baked", "tokens"), "order": ("canonical", "magenta")}.items():
            if getattr(self, field) not in choices:
                raise ValueError(f"{field} is {' or '.join(choices)}, not {getattr(self, field)!r}")

    @cached_property
    def files(self) -> PerformanceFiles:
        """Return the files that it reads and writes."""
        return PerformanceFiles(self)

    @cached_property
    def layout(self) -> Layout:
        """Return the table of ids."""
        return Layout(self.velocity_bins, self.max_shift, self.sustain == "tokens")

    def fit(self, pieces: Iterable[Performance]) -> PerformanceCodec:
        """Return the codec; the vocabulary does not depend on the pieces."""
        return PerformanceCodec(self)

    def codec(self, vocabulary: Vocabulary) -> PerformanceCodec:
        """Return the codec over the fixed vocabulary."""
        return PerformanceCodec(self)

    def merge(self, tokens: Iterable[str]) -> Vocabulary:
        """Return the fixed vocabulary."""
        return self.layout.vocabulary
