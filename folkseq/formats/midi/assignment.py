"""Assign MIDI channels to the tracks of a performance.

Up to 15 melodic tracks have separate channels; drums are on channel 10. Tracks with the same program, pedal and changes
can share a channel. If channels still run out, a group of tracks takes over a channel as soon as its previous group has
ended. Any groups left share a channel with another part, and this loss is counted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import replace
from itertools import accumulate, cycle
from typing import NamedTuple, TypeAlias

import numpy as np

from folkseq.formats.midi.channels import DRUMS
from folkseq.formats.ticks import TempoMap
from folkseq.music.performance import Performance, Track
from folkseq.music.sustain import held, presses

_MELODIC = [channel for channel in range(16) if channel != DRUMS]
_Group: TypeAlias = list[int]  # tracks with the same sound


class Assignment(NamedTuple):
    """The channel of a track.

    Attributes:
        channel: The channel, counted from 0.
        span_s: The start and end, in seconds, of the track's use of the channel, if it is shared over time.
        beside: The track whose program and pedal affect this one; −1 if there is none.
    """

    channel: int
    span_s: tuple[float, float] | None = None
    beside: int = -1


def assign(performance: Performance, tempo_map: TempoMap) -> list[Assignment]:
    """Return the assignment of each track; if channels are shared, silent tracks get an arbitrary one."""
    found: dict[int, Assignment] = {}
    for drum, channels in ((False, _MELODIC), (True, [DRUMS])):
        tracks = {at: track for at, track in enumerate(performance.tracks) if track.drum == drum}
        if len(tracks) <= len(channels):
            found |= {at: Assignment(channel) for at, channel in zip(tracks, channels, strict=False)}
            continue
        by_sound: dict[Hashable, _Group] = defaultdict(list)
        for at, track in tracks.items():
            pedal = b"" if drum else track.pedal.tobytes()
            by_sound[track.program, pedal, track.changes.tobytes()] += [at] * bool(len(track))
        groups = [group for group in by_sound.values() if group]
        if len(groups) <= len(channels):
            shared = _throughout(groups, channels)
        else:
            shared = _in_turn(groups, channels, performance, tempo_map)
        found |= {at: Assignment(channels[0]) for at in tracks} | shared
    return [found[at] for at in range(len(performance.tracks))]


def _throughout(groups: Sequence[_Group], channels: Sequence[int]) -> dict[int, Assignment]:
    """Return separate channels for each group; larger groups get more channels."""
    shares = [1] * len(groups)
    for _ in range(len(channels) - len(groups) if groups else 0):
        shares[max(range(len(groups)), key=lambda number: len(groups[number]) / shares[number])] += 1
    found = {}
    for group, share, first in zip(groups, shares, accumulate(shares, initial=0), strict=False):
        own = cycle(channels[first : first + share])
        found.update({at: Assignment(next(own)) for at in group})
    return found


def _in_turn(
    groups: Sequence[_Group], channels: Sequence[int], performance: Performance, tempo_map: TempoMap
) -> dict[int, Assignment]:
    """Return for each group a channel whose earlier groups have ended, or else a channel shared with another group."""
    spans = {number: _span(performance, group) for number, group in enumerate(groups)}
    latest: dict[int, int] = {}  # the last group of each channel
    found = {}
    for number in sorted(spans, key=lambda number: spans[number]):
        begin = int(tempo_map.to_ticks(spans[number][0]))
        unused = [channel for channel in channels if channel not in latest]
        free = [channel for channel in latest if int(tempo_map.to_ticks(spans[latest[channel]][1])) < begin]
        beside = -1
        if unused or free:
            channel = (unused or free)[0]
        else:
            channel = min(latest, key=lambda channel: _distance(performance, groups, latest[channel], number))
            beside = groups[latest[channel]][0]
        if beside < 0 or spans[number][1] > spans[latest[channel]][1]:
            latest[channel] = number
        found.update({at: Assignment(channel, spans[number], beside) for at in groups[number]})
    return found


def _distance(performance: Performance, groups: Sequence[_Group], here: int, there: int) -> tuple[bool, int]:
    """Return the distance between the sounds of two groups; different programs count more than different pedals."""
    first, second = (performance.tracks[groups[number][0]].program for number in (here, there))
    return first != second, abs(first - second)


def _span(performance: Performance, group: _Group) -> tuple[float, float]:
    """Return the start and end, in seconds, of the notes of a group."""
    tracks = [performance.tracks[at] for at in group]
    ends = [held(track.notes["offset_s"], *presses(track.pedal, performance.length_s)).max() for track in tracks]
    return min(float(track.notes["onset_s"][0]) for track in tracks), float(max(ends))


def within(track: Track, span_s: tuple[float, float]) -> Track:
    """Return a track whose pedal and sound change only within a span and start with their state at its beginning."""
    begin_s, end_s = span_s
    pedal = track.pedal[track.pedal["time_s"] <= end_s]
    first = max(int(np.searchsorted(pedal["time_s"], begin_s, side="right")) - 1, 0)
    pedal = pedal[first:].copy()
    pedal["time_s"] = np.maximum(pedal["time_s"], begin_s)
    changes = track.changes[track.changes["time_s"] <= end_s].copy()
    changes["time_s"] = np.maximum(changes["time_s"], begin_s)
    return replace(track, pedal=pedal, changes=changes)


def merged(performance: Performance, assignments: Sequence[Assignment]) -> Counter[str]:
    """Count the parts that share a channel with another program or pedal, and the notes that another part cuts."""
    lost: Counter[str] = Counter()
    names = [track.name or f"part {number}" for number, track in enumerate(performance.tracks, 1)]
    by_channel: dict[int, list[int]] = defaultdict(list)
    for at, each in enumerate(assignments):
        by_channel[each.channel].append(at)
        if each.beside >= 0:
            lost[f"{names[at]!r} on the channel of {names[each.beside]!r}"] += 1
    for group in by_channel.values() if len(performance.tracks) > len(by_channel) else ():
        notes = np.concatenate([performance.tracks[at].notes for at in group])
        owners = np.repeat(group, [len(performance.tracks[at]) for at in group])
        order = np.lexsort((notes["onset_s"], notes["pitch"]))
        notes, owners = notes[order], owners[order]
        overlaps = (notes["pitch"][1:] == notes["pitch"][:-1]) & (notes["onset_s"][1:] < notes["offset_s"][:-1])
        lost["note cut off by another part on its channel"] += int(np.sum(overlaps & (owners[1:] != owners[:-1])))
    return +lost
