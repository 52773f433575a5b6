"""MIDI files (Standard MIDI Files 1.0): written as sequencers and notation programs import them best, and read plainly.

Written: type 1, 480 ticks a quarter. Track 0 conducts (name, tempos, meters, keys, markers); each other track is one of
the performance's, with its name and program; every track ends where the performance does. Seconds are rounded to ticks
once, through the tempo map, so that what lies on the grid is written on it. Equal pitches of a track never overlap: the
earlier is cut short. Left out is what MIDI cannot hold: free meters, and all but the signature and third of a key. Text
is Latin-1 of at most 120 characters.

Read: a track for every channel of every track that has notes. Notes are paired first in, first out; a note that nothing
ends lasts to the end of its track. Pedals and other controls are not read yet.
"""

from __future__ import annotations

import io
import unicodedata
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from folkseq.errors import ParseError
from folkseq.formats.ticks import TempoMap, microseconds
from folkseq.music.performance import NOTE, Performance, Track, one_at_a_time, plain_key
from folkseq.music.pitch import LETTERS
from folkseq.music.signature import Key, Meter

if TYPE_CHECKING:
    from mido import MetaMessage, MidiFile, MidiTrack

TICKS_PER_BEAT = 480
DRUMS = 9  # the channel that General MIDI gives to drums, counted from 0
_MELODIC = [
    channel for channel in range(16) if channel != DRUMS
]  # shared in turn by more tracks than there are channels
_RELEASE = 64  # the velocity of a note's end where none is meant
_LONGEST_TEXT = 120
_ACCIDENTALS = {"b": -1, "": 0, "#": 1}


def format(performance: Performance) -> bytes:
    """The bytes of `performance` as a MIDI file; the same performance gives the same bytes."""
    import mido

    tempo_map = TempoMap.at_seconds(performance.tempos, TICKS_PER_BEAT)
    tracks = [_paired_ticks(track, tempo_map) for track in performance.tracks]
    end = max([int(tempo_map.to_ticks(performance.length_s)), *(int(ticks[:, 1].max(initial=0)) for ticks in tracks)])
    channels = iter(_MELODIC * (len(tracks) // len(_MELODIC) + 1))
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_BEAT)
    file.tracks.append(_delta(_conductor(performance, tempo_map), end))
    for track, ticks in zip(performance.tracks, tracks, strict=True):
        events = _track_events(track, ticks, DRUMS if track.drum else next(channels))
        file.tracks.append(_delta(events, end))
    data = io.BytesIO()
    file.save(file=data)
    return data.getvalue()


def _paired_ticks(track: Track, tempo_map: TempoMap) -> npt.NDArray[np.int64]:
    """(N, 4) onset, offset, pitch, velocity: each note lasts a tick or more, to its pitch's next at most."""
    notes = track.notes
    onsets, offsets = tempo_map.to_ticks(notes["onset_s"]), tempo_map.to_ticks(notes["offset_s"])
    rows = np.stack([onsets, np.maximum(offsets, onsets + 1), notes["pitch"], notes["velocity"]], axis=1)  # (N, 4)
    rows = rows[np.lexsort((-rows[:, 1], rows[:, 0], rows[:, 2]))]  # by pitch, then onset, then the longest first
    begun_twice = (rows[1:, [0, 2]] == rows[:-1, [0, 2]]).all(axis=1)
    rows = np.delete(rows, np.flatnonzero(begun_twice) + 1, axis=0)
    here, following = rows[:-1], rows[1:]
    here[:, 1] = np.where(here[:, 2] == following[:, 2], np.minimum(here[:, 1], following[:, 0]), here[:, 1])
    return rows


def _conductor(performance: Performance, tempo_map: TempoMap) -> Iterator[tuple[int, Any]]:
    from mido import MetaMessage

    yield 0, MetaMessage("track_name", name=_latin(performance.name))
    for time_s, bpm in performance.tempos:
        yield int(tempo_map.to_ticks(time_s)), MetaMessage("set_tempo", tempo=microseconds(bpm))
    for time_s, meter in one_at_a_time(pair for pair in performance.meters if not pair[1].free):
        message = MetaMessage(
            "time_signature",
            numerator=meter.beats,
            denominator=meter.unit,
            clocks_per_click=max(1, int(meter.beat * 96)),  # on the musician's beat; 24 clocks are a quarter note
        )
        yield int(tempo_map.to_ticks(time_s)), message
    for time_s, name in one_at_a_time((time_s, _key_name(key)) for time_s, key in performance.keys):
        yield int(tempo_map.to_ticks(time_s)), MetaMessage("key_signature", key=name)
    for time_s, text in performance.markers:
        yield int(tempo_map.to_ticks(time_s)), MetaMessage("marker", text=_latin(text))


def _track_events(track: Track, ticks: npt.NDArray[np.int64], channel: int) -> Iterator[tuple[int, Any]]:
    from mido import Message, MetaMessage

    yield 0, MetaMessage("track_name", name=_latin(track.name))
    yield 0, Message("program_change", channel=channel, program=track.program)
    events: list[tuple[int, bool, int, int]] = []  # a note's end sorts before the beginning of the next
    for onset, offset, pitch, velocity in ticks.tolist():
        events += [(onset, True, pitch, velocity), (offset, False, pitch, _RELEASE)]
    for tick, begins, pitch, velocity in sorted(events):
        kind = "note_on" if begins else "note_off"
        yield tick, Message(kind, channel=channel, note=pitch, velocity=velocity)


def _delta(events: Iterable[tuple[int, Any]], end: int) -> MidiTrack:
    """The track of messages at ticks, closed at `end`; those of one tick keep their order."""
    from mido import MetaMessage, MidiTrack

    track, last = MidiTrack(), 0
    for tick, message in [*sorted(events, key=lambda event: event[0]), (end, MetaMessage("end_of_track"))]:
        message.time, last = tick - last, tick
        track.append(message)
    return track


def _latin(text: str) -> str:
    """`text` as MIDI files hold it: letters beyond Latin-1 lose their marks, or become question marks."""
    text = "".join(char for char in " ".join(text.split()) if char.isprintable())[:_LONGEST_TEXT]
    parts = (char if ord(char) < 256 else unicodedata.normalize("NFKD", char)[0] for char in text)
    return "".join(parts).encode("latin-1", "replace").decode("latin-1")


def _key_name(key: Key) -> str:
    """What mido calls the signature of `key`."""
    plain = plain_key(key)
    accidental = {alter: sign for sign, alter in _ACCIDENTALS.items()}[plain.alter]
    return f"{LETTERS[plain.letter]}{accidental}{'m' * (plain.mode == 'min')}"


def parse(data: bytes, file: str = "<bytes>") -> Performance:
    """Reads the bytes of a MIDI file; `file` names it in errors.

    Raises:
        ParseError: if the bytes are no MIDI file, are cut short, or keep time in a way that is not read (SMPTE frames,
            tracks of type 2 that do not sound together).
    """
    midi = _load(data, file)
    tempos: list[tuple[int, int]] = [(0, 500_000)]
    metas: list[tuple[int, MetaMessage]] = []
    parts: list[tuple[str, int, bool, npt.NDArray[np.int64]]] = []
    end = 0
    for track in midi.tracks:
        tick = 0
        for message in track:
            tick += message.time
            if message.type == "set_tempo" and message.tempo:  # 0 would be endlessly fast
                tempos.append((tick, message.tempo))
            elif message.is_meta:
                metas.append((tick, message))
        end = max(end, tick)
        parts += _parts(track)
    tempo_map = TempoMap.at_ticks(one_at_a_time(tempos), midi.ticks_per_beat)

    def pairs(kind: str) -> Iterator[tuple[float, Any]]:
        return ((float(tempo_map.to_seconds(tick)), meta) for tick, meta in metas if meta.type == kind)

    names = [meta.name.strip() for meta in midi.tracks[0] if meta.type == "track_name"] if midi.tracks else []
    return Performance(
        tracks=tuple(Track(_seconds(ticks, tempo_map), name, program, drum) for name, program, drum, ticks in parts),
        tempos=tuple(
            zip(tempo_map.seconds.tolist(), (60 / (tempo_map.tick_s * midi.ticks_per_beat)).tolist(), strict=True)
        ),
        meters=one_at_a_time(
            (time_s, Meter(meta.numerator, meta.denominator))
            for time_s, meta in pairs("time_signature")
            if 1 <= meta.numerator <= 64 and meta.denominator <= 64
        ),
        keys=one_at_a_time((time_s, _key(meta.key)) for time_s, meta in pairs("key_signature")),
        markers=tuple(sorted(((time_s, meta.text) for time_s, meta in pairs("marker")), key=lambda pair: pair[0])),
        name=names[0] if names else "",
        length_s=float(tempo_map.to_seconds(end)),
    )


def _load(data: bytes, file: str) -> MidiFile:
    from mido import KeySignatureError, MidiFile

    if not data:
        raise ParseError(f"{file}: the file is empty; a MIDI file begins with MThd")
    if data[:4] != b"MThd":
        raise ParseError(f"{file}: not a MIDI file, which begins with MThd")
    try:
        midi = MidiFile(file=io.BytesIO(data))
    except EOFError:
        raise ParseError(f"{file}: the MIDI file is cut short") from None
    except (OSError, ValueError, LookupError, TypeError, KeySignatureError) as error:
        raise ParseError(f"{file}: the MIDI file is broken ({' '.join(str(error).split())})") from None
    if midi.type not in (0, 1):
        raise ParseError(f"{file}: a MIDI file of type {midi.type}; types 0 and 1 are read")
    if midi.ticks_per_beat <= 0:
        raise ParseError(
            f"{file}: this MIDI file counts time in frames; files that count ticks a quarter note are read"
        )
    return midi


def _parts(track: Sequence[Any]) -> Iterator[tuple[str, int, bool, npt.NDArray[np.int64]]]:
    """Name, program, whether it is drums, and (N, 4) onset, offset, pitch and velocity, of each channel with notes."""
    name, tick = "", 0
    programs: dict[int, int] = {}
    rows: dict[int, list[list[int]]] = defaultdict(list)
    sounding: dict[tuple[int, int], deque[list[int]]] = defaultdict(deque)
    for message in track:
        tick += message.time
        if message.type == "note_on" and message.velocity:
            row = [tick, -1, message.note, message.velocity]
            rows[message.channel].append(row)
            sounding[message.channel, message.note].append(row)
        elif message.type in ("note_on", "note_off"):
            waiting = sounding[message.channel, message.note]
            if waiting:
                waiting.popleft()[1] = tick
        elif message.type == "program_change" and message.channel not in rows:
            programs[message.channel] = message.program
        elif message.type == "track_name":
            name = name or message.name.strip()
    for row in (row for waiting in sounding.values() for row in waiting):
        row[1] = tick
    for channel in sorted(rows):
        yield name, programs.get(channel, 0), channel == DRUMS, np.array(rows[channel], np.int64)


def _seconds(ticks: npt.NDArray[np.int64], tempo_map: TempoMap) -> npt.NDArray[Any]:
    notes = np.empty(len(ticks), NOTE)
    notes["onset_s"], notes["offset_s"] = tempo_map.to_seconds(ticks[:, :2]).T
    notes["pitch"], notes["velocity"] = ticks[:, 2:].T
    return notes


def _key(name: str) -> Key:
    tonic = name.removesuffix("m")
    return Key(LETTERS.index(tonic[0]), _ACCIDENTALS[tonic[1:]], "min" if name.endswith("m") else "maj")
