"""The chunks of a MIDI file (Standard MIDI Files 1.0): its header, and the places of its tracks.

Also read are the RIFF form that some sequencers wrap around it (RMID, with its chunks in any order), headers longer
than 6 bytes, a single track of type 2, and tracks with a length of 0 although events follow. Chunks of other kinds, a
wrong number of tracks in the header, and bytes after the last track are skipped and counted. A track that says it is
longer than the file is refused, since the remaining part would be an incomplete performance.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from folkseq.formats.midi.events import BrokenError, walk

SUFFIXES = (".mid", ".midi", ".kar", ".rmi", ".smf")
_LONGEST = 1 << 28  # bytes; a larger chunk length is invalid
MOST_TRACKS = 1024  # far beyond any score; even an empty track takes time to read
_FRAMES = {24: 24.0, 25: 25.0, 29: 30_000 / 1_001, 30: 30.0}  # frames per second; 29 means drop frame


class Header(NamedTuple):
    """The unit of time: ticks per quarter note or, if `tick_s` is not 0, ticks of `tick_s` seconds."""

    ticks_per_beat: int
    tick_s: float = 0.0


def is_midi(data: bytes) -> bool:
    """Return whether bytes begin like a MIDI file."""
    return data[:4] == b"MThd" or _is_riff(data)


def _is_riff(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:12] == b"RMID"


def _extent(data: bytes, lost: Counter[str]) -> tuple[int, int]:
    """Return the start and the end of the MIDI file within the bytes."""
    place = 12 if _is_riff(data) else len(data)
    while place + 8 <= len(data):
        size = int.from_bytes(data[place + 4 : place + 8], "little")
        if data[place : place + 4] == b"data":
            return place + 8, min(len(data), place + 8 + size)
        lost["chunk of unknown kind"] += 1
        place += 8 + size + size % 2
    return 0, len(data)


def locate(data: bytes, lost: Counter[str]) -> tuple[Header, list[tuple[int, int]]]:
    """Return the header, and the byte range of each track's events; count skipped chunks in `lost`.

    Raises:
        BrokenError: `data` is not a MIDI file, is cut short, or has an unsupported type.
    """
    if not data:
        raise BrokenError("the file is empty; a MIDI file begins with MThd")
    place, stop = _extent(data, lost)
    if data[place : place + 4] != b"MThd":
        raise BrokenError("not a MIDI file, which begins with MThd")
    if stop - place < 14:
        raise BrokenError("the file is cut short within its header")
    length, kind, declared, division = struct.unpack(">IHHh", data[place + 4 : place + 14])
    if length < 6:
        raise BrokenError(f"the header has {length} bytes; it cannot have fewer than 6")
    if kind > 2:
        raise BrokenError(f"a MIDI file of type {kind}; types 0, 1 and 2 are read")
    header = _header(division)
    tracks: list[tuple[int, int]] = []
    place += 8 + length
    while place + 8 <= stop:
        name, length = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "big")
        left = stop - place - 8
        if name == b"MTrk" and not length and left and data[place + 8 : place + 12] != b"MTrk":
            length = max((after for _, after in walk(data[place + 8 : stop], place + 8, clipped=True)), default=0)
            lost["track with a length of 0"] += 1
        if length > left and name != b"MTrk" and len(tracks) >= declared:
            break
        if length > left:
            size = f"has {length:,} bytes" if length <= _LONGEST else "is longer than any file"
            raise BrokenError(f"cut short: the chunk at byte {place} {size}, but {left:,} are left")
        if name == b"MTrk":
            tracks.append((place + 8, place + 8 + length))
        lost["chunk of unknown kind"] += name != b"MTrk"
        if len(tracks) > MOST_TRACKS:
            raise BrokenError(f"it has more than {MOST_TRACKS:,} tracks")
        place += 8 + length
    if kind == 2 and max(len(tracks), declared) > 1:
        raise BrokenError("a MIDI file of type 2 with several pieces; one is read")
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
    """Return the file with the tracks at `places` replaced, and the lengths of the enclosing chunks corrected."""
    found, at = bytearray(), 0
    for (start, stop), track in zip(places, tracks, strict=True):
        found += data[at : start - 4] + len(track).to_bytes(4, "big") + track
        at = stop
    if not _is_riff(data):
        return bytes(found + data[at:])
    start, end = _extent(data, Counter())
    found += data[at:end]
    size = len(found) - start
    found[start - 4 : start] = size.to_bytes(4, "little")
    found += b"\0" * (size % 2) + data[end + (end - start) % 2 :]
    found[4:8] = (len(found) - 8).to_bytes(4, "little")
    return bytes(found)
