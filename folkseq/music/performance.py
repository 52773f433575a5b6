"""A performance: notes, the sustain pedal, and their tempos, meters and keys, in seconds.

Times are in double precision, since single precision would move onsets on a 10 ms grid. The notes of a track are one
array, so that a million notes are cheap; `Note` is the readable view of a row. Pitches and velocities are MIDI values.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from folkseq.music.signature import Key, Meter

NOTE = np.dtype([("onset_s", "f8"), ("offset_s", "f8"), ("pitch", "u1"), ("velocity", "u1")])
PEDAL = np.dtype([("time_s", "f8"), ("value", "u1")])
CHANGE = np.dtype([("time_s", "f8"), ("status", "u1"), ("first", "u1"), ("second", "u1")])
Notes: TypeAlias = npt.NDArray[Any]  # (N,) of NOTE
Pedal: TypeAlias = npt.NDArray[Any]  # (K,) of PEDAL
Changes: TypeAlias = npt.NDArray[Any]  # (C,) of CHANGE

SUSTAIN = 64  # MIDI's number of the sustain pedal's controller
PEDAL_DOWN = 64  # the lowest position at which the pedal is down
DEFAULT_BPM = 120.0  # quarter notes per minute, the default of MIDI files
MOST_BAR_LINES = 100_000  # a damaged file's tempo could ask for more than fits in memory
_Time = TypeVar("_Time", int, float, Fraction)
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """A note from `onset_s` to `offset_s` in seconds; `pitch` is 0 to 127, `velocity` 1 to 127."""

    onset_s: float
    offset_s: float
    pitch: int
    velocity: int = 80

    def __post_init__(self) -> None:
        if not 0 <= self.onset_s <= self.offset_s < math.inf:
            raise ValueError(f"a note cannot last from {self.onset_s} s to {self.offset_s} s")
        if not (0 <= self.pitch <= 127 and 1 <= self.velocity <= 127):
            raise ValueError(f"pitch {self.pitch} is not 0 to 127, or velocity {self.velocity} is not 1 to 127")


@dataclass(frozen=True, eq=False)
class Track:
    """The notes and the pedal of one instrument.

    Attributes:
        notes: (N,) read-only array of `NOTE`, sorted by onset, pitch and offset.
        name: The name for a musician; may be empty.
        program: The General MIDI instrument, 0 to 127; the kit of a drum track.
        drum: Whether pitches are drums.
        pedal: (K,) read-only array of `PEDAL`, sorted by time: the sustain pedal's positions, 0 to 127, each from its
            time onward. Positions at the same time keep the order in which they are given.
        keys: Key signatures instead of those of the performance, for transposing instruments.
        lyrics: (seconds, syllable) pairs in the order of their times.
        changes: (C,) read-only array of `CHANGE`, sorted by time: all other changes of the sound (controllers, pitch
            bend, pressure, later programs), as a MIDI status without a channel and one or two data bytes.
    """

    notes: Notes
    name: str = ""
    program: int = 0
    drum: bool = False
    pedal: Pedal = field(default_factory=lambda: np.empty(0, PEDAL))
    keys: tuple[tuple[float, Key], ...] = ()
    lyrics: tuple[tuple[float, str], ...] = ()
    changes: Changes = field(default_factory=lambda: np.empty(0, CHANGE))

    def __post_init__(self) -> None:
        if not 0 <= self.program <= 127:
            raise ValueError(f"program {self.program} is not one of General MIDI's 0 to 127")
        for name, rows, dtype in (("notes", self.notes, NOTE), ("pedal", self.pedal, PEDAL)):
            if rows.dtype != dtype or rows.ndim != 1:
                raise ValueError(f"a track's {name} are a one-dimensional array of {dtype}, not {rows.dtype}")
        # Contiguous columns compare much faster than columns of 18-byte rows.
        onset_s, offset_s, pitch, velocity = (np.ascontiguousarray(self.notes[name]) for name in NOTE.fields or ())
        in_time = (onset_s >= 0) & (offset_s >= onset_s) & np.isfinite(offset_s)
        if not (in_time & (pitch <= 127) & (velocity >= 1) & (velocity <= 127)).all():
            raise ValueError(f"track {self.name!r} holds a note that ends before it begins, or is out of MIDI's range")
        sorted_already = _in_order(onset_s, _in_order(pitch, offset_s[:-1] <= offset_s[1:])).all()
        notes = self.notes.copy() if sorted_already else self.notes[np.lexsort((offset_s, pitch, onset_s))]
        time_s = np.ascontiguousarray(self.pedal["time_s"])
        if not ((time_s >= 0) & np.isfinite(time_s) & (self.pedal["value"] <= 127)).all():
            raise ValueError(f"track {self.name!r} holds a pedal that is out of time, or beyond 127")
        in_order = (time_s[:-1] <= time_s[1:]).all()
        pedal = self.pedal.copy() if in_order else self.pedal[np.argsort(time_s, kind="stable")]
        changes = self.changes
        if len(changes):
            if changes.dtype != CHANGE or not ((changes["time_s"] >= 0) & np.isfinite(changes["time_s"])).all():
                raise ValueError(f"track {self.name!r} holds changes that are out of time, or no {CHANGE}")
            changes = changes[np.argsort(changes["time_s"], kind="stable")]
        notes.flags.writeable = pedal.flags.writeable = changes.flags.writeable = False
        object.__setattr__(self, "notes", notes)
        object.__setattr__(self, "pedal", pedal)
        object.__setattr__(self, "changes", changes)

    @classmethod
    def of(
        cls,
        notes: Iterable[Note],
        name: str = "",
        program: int = 0,
        drum: bool = False,
        pedal: Iterable[tuple[float, int]] = (),
    ) -> Track:
        """Return a track of `notes`, in any order, and the `pedal`, as (seconds, position) pairs."""
        rows = [(note.onset_s, note.offset_s, note.pitch, note.velocity) for note in notes]
        return cls(np.array(rows, NOTE), name, program, drum, np.array(list(pedal), PEDAL))

    def __iter__(self) -> Iterator[Note]:
        return (Note(*row) for row in self.notes.tolist())

    def __len__(self) -> int:
        return len(self.notes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Track):
            return NotImplemented
        here, there = ((track.name, track.program, track.drum, track.keys) for track in (self, other))
        return here == there and all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in ("notes", "pedal", "changes")
        )

    def __hash__(self) -> int:
        return hash((self.name, self.program, self.drum, len(self.notes)))


def _in_order(values: npt.NDArray[Any], where_equal: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return (N − 1,) whether each of (N,) values is below the next, or equal to it where that is allowed."""
    in_order: npt.NDArray[np.bool_] = (values[:-1] < values[1:]) | (where_equal & (values[:-1] == values[1:]))
    return in_order


@dataclass(frozen=True)
class Performance:
    """Tracks that sound together, and (seconds, value) pairs for all of them, each valid from its time onward.

    Attributes:
        tracks: The tracks, which may be silent.
        tempos: Tempos in quarter notes per minute; the first is at 0.
        meters: Meters; each one begins a bar.
        keys: Key signatures.
        markers: Names of positions, such as sections.
        name: The piece's title.
        length_s: The length in seconds; raised to the time of the last event if it is shorter.
    """

    tracks: tuple[Track, ...]
    tempos: tuple[tuple[float, float], ...] = ((0.0, DEFAULT_BPM),)
    meters: tuple[tuple[float, Meter], ...] = ()
    keys: tuple[tuple[float, Key], ...] = ()
    markers: tuple[tuple[float, str], ...] = ()
    name: str = ""
    length_s: float = 0.0

    def __post_init__(self) -> None:
        ends = [float(self.length_s)]
        for name in ("tempos", "meters", "keys", "markers"):
            times = [time_s for time_s, _ in getattr(self, name)]
            if not all(0 <= time_s < math.inf for time_s in times):
                raise ValueError(f"{name} hold from 0 s or later")
            if not all(here < there or (name == "markers" and here == there) for here, there in pairwise(times)):
                raise ValueError(f"{name} must be in the order of their times, one at each")
            ends += times[-1:]
        if not self.tempos or self.tempos[0][0] != 0:
            raise ValueError(f"the first tempo holds from 0 s, but the tempos are {self.tempos[:1]}")
        if not all(0 < bpm < math.inf for _, bpm in self.tempos):
            raise ValueError("a tempo is above 0 quarter notes a minute")
        for track in self.tracks:
            ends += [float(track.notes["offset_s"].max())] if len(track) else []
            ends += track.pedal["time_s"][-1:].tolist() + track.changes["time_s"][-1:].tolist()
        object.__setattr__(self, "length_s", max(ends))


def bar_lines(performance: Performance) -> npt.NDArray[np.float64]:
    """Return the seconds at which bars begin, as a sequencer draws them from the meters and tempos.

    Each meter begins a bar. A free meter has only a line at its beginning. Without meters there are no lines.
    """
    if not performance.meters:
        return np.zeros(0)
    times, bpm = np.array(performance.tempos, np.float64).T
    quarters = np.concatenate(([0.0], np.cumsum(np.diff(times) * bpm[:-1] / 60)))  # at the onset of each tempo
    starts = np.array([*(time_s for time_s, _ in performance.meters), performance.length_s])
    tempo = np.searchsorted(times, starts, side="right") - 1
    bounds = quarters[tempo] + (starts - times[tempo]) * bpm[tempo] / 60
    found = []
    for (first, last), (_, meter) in zip(pairwise(bounds.tolist()), performance.meters, strict=True):
        bar = float(meter.bar) * 4
        count = min(int(np.ceil((last - first) / bar - 1e-6)), MOST_BAR_LINES) if bar else 1
        found.append(first + bar * np.arange(max(count, 1)))
    lines = np.concatenate(found)[:MOST_BAR_LINES]
    tempo = np.searchsorted(quarters, lines, side="right") - 1
    return np.asarray(times[tempo] + (lines - quarters[tempo]) * 60 / bpm[tempo])


def distinct_changes(pairs: Iterable[tuple[_Time, _Value]]) -> tuple[tuple[_Time, _Value], ...]:
    """Return (time, value) pairs sorted by time, with the last value at each time and without repeated values.

    >>> distinct_changes([(0.0, 100.0), (0.0, 120.0), (2.0, 120.0), (3.0, 90.0)])
    ((0.0, 120.0), (3.0, 90.0))
    """
    kept: list[tuple[_Time, _Value]] = []
    for pair in dict(sorted(pairs, key=lambda pair: pair[0])).items():
        if not kept or kept[-1][1] != pair[1]:
            kept.append(pair)
    return tuple(kept)
