"""Parse a MIDI file to a `Performance`, and count everything that the performance does not hold.

folkseq parses the bytes itself. symusic is fast, but silently drops unended notes and pedals on tracks without notes,
hides channels, and splits a track where its program changes; mido is exact, but reads only 57,000 notes per second. The
tests compare this reader with mido.

Conventions:
- A track is one channel of one track of the file, if it has notes. Notes are paired first in, first out; a note-on of
  velocity 0 ends a note; an unended note lasts to the end of its track; notes without length are kept.
- The program and the sustain pedal belong to the channel; see `channels`.
- The first name in a track of the file is the track's name; the first track's name is the piece's. Text is one line, in
  an encoding that `folkseq.text` detects.
- Tempos, meters and markers apply from any track. Tempos have no effect if the time unit is frames. Keys come from the
  first track that has any; another track may have its own.
- A file that could only be read in part is refused: a chunk or an event that is cut short, bytes that are not an event,
  a file of type 2. So is one that lasts longer than a month, by damaged delta times, or that is larger than a day of
  music. All other deviations are read and counted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from folkseq.errors import ParseError
from folkseq.formats.midi import channels, events
from folkseq.formats.midi.changes import Changes, Channel, ports
from folkseq.formats.midi.channels import APART_S, Voice
from folkseq.formats.midi.chunks import Header, locate
from folkseq.formats.midi.events import KEY, MARKER, METER, NAME, TEMPO, TEXT, BrokenError
from folkseq.formats.midi.parts import INSTRUMENT
from folkseq.formats.ticks import TempoMap
from folkseq.music.performance import CHANGE, DEFAULT_BPM, NOTE, PEDAL, Performance, Track, distinct_changes
from folkseq.music.signature import Key, Meter
from folkseq.text import decode_parts, one_line

LARGEST = 10 * 1024 * 1024  # bytes; a day of music takes half of that
LONGEST_S = 30 * 86_400.0
LONG_GAP_S = 3600.0  # between events; longer than in any music

_Meta = tuple[int, int, bytes]  # tick, kind and content


class Reading(NamedTuple):
    """The contents of a file.

    Attributes:
        performance: The music.
        lost: The number of losses and guesses of each kind.
        channels: The port and the channel of each track.
    """

    performance: Performance
    lost: Counter[str]
    channels: tuple[Channel, ...]


def parse(data: bytes, file: str = "<bytes>", *, shared: bool = True, whole: bool = False) -> Reading:
    """Return the contents of a MIDI file.

    Args:
        data: The bytes of the file.
        file: The name of the file, for errors.
        shared: Whether all tracks of a channel share its pedal, and the order of events at the same tick matters. Other
            readers, such as pretty_midi, apply a pedal only to the notes of its track.
        whole: Whether to keep the `changes` of tracks, which writing a file or sound needs; else they count as lost.

    Raises:
        ParseError: The bytes are not a MIDI file, are broken or cut short, or have an unsupported type.
    """
    try:
        return _read(data, shared, whole)
    except BrokenError as fault:
        raise ParseError(fault.of(file)) from None


def _read(data: bytes, shared: bool, whole: bool) -> Reading:
    if len(data) > LARGEST:
        raise BrokenError(f"a MIDI file of {len(data):,} bytes; those of at most {LARGEST:,} are read")
    lost: Counter[str] = Counter()
    header, places = locate(data, lost)
    chunks = [events.read(data, start, stop) for start, stop in places]
    for chunk in chunks:
        lost.update(chunk.others)
    names, keys, maps = _read_metas([chunk.metas for chunk in chunks], lost)
    tempo_map, tempos = _read_tempos(header, maps[TEMPO], lost)

    def timed(pairs: list[tuple[int, Any]]) -> list[tuple[float, Any]]:
        return [(float(tempo_map.to_seconds(tick)), value) for tick, value in sorted(pairs, key=lambda pair: pair[0])]

    length_s = float(tempo_map.to_seconds(max([chunk.end for chunk in chunks], default=0)))
    if length_s > LONGEST_S:
        raise BrokenError(f"by its delta times and tempos it lasts {length_s / 86_400:,.0f} days; at most 30 are read")
    shared_keys = next(filter(None, keys), [])
    common = distinct_changes(timed(shared_keys))
    own_keys: list[tuple[tuple[float, Key], ...]] = []
    for own in keys:
        changes = common
        if own and own is not shared_keys:
            changes = distinct_changes(timed([pair for pair in shared_keys if pair[0] < own[0][0]] + own))
        own_keys.append(() if changes == common else changes)
    voices = channels.read(chunks, ports([chunk.metas for chunk in chunks]), shared, whole, lost)
    unused = {at for at, name in enumerate(names) if at and name} - {voice.track for voice in voices}
    lost["name of a track without notes"] += len(unused)
    performance = Performance(
        tracks=tuple(_track(voice, names[voice.track], own_keys[voice.track], tempo_map) for voice in voices),
        tempos=tempos,
        meters=distinct_changes(timed(maps[METER])),
        keys=common,
        markers=tuple(timed(maps[MARKER])),
        name=names[0] if names else "",
        length_s=length_s,
    )
    if performance.length_s > LONG_GAP_S:
        lost["gap of more than an hour"] += _long_gaps(performance)
    return Reading(performance, +lost, tuple(voice.channel for voice in voices))


def tempo_map(header: Header, metas: Sequence[_Meta]) -> TempoMap:
    """Return the map from a file's ticks to seconds, given the meta events of all its tracks."""
    return _read_tempos(header, _read_metas([metas], Counter())[2][TEMPO], Counter())[0]


def _read_tempos(
    header: Header, changes: list[tuple[int, int]], lost: Counter[str]
) -> tuple[TempoMap, tuple[tuple[float, float], ...]]:
    """Return the map from ticks to seconds, and the (seconds, quarter notes per minute) pairs."""
    if header.tick_s:
        lost["tempo where frames count"] += len(changes)
        return TempoMap(np.zeros(1), np.zeros(1), np.array([header.tick_s])), ((0.0, DEFAULT_BPM),)
    changes = list(distinct_changes([(0, 500_000), *changes]))
    tempo_map = TempoMap.at_ticks(changes, header.ticks_per_beat)
    bpm = [6e7 / microseconds for _, microseconds in changes]
    # Remove duplicates again: late in a piece, double precision cannot separate ticks of a quarter of a microsecond.
    return tempo_map, distinct_changes(zip(tempo_map.seconds.tolist(), bpm, strict=True))


def _read_metas(
    tracks: Sequence[Sequence[_Meta]], lost: Counter[str]
) -> tuple[list[str], list[list[tuple[int, Any]]], dict[int, list[tuple[int, Any]]]]:
    """Return each track's name and (tick, key) pairs, and the (tick, value) pairs of the other kinds that are kept."""
    names: list[str] = []
    keys: list[list[tuple[int, Any]]] = []
    maps: dict[int, list[tuple[int, Any]]] = defaultdict(list)
    texts = _read_texts([data for metas in tracks for _, kind, data in metas if kind in (NAME, MARKER)], lost)
    for metas in tracks:
        name = ""
        keys.append([])
        for tick, kind, data in metas:
            what, parse_value = _METAS.get(kind, ("unknown meta event", None))
            value = texts[data] if kind in (NAME, MARKER) else parse_value(data) if parse_value else None
            if value is None:
                lost[f"{what} that cannot be" if parse_value else what] += 1
            elif kind == NAME:
                lost["further name of a track"] += bool(name)
                name = name or value
            else:
                held: list[tuple[int, Any]] = keys[-1] if kind == KEY else maps[kind]
                held.append((tick, value))
        names.append(name)
    return names, keys, maps


def _track(voice: Voice, name: str, keys: tuple[tuple[float, Key], ...], tempo_map: TempoMap) -> Track:
    part, (ends, turns) = voice.part, voice.ends
    notes = np.empty(len(part.onsets), NOTE)
    notes["onset_s"], notes["offset_s"] = tempo_map.to_seconds(part.onsets), tempo_map.to_seconds(part.offsets)
    if len(ends):
        notes["offset_s"][ends] += turns * APART_S
    notes["pitch"], notes["velocity"] = part.pitches, part.velocities
    pedal = np.empty(len(voice.pedal.ticks), PEDAL)
    pedal["time_s"] = tempo_map.to_seconds(voice.pedal.ticks)
    if voice.moves.any():
        pedal["time_s"] += voice.moves * APART_S
    pedal["value"] = voice.pedal.values
    return Track(notes, name, voice.program, voice.drum, pedal, keys, changes=_changes(voice.changes, tempo_map))


def _changes(changes: Changes, tempo_map: TempoMap) -> npt.NDArray[Any]:
    rows = np.empty(len(changes.ticks), CHANGE)
    if not len(rows):
        return rows
    rows["time_s"], rows["status"] = tempo_map.to_seconds(changes.ticks), changes.kinds
    program = changes.numbers == INSTRUMENT
    rows["first"] = np.where(program, changes.values, changes.numbers)
    rows["second"] = np.where(program, 0, changes.values)
    return rows


def _long_gaps(performance: Performance) -> int:
    """Return the number of gaps longer than `LONG_GAP_S`."""
    times = [np.array([0.0, performance.length_s])]
    for track in performance.tracks:
        times += [track.notes["onset_s"], track.notes["offset_s"], track.pedal["time_s"]]
    return int(np.count_nonzero(np.diff(np.sort(np.concatenate(times))) > LONG_GAP_S))


def _read_texts(parts: Sequence[bytes], lost: Counter[str]) -> dict[bytes, str]:
    """Return each text on one line, without unprintable characters."""
    texts, guessed = decode_parts([part.rstrip(b"\0") for part in parts])
    lost.update(guessed)
    return {part: one_line(text) for part, text in zip(parts, texts, strict=True)}


def _parse_tempo(data: bytes) -> int | None:
    return int.from_bytes(data, "big") or None if len(data) == 3 else None  # 0 would be infinitely fast


def _parse_meter(data: bytes) -> Meter | None:
    possible = len(data) >= 2 and 1 <= data[0] <= 64 and data[1] <= 6
    return Meter(data[0], 1 << data[1]) if possible else None


@lru_cache(maxsize=256)
def _parse_key(data: bytes) -> Key | None:
    sharps = int.from_bytes(data[:1], "big", signed=True)
    return Key.of_signature(sharps, bool(data[1])) if len(data) == 2 and data[1] <= 1 and -7 <= sharps <= 7 else None


_METAS: dict[int, tuple[str, Callable[[bytes], Any] | None]] = {  # a performance holds the kinds that have a parser
    0x00: ("sequence number", None),
    TEXT: ("text", None),
    0x02: ("copyright", None),
    NAME: ("name", None),
    0x04: ("instrument name", None),
    0x05: ("lyric", None),
    MARKER: ("marker", None),
    0x07: ("cue point", None),
    0x08: ("program name", None),
    0x09: ("device name", None),
    0x20: ("channel prefix", None),
    0x21: ("port", None),
    TEMPO: ("tempo", _parse_tempo),
    0x54: ("SMPTE offset", None),
    METER: ("meter", _parse_meter),
    KEY: ("key", _parse_key),
    0x7F: ("sequencer's own event", None),
}
