"""Filling gaps in performances: which seconds are asked for in training, and which a user means."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from folkseq.errors import ParseError, RequestError
from folkseq.formats.midi.splice import splice, within
from folkseq.infill.performance import gap, surroundings
from folkseq.music.performance import PEDAL_DOWN, Note, Performance, Track
from folkseq.pairs import Integers, Pair, RelativePositions
from folkseq.representations.performance.decoding import Notes, pair
from folkseq.representations.performance.events import to_rows
from folkseq.representations.performance.excerpt import SEMITONES, draw_interval
from folkseq.representations.task import Answer, Question, Task

if TYPE_CHECKING:
    from folkseq.representations.performance.codec import PerformanceCodec

CONTEXT_S = 10.0
"""Seconds before and after a gap that are known."""
SHORTEST_S, LONGEST_S = 0.5, 16.0
MOST_NOTES = 100
"""Of a gap, in training: what is longer is cut into another."""
LEFT_ONLY = 0.1
"""Share of the pairs in training whose source has nothing after the gap."""
PASSAGE = 4096
"""Ids of which a gap and what is around it are drawn."""
JUDGED = 8
"""How many gaps of a held-out performance are judged."""
_RANGE = re.compile(r"([0-9]+(?:\.[0-9]+)?)-([0-9]+(?:\.[0-9]+)?)")


class FillPerformance(Task):
    """Filling a gap of some seconds in a performance."""

    outputs = (".mid",)
    relative_positions = RelativePositions(int((CONTEXT_S + LONGEST_S) / surroundings.STRETCH), 0)
    """In half seconds."""
    recipe: Mapping[str, Any] = {"batches": "pairs", "learning_rate": 2e-3, "weight_decay": 0.3, "dropout": 0.0}

    def __init__(self, codec: PerformanceCodec) -> None:
        """Raise RequestError for a configuration in which gaps cannot be filled."""
        self.codec, self.tokenizer = codec, codec.representation
        if self.tokenizer.sustain != "baked" or self.tokenizer.order != "canonical":
            raise RequestError("gaps are filled in canonical order with the pedal in the notes; leave out those fields")
        self.vocabulary_size = len(codec.vocabulary)
        self.source_sizes = surroundings.fields(self.tokenizer.layout)

    def draw(self, ids: NDArray[Any], random: np.random.Generator, left_only: bool | None = None) -> Pair | None:
        """Draw a gap of half a second to sixteen, short ones as often as those twice as long, in another key."""
        hidden = random.random() < LEFT_ONLY if left_only is None else left_only
        return self._gap(self._passage(ids, random), random, hidden, 0 if self.tokenizer.drums else SEMITONES)

    def hold_out(self, ids: NDArray[Any], piece: int, turn: int, left_only: bool | None = None) -> Pair | None:
        """Return some gaps of a performance, in its own key."""
        random = np.random.default_rng([piece, turn])
        return self._gap(self._passage(ids, random), random, bool(left_only), 0) if turn < JUDGED else None

    def amounts(self, pair: Pair) -> dict[str, float]:
        """Return the number of notes, and of seconds up to the last event."""
        return self.codec.analysis.amounts(pair.ids)

    def ask(self, data: bytes, file: str, **where: Any) -> GapInPerformance:
        """Find the gap in a file of MIDI, `seconds` as in 12-20."""
        if where.get("bars") is not None:
            raise RequestError(f"--bars: {file} is a performance; name the seconds to be played anew, --seconds 12-20")
        match = _RANGE.fullmatch((where.get("seconds") or "").strip())
        if match is None:
            given = where.get("seconds") or ""
            raise RequestError(f"--seconds {given}: from when to when? write two with a dash between, as in 12-20")
        try:
            take = self.tokenizer.files.parse(data, file).pieces[0]
        except ParseError as error:
            raise RequestError(str(error)) from None
        begin, end = float(match[1]), float(match[2])
        if end < begin:
            raise RequestError(f"--seconds {where['seconds']}: goes backwards; write {match[2]}-{match[1]}")
        if self.steps(begin) == self.steps(end):
            step = f"{1 / self.tokenizer.steps_per_second:g}"
            raise RequestError(f"--seconds {where['seconds']}: there is no room for a note; ask for {step} or more")
        if end > take.length_s + LONGEST_S:
            raise RequestError(
                f"--seconds {where['seconds']}: the take lasts {take.length_s:.1f} seconds; name some of them"
            )
        if end - begin > LONGEST_S:
            raise RequestError(f"--seconds {where['seconds']}: ask for at most {LONGEST_S:g} seconds at a time")
        own = [track for track in take.tracks if track.drum == self.tokenizer.drums]
        pedalled = any(_pressed(track, begin, end) for track in own)
        told = "the pedal is down in these seconds, and holds the new notes as it holds the others"
        return GapInPerformance.of(self, take, data, file, begin, end, (told,) if pedalled else ())

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

    def _gap(self, ids: NDArray[Any], random: np.random.Generator, left_only: bool, semitones: int) -> Pair | None:
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
            passage, first - begin, last - begin, self.tokenizer.layout, self.tokenizer.steps_per_second, left_only
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class GapInPerformance(Question):
    """A gap to fill in a performance."""

    task: FillPerformance
    performance: Performance
    data: bytes
    """The file that it comes from."""
    file: str
    begin_s: float
    end_s: float

    @classmethod
    def of(
        cls,
        task: FillPerformance,
        performance: Performance,
        data: bytes,
        file: str,
        begin_s: float,
        end_s: float,
        notices: tuple[str, ...],
    ) -> Self:
        """Return the question of a gap: its source holds the notes around it, its grammar the pitches that sound."""
        tokenizer = task.tokenizer
        kept, first = _kept(task, performance, begin_s, end_s)
        steps = max(task.steps(end_s) - task.steps(begin_s), 1)
        source = surroundings.source(kept, first, first + steps, tokenizer.steps_per_second)
        held = np.maximum(gap.held(kept, first), _held(task, performance, begin_s))
        grammar = gap.Gap(source, held, steps, tokenizer.layout, tokenizer.steps_per_second)
        return cls(
            task=task,
            performance=performance,
            data=data,
            file=file,
            begin_s=begin_s,
            end_s=end_s,
            source=source,
            grammar=grammar,
            opening=(tokenizer.layout.start,),
            end_id=tokenizer.layout.end,
            limit=grammar.limit,
            notices=notices,
        )

    def answer(self, ids: Sequence[int]) -> FilledPerformance:
        """Return the performance with new notes in the gap."""
        new = list(self.task.codec.decode(np.array(ids, np.int64)).tracks[0])
        own = [track for track in self.performance.tracks if track.drum == self.task.tokenizer.drums]
        before = sum(within(note.onset_s, self.begin_s, self.end_s) for track in own for note in track)
        return FilledPerformance(
            title=self.performance.name,
            summary=f"{len(new)} notes from {self.begin_s:g} to {self.end_s:g} s, where {before} were",
            compared=np.array(ids[1:], np.int64),
            choices=len(ids) - 1,
            question=self,
            new=new,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class FilledPerformance(Answer):
    """A performance with new notes in a gap."""

    question: GapInPerformance
    new: list[Note]
    """The new notes, timed from the beginning of the gap."""

    def format(self, suffix: str, comments: Sequence[str] = ()) -> bytes:
        """Format the performance as MIDI, in which every other event is where it was."""
        asked, begin_s = self.question, self.question.begin_s
        notes = [replace(note, onset_s=note.onset_s + begin_s, offset_s=note.offset_s + begin_s) for note in self.new]
        drums = asked.task.tokenizer.drums
        return splice(asked.data, asked.file, begin_s, asked.end_s, notes, comments, drums=drums)


def _kept(task: FillPerformance, performance: Performance, begin_s: float, end_s: float) -> tuple[Notes, int]:
    """Return the notes around a gap, from `CONTEXT_S` before it on, and the step at which the gap begins."""

    def without(track: Track) -> Track:
        if track.drum != task.tokenizer.drums:
            return track
        return replace(track, notes=track.notes[[not within(t, begin_s, end_s) for t in track.notes["onset_s"]]])

    notes = task.notes(task.codec.encode(replace(performance, tracks=tuple(map(without, performance.tracks)))))
    first, last = task.steps(begin_s), task.steps(end_s)
    begin, end = max(first - task.steps(CONTEXT_S), 0), last + task.steps(CONTEXT_S)
    # A note at the gap's first step began before the gap, by less than a step.
    notes = notes._replace(onset=np.where(notes.onset == first, max(first - 1, 0), notes.onset))
    near = (notes.offset > begin) & (notes.onset < end)
    kept = Notes(*(each[near] for each in notes))
    moved = kept._replace(onset=np.maximum(kept.onset - begin, 0), offset=np.minimum(kept.offset, end) - begin)
    return moved, first - begin


def _held(task: FillPerformance, performance: Performance, begin_s: float) -> Integers:
    """Return (128,) as `gap.held`, by all tracks: where two hold a pitch, a performance's ids have the later note."""
    until = np.zeros(128, np.int64)
    for track in performance.tracks:
        if track.drum == task.tokenizer.drums:
            notes = track.notes[track.notes["onset_s"] < begin_s]
            left = np.ceil((notes["offset_s"] - begin_s) * task.tokenizer.steps_per_second - 1e-3)
            np.maximum.at(until, notes["pitch"], np.maximum(left, 0).astype(np.int64))
    return until


def _pressed(track: Track, begin_s: float, end_s: float) -> bool:
    """Whether the pedal is down at any time between two."""
    first = max(int(np.searchsorted(track.pedal["time_s"], begin_s, side="right")) - 1, 0)
    last = int(np.searchsorted(track.pedal["time_s"], end_s))
    return bool((track.pedal["value"][first:last] >= PEDAL_DOWN).any())
