"""The output for voices in the graph of one step; see `models.voice_head`."""

from __future__ import annotations

import numpy as np
import onnx

from folkseq.models.export.compound import CompoundStep
from folkseq.models.export.graph import Graph, Value, Weights
from folkseq.voice_memory import CLASSES, LARGE, MOST, NEAR, SMOOTHED
from folkseq.voices import FARTHEST, VoiceLookback


class MemoryOutput:
    """The scores of the next intervals from the counts of a memory; see `models.voice_head.MemoryScores`."""

    def __init__(self, graph: Graph, lookback: VoiceLookback, weights: Weights, counts: Value) -> None:
        """Build the scores of the counts, (B, K · C)."""
        self._graph, self._heights, self._contexts = graph, lookback.heights, lookback.counts // CLASSES
        self._weights = {name: weights[f"head.memory.{name}"] for name in ("seen.weight", "trust.weight", "trust.bias")}
        counts = graph.node("Reshape", counts, np.array([-1, self._contexts, CLASSES]))  # (B, K, C)
        places = graph.node("ReduceSum", counts, np.array([2]))  # (B, K, 1)
        most = graph.node("ReduceMax", counts, axes=[2])
        found = graph.node("Max", places, np.int64(1))
        self._share = graph.node(
            "Div", *(graph.node("Cast", each, to=onnx.TensorProto.FLOAT) for each in (most, found))
        )
        numbers = np.arange(MOST + 1)  # tables, since `Log` depends on the position of a number in the batch
        log_counts, log_places = (np.log(each + SMOOTHED).astype("f") for each in (CLASSES * numbers, numbers))
        self._log_counts = graph.node("Gather", log_counts, counts)
        self._log_places = graph.node("Gather", log_places, graph.node("Min", places, np.int64(MOST)))

    def features(self) -> Value:
        """Return the contribution of the counts to the vectors, (B, N)."""
        graph = self._graph
        many = (self._log_places - np.float32(np.log(SMOOTHED))) * np.float32(1 / LARGE)  # 0 for no places
        seen = graph.node("Concat", many, self._share, axis=1)  # (B, 2K, 1)
        flat = graph.node("Squeeze", seen, np.array([2]))
        return graph.product(graph.bounded(flat), self._weights["seen.weight"].T)

    def logits(self, z: Value, voice: Value, base: Value, gain: np.float32) -> Value:
        """Return the contribution to all logits, (B, V), given the voice of the next id and its last height."""
        graph, size = self._graph, self._contexts
        trust = graph.product(z, self._weights["trust.weight"].T * gain, self._weights["trust.bias"])  # (B, Q · K)
        own = graph.node("GatherElements", trust, voice * np.int64(size) + np.arange(size)[None], axis=1)  # (B, K)
        weighted = (self._log_counts - self._log_places) * graph.node("Unsqueeze", own, np.array([2]))  # (B, K, C)
        parts = graph.nodes("Split", size, weighted, np.ones(size, np.int64), axis=1)  # (B, 1, C) each
        scores = graph.node("Squeeze", graph.node("Sum", *parts), np.array([1]))  # always in the same order
        apart = graph.node("Sub", self._heights[None], base)  # (B, V)
        near = graph.node("LessOrEqual", graph.node("Abs", apart), np.int64(NEAR))
        there = graph.node("And", near, (self._heights >= 0)[None])
        at = graph.node("Where", there, apart + np.full((1, 1), NEAR), np.full((1, 1), CLASSES - 1))
        return graph.node("GatherElements", scores, at, axis=1)


class VoiceOutput:
    """The output that computes the logits of the next id from h of the last layer."""

    def __init__(self, graph: Graph, lookback: VoiceLookback, weights: Weights, shown: Value) -> None:
        """Build the output that reads the features and the bases, (B, W)."""
        self._graph, self._lookback, self._weights = graph, lookback, weights
        sizes = [lookback.shown_width, lookback.bases, lookback.counts]
        self._shown, self._known, *counts = shown.split(*filter(None, sizes))
        self._bases = self._known.split(*[1] * lookback.bases)  # (B, 1) each
        self._memory = MemoryOutput(graph, lookback, weights, counts[0]) if counts else None

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
        before = own + told + shown
        if self._memory is not None:
            before = before + self._memory.features()
        z = graph.bounded(graph.tanh(before))  # (B, N)
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
        voice_of = np.array([lookback.fields.index(each) if each in lookback.fields else 0 for each in range(fields)])
        voice = np.concatenate([np.zeros(fields + 1, np.int64), voice_of[of_value]])  # (V,)
        for number, base in enumerate(self._bases):
            apart = graph.node("Sub", heights[None], base)  # (B, V)
            near = graph.node("LessOrEqual", graph.node("Abs", apart), np.int64(FARTHEST))
            there = graph.node("And", graph.node("GreaterOrEqual", base, np.int64(0)), (heights >= 0)[None])
            first = (voice * len(self._bases) + number) * intervals + FARTHEST
            at = graph.node("Where", graph.node("And", near, there), apart + first[None], np.full((1, 1), scores - 1))
            logits = logits + graph.node("GatherElements", by_interval, at, axis=1)
        if self._memory is not None:
            own_voice = graph.node("Gather", voice_of, compound.following)  # (B, 1)
            base = graph.node("GatherElements", self._known, own_voice, axis=1)
            logits = logits + self._memory.logits(z, own_voice, base, gain)
        if not lookback.again.any():
            return logits
        return logits + graph.node("Gather", struck, voice, axis=1) * lookback.again[None].astype(np.float32)
