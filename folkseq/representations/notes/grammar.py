"""The grammar of notes: every piece consists of complete notes that begin and end in time.

Simultaneous onsets rise by instrument and pitch, so decoding and encoding the ids gives the same notes.

The state of B pieces is an array with a row of `COLUMNS` for each piece, and the end of each pitch in steps, (B, 128).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from folkseq.grammar import Ids, Rows
from folkseq.representations.notes.layout import LENGTHS, NO_NOTE, WAITS, NotesLayout
from folkseq.representations.performance.events import Mask

COUNT, STEP, NEXT, NOTES, LAST, RANK, LENGTH, FLOOR, PITCH = range(9)
"""Columns: number of ids, or −1 after the end id; step of the last onset; step of the current onset; whether there has
been a note; rank of the last note of the step, −1 for none; rank of the current note so far; its length so far, minus
one; step before which no note may begin; pitch of the current note."""
COLUMNS = 9


class NotesGrammar:
    """The grammar over the ids of a layout (a `folkseq.grammar.Grammar`)."""

    def __init__(self, layout: NotesLayout, *, end: int, earliest: int, longest: int, most: int, prime: int) -> None:
        """Set the limits; the arguments are those of `performance.grammar.PerformanceGrammar`.

        Without a prime, the first note begins at step 0.
        """
        self._layout, self._end, self._earliest, self._prime = layout, end, earliest, prime
        self._longest, self._most = longest, most
        self.fewest = 4 * layout.width
        self._pitch, self._no_note = layout.places["pitch"], layout.ids_of("pitch").stop - 1
        self._ids = {name: layout.ids_of(name) for name in layout.fields}
        self._instruments = layout.compound.fields[layout.places["instrument"]] if layout.tracks else 1
        self._last_rank = self._instruments * NO_NOTE - 1

    def begin(self, rows: int) -> Rows:
        """Return the state of `rows` pieces before their start ids."""
        state = np.zeros((rows, COLUMNS), np.int64)
        state[:, LAST] = -1
        return state, np.zeros((rows, 128), np.int64)

    def advance(self, rows: Rows, ids: Ids) -> Rows:
        """Return the state after one more id per row, (B,), without changing `rows`."""
        state, ends = rows[0].copy(), rows[1]
        token, place = np.divmod(state[:, COUNT], self._layout.width)
        over = (token < 0) | ((token > 0) & (ids == self._layout.end))
        state[:, COUNT] = np.where(over, -1, state[:, COUNT] + 1)
        field = np.where((token > 0) & ~over, place, -1)
        value = ids - self._layout.compound.offsets[place]
        for name, at in self._layout.places.items():
            here = np.flatnonzero(field == at)
            if not len(here):
                continue
            now, own = state[here], value[here]
            if name == "wait":
                now[:, NEXT] = now[:, STEP] + WAITS.starts[np.clip(own, 0, len(WAITS.starts) - 1)]
            elif name == "wait_fine":
                now[:, NEXT] += own
                now[:, LAST] = np.where(now[:, NEXT] > now[:, STEP], -1, now[:, LAST])
                now[:, STEP], now[:, RANK] = now[:, NEXT], 0
            elif name == "instrument":
                now[:, RANK] = own * NO_NOTE
            elif name == "pitch":
                real = own < NO_NOTE
                now[:, LAST] = np.where(real, now[:, RANK] + own, now[:, LAST])
                now[:, NOTES] |= real
                now[:, PITCH] = own
            elif name == "length":
                now[:, LENGTH] = LENGTHS.starts[np.clip(own, 0, len(LENGTHS.starts) - 1)]
            elif name == "length_fine":
                now[:, LENGTH] += own
                if ends is rows[1]:
                    ends = ends.copy()
                real = now[:, PITCH] < NO_NOTE
                ends[here[real], now[real, PITCH]] = now[real, STEP] + now[real, LENGTH] + 1
            state[here] = now
        return state, ends

    def given(self, rows: Rows) -> Rows:
        """Return the state in which the next note must begin after the prime."""
        state = rows[0].copy()
        state[:, FLOOR] = self._prime
        return state, rows[1]

    def progress(self, rows: Rows) -> NDArray[np.float64]:
        """Return the elapsed share of the time after the prime, (B,) from 0 to 1."""
        passed = (rows[0][:, STEP] - self._prime) / max(self._end - self._prime, 1)
        return np.asarray(np.clip(passed, 0.0, 1.0))

    def allowed(self, rows: Rows, remaining: Ids) -> Mask:
        """Mask the ids that may come next, (B, V), at least one per row, if `remaining` (B,) ids are left."""
        state, ends = rows
        layout = self._layout
        token, place = np.divmod(state[:, COUNT], layout.width)
        mask = np.zeros((len(state), layout.size), np.bool_)
        mask[token == 0, layout.start] = mask[token < 0, layout.end] = True
        for name, at in layout.places.items():
            here = np.flatnonzero((token > 0) & (place == at))
            if len(here):
                mask[here, self._ids[name]] = self._field(name, state[here], ends[here])
        begins = np.flatnonzero((token > 0) & (place == 0))
        if len(begins):
            now, left = state[begins], remaining[begins]
            open_ = mask[begins, self._ids["wait"]].any(axis=1) & (left > 2 * layout.width)
            may = (now[:, NOTES] > 0) & (now[:, STEP] >= np.maximum(self._earliest, now[:, FLOOR]))
            over = ~open_ & ((now[:, NOTES] > 0) | (left <= layout.width))
            mask[begins[over]] = False
            mask[begins, layout.end] = may | over
        return mask

    def settle(self, rows: Rows, ids: Ids, remaining: Ids) -> tuple[Ids, NDArray[np.bool_], Rows]:
        """Return tokens, (B, F), with ends instead of notes that begin too late; which are allowed; the state after."""
        (state, ends), layout = rows, self._layout
        wait, wait_fine, *_, coarse, fine = columns = ids.T
        waits = layout.steps.take(wait) + layout.steps.take(wait_fine)
        length = layout.lengths.take(coarse) + layout.lengths.take(fine) + 1
        pitch = rank = layout.ranks.take(columns[self._pitch])
        if layout.tracks:
            rank = rank + layout.ranks.take(columns[self._pitch - 1])
        onset = state[:, STEP] + waits
        low, high = self._onsets(state, ends)
        fits = (
            (onset >= low)
            & (onset < high)
            & (onset + length <= self._end)
            & (pitch < NO_NOTE)
            & (remaining > 2 * layout.width)
        )
        fits &= layout.steps.take(wait_fine) < layout.widths.take(wait)
        fits &= layout.lengths.take(fine) < layout.widths.take(coarse)
        fits &= (waits > 0) | (rank > state[:, LAST])
        if self._longest < LENGTHS.size:
            fits &= length <= self._longest
        after = state.copy()
        after[:, COUNT] += layout.width
        after[:, STEP] = after[:, NEXT] = onset
        after[:, NOTES], after[:, LAST], after[:, PITCH] = 1, rank, pitch
        ends_here = np.flatnonzero((onset >= self._end) | (wait == layout.end) | (state[:, COUNT] < 0))
        if len(ends_here):
            before = state[ends_here]
            ended, some = before[:, COUNT] < 0, before[:, NOTES] > 0
            late = some & (onset[ends_here] >= self._end) & (before[:, STEP] >= before[:, FLOOR])
            may = some & (before[:, STEP] >= np.maximum(self._earliest, before[:, FLOOR]))
            over = ended | late | (wait[ends_here] == layout.end)
            fits[ends_here] = over & (ended | late | may)
            places, ids = ends_here[over], ids.copy()
            ids[places], after[places] = layout.end, before[over]
            after[places, COUNT] = -1
        if self._most < ends.shape[1]:
            now = np.flatnonzero(fits & (after[:, COUNT] >= 0))
            ends = ends.copy()
            ends[now, pitch[now]] = onset[now] + length[now]
        return ids, fits, (after, ends)

    def _field(self, name: str, state: NDArray[np.int64], ends: NDArray[np.int64]) -> Mask:
        """Mask the values of a field, (K, values), for K rows in which this field comes next."""
        layout, now = self._layout, state[:, :, None]  # (K, COLUMNS, 1)
        if name == "wait":
            low, high = self._onsets(state, ends)
            first = now[:, STEP] + WAITS.starts
            fits = (first < high[:, None]) & (first + WAITS.widths > low[:, None])
            fits &= (low < high)[:, None]
            return np.asarray(fits & ((WAITS.starts > 0) | (now[:, LAST] < self._last_rank)))
        if name == "wait_fine":
            low, high = self._onsets(state, ends)
            onset = now[:, NEXT] + np.arange(WAITS.widest)
            coarse = np.searchsorted(WAITS.starts, state[:, NEXT] - state[:, STEP], side="right") - 1
            inside = np.arange(WAITS.widest) < WAITS.widths[coarse][:, None]
            return np.asarray(inside & (onset < high[:, None]) & (onset >= low[:, None]))
        if name == "instrument":
            highest = np.arange(self._instruments) * NO_NOTE + NO_NOTE - 1
            return np.asarray(highest > now[:, LAST])
        if name == "pitch":
            pitches = np.arange(NO_NOTE + 1)
            rises = (now[:, RANK] + pitches > now[:, LAST]) & (pitches < NO_NOTE)
            return np.asarray(rises | ((pitches == NO_NOTE) & (now[:, FLOOR] == 0) & (self._prime > 0)))
        if name == "velocity":
            return np.ones((len(state), layout.compound.fields[layout.places["velocity"]]), np.bool_)
        limited = state[:, FLOOR] >= self._prime  # after the prime
        most = np.where(limited, np.minimum(self._longest, self._end - state[:, STEP]), 1 << 40)[:, None]
        if name == "length":
            return np.asarray(LENGTHS.starts < most)
        coarse = np.searchsorted(LENGTHS.starts, state[:, LENGTH], side="right") - 1
        fine = np.arange(LENGTHS.widest)
        return np.asarray((fine < LENGTHS.widths[coarse][:, None]) & (now[:, LENGTH] + fine < most))

    def _onsets(self, state: NDArray[np.int64], ends: NDArray[np.int64]) -> tuple[Ids, Ids]:
        """Return the first step at which the next note may begin, and the step after the last one, (K,) each."""
        low = state[:, FLOOR]
        if self._most < ends.shape[1]:
            # Excess notes must end first.
            free = np.sort(ends, axis=1)[:, ends.shape[1] - self._most]
            low = np.where(low >= self._prime, np.maximum(low, free), low)
        opens = (state[:, NOTES] == 0) & (self._prime == 0)
        return low, np.where(opens, 1, self._end)
