"""Compound tokens in the graph of one step; see `models.compound_head`.

The position in the compound token, `place` (B, 1), and the sums over its ids so far, `read` and `told`, are states.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from folkseq.compound import CompoundLayout
from folkseq.models.export.graph import Graph, Value, Weights
from folkseq.models.settings import IMPOSSIBLE


class CompoundStep:
    """The position in a compound token, updated by each step."""

    def __init__(self, graph: Graph, layout: CompoundLayout, ids: Value) -> None:
        self._graph, self._layout, self.ids = graph, layout, ids
        positions, slots = layout.transitions
        position = graph.state("place", 1, np.int64)
        kind = graph.node("Gather", layout.kinds[:, None], ids)  # (B, 1)
        index = position * np.int64(positions.shape[1]) + kind
        graph.next_state(position, graph.node("Gather", positions.ravel(), index))
        self._positions, self._index = positions, index
        self._slot = graph.node("Gather", slots.ravel(), index)  # (B, 1)
        self.whole = graph.node("Gather", positions.ravel() % layout.width == 0, index)
        """(B, 1) bool, whether the id ends a compound token."""

    @cached_property
    def following(self) -> Value:
        """Return the field of the next id, (B, 1), for fields in their declared order."""
        return self._graph.node("Gather", self._positions.ravel() % self._layout.width, self._index)

    def total(self, name: str, value: Value, width: int) -> tuple[Value, Value]:
        """Return the sum of a value, (B, width), over the ids of the token so far, and this sum reset to 0 at its end.

        A state with this name carries the sum to the next step.
        """
        state = self._graph.state(name, width)
        total = state + value
        carried = self._graph.node("Where", self.whole, np.zeros((1, 1), np.float32), total)
        self._graph.next_state(state, carried)
        return total, carried

    def predictor(self, x: Value, weights: Weights, gain: np.float32) -> Value:
        """Return the vector that predicts the next id, (B, H), from h of the last layer, (B, H); both are `bounded`."""
        graph, table = self._graph, weights["chain.told.weight"]
        heard = graph.product(x, weights["chain.heard.weight"].T * gain, weights["chain.heard.bias"])
        _, told = self.total("told", graph.node("Gather", table, self.ids), table.shape[1])
        return graph.bounded(graph.tanh(heard + told))

    def masked(self, logits: Value) -> Value:
        """Return the logits, (B, V), with `IMPOSSIBLE` added for ids that cannot come next."""
        mask = np.where(self._layout.allowed, 0, IMPOSSIBLE).astype(np.float32)  # (slots, V)
        slot = self._graph.node("Squeeze", self._slot, np.array([1]))  # (B,)
        return logits + self._graph.node("Gather", mask, slot)
