"""The encoder of a trained model as an ONNX graph, built from its weights without PyTorch.

It reads what is known, `source` (S, F) int64, once for all that is then written, and gives what each step of the
decoder looks at: `here` (S, E), what is read beside an id by a writer who is at each element; `keys` and `values`,
(N, S, H / N), for N heads. The cells are ONNX's own, in float32. What has to be known of places stands in the model's
metadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from folkseq.models.onnx_step import IR_VERSION, OPSET
from folkseq.models.onnx_step.graph import Graph, value
from folkseq.models.settings import DIRECTIONS, ModelSettings
from folkseq.pairs import METADATA_KEY

Weights = Mapping[str, NDArray[np.float32]]
_OPERATORS = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM", "peephole": "LSTM"}
_ORDERS = {"rnn": (0,), "gru": (1, 0, 2), "lstm": (0, 3, 1, 2), "peephole": (0, 3, 1, 2)}
"""PyTorch's gates in the order in which ONNX has them: update before reset; input, output, forget, cell."""
_PEEPHOLES = (0, 2, 1)
"""And those that see the cell's state."""


def build(weights: Weights, settings: ModelSettings) -> bytes:
    """The graph of the encoder.

    Args:
        weights: `EncoderDecoder`'s, by the names it gives them.
        settings: of the same model, with an encoder.

    Returns:
        A serialised ONNX model.
    """
    encoder = settings.encoder
    if encoder is None:
        raise ValueError("these settings have no encoder")
    graph = Graph(int8=False)
    firsts = np.cumsum([0, *encoder.source[:-1]])
    ids = graph.node("Add", "source", graph.constant(firsts))  # (S, F)
    each = graph.node("Gather", graph.constant(weights["encoder.embedding.weight"]), ids)  # (S, F, E)
    embedded = graph.node("ReduceSum", each, graph.constant(np.array([1])), keepdims=0)  # (S, E)
    below = embedded
    for layer in range(settings.encoder_layers):
        below = _layer(graph, weights, settings, layer, below)
    memory = graph.node("Concat", below, embedded, axis=1)  # (S, M)
    graph.result("here", graph.product(memory, weights["here.weight"].T))
    for name in ("key", "value"):
        read = graph.product(memory, weights[f"attention.{name}.weight"].T, weights[f"attention.{name}.bias"])
        parted = graph.node("Reshape", read, graph.constant(np.array([0, encoder.heads, -1])))
        graph.result(f"{name}s", graph.node("Transpose", parted, perm=[1, 0, 2]))  # (N, S, H / N)

    width = settings.hidden // encoder.heads
    outputs = [value("here", TensorProto.FLOAT, "S", settings.embedding)]
    outputs += [value(name, TensorProto.FLOAT, encoder.heads, "S", width) for name in ("keys", "values")]
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "encoder",
            [value("source", TensorProto.INT64, "S", len(encoder.source))],
            outputs,
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        producer_name="folkseq",
        ir_version=IR_VERSION,
    )
    helper.set_model_props(model, {METADATA_KEY: encoder.relative_positions.to_json()})
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _layer(graph: Graph, weights: Weights, settings: ModelSettings, layer: int, below: str) -> str:
    """A layer in all of the encoder's directions, from (S, n) to (S, M − E), as it is read."""
    encoder, cell, width = settings.encoder, settings.cell, settings.encoder_width
    directions = DIRECTIONS[encoder.direction] if encoder else 1
    numbers = range(layer * directions, (layer + 1) * directions)

    def stacked(name: str, order: tuple[int, ...]) -> NDArray[np.float32]:
        arrays = [weights[f"encoder.cells.{number}.{name}"] for number in numbers]
        return np.stack([array.reshape(len(order), width, -1)[list(order)] for array in arrays])  # (D, gates, W, n)

    order = _ORDERS[cell]
    read, heard = (
        stacked(f"weight_{part}_l0", order).reshape(directions, len(order) * width, -1) for part in ("ih", "hh")
    )
    biases = [stacked(f"bias_{part}_l0", order).reshape(directions, -1) for part in ("ih", "hh")]
    rows = graph.node("Unsqueeze", below, graph.constant(np.array([1])))  # (S, 1, n)
    inputs = [rows, *map(graph.constant, (read, heard, np.concatenate(biases, axis=1)))]
    if cell == "peephole":
        inputs += ["", "", "", graph.constant(stacked("peephole", _PEEPHOLES).reshape(directions, -1))]
    attributes: dict[str, Any] = {"linear_before_reset": 1} if cell == "gru" else {}
    direction = "bidirectional" if directions == 2 else "forward"
    found = graph.node(_OPERATORS[cell], *inputs, hidden_size=width, direction=direction, **attributes)  # (S, D, 1, W)
    flat = graph.node("Reshape", found, graph.constant(np.array([0, directions * width])))
    return graph.node("Mul", flat, graph.constant(np.float32(settings.gain)))
