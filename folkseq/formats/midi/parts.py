"""Parts, one per channel of a track: notes paired first in, first out, the pedal, and the program; all in ticks.

Pairing sorts the ends of notes by channel and pitch, where they mostly take turns; where they do not (a pitch struck
again while it sounds, an end without a beginning, a beginning without an end) they are numbered within their pitch.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from folkseq.formats.midi.events import AFTERTOUCH, BEND, CONTROL, NOTE_ON, PRESSURE, PROGRAM, Bytes, Events, Ticks
from folkseq.music.performance import SUSTAIN

DRUMS = 9  # the channel that General MIDI gives to drums, counted from 0
_Index: TypeAlias = npt.NDArray[np.intp]
_KEYS = 16 * 128  # channel and pitch


class ChannelPart(NamedTuple):
    """One channel of one track: (N,) notes, rising by onset and pitch, and (K,) positions of the pedal."""

    channel: int
    program: int  # the last before the first note
    onsets: Ticks
    offsets: Ticks
    pitches: Bytes
    velocities: Bytes
    pedal_ticks: Ticks
    pedal_values: Bytes


def parts(events: Events, lost: Counter[str]) -> list[ChannelPart]:
    """Return the channels that have notes or a pedal, in their order; count in `lost` what is none of these."""
    ticks, (status, data1, data2) = events.ticks, events.messages
    kinds = np.bincount(status >> 4, minlength=16).tolist()
    for kind, name in ((AFTERTOUCH, "aftertouch"), (PRESSURE, "channel pressure"), (BEND, "pitch bend")):
        lost[name] += kinds[kind >> 4]
    note_at = np.flatnonzero(status < AFTERTOUCH)
    begins, offsets = _paired(ticks[note_at], events.messages[:, note_at], events.end, lost)
    onset_at = note_at[begins]
    pedal_at = _pedal(status, data1, lost) if kinds[CONTROL >> 4] else np.empty(0, np.intp)
    programs = _programs(status, data1, onset_at, lost) if kinds[PROGRAM >> 4] else [0] * 16
    notes = [ticks[onset_at], offsets, data1[onset_at], data2[onset_at]]
    channels = status[onset_at] & 15
    order = notes[0] * 128 + notes[2]  # that of a track's notes, which would take longer to sort by seconds
    if (order[1:] < order[:-1]).any():
        by_pitch = np.argsort(order, kind="stable")
        notes, channels = [column[by_pitch] for column in notes], channels[by_pitch]
    pedal = [ticks[pedal_at], data2[pedal_at]]
    pedalled = status[pedal_at] & 15
    counts = np.bincount(channels, minlength=16) + np.bincount(pedalled, minlength=16)
    used = np.flatnonzero(counts).tolist()
    if len(used) == 1:
        return [ChannelPart(used[0], programs[used[0]], *notes, *pedal)]
    return [
        ChannelPart(
            channel,
            programs[channel],
            *(column[channels == channel] for column in notes),
            *(column[pedalled == channel] for column in pedal),
        )
        for channel in used
    ]


def _programs(status: Bytes, data1: Bytes, onset_at: _Index, lost: Counter[str]) -> list[int]:
    """Return the program of each of the 16 channels; `onset_at` are the indices of the note-ons among the messages."""
    first = np.full(16, -1)
    first[status[onset_at[::-1]] & 15] = onset_at[::-1]  # the last that is put there is the first of its channel
    change_at = np.flatnonzero(status >> 4 == PROGRAM >> 4)
    channels = status[change_at] & 15
    early, unused = change_at < first[channels], first[channels] < 0
    programs = np.zeros(16, np.int64)
    programs[channels[early]] = data1[change_at[early]]
    lost["program without notes"] += int(unused.sum())
    lost["program change after the first note"] += int((~early & ~unused).sum())
    return [int(program) for program in programs]


def _pedal(status: Bytes, data1: Bytes, lost: Counter[str]) -> _Index:
    """Return the indices of the sustain pedal's positions among the messages."""
    control_at = np.flatnonzero(status >> 4 == CONTROL >> 4)
    numbers = data1[control_at]
    counts = np.bincount(numbers, minlength=128).tolist()
    lost.update({f"controller {number}": count for number, count in enumerate(counts) if count and number != SUSTAIN})
    return np.asarray(control_at[numbers == SUSTAIN])


def _paired(ticks: Ticks, messages: Bytes, end: int, lost: Counter[str]) -> tuple[_Index, Ticks]:
    """Return (N,) which of (3, M) note messages begin a note, and (N,) the tick at which each of these ends."""
    status, pitch, velocity = messages
    begin = (status >= NOTE_ON) & (velocity > 0)
    key = (status & 15).astype(np.uint16) * 128 + pitch
    order = np.argsort(key, kind="stable")  # for 16 bits a radix sort
    key, sorted_begin = key[order], begin[order]
    ends = np.full(len(ticks), end, np.int64)
    if _take_turns(key, sorted_begin):
        ends[order[0::2]] = ticks[order[1::2]]
    else:
        ending = ~(sorted_begin | _unmatched(key, sorted_begin))
        begin_at, end_at = order[sorted_begin], order[ending]
        begin_key = key[sorted_begin]
        begun, ended = (np.bincount(keys, minlength=_KEYS) for keys in (begin_key, key[ending]))
        rank = np.arange(len(begin_at)) - (np.cumsum(begun) - begun)[begin_key]  # within the key
        has_end = rank < ended[begin_key]
        partner = ((np.cumsum(ended) - ended)[begin_key] + rank)[has_end]
        ends[begin_at[has_end]] = ticks[end_at[partner]]
        lost["note without an end"] += int((~has_end).sum())
        lost["end without a note"] += len(ticks) - len(begin_at) - len(end_at)
    begin_at = np.flatnonzero(begin)
    return begin_at, ends[begin_at]


def _take_turns(key: npt.NDArray[np.uint16], begin: npt.NDArray[np.bool_]) -> bool:
    """Return whether each beginning is followed by an end of the same key, with nothing else between."""
    here, there = key[0::2], key[1::2]
    return len(here) == len(there) and bool((begin[0::2] & ~begin[1::2] & (here == there)).all())


def _unmatched(key: npt.NDArray[np.uint16], begin: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return which messages, sorted by key and then by time, end no note: none of their key sounds."""
    heads = np.flatnonzero(np.diff(key, prepend=key[:1] ^ 1))  # (G,) where each key begins
    sizes = np.diff(heads, append=len(key))
    step = np.where(begin, 1, -1)
    level = np.cumsum(step)
    level -= np.repeat(level[heads] - step[heads], sizes)  # notes begun less notes ended, of the key so far
    # The lowest level so far, within the key: each key is put below all that the one before it can reach.
    apart = np.repeat(np.arange(len(heads)) * (2 * len(key) + 1), sizes)
    floor = np.minimum(np.minimum.accumulate(level - apart) + apart, 0)
    before = np.roll(floor, 1)
    before[heads] = 0
    return floor < before
