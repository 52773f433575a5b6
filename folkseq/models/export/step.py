"""One step of a trained model as an ONNX graph.

The inputs are `ids` (B,) int64 and the states `h_0`, `c_0`, `h_1` and so on, (B, H) each. Depending on the model, there
are also `controls`, the conditioning (B, C) float32; `recalled`, the lookback (B, W) int64; and the inputs of
`encoder_decoder`. The outputs are `logits` (B, V) and the new states in the same order. The first layer's weights are
multiplied with the embedding in advance, so that a step only looks up a row of sums. With compound tokens a step still
reads one id, and the cells advance only at the last id of a token; see `compound`. The metadata describes the lookback.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from folkseq.corpora.lookback import METADATA_KEY, Lookback
from folkseq.models import equations
from folkseq.models.export.graph import Graph, Matrix, Value, Weights
from folkseq.models.settings import ModelSettings
from folkseq.voices import METADATA_KEY as VOICES_KEY


def build_step(weights: Weights, settings: ModelSettings, int8: bool = True) -> bytes:
    """Return a serialised ONNX model of one step.

    Args:
        weights: weights of a `LanguageModel`, by name.
        settings: settings of the same model.
        int8: whether to compute products in eight bits, about three times as fast as in float32.
    """
    if settings.tokens is not None:
        from folkseq.models.export.token import TokenStep

        return TokenStep(weights, settings, Graph(int8), settings.tokens).build()
    return IdStep(weights, settings, Graph(int8)).build()


class Step:
    """The cells of a step."""

    def __init__(self, weights: Weights, settings: ModelSettings, graph: Graph) -> None:
        self.weights, self.settings, self.graph = weights, settings, graph
        self.gain = np.float32(settings.gain)
        self.lookback: Value | None = None

    def _read(self, w_x: Matrix, bias: Matrix, factors: list[Value], matrices: list[Matrix]) -> Value | None:
        """Return the first layer's input times its weights, plus the bias; or add factors and matrices; return None."""
        raise NotImplementedError

    def _layer(self, number: int, below: Value | None) -> Value:
        """Return the new h of a layer from h of the layer below; both are `bounded`."""
        graph, cell, width = self.graph, self.settings.cell, self.settings.hidden
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        w_x, w_h, b_x, b_h = (_new_last(self.weights[f"cells.{number}.{name}_l0"], width).T for name in names)
        if cell == "gru":
            # This h is carried without rounding, since rounding would undo small changes.
            h = graph.state(f"h_{number}", width)
            input_sums = self._sums(below, w_x, b_x).split(width, width, width)
            hidden_sums = graph.product(graph.bounded(h), w_h, b_h).split(width, width, width)
            return graph.bounded(self._carry(h, equations.gru(graph, input_sums, hidden_sums, h)))
        h = graph.state(f"h_{number}", width, bounded=True)
        c = graph.state(f"c_{number}", width) if cell != "rnn" else None
        sums = self._sums(below, w_x, b_x + b_h, h, w_h)  # (B, H) or (B, 4H)
        if c is None:
            after = equations.rnn(graph, sums)
        else:
            *gates, to_output, to_new = sums.split(width, width, width, width)
            peephole = self.weights.get(f"cells.{number}.peephole")
            after, c_after = equations.lstm(graph, (*gates, to_new, to_output), c, peephole)
            self._carry(c, c_after)
        return self._carry(h, graph.bounded(after))

    def _carry(self, state: Value, after: Value) -> Value:
        """Set the new value of a state, and return it."""
        self.graph.next_state(state, after)
        return after

    def _sums(
        self, below: Value | None, w_x: Matrix, bias: Matrix, h: Value | None = None, w_h: Matrix | None = None
    ) -> Value:
        """Return the sums of a layer, (B, n H), from its input and, if given, from h."""
        graph, settings, weights = self.graph, self.settings, self.weights
        factors: list[Value] = [] if h is None else [h]
        matrices: list[Matrix] = [] if w_h is None else [w_h]
        if below is not None:
            return graph.product([below, *factors], np.concatenate([w_x * self.gain, *matrices]), bias)
        sums = self._read(w_x, bias, factors, matrices)
        if settings.lookback is not None and self.lookback is not None:
            # A table of sums would save the product, but fetching its wide rows takes longer.
            scaled, most = _scaled(weights["recalled.weight"], settings.lookback)
            factors.append(graph.bounded(graph.table_sum(scaled, self.lookback, settings.lookback.width)))  # (B, E)
            matrices.append(w_x * most[:, None])
        if sums is None:
            return graph.product(factors, np.concatenate(matrices), bias)
        if factors:
            sums = sums + graph.product(factors, np.concatenate(matrices))
        if settings.encoder is not None:
            from folkseq.models.export.encoder_decoder import here

            sums = sums + graph.node("MatMul", here(graph, settings.embedding), w_x)
        if settings.conditioning:
            conditioning = graph.input("controls", np.float32, "B", settings.conditioning)
            sums = sums + graph.product(graph.bounded(conditioning), weights["control.weight"].T @ w_x)
        return sums


class IdStep(Step):
    """The graph of a step that reads one id."""

    def __init__(self, weights: Weights, settings: ModelSettings, graph: Graph) -> None:
        super().__init__(weights, settings, graph)
        self.ids = graph.input("ids", np.int64, "B")
        if settings.lookback is not None:
            self.lookback = graph.input("recalled", np.int64, "B", settings.lookback.width)
        self.compound, self.voices = None, None
        if settings.compound is not None:
            from folkseq.models.export.compound import CompoundStep

            self.compound = CompoundStep(graph, settings.compound, self.ids)
        if settings.voice_lookback is not None:
            from folkseq.models.export.voice import VoiceOutput

            shown = graph.input("recalled", np.int64, "B", settings.voice_lookback.width)
            self.voices = VoiceOutput(graph, settings.voice_lookback, weights, shown)

    def build(self) -> bytes:
        """Return the serialised graph."""
        settings, graph, weights = self.settings, self.graph, self.weights
        h = self._layer(0, None)
        if settings.encoder is not None:
            from folkseq.models.export.encoder_decoder import attend

            h = attend(graph, settings.encoder, weights, h, self.gain)
        for number in range(1, settings.layers):
            h = self._layer(number, h)
        if self.compound is not None and self.voices is not None:
            logits = self.voices.logits(h, self.compound, self.gain)
        elif self.compound is not None:
            logits = self._logits(self.compound.predictor(h, weights, self.gain))
        else:
            logits = self._logits(h)
        if self.compound is not None:
            logits = self.compound.masked(logits)
        graph.output("logits", logits, "B", settings.vocabulary_size)
        lookbacks = {METADATA_KEY: settings.lookback, VOICES_KEY: settings.voice_lookback}
        return graph.serialize("step", {key: each.to_json() for key, each in lookbacks.items() if each is not None})

    def _read(self, w_x: Matrix, bias: Matrix, factors: list[Value], matrices: list[Matrix]) -> Value | None:
        table = self.weights["embedding.weight"] @ w_x  # (V, n H)
        if self.compound is None:
            return self.graph.node("Gather", table + bias, self.ids)
        return self.compound.total("read", self.graph.node("Gather", table, self.ids), len(bias))[0] + bias

    def _carry(self, state: Value, after: Value) -> Value:
        """Set the new value of a state. With compound tokens it changes only where the id ends a token."""
        if self.compound is not None:
            after = self.graph.node("Where", self.compound.whole, after, state)
        return super()._carry(state, after)

    def _logits(self, h: Value) -> Value:
        """Return the logits, (B, V); a copy pointer adds its trust to the logits of the ids in the lookback."""
        settings, graph, weights, lookback = self.settings, self.graph, self.weights, self.settings.lookback
        shown = self.lookback
        matrix, bias = weights["output.weight"].T * self.gain, weights["output.bias"]  # (H, V), (V,)
        if lookback is None or shown is None or not settings.copy_pointer:
            return graph.product(h, matrix, bias)
        size, pointers = lookback.vocabulary_size, lookback.pointer_count
        # One product computes the V logits, a zero for pointers that point nowhere, and the trust in each pointer.
        nowhere = np.zeros((settings.hidden, 1), np.float32)
        matrices = [matrix, nowhere, weights["pointers.heard.weight"].T * self.gain]
        biases = [bias, nowhere[0], weights["pointers.heard.bias"]]
        both = graph.product(h, np.concatenate(matrices, axis=1), np.concatenate(biases))  # (B, V + 1 + P)
        logits, trust = both.split(size + 1, pointers)
        trust = trust + graph.table_sum(weights["pointers.told.weight"], shown, lookback.width)  # (B, P)
        pointed, _ = shown.split(pointers, lookback.width - pointers)
        ids = pointed - lookback.offsets[:pointers]  # (B, P)
        added = graph.node("ScatterElements", logits, ids, trust, axis=1, reduction="add")
        return added.split(size, 1)[0]


def _scaled(table: Matrix, lookback: Lookback) -> tuple[Matrix, Matrix]:
    """Return the lookback's embedding (R, E), scaled so that all its sums lie in [−1, 1], and the scale (E,)."""
    starts = np.append(lookback.offsets, len(table))
    most = sum(np.abs(table[first:after]).max(axis=0) for first, after in pairwise(starts))
    most = np.maximum(most, np.finfo(np.float32).tiny).astype(np.float32)
    return table / most, most


def _new_last(weight: Matrix, hidden: int) -> Matrix:
    """Return an LSTM's weight, (4H, …), with the new value after the output gate; return other weights unchanged.

    The order has no effect on the model, but changes the last bits of the products with the embedding.
    """
    parts = np.split(weight, len(weight) // hidden)
    return np.concatenate([*parts[:2], parts[3], parts[2]]) if len(parts) == 4 else weight
