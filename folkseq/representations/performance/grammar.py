"""Which id of a performance may come next, so that every note that begins ends, and in time.

Within a step ids stand in the order of the tokenizer, a velocity only where it changes, and time shifts are spelt in
one way, so that what is written is canonical: it decodes to notes whose tokens it is, with nothing to repair. A pitch
that sounds does not begin again, and one that is silent does not end. The piece ends with the event that ends its last
note or its pedal. When a limit comes near, of the time or of the ids, what sounds is ended in order.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from folkseq.representations.performance import standing
from folkseq.representations.performance.events import MAX_VELOCITY, Integers, Layout
from folkseq.representations.performance.standing import BEFORE, CLOSED, EVENT, LONG, LOUD, SILENT, STEP, Masks, Rows

MARGIN = 8
"""Ids; with one for each that sounds, more than end a piece from any state: velocity, note, shift, its end, END."""

_PITCHES = np.arange(128)


class PerformanceGrammar:
    """The grammar over one layout (a `folkseq.grammar.Grammar`); `standing` says what its rows hold."""

    def __init__(
        self, layout: Layout, *, canonical: bool, end: int, earliest: int = 0, longest: int, most: int, opening: int = 0
    ) -> None:
        """Set the limits.

        Args:
            layout: what the ids mean.
            canonical: whether the events of a step rise in pitch.
            end: step at which the piece has ended at the latest.
            earliest: step before which it does not end, unless the ids run out.
            longest: steps that a note lasts at most.
            most: notes that sound at once at most.
            opening: steps of a prime, which `longest` and `most` do not bind.
        """
        self._end, self._earliest, self._longest, self._most, self._opening = end, earliest, longest, most, opening
        self._layout = layout
        self._ons, self._offs = slice(layout.note_on, layout.note_off), slice(layout.note_off, layout.time_shift)
        self._shifts, self._bins = slice(layout.time_shift, layout.velocity), slice(layout.velocity, layout.start)
        ranks = standing.ranks(layout, canonical=canonical)
        self._keep, self._add = standing.moves(layout, ranks)
        after = standing.followers(ranks, canonical=canonical)  # (R, 256)
        self._ons_after, self._offs_after = after[:, self._ons].copy(), after[:, self._offs].copy()
        self._no_rank = len(after) - 1
        steps = np.arange(1, layout.max_shift + 1)
        self._shifts_within = steps <= np.arange(layout.max_shift + 1)[:, None]  # (max_shift + 1, max_shift)
        # Which velocities change the one in force, of those that bins of this size reach; in the last row none does.
        bins = np.arange(1, layout.velocity_bins + 1)
        used = bins <= (MAX_VELOCITY - 1) // layout.velocity_size + 1
        self._no_bin = layout.velocity_bins + 1
        self._bins_besides = used & (bins != np.arange(self._no_bin + 1)[:, None])  # (velocity_bins + 2, velocity_bins)
        self._bins_besides[self._no_bin] = False

    @property
    def fewest(self) -> int:
        """How many ids a limit must leave room for, so that a piece can be led to its end."""
        return MARGIN

    def begin(self, rows: int) -> Rows:
        """Where `rows` pieces stand before their start ids."""
        return standing.begin(rows)

    def advance(self, rows: Rows, ids: Integers) -> Rows:
        """Where they stand after one more id in each, (B,), that was allowed. `rows` stay as they were."""
        now, onsets = rows
        onsets = onsets.copy()  # (B, 128)
        at = np.flatnonzero(ids < self._layout.time_shift)  # the rows in which a note begins or ends
        notes = ids[at]
        onsets[at, notes & 127] = np.where(notes < self._layout.note_off, now[at, STEP], SILENT)
        return now * self._keep.take(ids, axis=0) + self._add.take(ids, axis=0), onsets

    def given(self, rows: Rows) -> Rows:
        """The same: a note that was begun is still to be ended."""
        return rows

    def progress(self, rows: Rows) -> NDArray[np.float64]:
        """The share of the time after the prime that has passed, (B,) from 0 to 1."""
        passed = (rows[0][:, STEP] - self._opening) / max(self._end - self._opening, 1)
        return np.asarray(np.clip(passed, 0.0, 1.0))

    def allowed(self, rows: Rows, remaining: Integers) -> Masks:
        """Which ids may come next, (B, V) bool, where `remaining` (B,) ids may still be written; in no row none."""
        now, onsets = rows
        last, step, _, _, _, count, down = now.T  # (B,) each
        # The step at which the note that has sounded for longest is due.
        until = np.where(step >= self._opening, onsets.min(axis=1) + self._longest, SILENT)
        mask = self._going_on(now, onsets, until)
        closing = remaining <= count + down + MARGIN
        at = np.flatnonzero((closing | (step >= np.minimum(until, self._end)) | (last <= CLOSED)) & (last != LOUD))
        if len(at):
            mask[at] = self._held(now[at], onsets[at], closing[at], mask[at])
        return mask

    def _going_on(self, now: Integers, onsets: Integers, until: Integers) -> Masks:
        """Whatever leaves a way to the end. After a time shift in silence there must be room for a note."""
        layout = self._layout
        last, step, rank, told, noted, count, down = now.T  # (B,) each
        sounding, loud = onsets < SILENT, last == LOUD
        mask = np.zeros((len(now), layout.size), np.bool_)

        full = (count >= self._most) & (step >= self._opening)
        begins = self._ons_after.take(np.where(full, self._no_rank, rank), axis=0) & ~sounding  # (B, 128)
        np.logical_and(begins, (told >= min(layout.velocity_bins, 1))[:, None], out=mask[:, self._ons])
        changes = begins.any(axis=1) & ~loud
        mask[:, self._bins] = self._bins_besides.take(np.where(changes, told, self._no_bin), axis=0)

        ends = self._offs_after.take(np.where(loud, self._no_rank, rank), axis=0)
        np.logical_and(ends, sounding, out=mask[:, self._offs])
        if layout.pedal:
            fresh = (rank == 0) & ~loud
            mask[:, layout.pedal_up], mask[:, layout.pedal_down] = fresh & (down > 0), fresh & (down == 0)

        silent = count + down == 0
        room = np.minimum(self._end - step - (silent | (noted == 0)), until - step)  # (B,) steps
        room = np.maximum(np.minimum(room, layout.max_shift), 0) * (last <= LONG)
        mask[:, self._shifts] = self._shifts_within.take(room, axis=0)
        mask[:, layout.end] = silent & (last == EVENT) & (noted > 0) & (step >= self._earliest)
        return mask

    def _held(self, now: Integers, onsets: Integers, closing: Masks, going: Masks) -> Masks:
        """What may come next where something has to: the start, or an end, be it of a note, of the time or of the ids.

        Where ids run out that is the shortest way to the end: all that sounds is ended in one step, if not in this then
        in the next. A note that is due ends before any that comes after it in the step.

        Args:
            now: (K, COLUMNS), in no row of which a velocity waits for its note.
            onsets: (K, 128).
            closing: (K,) whether the ids run out.
            going: (K, V) what might come next if nothing had to.

        Returns:
            (K, V).
        """
        layout = self._layout
        last, step, rank, told, noted, count, down = now.T  # (K,) each
        ends = going[:, self._offs]  # (K, 128) of those that sound, the ones that may still end in this step
        missed = (np.count_nonzero(ends, axis=1) < count) | ((down > 0) & (rank > 0))
        due = onsets <= np.where(step >= self._opening, step - self._longest, -1)[:, None]  # (K, 128)
        is_due, first_due = due.any(axis=1), due.argmax(axis=1)
        lowest = np.where(count > 0, (onsets < SILENT).argmax(axis=1) + layout.note_off, layout.end)
        first = np.where(down > 0, layout.pedal_up, lowest)  # what ends first of what sounds, or the piece

        # The only id that may come next; −1 where there are several.
        wait = np.where(is_due, first_due + layout.note_off, layout.time_shift)
        silent = count + down == 0
        end = np.where((last == EVENT) & (noted > 0), layout.end, -1)
        close = np.where(silent | (noted == 0), end, np.where(missed, wait, first))
        only = np.where(step >= self._end, first, np.where(closing, close, -1))
        only = np.where(last == BEFORE, layout.start, np.where(last == CLOSED, layout.end, only))

        mask = np.zeros_like(going)
        single = np.flatnonzero(only >= 0)
        mask[single, only[single]] = True
        several = only < 0
        begins = (several & closing)[:, None]  # a note must, before the piece can end
        mask[:, self._ons] = going[:, self._ons] & begins
        mask[:, self._bins] = going[:, self._bins] & begins & (told == 0)[:, None]
        mask[:, self._offs] |= ends & (several & ~closing)[:, None] & (first_due[:, None] >= _PITCHES)
        return mask
