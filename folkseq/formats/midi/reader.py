"""MIDI files read whole: what sounds becomes a `Performance`, and what it does not hold is counted.

The bytes are read here and not by a library. symusic is fast, but without a word drops notes that nothing ends and
pedals on tracks without notes, hides channels, and splits a track where its program changes; mido is exact and tells
all, but reads 57,000 notes a second. The tests hold this reader to mido's reading.

Conventions:
- A track is one channel of one track of the file, if it has notes. Notes are paired first in, first out; a note-on of
  velocity 0 ends a note; a note that nothing ends lasts to the end of its track; notes without length are kept.
- The sustain pedal (controller 64) is its own track's. On a channel that has no notes there, as where a sequencer puts
  controls on a track of their own, it is that of every track of its channel.
- A program is the last before a track's first note. A name is the first in its track of the file; the piece's name is
  that of the first. Text is UTF-8 where it can be, else Latin-1; it is one line.
- Tempos, meters, keys and markers count wherever they stand. Where time is counted in frames, tempos do not.
- Refused is what would be half read: a chunk or an event that is cut short, bytes that are no event, a file of type 2;
  and what lasts longer than a month, by damaged delta times, or takes more bytes than a day of music. Each deviation
  that is read all the same is counted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from folkseq.errors import ParseError
from folkseq.formats.midi import events
from folkseq.formats.midi.chunks import Header, locate
from folkseq.formats.midi.events import BrokenError, Events
from folkseq.formats.midi.parts import DRUMS, Part, parts
from folkseq.formats.ticks import TempoMap
from folkseq.music.performance import DEFAULT_BPM, NOTE, PEDAL, Pedal, Performance, Track, distinct_changes
from folkseq.music.signature import Key, Meter

LARGEST = 10 * 1024 * 1024  # bytes; a day of music takes half of it
LONGEST_S = 30 * 86_400.0
MOST_TRACKS = 2048
_MOST_SHARED = 1 << 22  # positions of a pedal, in all the tracks that it is given to
_METAS = {  # what a performance does not hold
    0x00: "sequence number",
    0x01: "text",
    0x02: "copyright",
    0x04: "instrument name",
    0x05: "lyric",
    0x07: "cue point",
    0x08: "program name",
    0x09: "device name",
    0x20: "channel prefix",
    0x21: "port",
    0x54: "SMPTE offset",
    0x7F: "sequencer's own event",
}


class Reading(NamedTuple):
    """What a file holds.

    Attributes:
        performance: What sounds, and the maps that go with it.
        lost: By kind and count, what the file said that `performance` does not hold, or that had to be guessed.
        own_pedals: Of each track, the pedal that stands on its own track of the file, without what others gave to it.
    """

    performance: Performance
    lost: Counter[str]
    own_pedals: tuple[Pedal, ...]


def parse(data: bytes, file: str = "<bytes>") -> Reading:
    """Reads the bytes of a MIDI file; `file` names it in errors.

    Raises:
        ParseError: if the bytes are no MIDI file, are broken or cut short, or are of a kind that is not read.
    """
    try:
        return _read(data)
    except BrokenError as fault:
        raise ParseError(f"{file}: {fault}") from None


def tempo_map(data: bytes) -> TempoMap:
    """From the ticks of a file to seconds and back. Raises BrokenError where `parse` raises ParseError."""
    header, places = locate(data, Counter())
    _, maps = _metas([events.read(data, start, stop) for start, stop in places], Counter())
    return _tempos(header, maps["tempo"], Counter())[0]


def _read(data: bytes) -> Reading:
    if len(data) > LARGEST:
        raise BrokenError(f"a MIDI file of {len(data):,} bytes; those of at most {LARGEST:,} are read")
    lost: Counter[str] = Counter()
    header, places = locate(data, lost)
    chunks = [events.read(data, start, stop) for start, stop in places]
    for chunk in chunks:
        lost.update(chunk.others)
    names, maps = _metas(chunks, lost)
    tempo_map, tempos = _tempos(header, maps["tempo"], lost)

    def timed(pairs: list[tuple[int, Any]]) -> list[tuple[float, Any]]:
        pairs = sorted(pairs, key=lambda pair: pair[0])
        return [(float(tempo_map.to_seconds(tick)), value) for tick, value in pairs]

    length_s = float(tempo_map.to_seconds(max([chunk.end for chunk in chunks], default=0)))
    if length_s > LONGEST_S:
        raise BrokenError(f"by its delta times and tempos it lasts {length_s / 86_400:,.0f} days; at most 30 are read")
    tracks, own_pedals = _tracks([parts(chunk, lost) for chunk in chunks], names, tempo_map, lost)
    performance = Performance(
        tracks=tracks,
        tempos=tempos,
        meters=distinct_changes(timed(maps["meter"])),
        keys=distinct_changes(timed(maps["key"])),
        markers=tuple(timed(maps["marker"])),
        name=names[0] if names else "",
        length_s=length_s,
    )
    return Reading(performance, +lost, own_pedals)


def _metas(chunks: Sequence[Events], lost: Counter[str]) -> tuple[list[str], dict[str, list[tuple[int, Any]]]]:
    """Each track's name, and the (tick, value) pairs of each map."""
    names: list[str] = []
    maps: dict[str, list[tuple[int, Any]]] = defaultdict(list)
    for chunk in chunks:
        name = ""
        for tick, kind, data in chunk.metas:
            if kind == 0x03:
                lost["further name of a track"] += bool(name)
                name = name or _text(data)
            elif kind in _MAPS:
                of, parse_value = _MAPS[kind]
                value = parse_value(data)
                if value is None:
                    lost[f"{of} that cannot be"] += 1
                else:
                    maps[of].append((tick, value))
            else:
                lost[_METAS.get(kind, "unknown meta event")] += 1
        names.append(name)
    return names, maps


def _tempos(
    header: Header, changes: list[tuple[int, int]], lost: Counter[str]
) -> tuple[TempoMap, tuple[tuple[float, float], ...]]:
    """From ticks to seconds, and the (seconds, quarter notes a minute) pairs."""
    if header.tick_s:
        lost["tempo where frames count"] += len(changes)
        return TempoMap(np.zeros(1), np.zeros(1), np.array([header.tick_s])), ((0.0, DEFAULT_BPM),)
    changes = list(distinct_changes([(0, 500_000), *changes]))
    tempo_map = TempoMap.at_ticks(changes, header.ticks_per_beat)
    bpm = [6e7 / microseconds for _, microseconds in changes]
    # Twice one at a time: ticks of a microsecond's quarter are too short to be told apart late in a piece.
    return tempo_map, distinct_changes(zip(tempo_map.seconds.tolist(), bpm, strict=True))


def _tracks(
    found: list[list[Part]], names: Sequence[str], tempo_map: TempoMap, lost: Counter[str]
) -> tuple[tuple[Track, ...], tuple[Pedal, ...]]:
    """The tracks that have notes, each with its channel's pedal; and the pedals that are their own."""
    playing = [(at, part) for at, of_chunk in enumerate(found) for part in of_chunk if len(part.onsets)]
    if len(playing) > MOST_TRACKS:
        raise BrokenError(f"it has {len(playing):,} tracks and channels with notes; at most {MOST_TRACKS:,} are read")
    silent: dict[int, list[Part]] = defaultdict(list)
    for part in (part for of_chunk in found for part in of_chunk if not len(part.onsets)):
        silent[part.channel].append(part)
    for channel, pedals in silent.items():
        positions, sharing = (
            sum(len(part.pedal_ticks) for part in pedals),
            sum(part.channel == channel for _, part in playing),
        )
        if positions * sharing > _MOST_SHARED:
            raise BrokenError(f"a pedal of {positions:,} positions is that of {sharing:,} tracks; that is too many")
        lost["pedal without notes"] += 0 if sharing else positions
    lost["name of a track without notes"] += len(
        {at for at, name in enumerate(names) if at and name} - {at for at, _ in playing}
    )
    tracks = tuple(
        Track(
            _notes(part, tempo_map),
            names[at],
            part.program,
            part.channel == DRUMS,
            _pedal([part, *silent[part.channel]], tempo_map),
        )
        for at, part in playing
    )
    own = (
        _pedal([part], tempo_map) if silent[part.channel] else track.pedal
        for (_, part), track in zip(playing, tracks, strict=True)
    )
    return tracks, tuple(own)


def _notes(part: Part, tempo_map: TempoMap) -> Any:
    notes = np.empty(len(part.onsets), NOTE)
    notes["onset_s"], notes["offset_s"] = tempo_map.to_seconds(part.onsets), tempo_map.to_seconds(part.offsets)
    notes["pitch"], notes["velocity"] = part.pitches, part.velocities
    return notes


def _pedal(parts_of_channel: Sequence[Part], tempo_map: TempoMap) -> Pedal:
    """The positions of a track's own pedal, and then those given to it; the track brings them into order."""
    ticks = np.concatenate([part.pedal_ticks for part in parts_of_channel])
    values = np.concatenate([part.pedal_values for part in parts_of_channel])
    pedal = np.empty(len(ticks), PEDAL)
    pedal["time_s"], pedal["value"] = tempo_map.to_seconds(ticks), values
    return pedal


def _text(data: bytes) -> str:
    """The text on one line, without what cannot be printed."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return "".join(char for char in " ".join(text.split()) if char.isprintable())


def _tempo(data: bytes) -> int | None:
    return int.from_bytes(data, "big") or None if len(data) == 3 else None  # none at all would be endlessly fast


def _meter(data: bytes) -> Meter | None:
    possible = len(data) >= 2 and 1 <= data[0] <= 64 and data[1] <= 6
    return Meter(data[0], 1 << data[1]) if possible else None


def _key(data: bytes) -> Key | None:
    if len(data) != 2 or data[1] > 1:
        return None
    sharps = (data[0] ^ 0x80) - 0x80  # of two's complement
    return Key.of_signature(sharps, bool(data[1])) if -7 <= sharps <= 7 else None


_MAPS: dict[int, tuple[str, Callable[[bytes], Any]]] = {
    0x06: ("marker", _text),
    0x51: ("tempo", _tempo),
    0x58: ("meter", _meter),
    0x59: ("key", _key),
}
