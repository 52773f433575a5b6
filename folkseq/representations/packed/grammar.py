"""The grammar of steps: complete steps in the requested number, with the given values of the lead."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from folkseq.grammar import Ids, Rows
from folkseq.representations.packed.layout import FIRST_CODE, JOINT, GridLayout
from folkseq.representations.packed.lead import Lead


@dataclass(frozen=True)
class StepGrammar:
    """A `folkseq.grammar.Grammar` of whole steps.

    The state of a row is the number of ids so far, and the index of the first field in each step.

    Attributes:
        layout: Layout of the vocabulary.
        steps: Number of steps in a piece; None if the model decides.
        lead: Given values of one column, or None.
        bar: Number of steps in a bar, if the first column is the position in the bar; then pieces have whole bars.
    """

    layout: GridLayout
    steps: int | None = None
    lead: Lead | None = None
    bar: int | None = None

    @property
    def fewest(self) -> int:
        return (self._planned + 2) * self.layout.width

    def begin(self, rows: int) -> Rows:
        return np.zeros(rows, np.int64), np.zeros(rows, np.int64)

    def advance(self, rows: Rows, ids: Ids) -> Rows:
        count, first = rows
        return count + 1, np.where(count == 0, ids, first)  # the start id is the index of the first field

    def allowed(self, rows: Rows, remaining: Ids) -> NDArray[np.bool_]:
        count, first = rows
        width = end = self.layout.width
        step, place = np.divmod(count, width)
        step = step - 1  # the start ids come before
        field = np.where(place == 0, first, place - (place <= first))  # the others follow in their order
        allowed = self._values[field]  # (B, V), a copy
        allowed[place == 0, end] = True
        if self.bar is not None:
            begins = (step >= 0) & (place == 0)
            allowed[begins] &= self._positions[step[begins] % self.bar]
            allowed[step == 0, end] = False
        allowed[step < 0] = np.arange(self.layout.size) < width
        for row in np.flatnonzero((step >= 0) & (place == 0)).tolist():
            room = width * (self.bar + 1) if self.bar and step[row] and step[row] % self.bar == 0 else width
            if step[row] == self.steps or remaining[row] <= room or self._lead_ends(int(step[row])):
                allowed[row] = False
                allowed[row, end] = True
                continue
            led = None if self.lead is None else self.lead.value(int(step[row]))
            if self.steps is not None or self.lead is not None:
                allowed[row, end] = False
            if self.lead is not None and led is not None:
                allowed[row] &= self.layout.having(self.lead.column, led)
        return allowed

    def given(self, rows: Rows) -> Rows:
        return rows

    def progress(self, rows: Rows) -> NDArray[np.float64]:
        steps = rows[0] // self.layout.width - 1
        return np.clip(steps / self._planned, 0.0, 1.0) if self._planned else np.zeros(len(steps))

    def _lead_ends(self, step: int) -> bool:
        """Return whether the piece ends with the lead before a step; with `steps`, it continues after a lead file."""
        if self.lead is None or (self.steps is not None and not self.lead.live):
            return False
        return not self.lead.lasts(step)

    @property
    def _planned(self) -> int:
        """Return the number of steps, as far as known."""
        return self.steps or (len(self.lead) if self.lead is not None else 0)

    @cached_property
    def _positions(self) -> NDArray[np.bool_]:
        """Return the mask of first ids of a step at each position in a bar; the end only at the start of a bar."""
        positions = np.array([self.layout.having(0, place) for place in range(self.bar or 0)])
        positions[0, self.layout.width] = True
        return positions

    @cached_property
    def _values(self) -> NDArray[np.bool_]:
        """Return the mask of ids of each field, (F, V); a joint head has one field."""
        if self.layout.head == JOINT:
            return np.arange(self.layout.size)[None] >= FIRST_CODE
        return np.asarray(self.layout.compound.kinds == np.arange(self.layout.width)[:, None] + self.layout.width + 1)
