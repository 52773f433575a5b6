"""What may follow what in packed pieces: whole steps, as many as are asked for, with the lead as it is given."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.representations.packed.layout import CHAINED, Layout
from folkseq.representations.packed.lead import Lead

Rows = tuple[NDArray[Any], ...]
Ids = NDArray[np.int64]


@dataclass(frozen=True)
class StepGrammar:
    """A `folkseq.grammar.Grammar`. A row stands at a place within its frame, after so many steps.

    A step of one id is a frame of one field; before the start has been read, the number of steps is −1.
    """

    layout: Layout
    steps: int | None = None
    """How many a piece has; as the model likes if it is None."""
    lead: Lead | None = None

    @property
    def fewest(self) -> int:
        """All that was asked for, as far as it is known."""
        wanted = self.steps or (len(self.lead) if self.lead is not None else 0)
        return (wanted + 2) * self.layout.width

    def begin(self, rows: int) -> Rows:
        """See the protocol."""
        return np.zeros(rows, np.int64), np.full(rows, -1), np.zeros(rows, np.int64)

    def advance(self, rows: Rows, ids: Ids) -> Rows:
        """See the protocol."""
        place, steps, turn = rows
        if self.layout.head != CHAINED:
            return place, steps + 1, turn
        compound = self.layout.compound
        kinds = compound.kinds[ids]
        places, turns = compound.transitions
        after = places[place, kinds]
        return after, steps + (after % compound.width == 0), turns[place, kinds]

    def allowed(self, rows: Rows, remaining: Ids) -> NDArray[np.bool_]:
        """See the protocol."""
        place, steps, turn = rows
        allowed, end = self._allowed(turn), self._end
        allowed[steps < 0] = self._starts
        width = self.layout.width
        for row in np.flatnonzero((place % width == 0) & (steps >= 0)).tolist():
            step = int(steps[row])
            over = step == self.steps or int(remaining[row]) <= width
            given = None if over or self.lead is None else self.lead.value(step)
            if over or (self.lead is not None and given is None):
                allowed[row] = False
                allowed[row, end] = True
                continue
            if self.steps is not None or self.lead is not None:
                allowed[row, end] = False
            if given is not None:
                allowed[row] &= self._gives(given)
        return allowed

    def given(self, rows: Rows) -> Rows:
        """See the protocol."""
        return rows

    def progress(self, rows: Rows) -> NDArray[np.float64]:
        """See the protocol; nothing is foreseen where the model may end as it likes."""
        wanted = self.steps or (len(self.lead) if self.lead is not None else 0) or 1
        return np.clip(rows[1] / wanted, 0.0, 1.0) if self.steps or self.lead else np.zeros(len(rows[1]))

    @cached_property
    def _size(self) -> int:
        return len(self.layout.vocabulary())

    @cached_property
    def _starts(self) -> NDArray[np.bool_]:
        return np.arange(self._size) < self.layout.width

    @property
    def _end(self) -> int:
        return self.layout.width

    def _allowed(self, turn: Ids) -> NDArray[np.bool_]:
        if self.layout.head == CHAINED:
            return np.asarray(self.layout.compound.allowed[turn])
        return np.tile(np.arange(self._size) > 0, (len(turn), 1))

    def _gives(self, value: int) -> NDArray[np.bool_]:
        """Which ids give the lead a value."""
        if self.lead is None:
            raise ValueError("there is no lead")
        column, ids = self.lead.column, np.arange(self._size)
        if self.layout.head == CHAINED:
            return np.asarray(ids == self.layout.compound.offsets[column] + value)
        codes = ids - 2
        digits = codes // self.layout.weights[column] % self.layout.radices[column]
        return np.asarray((codes >= 0) & (digits == value))
