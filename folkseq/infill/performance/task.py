"""Filling gaps in performances: which seconds are asked for in training, and which a user means."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from folkseq.errors import ParseError, RequestError
from folkseq.formats.midi.splice import splice, within
from folkseq.infill.performance import gap, surroundings
from folkseq.music.performance import PEDAL_DOWN, Note, Performance, Track
from folkseq.pairs import EncoderSource, Integers, Pair, RelativePositions
from folkseq.representations.performance.decoding import Notes, pair
from folkseq.representations.performance.events import to_rows
from folkseq.representations.performance.excerpt import SEMITONES, draw_interval

if TYPE_CHECKING:
    from folkseq.representations.performance import PerformanceRepresentation
    from folkseq.representations.performance.codec import PerformanceCodec

CONTEXT_S = 10.0
"""Seconds before and after a gap that are known."""
SHORTEST_S, LONGEST_S = 0.5, 16.0
MOST_NOTES = 100
"""Of a gap, in training: what is longer is cut into another."""
ALONE = 0.1
"""How often nothing is known of what comes after a gap, in training."""
PASSAGE = 4096
"""Ids of which a gap and what is around it are drawn."""
JUDGED = 8
"""How many gaps of a held-out performance are judged."""
_RANGE = re.compile(r"([0-9]+(?:\.[0-9]+)?)-([0-9]+(?:\.[0-9]+)?)")


@dataclass(frozen=True)
class FillTask:
    """A `folkseq.representations.task.Task`: some seconds are played anew."""

    codec: PerformanceCodec

    outputs: ClassVar[tuple[str, ...]] = (".mid",)

    def __post_init__(self) -> None:
        if self.tokenizer.sustain != "baked" or self.tokenizer.order != "canonical":
            raise RequestError("gaps are filled in canonical order with the pedal in the notes; leave out those fields")

    @property
    def tokenizer(self) -> PerformanceRepresentation:
        """Return the configuration."""
        return self.codec.representation

    @property
    def size(self) -> int:
        """See the protocol."""
        return len(self.codec.vocabulary)

    @property
    def fields(self) -> tuple[int, ...]:
        """None."""
        return ()

    @property
    def source(self) -> tuple[int, ...]:
        """What is told of each note around the gap."""
        return surroundings.fields(self.tokenizer.layout)

    @property
    def recipe(self) -> Mapping[str, Any]:
        """As for whole performances, as far as it goes."""
        return {"batches": "pairs", "learning_rate": 2e-3, "weight_decay": 0.3, "dropout": 0.0}

    @property
    def relative_positions(self) -> RelativePositions:
        """In half seconds."""
        return RelativePositions(int((CONTEXT_S + LONGEST_S) / surroundings.STRETCH), 0)

    def draw(self, ids: NDArray[Any], random: np.random.Generator, alone: bool | None = None) -> Pair | None:
        """A gap of half a second to sixteen, short ones as often as those twice as long, in another key."""
        hidden = random.random() < ALONE if alone is None else alone
        return self._gap(self._passage(ids, random), random, hidden, 0 if self.tokenizer.drums else SEMITONES)

    def hold_out(self, ids: NDArray[Any], piece: int, turn: int, alone: bool | None = None) -> Pair | None:
        """Some gaps of a performance, in its own key."""
        random = np.random.default_rng([piece, turn])
        return self._gap(self._passage(ids, random), random, bool(alone), 0) if turn < JUDGED else None

    def plain(self, ids: NDArray[Any]) -> NDArray[Any]:
        """All of it."""
        return ids

    def extent(self, pair: Pair) -> dict[str, float]:
        """The number of notes, and of seconds up to the last event."""
        return self.codec.analysis.amounts(pair.ids)

    def ask(self, data: bytes, file: str, **asked: Any) -> AskedSeconds:
        """The seconds that a user wants played anew, `seconds` as in 12-20."""
        if asked.get("bars") is not None:
            raise RequestError(f"--bars: {file} is a performance; name the seconds to be played anew, --seconds 12-20")
        match = _RANGE.fullmatch((asked.get("seconds") or "").strip())
        if match is None:
            given = asked.get("seconds") or ""
            raise RequestError(f"--seconds {given}: from when to when? write two with a dash between, as in 12-20")
        try:
            take = self.tokenizer.files.parse(data, file).pieces[0]
        except ParseError as error:
            raise RequestError(str(error)) from None
        begin, end = float(match[1]), float(match[2])
        if end < begin:
            raise RequestError(f"--seconds {asked['seconds']}: goes backwards; write {match[2]}-{match[1]}")
        if self.steps(begin) == self.steps(end):
            step = f"{1 / self.tokenizer.steps_per_second:g}"
            raise RequestError(f"--seconds {asked['seconds']}: there is no room for a note; ask for {step} or more")
        if end > take.length_s + LONGEST_S:
            raise RequestError(
                f"--seconds {asked['seconds']}: the take lasts {take.length_s:.1f} seconds; name some of them"
            )
        if end - begin > LONGEST_S:
            raise RequestError(f"--seconds {asked['seconds']}: ask for at most {LONGEST_S:g} seconds at a time")
        own = [track for track in take.tracks if track.drum == self.tokenizer.drums]
        pedalled = any(_pressed(track, begin, end) for track in own)
        told = "the pedal is down in these seconds, and holds the new notes as it holds the others"
        return AskedSeconds(self, take, data, file, begin, end, (told,) if pedalled else ())

    def notes(self, ids: NDArray[Any]) -> Notes:
        """The notes of some ids of a performance, with the bins of their velocities."""
        layout = self.tokenizer.layout
        rows = to_rows(ids, layout)
        found = pair(rows, int(layout.steps[np.asarray(ids, np.int64)].sum()))
        return found._replace(velocity=np.maximum(found.velocity, min(layout.velocity_bins, 1)))

    def steps(self, seconds: float) -> int:
        """How many steps a time takes."""
        return round(seconds * self.tokenizer.steps_per_second)

    def _passage(self, ids: NDArray[Any], random: np.random.Generator) -> NDArray[Any]:
        """`PASSAGE` ids from anywhere in a performance, after the velocity in which they begin."""
        first = int(random.integers(max(len(ids) - PASSAGE, 0) + 1))
        layout, before = self.tokenizer.layout, ids[:first]
        told = np.flatnonzero((before >= layout.velocity) & (before < layout.velocity + layout.velocity_bins))
        return np.concatenate([ids[told[-1:]], ids[first : first + PASSAGE]])

    def _gap(self, ids: NDArray[Any], random: np.random.Generator, alone: bool, semitones: int) -> Pair | None:
        notes = self.notes(ids)
        if not len(notes.onset):
            return None
        length = self.steps(2 ** random.uniform(np.log2(SHORTEST_S), np.log2(LONGEST_S)))
        first = int(random.choice(notes.onset))
        inside = np.sort(notes.onset[(notes.onset >= first) & (notes.onset < first + length)])
        last = int(inside[MOST_NOTES]) if len(inside) > MOST_NOTES else first + length
        begin, end = max(first - self.steps(CONTEXT_S), 0), last + self.steps(CONTEXT_S)
        near = (notes.offset > begin) & (notes.onset < end)
        passage = Notes(*(each[near] for each in notes))
        passage = passage._replace(
            onset=np.maximum(passage.onset - begin, 0), offset=np.minimum(passage.offset, end) - begin
        )
        span = int(passage.pitch.min()), int(passage.pitch.max())
        passage = passage._replace(pitch=passage.pitch + draw_interval(span, semitones, random))
        return gap.pair(
            passage, first - begin, last - begin, self.tokenizer.layout, self.tokenizer.steps_per_second, alone
        )


@dataclass(frozen=True)
class AskedSeconds:
    """A gap in a take (`folkseq.representations.task.Asked`)."""

    task: FillTask
    take: Performance
    data: bytes
    """The file that it comes from."""
    file: str
    begin_s: float
    end_s: float
    notices: tuple[str, ...] = ()

    @cached_property
    def _kept(self) -> tuple[Notes, int]:
        """The notes around the gap that stay, from `CONTEXT_S` before it on, and the step of the gap's beginning."""
        left = replace(self.take, tracks=tuple(map(self._outside, self.take.tracks)))
        notes = self.task.notes(self.task.codec.encode(left))
        first, last = self.task.steps(self.begin_s), self.task.steps(self.end_s)
        begin, end = max(first - self.task.steps(CONTEXT_S), 0), last + self.task.steps(CONTEXT_S)
        # What begins at the gap's first step has begun before the gap, by less than a step.
        notes = notes._replace(onset=np.where(notes.onset == first, max(first - 1, 0), notes.onset))
        near = (notes.offset > begin) & (notes.onset < end)
        kept = Notes(*(each[near] for each in notes))
        moved = kept._replace(onset=np.maximum(kept.onset - begin, 0), offset=np.minimum(kept.offset, end) - begin)
        return moved, first - begin

    @property
    def _steps(self) -> int:
        return max(self.task.steps(self.end_s) - self.task.steps(self.begin_s), 1)

    @cached_property
    def source(self) -> EncoderSource:
        """See the protocol."""
        kept, first = self._kept
        return surroundings.source(kept, first, first + self._steps, self.task.tokenizer.steps_per_second)

    @cached_property
    def grammar(self) -> gap.Gap:
        """See the protocol."""
        kept, first = self._kept
        tokenizer = self.task.tokenizer
        held = np.maximum(gap.held(kept, first), self._held)
        return gap.Gap(self.source, held, self._steps, tokenizer.layout, tokenizer.steps_per_second)

    @property
    def opening(self) -> tuple[int, ...]:
        """See the protocol."""
        return (self.task.tokenizer.layout.start,)

    @property
    def end(self) -> int:
        """See the protocol."""
        return self.task.tokenizer.layout.end

    @property
    def limit(self) -> int:
        """See the protocol."""
        return self.grammar.limit

    def holds(self, onset_s: float) -> bool:
        """Whether a note that begins then is in the gap."""
        return within(onset_s, self.begin_s, self.end_s)

    def _outside(self, track: Track) -> Track:
        """A track without the notes that go."""
        if track.drum != self.task.tokenizer.drums:
            return track
        return replace(track, notes=track.notes[[not self.holds(onset_s) for onset_s in track.notes["onset_s"]]])

    @property
    def _held(self) -> Integers:
        """(128,) as `gap.held`, by any of the tracks: where two hold a pitch, a performance's ids know of the later."""
        until = np.zeros(128, np.int64)
        for track in self.take.tracks:
            if track.drum == self.task.tokenizer.drums:
                notes = track.notes[track.notes["onset_s"] < self.begin_s]
                left = np.ceil((notes["offset_s"] - self.begin_s) * self.task.tokenizer.steps_per_second - 1e-3)
                np.maximum.at(until, notes["pitch"], np.maximum(left, 0).astype(np.int64))
        return until

    def finish(self, ids: Sequence[int]) -> FilledTake:
        """See the protocol."""
        return FilledTake(self, np.array(ids, np.int64))


@dataclass(frozen=True)
class FilledTake:
    """A take with new notes (`folkseq.representations.task.Finished`)."""

    asked: AskedSeconds
    ids: NDArray[np.int64]

    @property
    def title(self) -> str:
        """See the protocol."""
        return self.asked.take.name

    @property
    def written(self) -> str:
        """How many notes there are now, and how many there were."""
        asked = self.asked
        own = [track for track in asked.take.tracks if track.drum == asked.task.tokenizer.drums]
        before = sum(asked.holds(note.onset_s) for track in own for note in track)
        return f"{len(self._new)} notes from {asked.begin_s:g} to {asked.end_s:g} s, where {before} were"

    @property
    def compared(self) -> NDArray[Any]:
        """See the protocol."""
        return self.ids[1:]

    @property
    def free(self) -> int:
        """See the protocol."""
        return len(self.ids) - 1

    def format(self, suffix: str, comments: Sequence[str] = ()) -> bytes:
        """As MIDI, in which every other event is where it was."""
        asked = self.asked
        notes = [
            replace(note, onset_s=note.onset_s + asked.begin_s, offset_s=note.offset_s + asked.begin_s)
            for note in self._new
        ]
        drums = asked.task.tokenizer.drums
        return splice(asked.data, asked.file, asked.begin_s, asked.end_s, notes, comments, drums=drums)

    @cached_property
    def _new(self) -> list[Note]:
        """The new notes, from the gap's beginning on."""
        return list(self.asked.task.codec.decode(self.ids).tracks[0])


def _pressed(track: Track, begin_s: float, end_s: float) -> bool:
    """Whether the pedal is down at any time between two."""
    first = max(int(np.searchsorted(track.pedal["time_s"], begin_s, side="right")) - 1, 0)
    last = int(np.searchsorted(track.pedal["time_s"], end_s))
    return bool((track.pedal["value"][first:last] >= PEDAL_DOWN).any())
