"""Events paired into notes: canonically, where a pitch sounds once at a time, or first in, first out as magenta does.

Both take any sequence: the end of a silent pitch is ignored, what is still on ends at the last step, and a note without
length is dropped.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from folkseq.music.performance import NOTE, PEDAL, Performance, Track
from folkseq.representations.performance import events
from folkseq.representations.performance.events import OFF, ON, Integers, Rows


class Notes(NamedTuple):
    """Notes in steps, (N,) int64 each."""

    onset: Integers
    offset: Integers
    pitch: Integers
    velocity: Integers  # as it was where they come from: 1 to 127, or a bin


def pair(rows: Rows, last: int) -> Notes:
    """The notes of rows in which a pitch sounds once at a time: an ON lasts to its next event, else to `last`."""
    step, kind, pitch, velocity = _by_pitch(rows)
    end = np.full(len(step), last)
    end[:-1] = np.where(pitch[1:] == pitch[:-1], step[1:], last)
    is_note = (kind == ON) & (end > step)
    return Notes(step[is_note], end[is_note], pitch[is_note], velocity[is_note])


def pair_in_turn(rows: Rows, last: int) -> Notes:
    """The notes of rows in which a pitch may sound twice at a time: the first that began ends first."""
    step, kind, pitch, velocity = _by_pitch(rows)
    is_on = kind == ON
    depth = np.cumsum(np.where(is_on, 1, -1))
    floor = -pitch * (2 * len(step) + 2)  # far apart, so that each pitch has its own lowest
    first = np.append(True, pitch[1:] != pitch[:-1])[: len(pitch)]
    before = np.where(first, depth - np.where(is_on, 1, -1), 0)[
        np.maximum.accumulate(np.where(first, np.arange(len(step)), 0))
    ]
    depth += floor - before  # sounding at once after each event, if a silent pitch could end
    lowest = np.minimum(np.minimum.accumulate(np.append(1, depth))[:-1], floor)
    is_off = ~is_on & (depth >= lowest)  # those that end something
    ons, offs = np.flatnonzero(is_on), np.flatnonzero(is_off)
    turn = np.arange(len(ons)) - np.searchsorted(pitch[ons], pitch[ons])  # (N,) how many of its pitch began before
    partner = np.searchsorted(pitch[offs], pitch[ons]) + turn
    padded = np.append(offs, 0)[np.minimum(partner, len(offs))]
    found = (partner < len(offs)) & (pitch[padded] == pitch[ons])
    end = np.where(found, step[padded], last)
    ons, end = ons[end > step[ons]], end[end > step[ons]]
    return Notes(step[ons], end, pitch[ons], velocity[ons])


def pedal_turns(rows: Rows, last: int) -> Integers:
    """(K,) the steps at which the pedal goes down, up, down, …; what a step says last holds, but at `last` it is up."""
    at = np.flatnonzero(rows.kind == events.PEDAL)
    step, down = rows.step[at], rows.value[at] == 1
    final = np.flatnonzero(np.diff(step, append=-1))
    step, down = step[final], down[final]
    turns: Integers = step[down != np.append(False, down[:-1])[: len(down)]]
    if len(turns) % 2:
        turns = np.append(turns, last) if turns[-1] < last else turns[:-1]
    return turns


def perform(notes: Notes, pedal: Integers, steps_per_second: int, drum: bool) -> Performance:
    """The performance of notes with velocities 1 to 127, and of the steps at which a pedal goes down and up in turn."""
    rows = np.empty(len(notes.onset), NOTE)
    rows["onset_s"], rows["offset_s"] = notes.onset / steps_per_second, notes.offset / steps_per_second
    rows["pitch"], rows["velocity"] = notes.pitch, notes.velocity
    pedal = pedal if len(rows) else pedal[:0]  # there is nothing to hold
    positions = np.empty(len(pedal), PEDAL)
    positions["time_s"], positions["value"] = pedal / steps_per_second, np.arange(len(pedal)) % 2 * -127 + 127
    return Performance((Track(rows, "Drums" if drum else "Piano", drum=drum, pedal=positions),))


def _by_pitch(rows: Rows) -> Rows:
    """The beginnings and ends of notes, those of each pitch in their order."""
    at = np.flatnonzero((rows.kind == ON) | (rows.kind == OFF))
    at = at[np.argsort(rows.value[at].astype(np.uint8), kind="stable")]
    return Rows(*(each[at] for each in rows))
