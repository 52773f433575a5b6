"""A track's events as the bytes that they are, so that a file can be written again with all that nobody asked about.

`events` reads what a track says; here nothing is made of the bytes but where each event begins, ends and stands.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from folkseq.formats.midi.events import BEND, END_OF_TRACK, META, PROGRAM, SYSEX, BrokenError, other, quantity

LONGEST_DELTA = 2**28 - 1  # ticks from event to event; across more, empty texts are stepping stones
_STONE = b"\xff\x01\x00"


class Event(NamedTuple):
    """One event, without the time before it."""

    tick: int
    status: int
    data: bytes
    """All that follows the status."""
    stated: bool = True
    """Whether the status stands there, and is not that of the event before."""

    @property
    def ends_track(self) -> bool:
        """Whether it is the end of its track."""
        return self.status == META and self.data[0] == END_OF_TRACK


def read(data: bytes, start: int, stop: int) -> tuple[list[Event], bytes]:
    """The events of the track whose first byte is at `start` of `data`, and what stands after its end, up to `stop`.

    Raises:
        BrokenError: if the bytes are no events, or the last one is cut short.
    """
    chunk = data[start:stop]
    found: list[Event] = []
    place = tick = running = 0
    try:
        while place < len(chunk) and not (found and found[-1].ends_track):
            delta, place = quantity(chunk, place, start)
            tick += delta
            status, stated = chunk[place], chunk[place] >= 0x80
            status, place = (status, place + 1) if stated else (running, place)
            begin = place
            if status >= SYSEX:
                _, _, place = other(chunk, place, status, start)
            else:
                running, place = status, place + (1 if PROGRAM <= status < BEND else 2)
            found.append(Event(tick, status, chunk[begin:place], stated))
    except IndexError:
        raise BrokenError(f"the track from byte {start} to {stop} ends within an event") from None
    return found, chunk[place:]


def format(events: Iterable[Event]) -> bytes:
    """Events as a track holds them; a status that another event now stands before is stated."""
    found = bytearray()
    last = running = 0
    for tick, status, data, stated in events:
        while tick - last > LONGEST_DELTA:
            found += _spelt(LONGEST_DELTA) + _STONE
            last, running = last + LONGEST_DELTA, 0
        found += _spelt(tick - last)
        if stated or status != running:
            found.append(status)
        found += data
        last, running = tick, status if status < SYSEX else 0
    return bytes(found)


def text(words: str) -> Event:
    """A text at the beginning; letters beyond Latin-1 become question marks."""
    data = words.encode("latin-1", "replace")
    return Event(0, META, b"\x01" + _spelt(len(data)) + data)


def _spelt(quantity: int) -> bytes:
    """A quantity of variable length."""
    spelt = [quantity & 0x7F]
    while quantity := quantity >> 7:
        spelt.append(0x80 | quantity & 0x7F)
    return bytes(reversed(spelt))
