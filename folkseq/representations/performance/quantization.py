"""Quantization of performances to steps, in canonical order or in magenta's order.

Conventions: step = int(seconds × steps per second + ½). A note is at least one step long. All tracks become one.

In canonical order, a pitch sounds only once at a time. Notes of one pitch that begin at the same step become one note
with the greatest velocity and the latest end, and a note ends where its pitch begins again.

In magenta's order, ids equal those of note-seq (commit 3582550) on top of pretty_midi. Drums are merged with the rest,
and a pitch can sound several times at once, so the assignment of ends to onsets is lost. Within a step, ends come
before onsets, each in the order of the onsets in seconds and then of the pitches. Deviations: note-seq loses a note
without an end, which is kept here; and tempo events count in any track here, but only in the first track there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from folkseq.music import performance
from folkseq.music.performance import NOTE, Performance, Track
from folkseq.music.sustain import Seconds, held, last_event_s, presses, sounding
from folkseq.representations.performance.config import Integers, PerformanceConfig
from folkseq.representations.performance.events import Mask, Notes, pedal_changes

_LAST_STEP = (1 << 34) - 1  # the maximum that fits into packed events


class Quantized(NamedTuple):
    """A performance in steps."""

    notes: Notes
    pedal: Integers  # (K,) steps at which it goes down, up, down, …; empty if it is baked into the notes
    lost: Counter[str]


@lru_cache(maxsize=1)  # reading a corpus asks for the ids and the losses of each piece
def quantize(piece: Performance, config: PerformanceConfig) -> Quantized:
    """Quantize the drums, or all other tracks; in magenta's order, all tracks. Raises ValueError for too many steps."""
    if piece.length_s * config.steps_per_second > _LAST_STEP:
        raise ValueError(f"{piece.length_s} s at {config.steps_per_second} steps per second are too many steps")
    lost: Counter[str] = Counter()
    tracks = [track for track in piece.tracks if len(track)]
    if config.canonical:
        other = "note that is no drum" if config.drums else "drum note"
        lost[other] = sum(len(track) for track in tracks if track.drum != config.drums)
        tracks = [track for track in tracks if track.drum == config.drums]
    lost["track merged into another"] = max(0, len(tracks) - 1)
    moves_s, pedal = np.zeros(0), np.zeros(0, np.int64)
    if config.layout.pedal:
        moves_s = _shared_pedal(tracks, config, lost)
        pedal = pedal_changes(config.to_steps(moves_s), np.arange(len(moves_s)) % 2 == 0)
        lost["pedal change within a step"] = len(moves_s) - len(pedal)
    last_s = last_event_s(tracks)
    parts = [_as_heard(track, last_s, config, lost) for track in tracks]
    rows = parts[0][0] if len(parts) == 1 else np.concatenate([np.empty(0, NOTE), *(notes for notes, _ in parts)])
    onset, released = config.to_steps(rows["onset_s"]), config.to_steps(rows["offset_s"])
    offset_s = np.concatenate([np.zeros(0), *(offset_s for _, offset_s in parts)])
    offset = config.to_steps(offset_s)
    if len(pedal) and config.canonical:
        released = offset = _before_the_pedal(
            onset, offset, pedal, config.to_steps(held(offset_s, *_turns(moves_s))), lost
        )
    short = offset <= onset
    order = np.lexsort((onset, rows["pitch"]) if config.canonical else (rows["pitch"], rows["onset_s"]))
    pitch, velocity = rows["pitch"].astype(np.int64), rows["velocity"].astype(np.int64)
    notes = Notes(onset, np.where(short, onset + 1, offset), pitch, velocity).where(order)
    if config.canonical:
        notes, short = one_at_a_time(notes, released[order], short[order], lost)
    lost["note lengthened to one step"] = int(np.count_nonzero(short))
    return Quantized(notes, pedal, +lost)


def _as_heard(
    track: Track, last_s: float, config: PerformanceConfig, lost: Counter[str]
) -> tuple[performance.Notes, Seconds]:
    """Return the notes of a track, and their ends in seconds, extended by the pedal unless it has tokens."""
    notes = track.notes
    if track.drum or config.layout.pedal:
        return notes, notes["offset_s"]
    if config.canonical:
        return notes, held(notes["offset_s"], *presses(track.pedal, last_s))
    index, offset_s = sounding(track, last_s, up_last=True)
    lost["note merged with its double"] += len(notes) - len(index)
    lost["note shortened by its repeat"] += int(np.count_nonzero(offset_s < notes["offset_s"][index]))
    return notes[index], offset_s


def one_at_a_time(notes: Notes, released: Integers, short: Mask, lost: Counter[str]) -> tuple[Notes, Mask]:
    """Merge notes that begin together, and end notes where their pitch begins again; `released` are key releases."""
    onset, offset, pitch, velocity = notes
    firsts = np.flatnonzero((np.diff(onset, prepend=-1) != 0) | (np.diff(pitch, prepend=-1) != 0))
    if len(firsts) < len(onset):
        lost["note merged with its double"] = len(onset) - len(firsts)
        onset, pitch, short = onset[firsts], pitch[firsts], np.logical_and.reduceat(short, firsts)
        offset, released, velocity = (np.maximum.reduceat(each, firsts) for each in (offset, released, velocity))
    again = np.where(np.diff(pitch) == 0, onset[1:], _LAST_STEP)  # (N − 1,) next onset of the pitch
    lost["note shortened by its repeat"] = int(np.count_nonzero(released[:-1] > again))
    offset[:-1] = np.minimum(offset[:-1], again)
    return Notes(onset, offset, pitch, velocity), short


def _before_the_pedal(
    onset: Integers, offset: Integers, pedal: Integers, until: Integers, lost: Counter[str]
) -> Integers:
    """Return the steps of ends, one step earlier where the pedal would otherwise hold an ended note.

    Args:
        onset: (N,) steps of onsets.
        offset: (N,) steps of ends; within a step, the pedal moves before notes end.
        pedal: (K,) steps at which the pedal goes down, up, down, ….
        until: (N,) steps until which the notes sound.
        lost: counter for notes that still sound too long.
    """
    later = np.flatnonzero(held(np.maximum(offset, onset + 1), *_turns(pedal)) > np.maximum(until, onset + 1))
    earlier = offset[later] - 1
    fits = (earlier > onset[later]) & (held(earlier, *_turns(pedal)) <= until[later])
    offset[later[fits]] -= 1
    lost["note held by rounding"] = int(np.count_nonzero(~fits))
    return offset


def _turns(moves: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the times at which the pedal goes down, and the times at which it goes up."""
    return moves[::2], moves[1::2]


def _shared_pedal(tracks: Sequence[Track], config: PerformanceConfig, lost: Counter[str]) -> Seconds:
    """Return the seconds at which one pedal for all tracks goes down, up, down, …."""
    last_s = last_event_s(tracks)
    up_last = not config.canonical
    pedals = [presses(track.pedal[:0] if track.drum else track.pedal, last_s, up_last=up_last) for track in tracks]
    moves_s = _together([pressed for pressed in pedals if len(pressed[0])])
    for track, pressed in zip(tracks, pedals, strict=True):
        ends_s = track.notes["offset_s"]
        foreign = held(ends_s, *_turns(moves_s)) > held(ends_s, *pressed)
        lost["note held by another track's pedal"] += int(np.count_nonzero(foreign))
    return moves_s


def _together(pedals: Sequence[tuple[Seconds, Seconds]]) -> Seconds:
    """Return the seconds at which one pedal for several goes down, up, down, …; it is down while any of them is."""
    if len({(down_s.tobytes(), up_s.tobytes()) for down_s, up_s in pedals}) == 1:
        return np.asarray(np.stack(pedals[0], axis=1).reshape(-1))  # that of a channel, which may be changed at once
    time_s = np.concatenate([np.zeros(0), *(down_s for down_s, _ in pedals), *(up_s for _, up_s in pedals)])
    order = np.argsort(time_s, kind="stable")  # down before a simultaneous up
    change = np.repeat([1, -1], len(order) // 2)[order]
    return np.asarray(time_s[order][np.cumsum(change) == (change > 0)])
