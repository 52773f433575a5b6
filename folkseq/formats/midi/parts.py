"""Read parts, one per channel of a track: notes in ticks, paired first in, first out, and the channel's state messages.

Pairing sorts note messages by channel and pitch. Beginnings and ends mostly alternate. Where they do not (a pitch
struck again while it sounds, an end or a beginning without a partner), they are numbered within their pitch.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from folkseq.formats.midi.events import AFTERTOUCH, BEND, CONTROL, NOTE_ON, PRESSURE, PROGRAM, Bytes, Events, Ticks
from folkseq.music.performance import SUSTAIN

BANK, SOUND_OFF, RESET, NOTES_OFF = 0, 120, 121, range(123, 128)  # controllers
INSTRUMENT = 128  # marks a program in place of a controller
Index: TypeAlias = npt.NDArray[np.intp]
_KEYS = 16 * 128  # channel and pitch
_APART = np.isin(np.arange(256), (SUSTAIN, SOUND_OFF, *NOTES_OFF))
"""Controllers that move the pedal or end notes."""
CARRIED = frozenset(
    ["aftertouch", "channel pressure", "pitch bend", "program change after the first note"]
    + [f"controller {number}" for number in range(128) if not _APART[number]]
)
"""Messages that a track's `changes` hold."""
_HOLDS = np.isin(np.arange(128), (SUSTAIN, SOUND_OFF, RESET, *NOTES_OFF))


class ChannelPart(NamedTuple):
    """The (N,) notes of one channel of one track, sorted by onset and pitch.

    `begins` and `ends` are the indices of their messages; an end that is missing is the number of all messages.
    """

    channel: int
    begins: Index
    ends: Index
    onsets: Ticks
    offsets: Ticks
    pitches: Bytes
    velocities: Bytes


def parts(events: Events, lost: Counter[str]) -> list[ChannelPart]:
    """Return the channels that have notes, in order; count irregular notes in `lost`."""
    ticks, (status, data1, data2) = events.ticks, events.messages
    note_at = (status < AFTERTOUCH).nonzero()[0]
    begin, end = _paired(events.messages.take(note_at, axis=1), lost)
    begin, end = note_at[begin], np.concatenate((note_at, [len(ticks)]))[end]
    offsets = np.concatenate((ticks, [events.end]))[end]
    notes = [begin, end, ticks[begin], offsets, data1[begin], data2[begin]]
    channels = status[begin] & 15
    order = notes[2] * 128 + notes[4]  # the order of a track's notes; sorting by seconds would be slower
    if (order[1:] < order[:-1]).any():
        by_pitch = np.argsort(order, kind="stable")
        notes, channels = [column[by_pitch] for column in notes], channels[by_pitch]
    if len(channels) and (channels == channels[0]).all():
        return [ChannelPart(int(channels[0]), *notes)]
    used = np.bincount(channels).nonzero()[0].tolist()
    return [ChannelPart(channel, *(column[channels == channel] for column in notes)) for channel in used]


def changing(events: Events) -> Index:
    """Return the indices of the messages that change the sound, except those that move the pedal or end notes."""
    status, data1, _ = events.messages
    others = (status >= AFTERTOUCH).nonzero()[0]
    found: Index = others[((status[others] & 0xF0) != CONTROL) | ~_APART[data1[others]]]
    return found


def state(events: Events, lost: Counter[str]) -> tuple[Index, Index]:
    """Return the indices of the messages that hold or end notes, and of those that set an instrument.

    All other messages except notes are counted in `lost`.
    """
    status, data1, _ = events.messages
    kinds = status & 0xF0
    for kind, name in ((AFTERTOUCH, "aftertouch"), (PRESSURE, "channel pressure"), (BEND, "pitch bend")):
        lost[name] += int(np.count_nonzero(kinds == kind))
    holding, choosing = ((kinds == kind).nonzero()[0] for kind in (CONTROL, PROGRAM))
    numbers = data1[holding]
    if (numbers != SUSTAIN).any():
        counts = enumerate(np.bincount(numbers).tolist())
        lost.update({f"controller {number}": count for number, count in counts if count and number != SUSTAIN})
        choosing = np.sort(np.append(choosing, holding[numbers == BANK]))
        holding = holding[_HOLDS[numbers]]
    return holding, choosing


def _paired(messages: Bytes, lost: Counter[str]) -> tuple[Index, Index]:
    """Return the (N,) indices of the messages, (3, M), that begin a note, and of those that end it (M for none)."""
    status, pitch, velocity = messages
    on = status >= NOTE_ON
    begin = on & (velocity > 0)
    lost["release velocity"] += int(np.count_nonzero(~on & (velocity & 0xBF > 0)))  # 0 and 64 carry no information
    key = (status & 15).astype(np.uint16) * 128 + pitch
    order = np.argsort(key, kind="stable")  # a radix sort, since the keys have 16 bits
    key, sorted_begin = key[order], begin[order]
    ends = np.full(len(key), len(key), np.intp)
    if _take_turns(key, sorted_begin):
        ends[order[0::2]] = order[1::2]
    else:
        ending = ~(sorted_begin | _unmatched(key, sorted_begin))
        begin_at, end_at = order[sorted_begin], order[ending]
        begin_key = key[sorted_begin]
        begun, ended = (np.bincount(keys, minlength=_KEYS) for keys in (begin_key, key[ending]))
        rank = np.arange(len(begin_at)) - (np.cumsum(begun) - begun)[begin_key]  # within the key
        has_end = rank < ended[begin_key]
        partner = ((np.cumsum(ended) - ended)[begin_key] + rank)[has_end]
        ends[begin_at[has_end]] = end_at[partner]
        lost["note without an end"] += int((~has_end).sum())
        lost["end without a note"] += len(key) - len(begin_at) - len(end_at)
    begin_at = begin.nonzero()[0]
    return begin_at, ends[begin_at]


def _take_turns(key: npt.NDArray[np.uint16], begin: npt.NDArray[np.bool_]) -> bool:
    """Return whether beginnings and ends alternate within each key."""
    here, there = key[0::2], key[1::2]
    return len(here) == len(there) and bool((begin[0::2] & ~begin[1::2] & (here == there)).all())


def _unmatched(key: npt.NDArray[np.uint16], begin: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return which messages, sorted by key and then by time, end no note because no note of their key sounds."""
    bounds = np.concatenate(([0], (key[1:] != key[:-1]).nonzero()[0] + 1, [len(key)]))
    heads, sizes = bounds[:-1], bounds[1:] - bounds[:-1]  # (G,) the start and the number of messages of each key
    step = np.where(begin, 1, -1)
    level = np.cumsum(step)
    level -= np.repeat(level[heads] - step[heads], sizes)  # notes begun minus notes ended, within the key
    # The running minimum within each key: every key is shifted below all values of the key before it.
    apart = np.repeat(np.arange(len(heads)) * (2 * len(key) + 1), sizes)
    floor = np.minimum(np.minimum.accumulate(level - apart) + apart, 0)
    before = np.concatenate(([0], floor[:-1]))
    before[heads] = 0
    return floor < before
