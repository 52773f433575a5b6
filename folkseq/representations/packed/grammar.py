"""The grammar of steps: whole steps, as many as requested, with the given values of the lead."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from folkseq.grammar import Ids, Rows
from folkseq.representations.packed.layout import CHAINED, GridLayout
from folkseq.representations.packed.lead import Lead


@dataclass(frozen=True)
class StepGrammar:
    """A `folkseq.grammar.Grammar` of whole steps.

    The state of a row is its position in the compound token, the number of whole steps so far, −1 before the start, and
    the slot of the next id; see `folkseq.compound`. With a joint head position and slot are always 0.

    Attributes:
        layout: Of the vocabulary.
        steps: Number of steps in a piece; None if the model decides.
        lead: Values of one column, if they are given.
    """

    layout: GridLayout
    steps: int | None = None
    lead: Lead | None = None

    @property
    def fewest(self) -> int:
        """See the protocol."""
        return (self._planned + 2) * self.layout.width

    def begin(self, rows: int) -> Rows:
        """See the protocol."""
        return np.zeros(rows, np.int64), np.full(rows, -1), np.zeros(rows, np.int64)

    def advance(self, rows: Rows, ids: Ids) -> Rows:
        """See the protocol."""
        position, steps, slot = rows
        if self.layout.head != CHAINED:
            return position, steps + 1, slot
        kinds = self.layout.compound.kinds[ids]
        positions, slots = self.layout.compound.transitions
        after = positions[position, kinds]
        return after, steps + (after % self.layout.width == 0), slots[position, kinds]

    def allowed(self, rows: Rows, remaining: Ids) -> NDArray[np.bool_]:
        """See the protocol."""
        position, steps, slot = rows
        width = end = self.layout.width
        allowed = self._by_slot[slot]  # (B, V), a copy
        allowed[steps < 0] = np.arange(self.layout.size) < width  # start ids
        for row in np.flatnonzero((position % width == 0) & (steps >= 0)).tolist():
            over = steps[row] == self.steps or remaining[row] <= width
            led = None if over or self.lead is None else self.lead.value(int(steps[row]))
            if over or (self.lead is not None and led is None):
                allowed[row] = False
                allowed[row, end] = True
                continue
            if self.steps is not None or self.lead is not None:
                allowed[row, end] = False
            if self.lead is not None and led is not None:
                allowed[row] &= self.layout.having(self.lead.column, led)
        return allowed

    def given(self, rows: Rows) -> Rows:
        """See the protocol."""
        return rows

    def progress(self, rows: Rows) -> NDArray[np.float64]:
        """See the protocol; 0 if the model decides on the number of steps."""
        return np.clip(rows[1] / self._planned, 0.0, 1.0) if self._planned else np.zeros(len(rows[1]))

    @property
    def _planned(self) -> int:
        """Return the number of steps as far as it is known."""
        return self.steps or (len(self.lead) if self.lead is not None else 0)

    @cached_property
    def _by_slot(self) -> NDArray[np.bool_]:
        """Return the ids that each slot allows, (slots, V)."""
        if self.layout.head == CHAINED:
            return self.layout.compound.allowed
        return np.arange(self.layout.size)[None] > 0
