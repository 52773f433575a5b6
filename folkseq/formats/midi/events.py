"""The events of one track chunk (Standard MIDI Files 1.0, `<MTrk event>`), read exactly and in bulk.

In a stretch of channel messages that have two data bytes, every event holds three bytes below 128: the last of its
delta time, and its data. So every third such byte ends an event, and what stands between them can only be the delta's
other bytes and the status: whole stretches are read by a few operations on arrays. All else (messages of one data byte,
meta events, system exclusive) is read one by one, and so are the events after it until a stretch seems worth it.

Beyond the standard: a running status outlives meta events and system exclusive, as many a file expects, and system
messages of fixed length are passed over.
"""

from __future__ import annotations

from array import array
from collections import Counter
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Bytes: TypeAlias = npt.NDArray[np.uint8]
Ticks: TypeAlias = npt.NDArray[np.int64]

NOTE_ON, AFTERTOUCH, CONTROL, PROGRAM, PRESSURE, BEND, SYSEX, META = 0x90, 0xA0, 0xB0, 0xC0, 0xD0, 0xE0, 0xF0, 0xFF
END_OF_TRACK = 0x2F
_SYSTEM = {0xF1: 1, 0xF2: 2, 0xF3: 1, 0xF6: 0, 0xF8: 0, 0xFA: 0, 0xFB: 0, 0xFC: 0, 0xFE: 0}  # data bytes of each
_SYSTEM_MESSAGE, _EXCLUSIVE = -1, -2  # beside the kinds of meta events
_OTHERS = {_SYSTEM_MESSAGE: "system message", _EXCLUSIVE: "system exclusive"}
_PLAIN = np.zeros(256, bool)  # statuses of two data bytes
_PLAIN[0x80:PROGRAM] = _PLAIN[BEND:SYSEX] = True

_LONGEST_PLAIN = 7  # bytes of such an event
_WORTH = 16  # plain events in a row, after which a stretch of them is read at once
_REPAID = 100  # events; one by one takes longer for more
_SMALLEST, _LARGEST = 1 << 9, 1 << 16  # bytes read at once; more would leave the processor's caches


class BrokenError(Exception):
    """Bytes that are no MIDI file, in one line without the file's name."""


class Events(NamedTuple):
    """A track's events in their order.

    Attributes:
        ticks: (N,) when each channel message stands, from the start.
        messages: (3, N) status, first and second data byte of each; the second is 0 where there is none.
        metas: (tick, kind, data) of each meta event but the end of track.
        others: How many messages there were of other kinds, by kind.
        end: The tick at which the track ends.
    """

    ticks: Ticks
    messages: Bytes
    metas: list[tuple[int, int, bytes]]
    others: Counter[str]
    end: int


def read(data: bytes, start: int, stop: int) -> Events:
    """The events of the track whose first byte is at `start` of `data`, and which ends before `stop`.

    Raises:
        BrokenError: if the bytes are no events, or the last one is cut short.
    """
    chunk = data[start:stop]
    chunk_array = np.frombuffer(chunk, np.uint8)
    done: list[tuple[Ticks, Bytes]] = []
    some_ticks, some_messages = array("q"), bytearray()  # of the events that were read one by one
    metas: list[tuple[int, int, bytes]] = []
    others: Counter[str] = Counter()
    place = tick = running = plain = 0
    worth, size, ended = _WORTH, _LARGEST, False
    try:
        while place < len(chunk):
            if plain >= worth:
                block = chunk_array[place : place + size]
                ticks, messages, used = _stretch(block, tick, running)
                if used:
                    done += _gathered(some_ticks, some_messages)
                    some_ticks, some_messages = array("q"), bytearray()
                    done.append((ticks, messages))
                    place, tick, running = place + used, int(ticks[-1]), int(messages[0, -1])
                if len(block) - used >= _LONGEST_PLAIN or not used:  # something else comes next
                    plain = 0
                # What does not repay its overhead is not tried again so soon, nor with so much.
                worth = _WORTH if len(ticks) > _REPAID else 2 * worth
                size = min(max(2 * used, _SMALLEST), _LARGEST)
                continue
            begin = place
            delta, place = quantity(chunk, place, start)
            tick += delta
            status = chunk[place]
            if status >= 0x80:
                place += 1
            elif running:
                status = running
            else:
                raise BrokenError(f"no event begins with byte {status} before any status, at byte {start + begin}")
            if status >= SYSEX:
                plain = 0
                kind, content, place = other(chunk, place, status, start)
                if kind == END_OF_TRACK:
                    ended = True
                    break
                if kind in _OTHERS:
                    others[_OTHERS[kind]] += 1
                else:
                    metas.append((tick, kind, content))
                continue
            first, second, running = chunk[place], 0, status
            place, plain = place + 1, plain + 1
            if PROGRAM <= status < BEND:
                plain = 0
            else:
                second, place = chunk[place], place + 1
            if first > 127 or second > 127:
                raise BrokenError(f"a message holds a data byte above 127, at byte {start + begin}")
            some_ticks.append(tick)
            some_messages += bytes((status, first, second))
    except IndexError:
        raise BrokenError(f"the track from byte {start} to {stop} ends within an event") from None
    others["track without an end"] += not ended
    others["byte after the end of its track"] += len(chunk) - place
    done += _gathered(some_ticks, some_messages)
    if len(done) == 1:
        return Events(*done[0], metas, others, tick)
    all_ticks = np.concatenate([np.empty(0, np.int64), *(ticks for ticks, _ in done)])
    all_messages = np.concatenate([np.empty((3, 0), np.uint8), *(messages for _, messages in done)], axis=1)
    return Events(all_ticks, all_messages, metas, others, tick)


def other(chunk: bytes, place: int, status: int, start: int) -> tuple[int, bytes, int]:
    """Kind and content of the event whose `status` is before `place`, of no channel, and the place after it."""
    if status == META:
        kind = chunk[place]
        length, place = quantity(chunk, place + 1, start)
    elif status in (SYSEX, 0xF7):
        kind = _EXCLUSIVE
        length, place = quantity(chunk, place, start)
    elif status in _SYSTEM:
        kind, length = _SYSTEM_MESSAGE, _SYSTEM[status]
    else:
        raise BrokenError(f"no event has the status {status:#x}, at byte {start + place - 1}")
    if length > len(chunk) - place:
        raise BrokenError(f"an event of {length:,} bytes outlasts its track, at byte {start + place}")
    return kind, chunk[place : place + length], place + length


def quantity(chunk: bytes, place: int, start: int) -> tuple[int, int]:
    """The quantity of variable length (of at most 28 bits) at `place`, and the place after it."""
    value = chunk[place]
    if value < 0x80:
        return value, place + 1
    value &= 0x7F
    for after in (place + 1, place + 2, place + 3):
        value = value << 7 | chunk[after] & 0x7F
        if chunk[after] < 0x80:
            return value, after + 1
    raise BrokenError(f"a time or a length has more than four bytes, at byte {start + place}")


def _gathered(ticks: array[int], messages: bytearray) -> list[tuple[Ticks, Bytes]]:
    if not ticks:
        return []
    return [(np.array(ticks, np.int64), np.frombuffer(messages, np.uint8).reshape(-1, 3).T)]


def _stretch(block: Bytes, tick: int, running: int) -> tuple[Ticks, Bytes, int]:
    """Ticks and messages of the plain events that `block` begins with, and how many bytes they take.

    Args:
        block: (B,) bytes, of which the first begins an event.
        tick: of the event before.
        running: the status of the event before; 0 if there is none.
    """
    low = np.flatnonzero(block < 0x80)
    count = len(low) // 3
    delta_at, first_at, second_at = low[: 3 * count].reshape(count, 3).T  # each (N,): the delta's last byte, the data
    start = np.empty(count, np.int64)
    start[:1], start[1:] = 0, second_at[:-1] + 1
    more = delta_at - start  # bytes of the delta before its last
    between = first_at - delta_at  # 1, or 2 with a status between them
    stated = np.flatnonzero(between == 2)
    # The first is the status that runs already; each next one rules the events up to the following.
    statuses = np.concatenate((np.array([running], np.uint8), block[delta_at[stated] + 1]))
    status = np.repeat(statuses, np.diff(stated, prepend=0, append=count))
    irregular = (more > 3) | (between > 2) | (second_at - first_at > 1) | ~_PLAIN[status]
    if irregular.any():
        count = int(irregular.argmax())
    if not count:
        return np.empty(0, np.int64), np.empty((3, 0), np.uint8), 0
    messages = np.stack((status[:count], block[first_at[:count]], block[second_at[:count]]))  # (3, N)
    delta = block[delta_at[:count]].astype(np.int64)
    longer = np.flatnonzero(more[:count])
    for byte in (1, 2, 3):
        if not len(longer):
            break
        delta[longer] |= (block[delta_at[longer] - byte] & 0x7F).astype(np.int64) << 7 * byte
        longer = longer[more[longer] > byte]
    delta[0] += tick
    return np.cumsum(delta), messages, int(second_at[count - 1]) + 1
