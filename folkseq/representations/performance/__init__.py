"""Performance RNN's representation of performances: what begins, what ends, how loud, and the time between.

Source: Oore et al., This time with feeling (2018), and magenta's `performance` library; `events` has the table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from folkseq.errors import ParseError
from folkseq.formats import midi
from folkseq.infill.performance.task import FillTask
from folkseq.music.performance import Performance
from folkseq.representations.base import Parsed
from folkseq.representations.performance import events, grid, labels, magenta, traits
from folkseq.representations.performance.decoding import Notes, pair, pair_in_turn, pedal_turns, perform
from folkseq.representations.performance.events import Layout, Rows
from folkseq.representations.performance.likeness import SHARE, likeness
from folkseq.representations.performance.steered import Steered
from folkseq.representations.places import Places
from folkseq.representations.task import FILL, Task
from folkseq.representations.traits import Traits
from folkseq.representations.vocabulary import Profile, Vocabulary

MOST_SHIFTS = 10_000_000  # in a piece; silence that a damaged file makes would else fill the memory


@dataclass(frozen=True)
class PerformanceTokenizer(Steered):
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
    suffixes: ClassVar[tuple[str, ...]] = (".mid", ".midi", ".kar")
    outputs: ClassVar[tuple[str, ...]] = (".mid",)
    largest: ClassVar[int] = midi.LARGEST
    figure: ClassVar[int] = 1
    twin_share: ClassVar[float] = SHARE

    def __post_init__(self) -> None:
        ranges = {"velocity_bins": (0, 127), "steps_per_second": (1, 1000), "max_shift": (1, 1000)}
        for field, (low, high) in ranges.items():
            if not low <= getattr(self, field) <= high:
                raise ValueError(f"{field} is {low} to {high}, not {getattr(self, field)}")
        for field, choices in {"sustain": ("baked", "tokens"), "order": ("canonical", "magenta")}.items():
            if getattr(self, field) not in choices:
                raise ValueError(f"{field} is {' or '.join(choices)}, not {getattr(self, field)!r}")

    @property
    def recipe(self) -> Mapping[str, Any]:
        """Passages from all over the corpus, and no dropout, since ten minutes do not take in all of a large one."""
        windows = {"batches": "windows", "rows": 16, "length": 128, "passage": 4}
        return {**windows, "learning_rate": 6e-3, "dropout": 0.0, "weight_decay": 0.3}

    @cached_property
    def layout(self) -> Layout:
        """Which id is which."""
        return Layout(self.velocity_bins, self.max_shift, self.sustain == "tokens")

    @property
    def vocabulary(self) -> Vocabulary:
        """The tokens in order of their ids."""
        return self.layout.vocabulary

    def parse(self, data: bytes, file: str) -> Parsed[Performance]:
        """The performance in a MIDI file's bytes. Raises ParseError if it holds no notes that are kept."""
        reading = midi.parse(data, file)
        piece, lost = magenta.as_read(reading) if self.order == "magenta" else reading[:2]
        tracks = [track for track in piece.tracks if len(track)]
        kept = [track for track in tracks if track.drum == self.drums or self.order == "magenta"]
        if not tracks:
            raise ParseError(f"{file}: holds no notes")
        if not kept:
            drums = str(not self.drums).lower()
            what = "no drums" if self.drums else "nothing but drums"
            raise ParseError(f"{file}: holds {what}; the tokenizer performance:drums={drums} would read it")
        if (shifts := piece.length_s * self.steps_per_second / self.max_shift) > MOST_SHIFTS:
            raise ParseError(f"{file}: takes {shifts:,.0f} TIME_SHIFTs; a piece of at most {MOST_SHIFTS:,} is read")
        return Parsed((piece,), (lost,))

    def format(self, piece: Performance, suffix: str, comments: Sequence[str] = (), **controls: Any) -> bytes:
        """The performance as a MIDI file, with the comments as texts at its beginning."""
        return midi.format(piece, comments)

    def encode(self, piece: Performance, vocabulary: Vocabulary | None = None) -> NDArray[np.uint16]:
        """The ids of the piece's tokens, (T,) uint16."""
        return events.to_ids(self._rows(piece)[0], self.layout)

    def decode(self, ids: NDArray[Any]) -> Performance:
        """The performance that any (T,) ids stand for."""
        rows = events.to_rows(ids, self.layout)
        last = events.length(ids, self.layout)
        notes = (pair_in_turn if self.order == "magenta" else pair)(rows, last)
        notes = notes._replace(velocity=self.layout.velocities(notes.velocity))
        return perform(notes, pedal_turns(rows, last), self.steps_per_second, self.drums)

    def tokenize(self, piece: Performance) -> list[str]:
        """The piece's tokens, from `<s>` to `</s>`."""
        return self.vocabulary.decode(self.encode(piece).tolist())

    def detokenize(self, tokens: Sequence[str]) -> Performance:
        """The performance that any sequence of tokens stands for."""
        return self.decode(np.array(self.vocabulary.encode(tokens), np.int64))

    def canonical(self, piece: Performance) -> Performance:
        """The piece as tokens can hold it: one track, on the grid; in magenta's order, with its notes paired anew."""
        if self.order == "magenta":
            return self.decode(self.encode(piece))
        grid = self._grid(piece)
        velocity = self.layout.velocities(self.layout.bins(grid.velocity))
        notes = Notes(grid.onset, grid.offset, grid.pitch, velocity)
        return perform(notes, grid.pedal, self.steps_per_second, self.drums)

    def lost(self, piece: Performance) -> Mapping[str, int]:
        """What of the piece its tokens do not hold, by kind and count, rounding to steps and bins aside."""
        return self._rows(piece)[1] if self.order == "magenta" else Counter(self._grid(piece).lost)

    def fingerprint(self, ids: NDArray[Any], vocabulary: Vocabulary) -> NDArray[np.int64]:
        """What its notes have in common with those of other performances of the work; see `likeness`."""
        return likeness(ids[ids < self.layout.note_off], self.drums)

    def task(self, name: str, vocabulary: Vocabulary) -> Task:
        """To fill gaps of some seconds."""
        return FillTask(self, vocabulary) if name == FILL else super().task(name, vocabulary)

    def profile(self, vocabulary: Vocabulary) -> Profile:
        """The pitches of NOTE_ON and NOTE_OFF, but for drums; what ends a note or moves the pedal has to come."""
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

    def melody(self, ids: NDArray[Any], vocabulary: Vocabulary) -> NDArray[np.int64]:
        """Its pitches in order of their onsets, with durations of 0, since no two players keep the same."""
        pitches = ids[ids < self.layout.note_off].astype(np.int64)
        return np.stack((pitches, np.zeros_like(pitches)), axis=1)

    def labels(self, ids: NDArray[Any], vocabulary: Vocabulary) -> Mapping[str, NDArray[Any]]:
        """The pitch class and hand of each note that begins, the pedal, density, and the time since the last onset."""
        return labels.labels(ids, self.layout, self.steps_per_second, drums=self.drums)

    def places(self, ids: NDArray[Any], vocabulary: Vocabulary) -> Places:
        """When each token is met, and how long it lasts, in seconds."""
        return labels.places(ids, self.layout, self.steps_per_second)

    def extent(self, ids: NDArray[Any], vocabulary: Vocabulary) -> dict[str, float]:
        """The number of notes, and of seconds up to the last event."""
        seconds = events.length(ids, self.layout) / self.steps_per_second
        return {"note": float(np.count_nonzero(ids < self.layout.note_off)), "second": seconds}

    def fault(self, ids: NDArray[Any], vocabulary: Vocabulary) -> str:
        """What a strict reading finds wrong first: `traits` says what there may be."""
        return traits.fault(ids, self.layout, several=self.order == "magenta")

    def traits(self, ids: NDArray[Any], vocabulary: Vocabulary) -> Traits:
        """Its notes' pitches, durations and velocities, how many there are a second, and how many sound at once."""
        return traits.traits(ids, self.layout, self.steps_per_second, several=self.order == "magenta")

    def _grid(self, piece: Performance) -> grid.Grid:
        return grid.on_grid(piece, self.steps_per_second, self.sustain == "baked", self.drums)

    def _rows(self, piece: Performance) -> tuple[Rows, Counter[str]]:
        if self.order == "magenta":
            return magenta.rows_of(piece, self.layout, self.steps_per_second)
        found = self._grid(piece)
        return grid.to_rows(found, self.layout), found.lost
