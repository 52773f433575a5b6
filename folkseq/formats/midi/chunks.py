"""The chunks of a MIDI file (Standard MIDI Files 1.0): what its header says, and where its tracks lie.

Read besides: the RIFF form that some sequencers wrap around it, and headers longer than 6 bytes. Passed over and
counted: chunks of other kinds, a wrong number of tracks in the header, bytes after the last track. Refused: a track
that says it is longer than the file is, since what is left of it would be half a performance.
"""

from __future__ import annotations

import struct
from collections import Counter
from typing import NamedTuple

from folkseq.formats.midi.events import BrokenError

MOST_CHUNKS = 1024  # far beyond any score; each costs time however short it is
_FRAMES = {24: 24.0, 25: 25.0, 29: 30_000 / 1_001, 30: 30.0}  # a second; 29 is what drop frames are called


class Header(NamedTuple):
    """How time is counted: in ticks a quarter note or, where `tick_s` is not 0, in ticks of so many seconds."""

    ticks_per_beat: int
    tick_s: float = 0.0


def is_midi(data: bytes) -> bool:
    """Whether bytes begin as those of a MIDI file do."""
    return data[:4] == b"MThd" or (data[:4] == b"RIFF" and data[8:16] == b"RMIDdata")


def locate(data: bytes, lost: Counter[str]) -> tuple[Header, list[tuple[int, int]]]:
    """The header, and where each track's events begin and end; what is passed over is counted in `lost`.

    Raises:
        BrokenError: if `data` is no MIDI file, is cut short, or is of a kind that is not read.
    """
    if not data:
        raise BrokenError("the file is empty; a MIDI file begins with MThd")
    place, stop = 0, len(data)
    if data[:4] == b"RIFF" and data[8:16] == b"RMIDdata":
        place, stop = 20, min(stop, 20 + int.from_bytes(data[16:20], "little"))
    if data[place : place + 4] != b"MThd":
        raise BrokenError("not a MIDI file, which begins with MThd")
    if stop - place < 14:
        raise BrokenError("the file is cut short within its header")
    length, kind, declared, division = struct.unpack(">IHHh", data[place + 4 : place + 14])
    if length < 6:
        raise BrokenError(f"the header has {length} bytes; it cannot have fewer than 6")
    if kind > 1:
        raise BrokenError(f"a MIDI file of type {kind}; types 0 and 1 are read")
    header = _header(division)
    tracks: list[tuple[int, int]] = []
    place += 8 + length
    while place + 8 <= stop:
        kind, length = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "big")
        if place + 8 + length > stop:
            if kind != b"MTrk" and len(tracks) >= declared:
                break
            left = stop - place - 8
            raise BrokenError(f"the chunk at byte {place} is to have {length} bytes, but {left} are left: cut short")
        if kind == b"MTrk":
            tracks.append((place + 8, place + 8 + length))
        else:
            lost["chunk of unknown kind"] += 1
        if len(tracks) > MOST_CHUNKS:
            raise BrokenError(f"it has more than {MOST_CHUNKS:,} tracks")
        place += 8 + length
    if place > stop or (place < stop and len(tracks) < declared):
        raise BrokenError(f"cut short within the header of the chunk at byte {min(place, stop)}")
    lost["byte after the last track"] += stop - place
    lost["track that the header does not count"] += max(0, len(tracks) - declared)
    lost["track that the header counts but is not there"] += max(0, declared - len(tracks))
    return header, tracks


def _header(division: int) -> Header:
    if division > 0:
        return Header(division)
    frames, ticks = -(division >> 8), division & 0xFF
    if division == 0 or frames not in _FRAMES or not ticks:
        raise BrokenError(f"time is counted in a way that there is not (division {division & 0xFFFF:#06x})")
    return Header(0, 1 / (_FRAMES[frames] * ticks))
