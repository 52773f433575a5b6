"""A gap in a user's MIDI file, and the file with new notes in the gap."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from folkseq.errors import RequestError
from folkseq.formats.midi.splice import splice, within
from folkseq.infill.performance.gap import PerformanceGapGrammar, crop, held_until, notes_of, source_of
from folkseq.music.performance import PEDAL_DOWN, Note, Track
from folkseq.pairs import Integers
from folkseq.representations.performance.codec import PerformanceCodec
from folkseq.representations.performance.files import PerformanceFiles
from folkseq.representations.task import Answer, Question

LONGEST_S = 16.0  # maximum length of a gap
_RANGE = re.compile(r"([0-9]+(?:\.[0-9]+)?)-([0-9]+(?:\.[0-9]+)?)")


@dataclass(frozen=True, kw_only=True, eq=False)
class GapInPerformance(Question):
    """A gap to fill in a MIDI file."""

    codec: PerformanceCodec
    data: bytes
    file: str
    begin_s: float
    end_s: float
    title: str
    old_notes: int
    """Number of notes that begin in the gap."""

    def answer(self, ids: Sequence[int]) -> FilledPerformance:
        """Return the performance with new notes in the gap."""
        (new,) = self.codec.decode(np.array(ids)).tracks
        return FilledPerformance(
            title=self.title,
            summary=f"{len(new)} notes from {self.begin_s:g} to {self.end_s:g} s, where {self.old_notes} were",
            compared=np.array(ids[1:]),
            choices=len(ids) - 1,
            question=self,
            new=new,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class FilledPerformance(Answer):
    """A performance with new notes in a gap."""

    question: GapInPerformance
    new: Track
    """The new notes, timed from the beginning of the gap."""

    def format(self, suffix: str, comments: Sequence[str] = ()) -> bytes:
        """Format the performance as MIDI; all other events remain unchanged."""
        gap, begin_s = self.question, self.question.begin_s
        notes = [Note(note.onset_s + begin_s, note.offset_s + begin_s, note.pitch, note.velocity) for note in self.new]
        return splice(gap.data, gap.file, begin_s, gap.end_s, notes, comments, drums=gap.codec.config.drums)


def ask(codec: PerformanceCodec, data: bytes, file: str, **where: Any) -> GapInPerformance:
    """Find the gap from its `seconds`, as in 12-20. Raises RequestError if it cannot be filled."""
    if where.get("bars") is not None:
        raise RequestError(f"--bars: {file} is a performance; name the seconds to write again, --seconds 12-20")
    if where.get("instrument") is not None:
        raise RequestError(f"--instrument: {file} is a performance, and only tunes are written for one; leave it out")
    given, config = where.get("seconds") or "", codec.config
    match = _RANGE.fullmatch(given.strip())
    if match is None:
        raise RequestError(f"--seconds {given}: write two times with a dash between, as in 12-20")
    performance = PerformanceFiles(config).parse(data, file).pieces[0]
    begin_s, end_s = float(match[1]), float(match[2])
    begin, end = round(begin_s * config.steps_per_second), round(end_s * config.steps_per_second)
    if end_s < begin_s:
        raise RequestError(f"--seconds {given}: goes backwards; write {match[2]}-{match[1]}")
    if begin == end:
        raise RequestError(f"--seconds {given}: has no room for a note; name at least {1 / config.steps_per_second:g}")
    if end_s > performance.length_s + LONGEST_S:
        raise RequestError(f"--seconds {given}: the performance lasts {performance.length_s:.1f} seconds; name earlier")
    if end_s - begin_s > LONGEST_S:
        raise RequestError(f"--seconds {given}: is longer than {LONGEST_S:g} seconds; name fewer")
    own = [track for track in performance.tracks if track.drum == config.drums]
    kept = [track.notes[[not within(onset_s, begin_s, end_s) for onset_s in track.notes["onset_s"]]] for track in own]
    tracks = tuple(replace(track, notes=notes) for track, notes in zip(own, kept, strict=True))
    notes = notes_of(codec.encode(replace(performance, tracks=tracks)), config)
    # A kept note at the gap's first step began before the gap, by less than a step.
    notes = notes._replace(onset=np.where(notes.onset == begin, max(begin - 1, 0), notes.onset))
    notes, first = crop(notes, begin, end, config)
    source = source_of(notes, first, first + end - begin, config)
    held = np.maximum(held_until(notes, first), _held_in(tracks, begin_s, config.steps_per_second))
    grammar = PerformanceGapGrammar(source, held, end - begin, config)
    pedal = "the pedal is down in these seconds, and holds the new notes like the others"
    return GapInPerformance(
        codec=codec,
        data=data,
        file=file,
        begin_s=begin_s,
        end_s=end_s,
        title=performance.name,
        old_notes=sum(map(len, own)) - sum(map(len, kept)),
        source=source,
        grammar=grammar,
        opening=(config.layout.start,),
        end_id=config.layout.end,
        limit=grammar.limit,
        notices=(pedal,) if any(_pressed(track, begin_s, end_s) for track in own) else (),
    )


def _held_in(tracks: Sequence[Track], begin_s: float, steps_per_second: int) -> Integers:
    """Return `held_until` for the notes of all tracks: if two notes hold a pitch, the ids have only the later one."""
    until = np.zeros(128, np.int64)
    for track in tracks:
        notes = track.notes[track.notes["onset_s"] < begin_s]
        left = np.ceil((notes["offset_s"] - begin_s) * steps_per_second - 1e-3)
        np.maximum.at(until, notes["pitch"], np.maximum(left, 0).astype(np.int64))
    return until


def _pressed(track: Track, begin_s: float, end_s: float) -> bool:
    """Return whether the pedal is down at any time of a gap."""
    first = max(int(np.searchsorted(track.pedal["time_s"], begin_s, side="right")) - 1, 0)
    last = int(np.searchsorted(track.pedal["time_s"], end_s))
    return bool((track.pedal["value"][first:last] >= PEDAL_DOWN).any())
