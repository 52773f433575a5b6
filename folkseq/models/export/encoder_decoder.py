"""The encoder of a trained model as an ONNX graph, and the decoder's attention in the graph of its step.

The encoder reads the source, `source` (S, F) int64, once. All rows of a step share its outputs: `here` (S, E), `keys`
and `values`, (N, S, H / N) for N heads. Each row has its own current element, `at` (B,), and `near` (B, S) holds the
position of each element relative to it. The encoder uses ONNX's recurrent operators in float32. The metadata of the
encoder describes the relative positions.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from folkseq.models.export.graph import Graph, Matrix, Value, Weights
from folkseq.models.settings import DIRECTIONS, IMPOSSIBLE, EncoderSettings, ModelSettings
from folkseq.pairs import MASKED, METADATA_KEY

_OPERATORS = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM", "peephole": "LSTM"}
_ORDERS = {"rnn": (0,), "gru": (1, 0, 2), "lstm": (0, 3, 1, 2), "peephole": (0, 3, 1, 2)}
"""PyTorch's gates in ONNX's order: update before reset; input, output, forget, new."""
_PEEPHOLE_ORDER = (0, 2, 1)


def build_encoder(weights: Weights, settings: ModelSettings) -> bytes:
    """Return a serialised ONNX model of the encoder.

    Args:
        weights: weights of an `EncoderDecoder`, by name.
        settings: settings of the same model.
    """
    encoder = settings.encoder
    if encoder is None:
        raise ValueError("these settings have no encoder")
    graph, directions, width = Graph(), DIRECTIONS[encoder.direction], settings.hidden // encoder.heads
    source = graph.input("source", np.int64, "S", len(encoder.source))
    embedded = graph.node("Gather", weights["encoder.embedding.weight"], source + np.cumsum([0, *encoder.source[:-1]]))
    embedded = graph.node("ReduceSum", embedded, np.array([1]), keepdims=0)  # (S, F, E) to (S, E)
    x, layers = embedded, sum(name.startswith("encoder.cells") and name.endswith("weight_ih_l0") for name in weights)
    for first in range(0, layers, directions):
        cells = [f"encoder.cells.{number}" for number in range(first, first + directions)]
        x = _layer(graph, weights, settings.cell, cells, x) * np.float32(settings.gain)  # (S, M − E)
    memory = graph.node("Concat", x, embedded, axis=1)  # (S, M)
    graph.output("here", graph.product(memory, weights["here.weight"].T), "S", settings.embedding)
    for name in ("key", "value"):
        part = graph.product(memory, weights[f"attention.{name}.weight"].T, weights[f"attention.{name}.bias"])  # (S, H)
        part = graph.node("Reshape", part, np.array([0, encoder.heads, width]))  # (S, N, H / N)
        graph.output(f"{name}s", graph.node("Transpose", part, perm=[1, 0, 2]), encoder.heads, "S", width)
    return graph.serialize("encoder", {METADATA_KEY: encoder.relative_positions.to_json()})


def here(graph: Graph, width: int) -> Value:
    """Return the memory of each row's current element, (B, E)."""
    return graph.node("Gather", graph.input("here", np.float32, "S", width), graph.input("at", np.int64, "B"))


def attend(graph: Graph, encoder: EncoderSettings, weights: Weights, x: Value, gain: np.float32) -> Value:
    """Return the input of the second layer, (B, H), from h of the first, (B, H); both are `bounded`."""
    hidden = len(weights["attention.query.weight"])
    heads, width = encoder.heads, hidden // encoder.heads
    keys, values = (graph.input(name, np.float32, heads, "S", width) for name in ("keys", "values"))
    scale = np.float32(1 if encoder.attention == "additive" else 1 / math.sqrt(width))
    query = graph.product(x, weights["attention.query.weight"].T * gain * scale)  # (B, H)
    query = graph.node("Reshape", query, np.array([0, heads, width]))  # (B, N, H / N)
    query = graph.node("Transpose", query, perm=[1, 0, 2])  # (N, B, H / N)
    if encoder.attention == "additive":
        rows, elements = graph.node("Unsqueeze", query, np.array([2])), graph.node("Unsqueeze", keys, np.array([1]))
        both = graph.tanh(rows + elements) * weights["attention.score"][:, None, None]  # (N, B, S, H / N)
        scores = graph.node("ReduceSum", both, np.array([3]), keepdims=0)  # (N, B, S)
    else:
        scores = graph.node("MatMul", query, graph.node("Transpose", keys, perm=[0, 2, 1]))  # (N, B, S)
    biases = weights["attention.near.weight"].copy()  # (R, N)
    biases[MASKED] = IMPOSSIBLE
    bias = graph.node("Gather", biases, graph.input("near", np.int64, "B", "S"))  # (B, S, N)
    shares = graph.node("Softmax", scores + graph.node("Transpose", bias, perm=[2, 0, 1]), axis=2)  # (N, B, S)
    context = graph.node("Transpose", graph.node("MatMul", shares, values), perm=[1, 0, 2])  # (B, N, H / N)
    context = graph.node("Reshape", context, np.array([0, hidden]))  # (B, H)
    matrix = weights["attention.heard.weight"].T  # (2H, H)
    heard = graph.product(x, matrix[:hidden] * gain, weights["attention.heard.bias"])
    return graph.bounded(graph.tanh(heard + graph.node("MatMul", context, matrix[hidden:])))


def _layer(graph: Graph, weights: Weights, cell: str, names: list[str], x: Value) -> Value:
    """Return the output of a layer's D directions, (S, n) to (S, D W)."""
    width = weights[f"{names[0]}.weight_hh_l0"].shape[1]

    def stacked(kind: str, order: tuple[int, ...]) -> Matrix:
        """Stack a weight of all directions, with its gates in ONNX's order: (D, gates W, …)."""
        arrays = [np.split(weights[f"{name}.{kind}"].reshape(len(order) * width, -1), len(order)) for name in names]
        return np.stack([np.concatenate([parts[gate] for gate in order]) for parts in arrays])

    order = _ORDERS[cell]
    matrices = [stacked(f"weight_{kind}_l0", order) for kind in ("ih", "hh")]
    biases = np.concatenate([stacked(f"bias_{kind}_l0", order) for kind in ("ih", "hh")], axis=1)[:, :, 0]
    inputs: list[Any] = [graph.node("Unsqueeze", x, np.array([1])), *matrices, biases]  # x: (S, 1, n)
    if cell == "peephole":
        inputs += [graph.skipped] * 3 + [stacked("peephole", _PEEPHOLE_ORDER)[:, :, 0]]
    attributes: dict[str, Any] = {"linear_before_reset": 1} if cell == "gru" else {}
    direction = "bidirectional" if len(names) == 2 else "forward"
    hidden = graph.node(_OPERATORS[cell], *inputs, hidden_size=width, direction=direction, **attributes)  # (S, D, 1, W)
    return graph.node("Reshape", hidden, np.array([0, len(names) * width]))
