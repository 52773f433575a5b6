"""Collect the messages of all tracks that set the state of a channel, in the file's order.

Messages are ordered by tick, then by track, then by position in the track, as players merge tracks. A channel belongs
to a port: the first that a track names, by number or else by device. A track that names none uses the first port.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from folkseq.formats.midi.events import PRESSURE, PROGRAM, BrokenError, Bytes, Events, Ticks
from folkseq.formats.midi.parts import INSTRUMENT, Index

PORT, DEVICE = 0x21, 0x09  # kinds of meta events
_MOST_SHARED = 1 << 22  # messages of a channel, summed over the tracks that share it

Channel: TypeAlias = tuple[int, int]  # port and channel


class Changes(NamedTuple):
    """(K,) messages that set the state of one channel, in the file's order."""

    ticks: Ticks
    tracks: Index
    places: Index  # indices into the messages of their tracks
    numbers: Bytes  # of controllers, or INSTRUMENT
    values: Bytes
    kinds: Bytes  # statuses without channels

    def where(self, mask: npt.NDArray[Any]) -> Changes:
        """Return the messages that a mask or indices select."""
        return Changes(*(column[mask] for column in self))

    def of(self, *numbers: int) -> Changes:
        """Return the messages with these numbers."""
        mask = np.isin(self.numbers, numbers) if len(numbers) > 1 else self.numbers == numbers[0]
        count = np.count_nonzero(mask)
        return self if count == len(mask) else self.where(mask) if count else NO_CHANGES

    def before(self, tick: int, track: int, place: int) -> int:
        """Return the number of messages before a position in the file."""
        earlier = (self.tracks < track) | ((self.tracks == track) & (self.places < place))
        return int(np.count_nonzero((self.ticks < tick) | ((self.ticks == tick) & earlier)))


NO_CHANGES = Changes(
    np.empty(0, np.int64), np.empty(0, np.intp), np.empty(0, np.intp), *(np.empty(0, np.uint8) for _ in range(3))
)


def ports(tracks: Iterable[Sequence[tuple[int, int, bytes]]]) -> list[int]:
    """Return the port of each track, given its meta events; ports are numbered as they first occur."""
    named = []
    for metas in tracks:
        first = {kind: content for _, kind, content in reversed(metas) if kind in (PORT, DEVICE)}
        named.append(first.get(PORT, first.get(DEVICE)))
    distinct = list(dict.fromkeys(name for name in named if name is not None))
    return [0 if name is None else distinct.index(name) for name in named]


def gather(
    chunks: Sequence[Events], places: Iterable[Index], ports: Sequence[int], sharing: Counter[Channel]
) -> dict[Channel, Changes]:
    """Return the messages at the given indices of the tracks, by channel.

    Args:
        chunks: The events of each track.
        places: The indices of messages in each track.
        ports: The port of each track.
        sharing: The number of tracks that have notes on each channel.

    Raises:
        BrokenError: There are too many messages for the number of tracks that share them.
    """
    found: dict[Channel, list[list[npt.NDArray[Any]]]] = defaultdict(list)
    for track, (events, at) in enumerate(zip(chunks, places, strict=True)):
        if not len(at):
            continue
        status, data1, data2 = (row[at] for row in events.messages)
        program = (status >= PROGRAM) & (status < PRESSURE)
        if program.any():
            data1, data2 = np.where(program, np.uint8(INSTRUMENT), data1), np.where(program, data1, data2)
        columns = [events.ticks[at], np.full(len(at), track), at, data1, data2, status & 0xF0]
        channels = status & 15
        if (channels == channels[0]).all():
            found[ports[track], int(channels[0])].append(columns)
            continue
        for number in np.flatnonzero(np.bincount(channels)).tolist():
            found[ports[track], number].append([column[channels == number] for column in columns])
    merged = {}
    for channel, contributions in found.items():
        columns = contributions[0]
        if len(contributions) > 1:
            columns = [np.concatenate(each) for each in zip(*contributions, strict=True)]
            by_tick = np.argsort(columns[0], kind="stable")
            columns = [column[by_tick] for column in columns]
        if len(columns[0]) * sharing[channel] > _MOST_SHARED:
            raise BrokenError(
                f"{len(columns[0]):,} messages set a channel of {sharing[channel]:,} tracks; that is too many"
            )
        merged[channel] = Changes(*columns)
    return merged
