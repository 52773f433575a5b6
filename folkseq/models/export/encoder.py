"""The encoder of a trained model as an ONNX graph.

It reads the source, `source` (S, F) int64, once, and gives what each step of the decoder looks at: `here` (S, E), the
memory of each element beside an id; `keys` and `values`, (N, S, H / N), for N heads. The cells are ONNX's own, in
float32. The metadata holds the relative positions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from folkseq.models.export.graph import Graph, Matrix, Value, Weights
from folkseq.models.settings import DIRECTIONS, ModelSettings
from folkseq.pairs import METADATA_KEY

_OPERATORS = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM", "peephole": "LSTM"}
_ORDERS = {"rnn": (0,), "gru": (1, 0, 2), "lstm": (0, 3, 1, 2), "peephole": (0, 3, 1, 2)}
"""PyTorch's gates in ONNX's order: update before reset; input, output, forget, cell."""
_PEEPHOLE_ORDER = (0, 2, 1)
"""The gates that see the cell state, in ONNX's order."""


def build_encoder(weights: Weights, settings: ModelSettings) -> bytes:
    """Return a serialised ONNX model of the encoder.

    Args:
        weights: of `EncoderDecoder`, by name.
        settings: of the same model, with an encoder.
    """
    encoder = settings.encoder
    if encoder is None:
        raise ValueError("these settings have no encoder")
    graph, directions = Graph(), DIRECTIONS[encoder.direction]
    source = graph.input("source", np.int64, "S", len(encoder.source))
    embedded = graph.node("Gather", weights["encoder.embedding.weight"], source + np.cumsum([0, *encoder.source[:-1]]))
    embedded = graph.node("ReduceSum", embedded, np.array([1]), keepdims=0)  # (S, F, E) to (S, E)
    x, layers = embedded, sum(name.startswith("encoder.cells") and name.endswith("weight_ih_l0") for name in weights)
    for first in range(0, layers, directions):
        cells = [f"encoder.cells.{number}" for number in range(first, first + directions)]
        x = _layer(graph, weights, settings.cell, cells, x) * np.float32(settings.gain)
    memory = graph.node("Concat", x, embedded, axis=1)  # (S, M)
    graph.output("here", graph.product(memory, weights["here.weight"].T), "S", settings.embedding)
    for name in ("key", "value"):
        part = graph.product(memory, weights[f"attention.{name}.weight"].T, weights[f"attention.{name}.bias"])  # (S, H)
        part = graph.node("Reshape", part, np.array([0, encoder.heads, -1]))  # (S, N, H / N)
        width = settings.hidden // encoder.heads
        graph.output(f"{name}s", graph.node("Transpose", part, perm=[1, 0, 2]), encoder.heads, "S", width)
    return graph.serialize("encoder", {METADATA_KEY: encoder.relative_positions.to_json()})


def _layer(graph: Graph, weights: Weights, cell: str, names: list[str], x: Value) -> Value:
    """Return the output of a layer's D directions, (S, n) to (S, D W)."""
    width = weights[f"{names[0]}.weight_hh_l0"].shape[1]

    def stacked(kind: str, order: tuple[int, ...]) -> Matrix:
        """Stack a weight of all directions, with its gates in ONNX's order: (D, gates W, …)."""
        arrays = [weights[f"{name}.{kind}"] for name in names]
        return np.stack(
            [array.reshape(len(order), width, -1)[list(order)].reshape(len(order) * width, -1) for array in arrays]
        )

    order = _ORDERS[cell]
    matrices = [stacked(f"weight_{kind}_l0", order) for kind in ("ih", "hh")]
    biases = np.concatenate([stacked(f"bias_{kind}_l0", order) for kind in ("ih", "hh")], axis=1)[:, :, 0]
    inputs: list[Any] = [graph.node("Unsqueeze", x, np.array([1])), *matrices, biases]  # x: (S, 1, n)
    if cell == "peephole":
        skipped = Value(graph, "")
        inputs += [skipped, skipped, skipped, stacked("peephole", _PEEPHOLE_ORDER)[:, :, 0]]
    attributes: dict[str, Any] = {"linear_before_reset": 1} if cell == "gru" else {}
    direction = "bidirectional" if len(names) == 2 else "forward"
    hidden = graph.node(_OPERATORS[cell], *inputs, hidden_size=width, direction=direction, **attributes)  # (S, D, 1, W)
    return graph.node("Reshape", hidden, np.array([0, len(names) * width]))
