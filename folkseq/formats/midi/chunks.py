"""The chunks of a MIDI file (Standard MIDI Files 1.0): its header, and the places of its tracks.

Also read are the RIFF form that some sequencers wrap around it, and headers longer than 6 bytes. Chunks of other kinds,
a wrong number of tracks in the header, and bytes after the last track are skipped and counted. A track that says it is
longer than the file is refused, since what is left of it would be half a performance.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from folkseq.formats.midi.events import BrokenError

MOST_TRACKS = 1024  # far beyond any score; each costs time however short it is
_FRAMES = {24: 24.0, 25: 25.0, 29: 30_000 / 1_001, 30: 30.0}  # a second; 29 is called drop frame


class Header(NamedTuple):
    """The unit of time: ticks a quarter note or, where `tick_s` is not 0, ticks of so many seconds."""

    ticks_per_beat: int
    tick_s: float = 0.0


def is_midi(data: bytes) -> bool:
    """Return whether bytes begin as those of a MIDI file do."""
    return data[:4] == b"MThd" or _is_riff(data)


def _is_riff(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:16] == b"RMIDdata"


def locate(data: bytes, lost: Counter[str]) -> tuple[Header, list[tuple[int, int]]]:
    """Return the header, and the first and last byte of each track's events; count what is skipped in `lost`.

    Raises:
        BrokenError: `data` is no MIDI file, is cut short, or is of a kind that is not read.
    """
    if not data:
        raise BrokenError("the file is empty; a MIDI file begins with MThd")
    place, stop = 0, len(data)
    if _is_riff(data):
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
        name, length = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "big")
        left = stop - place - 8
        if length > left and name != b"MTrk" and len(tracks) >= declared:
            break
        if length > left:
            raise BrokenError(f"cut short: the chunk at byte {place} has {length} bytes, but {left} are left")
        if name == b"MTrk":
            tracks.append((place + 8, place + 8 + length))
        lost["chunk of unknown kind"] += name != b"MTrk"
        if len(tracks) > MOST_TRACKS:
            raise BrokenError(f"it has more than {MOST_TRACKS:,} tracks")
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
        raise BrokenError(f"no time is counted by a division of {division & 0xFFFF:#06x}")
    return Header(0, 1 / (_FRAMES[frames] * ticks))


def replace_tracks(data: bytes, places: Sequence[tuple[int, int]], tracks: Sequence[bytes]) -> bytes:
    """Return the file with other tracks at `places`, and the lengths of the chunks around them corrected."""
    found, at = bytearray(), 0
    for (start, stop), track in zip(places, tracks, strict=True):
        found += data[at : start - 4] + len(track).to_bytes(4, "big") + track
        at = stop
    if not _is_riff(data):
        return bytes(found + data[at:])
    size = int.from_bytes(data[16:20], "little")
    end = min(20 + size, len(data))
    found += data[at:end]
    found[16:20] = (len(found) - 20).to_bytes(4, "little")
    found += b"\0" * (len(found) % 2) + data[end + size % 2 :]
    found[4:8] = (len(found) - 8).to_bytes(4, "little")
    return bytes(found)
