"""Apply the sustain pedal to the notes, so that each lasts as long as it sounds.

Convention (note-seq's `apply_sustain_control_changes`): the pedal is down at values of controller 64 from 64 up, and
applies to its own track. A note that ends while the pedal is down lasts until the pedal is lifted, or until its pitch
begins again with the pedal down, whichever is first. At equal times, the pedal moves before notes begin, and notes
begin before others end. A pedal that is never lifted ends with the last event of all tracks. Drums are unaffected. If
several notes of one pitch begin together while the pedal is down, only the last is kept.

Deviation: simultaneous pedal moves keep their order, so that up and down releases the held notes. In note-seq, down
comes before up; `up_last` selects that order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from folkseq.music.performance import PEDAL, PEDAL_DOWN, Pedal, Performance, Track

Seconds: TypeAlias = NDArray[np.float64]


def bake(performance: Performance) -> Performance:
    """Return the performance without pedals, with its notes extended accordingly."""
    last_s = last_event_s(performance.tracks)
    tracks = []
    for track in performance.tracks:
        if not track.drum:
            index, offset_s = sounding(track, last_s)
            notes = track.notes[index]
            notes["offset_s"] = offset_s
            track = replace(track, notes=notes, pedal=np.empty(0, PEDAL))
        tracks.append(track)
    return replace(performance, tracks=tuple(tracks))


def sounding(track: Track, last_s: float, *, up_last: bool = False) -> tuple[NDArray[np.int64], Seconds]:
    """Return the indices of the notes that are kept, (M,), and the time in seconds at which each one ends, (M,).

    Args:
        track: A track that is not drums.
        last_s: The time at which a pedal that is never lifted ends.
        up_last: Whether the pedal comes up after all its other moves at the same time.
    """
    down_s, up_s = presses(track.pedal, np.inf, up_last=up_last)
    index = np.arange(len(track))
    if not len(down_s):
        return index, track.notes["offset_s"]
    order = np.argsort(track.notes["pitch"], kind="stable")  # by pitch, then onset
    notes = track.notes[order]
    onset_s, pitch = notes["onset_s"], notes["pitch"]
    pedalled = np.where(is_held(onset_s, down_s, up_s), index, len(index))  # (N,) itself, if begun under the pedal
    again = np.append(np.minimum.accumulate(pedalled[::-1])[::-1], len(index))[1:]  # (N,) the next one begun under it
    again_s = np.append(onset_s, np.inf)[again]
    again_s[np.append(pitch, 128)[again] != pitch] = np.inf  # (N,) when its own pitch begins again under the pedal
    held_s = held(notes["offset_s"], down_s, np.minimum(up_s, last_s))
    offset_s = np.empty(len(index))
    offset_s[order] = np.where(again_s > onset_s, np.minimum(held_s, again_s), -1)
    index = np.flatnonzero(offset_s >= 0)
    return index, offset_s[index]


def presses(pedal: Pedal, last_s: float, *, up_last: bool = False) -> tuple[Seconds, Seconds]:
    """Return the times in seconds, (K,) each, at which the pedal goes down and comes up, at `last_s` at the latest."""
    time_s, up = np.ascontiguousarray(pedal["time_s"]), pedal["value"] < PEDAL_DOWN
    if up_last and len(time_s) > 1:
        starts = np.flatnonzero(np.append(True, time_s[1:] != time_s[:-1]))
        time_s, up = time_s[starts], np.logical_or.reduceat(up, starts)
    turns = np.flatnonzero(up != np.append(True, up[:-1])) if len(up) else np.zeros(0, np.int64)
    time_s = time_s[turns]
    return time_s[::2], np.append(time_s[1::2], last_s) if len(turns) % 2 else time_s[1::2]


def held(time_s: NDArray[Any], down_s: Seconds, up_s: Seconds) -> Seconds:
    """Return the sounding ends, (N,), of notes that end at `time_s`, with the pedal down from `down_s` to `up_s`."""
    if not len(down_s):
        return time_s
    press = np.searchsorted(down_s, time_s, side="right") - 1  # −1 before the first
    return np.where(press >= 0, np.maximum(time_s, up_s[press]), time_s)


def is_held(time_s: NDArray[Any], down_s: Seconds, up_s: Seconds) -> NDArray[np.bool_]:
    """Return (N,) whether the pedal is down at each time, from `down_s` up to but not at `up_s`."""
    press = np.searchsorted(down_s, time_s, side="right") - 1
    return (press >= 0) & (time_s < up_s[press])


def last_event_s(tracks: Iterable[Track]) -> float:
    """Return the time in seconds of the last end of a note, except drums, or the last pedal move."""
    ends = [0.0]
    for track in tracks:
        ends += [float(track.notes["offset_s"].max())] if len(track) and not track.drum else []
        ends += track.pedal["time_s"][-1:].tolist()
    return max(ends)
