"""The grammar of performances, in which every note ends in time.

Within a step, ids have the order of the configuration. A velocity comes only where it changes, and time shifts have one
spelling, so decoding and encoding the ids gives the same ids. A sounding pitch does not begin again, and a silent pitch
does not end. The piece ends with the event that ends its last note or lifts its pedal. Near a limit of the time or of
the number of ids, sounding notes are ended in order.

A piece without a prime has no opening rest. Some recordings begin with half a minute of silence, which a model learns.

The state of B pieces is two arrays. The first has a row of `COLUMNS` for each piece. A table over the ids determines
whether an id keeps, sets or increases each column, so a row changes by a product and a sum. The second, (B, 128), has
the onset of each sounding note in steps.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.grammar import Rows
from folkseq.representations.performance.config import MAX_VELOCITY, Integers, PerformanceConfig
from folkseq.representations.performance.events import Mask

MARGIN = 8  # ids that, plus one per sounding note, suffice to end a piece: velocity, note, shift, note end, end id
BEFORE_START, ENDED, EVENT, LONGEST_SHIFT, SHORTER_SHIFT, VELOCITY = range(6)
"""Kinds of the last id: none yet; the end id; the start id or an event; a time shift; a velocity."""
LAST, STEP, NEXT_RANK, BIN, HAS_NOTES, SOUNDING, PEDAL = range(7)
"""Columns, 0 at first: kind of the last id; step; lowest rank of the next event of the step; velocity bin in force;
whether there has been a note; number of sounding notes; whether the pedal is down."""
COLUMNS = 7
SILENT = 1 << 60  # stands for the onset of a silent pitch; later than any step


class PerformanceGrammar:
    """The grammar over the ids of a configuration (a `folkseq.grammar.Grammar`)."""

    fewest = MARGIN

    def __init__(
        self,
        config: PerformanceConfig,
        *,
        end: int,
        earliest: int = 0,
        longest: int,
        most: int,
        prime: int = 0,
        opening_rest: bool = False,
    ) -> None:
        """Set the limits.

        Args:
            config: configuration of the ids.
            end: last step.
            earliest: step before which the piece does not end, unless the ids run out.
            longest: maximum length of a note in steps.
            most: maximum number of simultaneous notes.
            prime: length of a prime in steps, during which `longest` and `most` do not apply.
            opening_rest: whether the first note may begin later than at step 0.
        """
        self._end, self._earliest, self._longest, self._most, self._prime = end, earliest, longest, most, prime
        self._opening_rest = opening_rest
        self._layout = layout = config.layout
        self._onsets, self._ends = slice(layout.note_on, layout.note_off), slice(layout.note_off, layout.time_shift)
        self._shifts, self._bins = slice(layout.time_shift, layout.velocity), slice(layout.velocity, layout.start)
        # Ranks of events within a step: pedal, ends of notes, onsets; in canonical order, each pitch has its own rank.
        pitches = np.arange(128) * config.canonical
        self._end_ranks, self._onset_ranks = 2 + pitches, 3 + pitches[-1] + pitches
        self._no_rank = self._onset_ranks[-1] + 1
        self._steps = np.arange(1, layout.max_shift + 1)
        self._numbers = np.arange(1, layout.velocity_bins + 1)
        self._used = self._numbers <= (MAX_VELOCITY - 1) // layout.bin_size + 1  # bins that velocities reach
        self._factor, self._summand = self._transitions(config.canonical)

    def _transitions(self, canonical: bool) -> tuple[Integers, Integers]:
        """Return the effect of each id on each column: a factor and a summand, (V, COLUMNS) each."""
        layout = self._layout
        factor, summand = np.ones((layout.size, COLUMNS), np.int64), np.zeros((layout.size, COLUMNS), np.int64)

        def put(column: int, ids: slice | int, values: Any) -> None:
            factor[ids, column], summand[ids, column] = 0, values

        put(LAST, slice(None), EVENT)
        put(LAST, self._shifts, SHORTER_SHIFT)
        put(LAST, layout.velocity - 1, LONGEST_SHIFT)
        put(LAST, self._bins, VELOCITY)
        put(LAST, layout.end, ENDED)
        summand[:, STEP] = layout.steps
        put(NEXT_RANK, slice(None), 0)
        factor[self._bins, NEXT_RANK] = 1
        put(NEXT_RANK, self._onsets, self._onset_ranks + canonical)
        put(NEXT_RANK, self._ends, self._end_ranks + canonical)
        put(BIN, self._bins, self._numbers)
        put(HAS_NOTES, self._onsets, 1)
        summand[self._onsets, SOUNDING], summand[self._ends, SOUNDING] = 1, -1
        if layout.pedal:
            for down, pedal in enumerate((layout.pedal_up, layout.pedal_down)):
                put(NEXT_RANK, pedal, down)  # the pedal can go up and down in one step
                put(PEDAL, pedal, down)
        return factor, summand

    def begin(self, rows: int) -> Rows:
        """Return the state of `rows` pieces before their start ids."""
        return np.zeros((rows, COLUMNS), np.int64), np.full((rows, 128), SILENT)

    def advance(self, rows: Rows, ids: Integers) -> Rows:
        """Return the state after one more allowed id per row, (B,), without changing `rows`."""
        now, onsets = rows
        onsets = onsets.copy()  # (B, 128)
        at = np.flatnonzero(ids < self._layout.time_shift)  # rows in which a note begins or ends
        notes = ids[at]
        onsets[at, notes & 127] = np.where(notes < self._layout.note_off, now[at, STEP], SILENT)
        return now * self._factor.take(ids, axis=0) + self._summand.take(ids, axis=0), onsets

    def given(self, rows: Rows) -> Rows:
        """Return the state itself, since the notes of a prime must still end."""
        return rows

    def progress(self, rows: Rows) -> NDArray[np.float64]:
        """Return the elapsed share of the time after the prime, (B,) from 0 to 1."""
        passed = (rows[0][:, STEP] - self._prime) / max(self._end - self._prime, 1)
        return np.asarray(np.clip(passed, 0.0, 1.0))

    def allowed(self, rows: Rows, remaining: Integers) -> Mask:
        """Mask the ids that may come next, (B, V), at least one per row, if `remaining` (B,) ids are left."""
        now, onsets = rows
        last, step, _, _, _, sounding, pedal = now.T  # (B,) each
        # The step at which the longest sounding note must end.
        due = np.where(step >= self._prime, onsets.min(axis=1) + self._longest, SILENT)
        mask = self._open(now, onsets, due)
        closing = remaining <= sounding + pedal + MARGIN
        forced = closing | (step >= np.minimum(due, self._end)) | (last <= ENDED)
        at = np.flatnonzero(forced & (last != VELOCITY))
        if len(at):
            mask[at] = self._forced(now[at], onsets[at], closing[at], mask[at])
        return mask

    def _open(self, now: Integers, onsets: Integers, due: Integers) -> Mask:
        """Mask every id that leaves a way to the end. A time shift in silence leaves room for a note."""
        layout = self._layout
        last, step, rank, number, has_notes, sounding, pedal = now.T  # (B,) each
        sounds, after_velocity = onsets < SILENT, last == VELOCITY
        mask = np.zeros((len(now), layout.size), np.bool_)

        full = (sounding >= self._most) & (step >= self._prime)
        begins = (self._onset_ranks >= np.where(full, self._no_rank, rank)[:, None]) & ~sounds  # (B, 128)
        np.logical_and(begins, (number >= min(layout.velocity_bins, 1))[:, None], out=mask[:, self._onsets])
        changes = begins.any(axis=1) & ~after_velocity
        mask[:, self._bins] = self._used & (self._numbers != number[:, None]) & changes[:, None]

        ends = self._end_ranks >= np.where(after_velocity, self._no_rank, rank)[:, None]
        np.logical_and(ends, sounds, out=mask[:, self._ends])
        if layout.pedal:
            first = (rank == 0) & ~after_velocity
            mask[:, layout.pedal_up], mask[:, layout.pedal_down] = first & (pedal > 0), first & (pedal == 0)

        silent = sounding + pedal == 0
        room = np.minimum(self._end - step - (silent | (has_notes == 0)), due - step)  # (B,) steps
        may_shift = (last <= LONGEST_SHIFT) & ((has_notes > 0) | self._opening_rest)
        mask[:, self._shifts] = self._steps <= (room * may_shift)[:, None]
        mask[:, layout.end] = silent & (last == EVENT) & (has_notes > 0) & (step >= self._earliest)
        return mask

    def _forced(self, now: Integers, onsets: Integers, closing: Mask, mask: Mask) -> Mask:
        """Narrow (K, V) masks of `_open` to the required ids at the start, at the end of a note or near a limit.

        `closing` (K,) is true for rows that run out of ids: all their notes end in this step or in the next. A note
        that must end comes before all later events of the step. None of the K rows is after a velocity.
        """
        layout = self._layout
        last, step, rank, number, has_notes, sounding, pedal = now.T  # (K,) each
        ends = mask[:, self._ends]  # (K, 128) notes that can still end in this step
        missed = (np.count_nonzero(ends, axis=1) < sounding) | ((pedal > 0) & (rank > 0))
        due = onsets <= np.where(step >= self._prime, step - self._longest, -1)[:, None]  # (K, 128)
        is_due, first_due = due.any(axis=1), due.argmax(axis=1)
        lowest = np.where(sounding > 0, (onsets < SILENT).argmax(axis=1) + layout.note_off, layout.end)
        first = np.where(pedal > 0, layout.pedal_up, lowest)  # the first end in order

        # The only possible next id; −1 if there are several.
        wait = np.where(is_due, first_due + layout.note_off, layout.time_shift)
        silent = sounding + pedal == 0
        end = np.where((last == EVENT) & (has_notes > 0), layout.end, -1)
        close = np.where(silent | (has_notes == 0), end, np.where(missed, wait, first))
        only = np.where(step >= self._end, first, np.where(closing, close, -1))
        only = np.where(last == BEFORE_START, layout.start, np.where(last == ENDED, layout.end, only))

        narrowed = np.zeros_like(mask)
        single = np.flatnonzero(only >= 0)
        narrowed[single, only[single]] = True
        several = only < 0
        begins = (several & closing)[:, None]  # the piece needs a note before it can end
        narrowed[:, self._onsets] = mask[:, self._onsets] & begins
        narrowed[:, self._bins] = mask[:, self._bins] & begins & (number == 0)[:, None]
        narrowed[:, self._ends] |= ends & (several & ~closing)[:, None] & (first_due[:, None] >= np.arange(128))
        return narrowed
