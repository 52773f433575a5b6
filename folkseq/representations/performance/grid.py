"""A performance on the grid of steps: what canonical tokens hold of it, and what they do not.

Conventions: a step is int(seconds × steps a second + ½). A note lasts a step at least. All tracks become one, in which
a pitch sounds once at a time: notes that begin together are one, the loudest and the longest of them, and a note ends
where its pitch begins again. Deviation from magenta: there such notes overlap, and which end belongs to which beginning
is lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from folkseq.music.performance import NOTE, Performance, Track
from folkseq.music.sustain import Seconds, held, last_event_s, presses
from folkseq.representations.performance.events import (
    BEGIN,
    FINISH,
    OFF,
    ON,
    PEDAL,
    Integers,
    Layout,
    Rows,
    pack,
    unpack,
)

_LAST_STEP = (1 << 34) - 1  # that can be counted
_NEVER = np.zeros(0)


class Grid(NamedTuple):
    """Notes and the pedal in steps; (N,) and (K,) int64 each.

    Notes are in the order of their pitches and then of their onsets; those of one pitch do not overlap.
    """

    onset: Integers
    offset: Integers
    pitch: Integers
    velocity: Integers
    pedal: Integers  # (K,) the steps at which the pedal goes down, up, down, …
    lost: Counter[str]


@lru_cache(maxsize=1)  # ids, losses and canonical form of one piece are asked for one after another
def on_grid(piece: Performance, steps_per_second: int, baked: bool, drums: bool) -> Grid:
    """The drums of `piece`, or all else, in steps; with the pedal in the lengths of the notes if `baked`.

    Raises:
        ValueError: if the performance lasts so long that its steps cannot be counted beside its notes.
    """
    check_length(piece, steps_per_second)
    tracks, lost = kept(piece, drums)
    notes = tracks[0].notes if len(tracks) == 1 else np.concatenate([np.empty(0, NOTE), *(t.notes for t in tracks)])
    onset, ended = to_steps(notes["onset_s"], steps_per_second), to_steps(notes["offset_s"], steps_per_second)
    pedals = pressed_in(tracks)
    offset, pedal = ended, np.zeros(0, np.int64)
    if baked:
        held_s = [held(track.notes["offset_s"], *pressed) for track, pressed in zip(tracks, pedals, strict=True)]
        offset = to_steps(held_s[0] if len(held_s) == 1 else np.concatenate([_NEVER, *held_s]), steps_per_second)
    else:
        pedal = pedal_steps(tracks, pedals, steps_per_second, lost)
    short = offset <= onset
    offset = np.where(short, onset + 1, offset)
    index = _by_pitch(notes["pitch"], onset)
    onset, offset, ended, short = onset[index], offset[index], ended[index], short[index]
    pitch, velocity = notes["pitch"][index], notes["velocity"][index]
    first = np.append(True, (onset[1:] != onset[:-1]) | (pitch[1:] != pitch[:-1]))[: len(onset)]
    if not first.all():
        starts = np.flatnonzero(first)
        lost["note merged with its double"] = len(onset) - len(starts)
        onset, pitch = onset[starts], pitch[starts]
        offset, ended, velocity = (np.maximum.reduceat(each, starts) for each in (offset, ended, velocity))
        short = np.logical_and.reduceat(short, starts)
    limit = np.where(pitch[1:] == pitch[:-1], onset[1:], _LAST_STEP)  # (N − 1,) where the pitch begins again
    lost["note shortened by its repeat"] = int(np.count_nonzero(ended[:-1] > limit))
    lost["note lengthened to one step"] = int(np.count_nonzero(short))
    offset[:-1] = np.minimum(offset[:-1], limit)
    return Grid(onset, offset, pitch.astype(np.int64), velocity.astype(np.int64), pedal, +lost)


def to_rows(grid: Grid, layout: Layout) -> Rows:
    """The rows of what lies on the grid, in canonical order, with the beginning and the end."""
    last = max(int(grid.offset.max(initial=0)), int(grid.pedal.max(initial=0)))
    parts = (
        [pack(0, BEGIN, 0), pack(last, FINISH, 0)],
        pack(grid.pedal, PEDAL, 1 - np.arange(len(grid.pedal)) % 2),
        pack(grid.offset, OFF, grid.pitch),
        pack(grid.onset, ON, grid.pitch, layout.bins(grid.velocity)),
    )
    return unpack(np.sort(np.concatenate(parts)))


def kept(piece: Performance, drums: bool) -> tuple[list[Track], Counter[str]]:
    """The tracks of drums, or all others, that hold notes; what is lost with the rest."""
    tracks = [track for track in piece.tracks if track.drum == drums and len(track)]
    left = sum(len(track) for track in piece.tracks if track.drum != drums)
    merged = max(0, len(tracks) - 1)
    return tracks, Counter(
        {"note that is no drum" if drums else "drum note": left, "track merged into another": merged}
    )


def pressed_in(tracks: Sequence[Track]) -> list[tuple[Seconds, Seconds]]:
    """When the pedal of each track is down, as `presses` says it; never for drums."""
    last_s = last_event_s(tracks)
    return [(_NEVER, _NEVER) if track.drum else presses(track.pedal, last_s) for track in tracks]


def check_length(piece: Performance, steps_per_second: int) -> None:
    """Raises ValueError if the steps of a performance are too many to be counted."""
    if piece.length_s * steps_per_second > _LAST_STEP:
        raise ValueError(f"{piece.length_s} s at {steps_per_second} steps a second are more than can be counted")


def to_steps(seconds: NDArray[Any], steps_per_second: int) -> Integers:
    """The steps of times, rounded, halves up; of any shape."""
    return (seconds * steps_per_second + 0.5).astype(np.int64)


def _by_pitch(pitch: NDArray[Any], onset: Integers) -> Integers:
    """(N,) the indices of notes by pitch and then onset."""
    index_bits, step_bits = len(onset).bit_length(), int(onset.max(initial=0)).bit_length()
    if index_bits + step_bits > 63 - 7:
        return np.lexsort((onset, pitch))
    key = (pitch.astype(np.int64) << step_bits | onset) << index_bits | np.arange(len(onset))
    key.sort()  # four times as fast as sorting indices
    return key & (1 << index_bits) - 1


def pedal_steps(
    tracks: Sequence[Track], pedals: Sequence[tuple[Seconds, Seconds]], steps_per_second: int, lost: Counter[str]
) -> Integers:
    """(K,) the steps at which one pedal for all tracks goes down, up, down, …; adds to what is lost."""
    down_s, up_s = _any_pressed(pedals)
    for track, pressed in zip(tracks, pedals, strict=True):
        if len(tracks) > 1:
            ends_s = track.notes["offset_s"]
            foreign = held(ends_s, down_s, up_s) > held(ends_s, *pressed)
            lost["note held by another track's pedal"] += int(np.count_nonzero(foreign))
    turns = to_steps(np.stack([down_s, up_s], axis=1).ravel(), steps_per_second)  # (2 P,)
    final = np.flatnonzero(np.diff(turns, append=-1))  # of each step
    down = final % 2 == 0
    changes: Integers = turns[final[down != np.append(False, down[:-1])[: len(down)]]]
    lost["pedal change within a step"] = len(turns) - len(changes)
    return changes


def _any_pressed(pedals: Sequence[tuple[Seconds, Seconds]]) -> tuple[Seconds, Seconds]:
    """When any of the pedals is down, as `presses` says it of one."""
    if len(pedals) == 1:
        return pedals[0]
    downs_s = np.concatenate([_NEVER, *(down_s for down_s, _ in pedals)])
    time_s = np.concatenate([downs_s, *(up_s for _, up_s in pedals)])
    by = np.where(np.arange(len(time_s)) < len(downs_s), 1, -1)
    order = np.argsort(time_s, kind="stable")  # down before up at one instant
    time_s, by, depth = time_s[order], by[order], np.cumsum(by[order])
    return time_s[(by > 0) & (depth == 1)], time_s[depth == 0]
