"""A gap in a performance: some seconds whose notes are written anew, between notes that stay as they are.

A note belongs to the gap if it begins there; one that begins before it and sounds into it stays. The source is what
`surroundings` tells; the target has the gap's notes alone, from the start id on, none of which sounds beyond the gap.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.infill.performance import surroundings
from folkseq.pairs import EncoderSource, Integers, Pair
from folkseq.representations.performance.decoding import Notes
from folkseq.representations.performance.events import BEGIN, FINISH, OFF, ON, Layout, in_order, pack, to_ids, unpack
from folkseq.representations.performance.grammar import PerformanceGrammar
from folkseq.representations.performance.standing import STEP

LONGEST_S, MOST = 4.0, 20
"""How long a note lasts at most, and how many sound at once, as where nothing is said in `sample`."""
PER_STEP = 4
"""Ids that a step of a gap takes at most on average."""

Rows = tuple[NDArray[Any], ...]


class Gap(PerformanceGrammar):
    """What may be written into a gap (a `folkseq.grammar.Placed`): no pitch that a note that stays holds."""

    def __init__(self, known: EncoderSource, held: Integers, steps: int, layout: Layout, steps_per_second: int) -> None:
        """Set the limits.

        Args:
            known: what `surroundings.source` gave.
            held: (128,) the step of the gap up to which a note that stays holds each pitch; 0 where none does.
            steps: the gap's.
            layout: what the ids mean.
            steps_per_second: of the tokenizer.
        """
        longest = max(round(LONGEST_S * steps_per_second), 1)
        super().__init__(layout, canonical=True, end=steps, longest=longest, most=MOST)
        self.limit = PER_STEP * steps + 64
        self._held_until = held
        self._first, self._times = surroundings.times(known, steps, steps_per_second)

    def allowed(self, rows: Rows, remaining: Integers) -> NDArray[np.bool_]:
        """See the protocol."""
        mask = super().allowed(rows, remaining)
        step = rows[0][:, STEP]
        ons = slice(self._layout.note_on, self._layout.note_off)
        free = mask[:, ons] & (step[:, None] >= self._held_until)
        # After a velocity a note has to come; where every one that could is held, one is begun nonetheless.
        others = np.asarray(np.delete(mask, np.r_[ons], axis=1).any(axis=1))
        stuck = np.asarray(~(free.any(axis=1) | others))
        mask[:, ons] = np.where(stuck[:, None], mask[:, ons], free)
        return mask

    def at(self, rows: Rows) -> Integers:
        """See the protocol: the last element of the source that is not later."""
        return self.place(rows[0][:, STEP])

    def place(self, step: Integers) -> Integers:
        """Where in the source steps of the gap are."""
        found = np.searchsorted(self._times, step, side="right") - 1
        return self._first + np.clip(found, 0, len(self._times) - 1)


def held(kept: Notes, first: int) -> Integers:
    """(128,) the step of a gap that begins at `first` up to which a note that stays holds each pitch."""
    until = np.zeros(128, np.int64)
    before = kept.onset < first
    np.maximum.at(until, kept.pitch[before], kept.offset[before] - first)
    return until


def pair(notes: Notes, first: int, last: int, layout: Layout, steps_per_second: int, left_only: bool) -> Pair | None:
    """A gap of a passage's notes, whose velocities are bins, with what was played there; None if that was nothing."""
    inside = (notes.onset >= first) & (notes.onset < last)
    if not inside.any():
        return None
    kept, own = Notes(*(each[~inside] for each in notes)), Notes(*(each[inside] for each in notes))
    known = surroundings.source(kept, first, last, steps_per_second, left_only)
    own = own._replace(offset=np.minimum(own.offset, last))
    rows = _rows(own)
    final = int(own.offset.max())
    packed = [pack(0, BEGIN, 0), pack(final - first, FINISH, 0)]
    every = in_order(unpack(np.append(pack(rows.step - first, rows.kind, rows.value, rows.velocity), packed)))
    ids = to_ids(every, layout).astype(np.int64)
    grammar = Gap(known, held(kept, first), last - first, layout, steps_per_second)
    at = grammar.place(np.cumsum(layout.steps[ids])[:-1])
    return Pair(known, ids, at, np.ones(len(ids) - 1, np.bool_))


def _rows(notes: Notes) -> Any:
    """The beginnings and ends of notes, in canonical order."""
    ends, begins = pack(notes.offset, OFF, notes.pitch), pack(notes.onset, ON, notes.pitch, notes.velocity)
    return unpack(np.sort(np.concatenate([ends, begins])))
