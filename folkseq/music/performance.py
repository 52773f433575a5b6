"""A performance: notes, the pedal, and the maps that go with them, in seconds.

Times are seconds from the start in double precision, since single precision moves onsets across a 10 ms grid. The notes
of a track lie in one array, so that a million of them are cheap; `Note` is the readable view of a row. Pitches and
velocities are MIDI's.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from folkseq.music.signature import Key, Meter

if TYPE_CHECKING:
    import pretty_midi

NOTE = np.dtype([("onset_s", "f8"), ("offset_s", "f8"), ("pitch", "u1"), ("velocity", "u1")])
PEDAL = np.dtype([("time_s", "f8"), ("value", "u1")])
Notes: TypeAlias = npt.NDArray[Any]  # (N,) of NOTE
Pedal: TypeAlias = npt.NDArray[Any]  # (K,) of PEDAL

SUSTAIN = 64  # MIDI's number of the controller that is the sustain pedal
PEDAL_DOWN = 64  # the position from which a pedal is down
DEFAULT_BPM = 120.0  # quarter notes a minute where nothing else is said, as in a MIDI file
_Time = TypeVar("_Time", int, float, Fraction)
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """One note, from `onset_s` to `offset_s` in seconds; `pitch` is 0 to 127, `velocity` 1 to 127."""

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
    """What one instrument plays.

    Attributes:
        notes: (N,) read-only array of `NOTE`, brought into the order of onset, pitch, offset when the track is made.
        name: What a musician calls it; may be empty.
        program: General MIDI's instrument, 0 to 127; of a drum track, its kit.
        drum: Whether pitches are drums.
        pedal: (K,) read-only array of `PEDAL`: the sustain pedal's positions (0 to 127; 64 and above is down), each
            from its time onward. They are brought into the order of their times when the track is made; those of one
            time stay as given.
    """

    notes: Notes
    name: str = ""
    program: int = 0
    drum: bool = False
    pedal: Pedal = field(default_factory=lambda: np.empty(0, PEDAL))

    def __post_init__(self) -> None:
        if not 0 <= self.program <= 127:
            raise ValueError(f"program {self.program} is not one of General MIDI's 0 to 127")
        if self.notes.dtype != NOTE or self.notes.ndim != 1:
            raise ValueError(f"a track's notes are a one-dimensional array of {NOTE}, not {self.notes.dtype}")
        # Columns of their own are far quicker to compare than those of rows of 18 bytes.
        onset_s, offset_s, pitch, velocity = (np.ascontiguousarray(self.notes[name]) for name in NOTE.fields or ())
        in_time = (onset_s >= 0) & (offset_s >= onset_s) & np.isfinite(offset_s)
        if not (in_time & (pitch <= 127) & (velocity >= 1) & (velocity <= 127)).all():
            raise ValueError(f"track {self.name!r} holds a note that ends before it begins, or is out of MIDI's range")
        in_order = _in_order(onset_s, _in_order(pitch, offset_s[:-1] <= offset_s[1:])).all()
        notes = self.notes.copy() if in_order else self.notes[np.lexsort((offset_s, pitch, onset_s))]
        notes.flags.writeable = False
        object.__setattr__(self, "notes", notes)
        if self.pedal.dtype != PEDAL or self.pedal.ndim != 1:
            raise ValueError(f"a track's pedal is a one-dimensional array of {PEDAL}, not {self.pedal.dtype}")
        time_s = np.ascontiguousarray(self.pedal["time_s"])
        if not ((time_s >= 0) & np.isfinite(time_s) & (self.pedal["value"] <= 127)).all():
            raise ValueError(f"track {self.name!r} holds a pedal that is out of time, or beyond 127")
        pedal = self.pedal[np.argsort(time_s, kind="stable")]  # a copy
        pedal.flags.writeable = False
        object.__setattr__(self, "pedal", pedal)

    @classmethod
    def of(
        cls,
        notes: Iterable[Note],
        name: str = "",
        program: int = 0,
        drum: bool = False,
        pedal: Iterable[tuple[float, int]] = (),
    ) -> Track:
        """The track of `notes`, in any order, and of the `pedal`'s (seconds, position) pairs."""
        rows = [(note.onset_s, note.offset_s, note.pitch, note.velocity) for note in notes]
        return cls(np.array(rows, NOTE), name, program, drum, np.array(list(pedal), PEDAL))

    def __iter__(self) -> Iterator[Note]:
        return (Note(*row) for row in self.notes.tolist())

    def __len__(self) -> int:
        return len(self.notes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Track):
            return NotImplemented
        here, there = ((track.name, track.program, track.drum) for track in (self, other))
        return here == there and np.array_equal(self.notes, other.notes) and np.array_equal(self.pedal, other.pedal)

    def __hash__(self) -> int:
        return hash((self.name, self.program, self.drum, len(self.notes)))


@dataclass(frozen=True)
class Performance:
    """Tracks that sound together, and what holds for all of them: (seconds, value) pairs, each from its time onward.

    Attributes:
        tracks: May be silent; none may outlast `length_s`.
        tempos: Quarter notes a minute; the first at 0.
        meters: A bar begins where a meter does.
        keys: Key signatures.
        markers: Names of places, such as sections.
        name: The piece's title.
        length_s: Seconds to the end; made long enough for all that the performance holds.
    """

    tracks: tuple[Track, ...]
    tempos: tuple[tuple[float, float], ...] = ((0.0, DEFAULT_BPM),)
    meters: tuple[tuple[float, Meter], ...] = ()
    keys: tuple[tuple[float, Key], ...] = ()
    markers: tuple[tuple[float, str], ...] = ()
    name: str = ""
    length_s: float = 0.0

    def __post_init__(self) -> None:
        _check_map("tempos", self.tempos)
        _check_map("meters", self.meters)
        _check_map("keys", self.keys)
        _check_map("markers", self.markers, together=True)
        if not self.tempos or self.tempos[0][0] != 0:
            raise ValueError(f"the first tempo holds from 0 s, but the tempos are {self.tempos[:1]}")
        if not all(0 < bpm < math.inf for _, bpm in self.tempos):
            raise ValueError("a tempo is above 0 quarter notes a minute")
        ends = [float(track.notes["offset_s"].max()) for track in self.tracks if len(track)]
        ends += [float(track.pedal["time_s"][-1]) for track in self.tracks if len(track.pedal)]
        maps = (self.tempos, self.meters, self.keys, self.markers)
        ends += [pairs[-1][0] for pairs in maps if pairs]
        object.__setattr__(self, "length_s", max([float(self.length_s), *ends]))

    @classmethod
    def from_pretty_midi(cls, midi: pretty_midi.PrettyMIDI) -> Performance:
        """The performance that `midi` holds; meters and keys of which no such value can be made are left out.

        An instrument's sustain pedal is its track's; that of an instrument without notes sustains no other. The pedal
        that a file has on a track without notes is lost by pretty_midi itself: parse the file instead.
        """
        tracks = tuple(
            Track.of(
                (Note(note.start, note.end, note.pitch, note.velocity) for note in instrument.notes if note.velocity),
                instrument.name,
                instrument.program,
                instrument.is_drum,
                ((change.time, change.value) for change in instrument.control_changes if change.number == SUSTAIN),
            )
            for instrument in midi.instruments
        )
        meters = [
            (change.time, Meter(change.numerator, change.denominator))
            for change in midi.time_signature_changes
            if 1 <= change.numerator <= 64 and change.denominator in (1, 2, 4, 8, 16, 32, 64)
        ]
        keys = []
        for change in midi.key_signature_changes:
            tonic, minor = change.key_number % 12, change.key_number >= 12
            # The fewest accidentals: −5 (D flat) to 6 (F sharp) sharps for the twelve major keys.
            keys.append((change.time, signature_key(((tonic + 3 * minor) * 7 + 5) % 12 - 5, minor)))
        return cls(
            tracks,
            one_at_a_time(zip(*(column.tolist() for column in midi.get_tempo_changes()), strict=True)),
            one_at_a_time(meters),
            one_at_a_time(keys),
            tuple(sorted((text.time, text.text) for text in midi.text_events)),
            length_s=float(midi.get_end_time()),
        )

    def to_pretty_midi(self) -> pretty_midi.PrettyMIDI:
        """The same as a `pretty_midi.PrettyMIDI`, with 480 ticks a quarter; markers become text events."""
        import mido
        import pretty_midi

        # pretty_midi takes a tempo map from a file alone.
        conductor, tick = mido.MidiTrack(), 0.0
        for (here_s, bpm), (there_s, _) in pairwise((*self.tempos, (self.length_s, 0.0))):
            conductor.append(mido.MetaMessage("set_tempo", tempo=round(6e7 / bpm), time=round(tick)))
            tick = (there_s - here_s) * bpm / 60 * 480
        file = io.BytesIO()
        mido.MidiFile(ticks_per_beat=480, tracks=[conductor]).save(file=file)
        midi = pretty_midi.PrettyMIDI(io.BytesIO(file.getvalue()))
        for track in self.tracks:
            instrument = pretty_midi.Instrument(track.program, track.drum, track.name)
            instrument.notes = [pretty_midi.Note(n.velocity, n.pitch, n.onset_s, n.offset_s) for n in track]
            pedal = track.pedal.tolist()
            instrument.control_changes = [pretty_midi.ControlChange(SUSTAIN, value, time_s) for time_s, value in pedal]
            midi.instruments.append(instrument)
        for time_s, meter in self.meters:
            if not meter.free:
                midi.time_signature_changes.append(pretty_midi.TimeSignature(meter.beats, meter.unit, time_s))
        for time_s, key in self.keys:
            plain = plain_key(key)
            number = plain.tonic + 12 * (plain.mode == "min")
            midi.key_signature_changes.append(pretty_midi.KeySignature(number, time_s))
        midi.text_events = [pretty_midi.Text(text, time_s) for time_s, text in self.markers]
        return midi


def _in_order(values: npt.NDArray[Any], where_equal: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """(N − 1,) Whether each of the (N,) values is less than the next, or equal where that will do."""
    in_order: npt.NDArray[np.bool_] = (values[:-1] < values[1:]) | (where_equal & (values[:-1] == values[1:]))
    return in_order


def _check_map(name: str, pairs: tuple[tuple[float, object], ...], together: bool = False) -> None:
    times = [time_s for time_s, _ in pairs]
    if not all(0 <= time_s < math.inf for time_s in times):
        raise ValueError(f"{name} hold from 0 s or later")
    if not all(here < there or (together and here == there) for here, there in pairwise(times)):
        raise ValueError(f"{name} stand in the order of their times")


def one_at_a_time(pairs: Iterable[tuple[_Time, _Value]]) -> tuple[tuple[_Time, _Value], ...]:
    """`pairs` in the order of their times, the last at each time only, and none that repeats the one before it.

    >>> one_at_a_time([(0.0, 100.0), (0.0, 120.0), (2.0, 120.0), (3.0, 90.0)])
    ((0.0, 120.0), (3.0, 90.0))
    """
    latest = dict(sorted(pairs, key=lambda pair: pair[0]))
    kept: list[tuple[_Time, _Value]] = []
    for pair in latest.items():
        if not kept or kept[-1][1] != pair[1]:
            kept.append(pair)
    return tuple(kept)


def signature_key(sharps: int, minor: bool) -> Key:
    """The major or minor key whose signature has so many sharps (−7 to 7; flats are negative).

    >>> str(signature_key(2, False)), str(signature_key(-2, True))
    ('Dmaj', 'Gmin')
    """
    fifths = sharps + 3 * minor  # of the tonic above C
    return Key(fifths * 4 % 7, (fifths + 1) // 7, "min" if minor else "maj")


def plain_key(key: Key) -> Key:
    """The major or minor key with `key`'s signature, where there is no more to choose from: D dorian is A minor.

    >>> str(plain_key(Key(1, 0, "dor"))), str(plain_key(Key(1, 0, "mix")))
    ('Amin', 'Gmaj')
    """
    return signature_key(key.sharps, key.mode in ("min", "dor", "phr", "loc"))
