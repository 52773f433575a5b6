"""One step of a trained model as an ONNX graph, built from its weights without PyTorch.

Inputs are `ids` (B,) int64, `controls` (B, C) float32 if the model reads any, and the carried state, `h` and `c`, each
(L, B, H) float32; outputs are `logits` (B, V), `h_next` and `c_next`. The first layer's weights are multiplied with the
embedding beforehand, so that it looks up a row of gates, and likewise with what the controls are read by.

The graph spells the LSTM out instead of using ONNX's own operator, for the sake of int8. ONNX Runtime's quantised
LSTM scales what it reads by the largest value in the batch, so that a row's logits depend on its neighbours, and a
piece on how many are written beside it. But what is multiplied here is always an h or a control, and they lie in
[−1, 1]: with that as its scale a row's logits are its own to the bit. It is no slower, and held-out NLL changes by
0.02 %.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray
from onnx import TensorProto, helper, numpy_helper

from folkseq.models.settings import ModelSettings

Weights = Mapping[str, NDArray[np.float32]]
Matrix = NDArray[np.float32]

OPSET = 17
IR_VERSION = 8
"""The oldest that opset 17 goes with, so that older runtimes read it too."""
STATE_STEPS = 127
"""Into which a state is rounded on either side of zero."""
WEIGHT_STEPS = 64
"""The same for a weight. Processors without VNNI add two products of bytes in 16 bits, which 255 · 64 · 2 just fits;
with 127 they would cut sums off, and another machine would write other pieces."""
GATES = (0, 1, 3, 2)
"""PyTorch's input, forget, cell and output gate with the cell last, so that those with a sigmoid stand together."""


def build(weights: Weights, settings: ModelSettings, int8: bool = True) -> bytes:
    """The graph of one step.

    Args:
        weights: `LanguageModel`'s, by the names it gives them.
        settings: of the same model.
        int8: multiply in eight bits, about three times as fast, and not in float32.

    Returns:
        A serialised ONNX model.
    """
    graph = _Graph(int8)
    states = zip(graph.unstack("h", settings.layers), graph.unstack("c", settings.layers), strict=True)
    after: list[tuple[str, str]] = []
    below = ""
    for layer, (h, c) in enumerate(states):  # (B, H) each
        bias = _ordered(weights[f"cells.bias_ih_l{layer}"] + weights[f"cells.bias_hh_l{layer}"])
        w_in = _ordered(weights[f"cells.weight_ih_l{layer}"]).T  # (E or H, 4H)
        w_h = _ordered(weights[f"cells.weight_hh_l{layer}"]).T  # (H, 4H)
        if layer == 0:
            looked_up = graph.node("Gather", graph.constant(weights["embedding.weight"] @ w_in + bias), "ids")
            gates = graph.node("Add", looked_up, graph.product(h, w_h))  # (B, 4H)
            if settings.controls:
                read = graph.product("controls", weights["control.weight"].T @ w_in)  # (C, 4H)
                gates = graph.node("Add", gates, read)
        else:
            both = graph.node("Concat", below, h, axis=1)  # (B, 2H)
            gates = graph.node("Add", graph.product(both, np.concatenate([w_in, w_h])), graph.constant(bias))
        below, c = _lstm(graph, gates, c, settings.hidden)
        after.append((below, c))
    scores = graph.product(below, weights["output.weight"].T)  # (B, V)
    graph.result("logits", "Add", scores, graph.constant(weights["output.bias"]))
    for name, values in zip(settings.carried, zip(*after, strict=True), strict=True):
        rows = [graph.node("Unsqueeze", value, graph.first) for value in values]
        graph.result(f"{name}_next", "Concat", *rows, axis=0)  # (L, B, H)

    def carried(suffix: str) -> list[onnx.ValueInfoProto]:
        shape = (settings.layers, "B", settings.hidden)
        return [_value(name + suffix, TensorProto.FLOAT, *shape) for name in settings.carried]

    beside = [_value("controls", TensorProto.FLOAT, "B", settings.controls)] if settings.controls else []
    inputs = [_value("ids", TensorProto.INT64, "B"), *beside, *carried("")]
    outputs = [_value("logits", TensorProto.FLOAT, "B", settings.vocabulary_size), *carried("_next")]
    model = helper.make_model(
        helper.make_graph(graph.nodes, "step", inputs, outputs, graph.constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        producer_name="folkseq",
        ir_version=IR_VERSION,
    )
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _lstm(graph: _Graph, gates: str, c: str, hidden: int) -> tuple[str, str]:
    """The gates' sums (B, 4H) and the cell's state become a new hidden state and a new cell state, (B, H) each."""
    opened, written = graph.split(gates, [3 * hidden, hidden])
    into, keep, out = graph.split(graph.node("Sigmoid", opened), [hidden] * 3)
    kept = graph.node("Mul", keep, c)
    c = graph.node("Add", kept, graph.node("Mul", into, graph.node("Tanh", written)))
    return graph.node("Mul", out, graph.node("Tanh", c)), c


def _ordered(array: Matrix) -> Matrix:
    """The four gates, stacked along the first axis, in the order of `GATES`."""
    return array.reshape(len(GATES), -1, *array.shape[1:])[list(GATES)].reshape(array.shape)


def _value(name: str, kind: int, *shape: int | str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


class _Graph:
    """Collects nodes and constants, and names what flows between them."""

    def __init__(self, int8: bool) -> None:
        self.int8 = int8
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.first = self.constant([0])
        self.scale = self.constant(np.float32(1 / STATE_STEPS))
        self.zero = self.constant(np.uint8(128))  # unsigned times signed is what processors multiply fastest

    def constant(self, values: ArrayLike) -> str:
        """Add an array, and give its name."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values).reshape(np.shape(values)), name))
        return name

    def add(self, outputs: list[str], operator: str, *inputs: str, **attributes: Any) -> None:
        """Add a node whose outputs have names already."""
        self.nodes.append(helper.make_node(operator, inputs, outputs, name=outputs[0], **attributes))

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node of one output, and give its name."""
        name = f"{operator.lower()}_{len(self.nodes)}"
        self.add([name], operator, *inputs, **attributes)
        return name

    def result(self, name: str, operator: str, *inputs: str, **attributes: Any) -> None:
        """Add a node whose output the graph gives out."""
        self.add([name], operator, *inputs, **attributes)

    def split(self, value: str, sizes: list[int], axis: int = 1) -> list[str]:
        """Cut a value into parts."""
        parts = [f"split_{len(self.nodes)}_{part}" for part in range(len(sizes))]
        self.add(parts, "Split", value, self.constant(np.array(sizes)), axis=axis)
        return parts

    def unstack(self, value: str, layers: int) -> list[str]:
        """The state of each layer, (B, H), out of that of all, (L, B, H)."""
        return [self.node("Squeeze", part, self.first) for part in self.split(value, [1] * layers, axis=0)]

    def product(self, value: str, matrix: Matrix) -> str:
        """Multiply a value that lies in [−1, 1], (B, n), by a matrix (n, m)."""
        if not self.int8:
            return self.node("MatMul", value, self.constant(matrix))
        steps = (
            np.maximum(np.abs(matrix).max(axis=0), np.finfo(np.float32).tiny) / WEIGHT_STEPS
        )  # (m,) one scale a column
        whole = np.rint(matrix / steps).astype(np.int8)
        rounded = self.node("QuantizeLinear", value, self.scale, self.zero)
        sums = self.node("MatMulInteger", rounded, self.constant(whole), self.zero)  # int32, exact
        return self.node(
            "Mul",
            self.node("Cast", sums, to=TensorProto.FLOAT),
            self.constant((steps / STATE_STEPS).astype(np.float32)),
        )
