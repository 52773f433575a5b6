"""What the graph of one step has besides, where ids come in frames: whose turn it is, and what was told of the frame.

See `models.compound_head` for what is computed, and `folkseq.compound` for the turns.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from folkseq.compound import CompoundLayout
from folkseq.models.onnx_step.cells import sum_of_frame
from folkseq.models.onnx_step.graph import Graph
from folkseq.models.settings import IMPOSSIBLE


class Turn:
    """Where in its frame the id that is read stands."""

    def __init__(
        self, graph: Graph, frames: CompoundLayout, weights: Mapping[str, NDArray[np.float32]], gain: float
    ) -> None:
        self._graph, self._frames, self._weights, self._gain = graph, frames, weights, np.float32(gain)
        places, turns = frames.transitions
        kind = graph.node("Gather", graph.constant(frames.kinds[:, None]), "ids")  # (B, 1)
        row = graph.node("Mul", graph.carry("place", 1, whole=True), graph.constant(np.int64(places.shape[1])))
        case = graph.node("Add", row, kind)
        graph.result("place_next", graph.node("Gather", graph.constant(places.ravel()), case))
        self._turn = graph.node("Gather", graph.constant(turns.ravel()), case)  # (B, 1)
        self.whole = graph.node("Gather", graph.constant(places.ravel() % frames.width == 0), case)
        """Whether the id ends a frame, (B, 1) bool."""

    def told(self, below: str) -> str:
        """What the next id is foretold from, (B, H), by the top layer's h as `Graph.bounded` gives it."""
        graph, weights = self._graph, self._weights
        heard = graph.product(below, weights["chain.heard.weight"].T * self._gain, weights["chain.heard.bias"])
        table = weights["chain.told.weight"]
        told = graph.node("Gather", graph.constant(table), "ids")
        sum_of_frame(graph, "told", told, table.shape[1], self.whole)
        return graph.bounded(graph.node("Tanh", graph.node("Add", heard, "told_next")))

    def masked(self, logits: str) -> str:
        """Scores (B, V), those left out whose turn it is not."""
        mask = np.where(self._frames.allowed, 0, IMPOSSIBLE).astype(np.float32)
        turn = self._graph.node("Squeeze", self._turn, self._graph.constant(np.array([1])))
        return self._graph.node("Add", logits, self._graph.node("Gather", self._graph.constant(mask), turn))
