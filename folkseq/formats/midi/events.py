"""Read the events of a track (Standard MIDI Files 1.0, `<MTrk event>`) one by one or in bulk, and write them.

In a stretch of channel messages with two data bytes, every event holds three bytes below 128: the last byte of its
delta time, and its data. Every third such byte therefore ends an event, and the bytes between can only be the rest of
the delta time and the status, so a few array operations read a whole stretch. Other events (messages with one data
byte, meta events, system exclusive) are read one by one, and so are the following events until a stretch pays off.

Beyond the standard, a running status outlives meta events and system exclusive, as many files expect, and system
messages of fixed length are skipped.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePath
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Bytes: TypeAlias = npt.NDArray[np.uint8]
Ticks: TypeAlias = npt.NDArray[np.int64]

NOTE_OFF, NOTE_ON, AFTERTOUCH, CONTROL, PROGRAM, PRESSURE, BEND = 0x80, 0x90, 0xA0, 0xB0, 0xC0, 0xD0, 0xE0
SYSEX, SYSEX_PART, META = 0xF0, 0xF7, 0xFF
_SYSTEM = {0xF1: 1, 0xF2: 2, 0xF3: 1, 0xF6: 0, 0xF8: 0, 0xFA: 0, 0xFB: 0, 0xFC: 0, 0xFE: 0}  # data bytes of each
TEXT, NAME, LYRIC, MARKER = 0x01, 0x03, 0x05, 0x06  # kinds of meta events
END_OF_TRACK, TEMPO, METER, KEY = 0x2F, 0x51, 0x58, 0x59
LONGEST_DELTA = 2**28 - 1  # ticks between events; empty texts bridge longer times
_OTHERS = np.ones(256, bool)  # statuses without exactly two data bytes
_OTHERS[NOTE_OFF:PROGRAM] = _OTHERS[BEND:SYSEX] = False

_LONGEST_PLAIN = 7  # bytes of such an event
_LONGEST_END = 8  # bytes too few for a stretch: the end of the track, or one event
PLAIN_BEFORE_STRETCH = 4  # plain events in a row before a stretch is read in bulk
_REPAID = 100  # events; above this, reading in bulk is faster
SMALLEST_BLOCK, LARGEST_BLOCK = 1 << 9, 1 << 16  # bytes read at once; more would not fit the CPU caches


class BrokenError(Exception):
    """Bytes that are not a valid MIDI file; the message does not name the file."""

    def of(self, file: str) -> str:
        """Return the message for a file."""
        return f"{file}: {self}"


class RepairableError(BrokenError):
    """Damaged bytes that `repair` can fix."""

    def of(self, file: str) -> str:
        """Return the message for a file, with the command that writes a readable copy."""
        path = PurePath(file)
        names = shlex.join([str(path), str(path.with_name(f"{path.stem}-repaired.mid"))])
        return f"{super().of(file)}; write a readable copy: folkseq convert --repair {names}"


class MidiEvent(NamedTuple):
    """One event.

    Attributes:
        tick: Its time in ticks from the start.
        status: Its status byte.
        data: All bytes after the status.
        stated: Whether to write the status even if it repeats the previous one.
    """

    tick: int
    status: int
    data: bytes
    stated: bool = True

    @classmethod
    def of_meta(cls, tick: int, kind: int, content: bytes = b"") -> MidiEvent:
        """Return a meta event."""
        return cls(tick, META, bytes((kind,)) + _format_quantity(len(content)) + content)

    @property
    def ends_track(self) -> bool:
        """Return whether this event ends its track."""
        return self.status == META and self.data[0] == END_OF_TRACK

    @property
    def meta(self) -> tuple[int, bytes]:
        """Return the kind and content of a meta event."""
        _, place = _parse_quantity(self.data, 1, 0)
        return self.data[0], self.data[place:]


class Events(NamedTuple):
    """A track's events in their order.

    Attributes:
        ticks: (N,) The tick of each channel message, from the start.
        messages: (3, N) The status, first and second data byte of each message; 0 for a missing second byte.
        metas: The (tick, kind, content) of each meta event except the end of track.
        others: The number of messages of other kinds, by kind.
        end: The tick at which the track ends.
    """

    ticks: Ticks
    messages: Bytes
    metas: list[tuple[int, int, bytes]]
    others: Counter[str]
    end: int


def walk(
    chunk: bytes, start: int, place: int = 0, tick: int = 0, running: int = 0, *, clipped: bool = False
) -> Iterator[tuple[MidiEvent, int]]:
    """Yield each event of a track, up to its end, and the index after it.

    Args:
        chunk: The track's bytes.
        start: Their offset in the file, for messages.
        place: The index of the first event in the chunk.
        tick: The tick of the previous event.
        running: The status of the previous message; 0 if there is none.
        clipped: Whether to read data bytes above 127 as 127.

    Raises:
        BrokenError: The bytes are not valid events, or the last one is cut short.
    """
    try:
        while place < len(chunk):
            begin = start + place
            delta = chunk[place]
            if delta < 0x80:
                place += 1
            else:
                delta, place = _parse_quantity(chunk, place, start)
            tick += delta
            status = chunk[place]
            stated = status >= NOTE_OFF
            if stated:
                place += 1
            elif running:
                status = running
            else:
                raise BrokenError(f"no event begins with byte {status} before any status, at byte {begin}")
            if status >= SYSEX:
                stop = _end(chunk, place, status, start)
            else:
                stop = place + (1 if PROGRAM <= status < BEND else 2)
                if (chunk[place] > 127 or chunk[stop - 1] > 127) and not clipped:
                    raise RepairableError(f"a message holds a data byte above 127, at byte {begin}")
                running = status
            data = chunk[place:stop]
            if clipped and status < SYSEX:
                data = bytes(min(byte, 127) for byte in data)
            event, place = MidiEvent(tick, status, data, stated), stop
            yield event, place
            if status == META and event.ends_track:
                return
    except IndexError:
        raise BrokenError(f"the track from byte {start} to {start + len(chunk)} ends within an event") from None


def _end(chunk: bytes, place: int, status: int, start: int) -> int:
    """Return the index after an event that is not a channel message and whose status precedes `place`."""
    if status == META:
        length, place = _parse_quantity(chunk, place + 1, start)
    elif status in (SYSEX, SYSEX_PART):
        length, place = _parse_quantity(chunk, place, start)
    elif status in _SYSTEM:
        length = _SYSTEM[status]
    else:
        raise BrokenError(f"no event has the status {status:#x}, at byte {start + place - 1}")
    if length > len(chunk) - place:
        raise BrokenError(f"an event of {length:,} bytes is longer than its track, at byte {start + place}")
    return place + length


def _parse_quantity(chunk: bytes, place: int, start: int) -> tuple[int, int]:
    """Return the variable-length quantity (at most 28 bits) at `place`, and the index after it."""
    value = chunk[place]
    if value < 0x80:
        return value, place + 1
    value = 0
    for after in range(place, place + 4):
        value = value << 7 | chunk[after] & 0x7F
        if chunk[after] < 0x80:
            return value, after + 1
    raise BrokenError(f"a time or a length has more than four bytes, at byte {start + place}")


def _format_quantity(value: int) -> bytes:
    septets = [value & 0x7F]
    while value := value >> 7:
        septets.append(0x80 | value & 0x7F)
    return bytes(reversed(septets))


def format(events: Iterable[MidiEvent]) -> bytes:
    """Return the bytes of a track's events."""
    found = bytearray()
    last = running = 0
    for tick, status, data, stated in events:
        while tick - last > LONGEST_DELTA:
            found += _format_quantity(LONGEST_DELTA) + bytes((META, TEXT, 0))
            last, running = last + LONGEST_DELTA, 0
        found += _format_quantity(tick - last)
        if stated or status != running:
            found.append(status)
        found += data
        last, running = tick, status if status < SYSEX else 0
    return bytes(found)


def read(data: bytes, start: int, stop: int) -> Events:
    """Return the events of the track from byte `start` to `stop` of a file. Raises BrokenError as `walk` does."""
    chunk = data[start:stop]
    array = np.frombuffer(chunk, np.uint8)
    done: list[tuple[Ticks, Bytes]] = []
    metas: list[tuple[int, int, bytes]] = []
    others: Counter[str] = Counter()
    place = tick = running = plain = 0
    worth, size, ended = PLAIN_BEFORE_STRETCH, LARGEST_BLOCK, False
    while not ended and place < len(array):
        single: list[MidiEvent] = []  # messages up to the next stretch
        for event, after in walk(chunk, start, place, tick, running):
            place, tick, status = after, event.tick, event.status
            if status < SYSEX:
                single.append(event)
                running, plain = status, plain + 1 if len(event.data) == 2 else 0
                if plain >= worth:
                    break
                continue
            plain, ended = 0, event.ends_track
            if status != META:
                others["system exclusive" if status in (SYSEX, SYSEX_PART) else "system message"] += 1
            elif not ended:
                metas.append((tick, *event.meta))
        if single:
            done.append(_gathered(single))
        while plain >= worth and len(array) - place > _LONGEST_END:
            block = array[place : place + size]
            ticks, messages, used = _stretch(block, tick, running)
            if used:
                done.append((ticks, messages))
                place, tick, running = place + used, int(ticks[-1]), int(messages[0, -1])
            if len(block) - used >= _LONGEST_PLAIN or not used:  # another kind of event comes next
                plain = 0
            # If a stretch was too short to repay its overhead, wait longer and try a smaller block.
            worth = PLAIN_BEFORE_STRETCH if len(ticks) > _REPAID else 2 * worth
            size = min(max(2 * used, SMALLEST_BLOCK), LARGEST_BLOCK)
    others["track without an end"] += not ended
    others["byte after the end of its track"] += len(array) - place
    done = done or [_gathered([])]
    all_ticks = np.concatenate([ticks for ticks, _ in done])
    all_messages = np.concatenate([messages for _, messages in done], axis=1)
    return Events(all_ticks, all_messages, metas, others, tick)


def _gathered(messages: Sequence[MidiEvent]) -> tuple[Ticks, Bytes]:
    rows = b"".join([bytes((status,)) + data.ljust(2, b"\0") for _, status, data, _ in messages])
    ticks = np.array([event.tick for event in messages], np.int64)
    return ticks, np.frombuffer(rows, np.uint8).reshape(-1, 3).T


def _stretch(block: Bytes, tick: int, running: int) -> tuple[Ticks, Bytes, int]:
    """Return the ticks and messages of the plain events at the start of `block`, and their size in bytes.

    Args:
        block: (B,) bytes; the first one begins an event.
        tick: The tick of the previous event.
        running: The status of the previous event; 0 if there is none.
    """
    low = (block < 0x80).nonzero()[0]
    count = len(low) // 3
    delta_at, first_at, second_at = low[: 3 * count].reshape(count, 3).T  # each (N,): delta's end, data
    more = delta_at.copy()  # bytes of the delta time before its last
    more[1:] -= second_at[:-1] + 1
    between = first_at - delta_at  # 1, or 2 if a status lies between them
    stated = (between == 2).nonzero()[0]
    status = block[delta_at[stated] + 1]
    if len(stated) < count:
        # The first entry is the running status; each further status applies until the next one.
        bounds = np.concatenate(([0], stated, [count]))
        status = np.repeat(np.concatenate((np.array([running], np.uint8), status)), bounds[1:] - bounds[:-1])
    irregular = (more > 3) | (between > 2) | (second_at - first_at > 1) | _OTHERS[status]
    if irregular.any():
        count = int(irregular.argmax())
    if not count:
        return np.empty(0, np.int64), np.empty((3, 0), np.uint8), 0
    messages = np.stack((status[:count], block[first_at[:count]], block[second_at[:count]]))  # (3, N)
    delta = block[delta_at[:count]].astype(np.int64)
    longer = (more[:count] > 0).nonzero()[0]
    for byte in (1, 2, 3):
        if not len(longer):
            break
        delta[longer] |= (block[delta_at[longer] - byte] & 0x7F).astype(np.int64) << 7 * byte
        longer = longer[more[longer] > byte]
    delta[0] += tick
    return np.cumsum(delta), messages, int(second_at[count - 1]) + 1
