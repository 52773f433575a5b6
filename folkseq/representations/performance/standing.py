"""Where performances stand while they are written, many at a time, and how each id moves them on.

Of B pieces it is told in two arrays. One has a row of `COLUMNS` for each piece: what came last, the step, and so on. An
id keeps, sets or adds to each of these, which a table over the ids says, so that a row moves on by a product and a sum.
The other has the steps at which the notes that sound began, one for each pitch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.representations.performance.events import Integers, Layout

BEFORE, CLOSED, EVENT, LONG, SHORT, LOUD = range(6)
"""What came last: nothing; the end; the start, a note's or the pedal's event; the longest time shift, a shorter one; a
velocity."""

LAST, STEP, RANK, BIN, NOTED, COUNT, DOWN = range(7)
"""Columns: what came last; the step; the rank of the last event of this step; the bin of the velocity in force; whether
there has been a note; how many sound; whether the pedal is down. All are 0 where a piece begins."""
COLUMNS = 7

SILENT = 1 << 60
"""In place of the step at which a note began; later than any, so that the earliest is the least."""

Rows = tuple[NDArray[Any], ...]
"""(B, COLUMNS) int64 and (B, 128) int64."""
Masks = NDArray[np.bool_]


def begin(rows: int) -> Rows:
    """Where `rows` pieces stand before their start ids."""
    return np.zeros((rows, COLUMNS), np.int64), np.full((rows, 128), SILENT)


def ranks(layout: Layout, *, canonical: bool) -> Integers:
    """(V,) the rank of each id's event in the order within a step, from 1; 0 of what is none.

    The pedal comes first, then the ends of notes, then their beginnings; those of one kind share a rank where they may
    come in any order.
    """
    ranks = np.zeros(layout.size, np.int64)
    within = np.arange(128) if canonical else np.zeros(128, np.int64)
    if layout.pedal:
        ranks[[layout.pedal_up, layout.pedal_down]] = 1
    ranks[layout.note_off : layout.time_shift] = 2 + within
    ranks[layout.note_on : layout.note_off] = 3 + within[-1] + within
    return ranks


def followers(ranks: Integers, *, canonical: bool) -> Masks:
    """Which notes' events may follow an event of each rank within its step.

    Returns:
        (R, 256) bool. Row 0 is for the beginning of a step; at the last, which is no event's, none may.
    """
    notes = ranks[:256]
    last = np.arange(notes.max() + 2)[:, None]  # (R, 1)
    return np.asarray(notes > last if canonical else notes >= last)


def moves(layout: Layout, ranks: Integers) -> tuple[Integers, Integers]:
    """What each id does to the columns: (V, COLUMNS) 1 where it keeps what was there, and as many to be added."""
    keep, add = np.ones((layout.size, COLUMNS), np.int64), np.zeros((layout.size, COLUMNS), np.int64)
    begins, ends = slice(layout.note_on, layout.note_off), slice(layout.note_off, layout.time_shift)
    shifts, bins = slice(layout.time_shift, layout.velocity), slice(layout.velocity, layout.start)

    def put(column: int, ids: slice | int, values: Any) -> None:
        keep[ids, column], add[ids, column] = 0, values

    put(LAST, slice(None), EVENT)
    put(LAST, shifts, SHORT)
    put(LAST, layout.velocity - 1, LONG)
    put(LAST, bins, LOUD)
    put(LAST, layout.end, CLOSED)
    add[:, STEP] = layout.steps
    put(RANK, slice(None, layout.velocity), ranks[: layout.velocity])
    put(RANK, slice(layout.start, None), ranks[layout.start :])
    put(BIN, bins, np.arange(1, layout.velocity_bins + 1))
    put(NOTED, begins, 1)
    add[begins, COUNT], add[ends, COUNT] = 1, -1
    if layout.pedal:
        put(DOWN, layout.pedal_up, 0)
        put(DOWN, layout.pedal_down, 1)
    return keep, add
