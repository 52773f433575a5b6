"""The output for voices in the graph of one step; see `models.voice_head`."""

from __future__ import annotations

import numpy as np

from folkseq.models.export.compound import CompoundStep
from folkseq.models.export.graph import Graph, Value, Weights
from folkseq.voices import FARTHEST, VoiceLookback


class VoiceOutput:
    """The output that computes the logits of the next id from h of the last layer."""

    def __init__(self, graph: Graph, lookback: VoiceLookback, weights: Weights, shown: Value) -> None:
        """Build the output that reads the features and the bases, (B, W)."""
        self._graph, self._lookback, self._weights = graph, lookback, weights
        bases = lookback.width - lookback.shown_width
        self._shown, known = shown.split(lookback.shown_width, bases)
        self._bases = known.split(*[1] * bases)  # (B, 1) each

    def logits(self, h: Value, compound: CompoundStep, gain: np.float32) -> Value:
        """Return the logits, (B, V), from h of the last layer, which is `bounded`."""
        graph, weights, lookback = self._graph, self._weights, self._lookback
        told_table, fields = weights["head.told.weight"], lookback.layout.width
        width = told_table.shape[1]  # N
        heard = graph.product(h, weights["head.heard.weight"].T * gain, weights["head.heard.bias"])  # (B, F · N)
        column = compound.following * np.int64(width) + np.arange(width)[None]  # (B, N)
        own = graph.node("GatherElements", heard, column, axis=1)
        _, told = compound.total("told", graph.node("Gather", told_table, compound.ids), width)
        shown = graph.table_sum(weights["head.shown.weight"], self._shown, lookback.shown_width)
        z = graph.bounded(graph.tanh(own + told + shown))  # (B, N)
        matrices = {name: weights[f"{name}.weight"] for name in ("output", "head.relative")}
        biases = {name: weights[f"{name}.bias"] for name in matrices}
        voices = len(lookback.fields)
        again = weights.get("head.again.weight", np.zeros((voices, width), np.float32))
        matrix = [*matrices.values(), np.zeros((1, width), np.float32), again]  # zeros in between for no interval
        bias = [*biases.values(), np.zeros(1, np.float32), weights.get("head.again.bias", np.zeros(voices, np.float32))]
        size, scores = len(biases["output"]), len(biases["head.relative"]) + 1
        found = graph.product(z, np.concatenate(matrix).T * gain, np.concatenate(bias))
        logits, by_interval, struck = found.split(size, scores, voices)
        heights, intervals = lookback.heights, 2 * FARTHEST + 1
        of_value = np.repeat(np.arange(fields), lookback.layout.fields)  # (V − F − 1,) the field of each value
        place = np.array([lookback.fields.index(each) if each in lookback.fields else 0 for each in of_value])
        voice = np.concatenate([np.zeros(fields + 1, np.int64), place])  # (V,)
        for number, base in enumerate(self._bases):
            apart = graph.node("Sub", heights[None], base)  # (B, V)
            near = graph.node("LessOrEqual", graph.node("Abs", apart), np.int64(FARTHEST))
            there = graph.node("And", graph.node("GreaterOrEqual", base, np.int64(0)), (heights >= 0)[None])
            first = (voice * len(self._bases) + number) * intervals + FARTHEST
            at = graph.node("Where", graph.node("And", near, there), apart + first[None], np.full((1, 1), scores - 1))
            logits = logits + graph.node("GatherElements", by_interval, at, axis=1)
        if not lookback.again.any():
            return logits
        return logits + graph.node("Gather", struck, voice, axis=1) * lookback.again[None].astype(np.float32)
