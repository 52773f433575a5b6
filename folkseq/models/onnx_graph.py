"""One step of a trained model as an ONNX graph, built from its weights without PyTorch.

Inputs are `ids` (B,) int64, `controls` (B, C) float32 and `recalled` (B, K + 1) int64 if the model reads any, and the
carried state: `h_0`, `c_0`, `h_1` and so on, (B, H) each; outputs are `logits` (B, V), and the state after the step in
the same order. The first layer's weights are multiplied with the embedding beforehand, so that it looks up a row of
gates, and likewise with what the controls and what is recalled are read by. How to recall stands in the model's
metadata, so that the file can be used by itself.

The graph spells the LSTM out instead of using ONNX's own operator, for the sake of int8. ONNX Runtime's quantised LSTM
scales what it reads by the largest value in the batch, so that a row's logits depend on its neighbours, and a piece on
how many are written beside it. But what is multiplied here is always an h or a control, and they lie in [−1, 1]: with
that as its scale a row's logits are its own to the bit. So h is carried as bytes, of which `ZERO` stands for 0, and
nothing is scaled or measured on the way; `MatMulIntegerToFloat` is ONNX Runtime's own product of bytes with the scales
and the bias in one pass.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray
from onnx import TensorProto, helper, numpy_helper

from folkseq.models.settings import ModelSettings

Weights = Mapping[str, NDArray[np.float32]]
Matrix = NDArray[np.float32]

OPSET = 17
RECALL = "recall"
"""Under which name a model tells what it recalls, as JSON."""
IR_VERSION = 8
"""The oldest that opset 17 goes with, so that older runtimes read it too."""
CONTRIBUTED = "com.microsoft"
"""ONNX Runtime's own operators."""
STATE_STEPS = 127
"""Into which a state is rounded on either side of zero."""
ZERO = 128
"""The byte that stands for zero, unsigned, since processors multiply unsigned by signed fastest."""
WEIGHT_STEPS = 64
"""Into which a weight is rounded on either side. Processors without VNNI add two products of bytes in 16 bits, which
255 · 64 · 2 just fits; with 127 they would cut sums off, and another machine would write other pieces."""
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
    graph, recall = _Graph(int8), settings.recaller
    below = ""
    for layer in range(settings.layers):
        h, c = graph.carry(f"h_{layer}", settings.hidden, bounded=True), graph.carry(f"c_{layer}", settings.hidden)
        bias = _ordered(weights[f"cells.{layer}.bias_ih_l0"] + weights[f"cells.{layer}.bias_hh_l0"])
        w_in = _ordered(weights[f"cells.{layer}.weight_ih_l0"]).T * np.float32(
            settings.gain if layer else 1
        )  # (E or H, 4H)
        w_h = _ordered(weights[f"cells.{layer}.weight_hh_l0"]).T  # (H, 4H)
        if layer == 0:
            looked_up = graph.node("Gather", graph.constant(weights["embedding.weight"] @ w_in + bias), "ids")
            gates = graph.node("Add", looked_up, graph.product(h, w_h))  # (B, 4H)
            if recall is not None:
                table = graph.constant(weights["recalled.weight"] @ w_in)  # (rows, 4H)
                shown = graph.node("Gather", table, "recalled")  # (B, K + 1, 4H)
                summed = graph.node("ReduceSum", shown, graph.constant(np.array([1])), keepdims=0)
                gates = graph.node("Add", gates, summed)
            if settings.controls:
                read = weights["control.weight"].T @ w_in  # (C, 4H)
                gates = graph.node("Add", gates, graph.product(graph.bounded("controls"), read))
        else:
            both = graph.node("Concat", below, h, axis=1)  # (B, 2H)
            gates = graph.product(both, np.concatenate([w_in, w_h]), bias)
        below = _lstm(graph, gates, c, layer, settings.hidden)
    scores = graph.product(
        below, weights["output.weight"].T * np.float32(settings.gain), weights["output.bias"]
    )  # (B, V)
    graph.result("logits", scores)

    beside = [_value("controls", TensorProto.FLOAT, "B", settings.controls)] if settings.controls else []
    if recall is not None:
        beside.append(_value("recalled", TensorProto.INT64, "B", recall.width))
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "step",
            [_value("ids", TensorProto.INT64, "B"), *beside, *graph.carried],
            [_value("logits", TensorProto.FLOAT, "B", settings.vocabulary_size), *graph.after],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIBUTED, 1)],
        producer_name="folkseq",
        ir_version=IR_VERSION,
    )
    if recall is not None:
        helper.set_model_props(model, {RECALL: json.dumps(asdict(recall))})
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _lstm(graph: _Graph, gates: str, c: str, layer: int, hidden: int) -> str:
    """The gates' sums (B, 4H) and the cell's state become the layer's next c, and its next h, whose name this is."""
    into, keep, out, written = graph.split(gates, [hidden] * 4)
    into, keep, out = (graph.node("Sigmoid", gate) for gate in (into, keep, out))
    kept = graph.node("Mul", keep, c)
    c = graph.result(f"c_{layer}_next", graph.node("Add", kept, graph.node("Mul", into, graph.node("Tanh", written))))
    h = graph.node("Mul", out, graph.node("Tanh", c))
    return graph.result(f"h_{layer}_next", graph.bounded(h))


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
        self.carried: list[onnx.ValueInfoProto] = []
        self.after: list[onnx.ValueInfoProto] = []
        self.scale = self.constant(np.float32(1 / STATE_STEPS))
        self.zero = self.constant(np.uint8(ZERO))

    def constant(self, values: ArrayLike) -> str:
        """Add an array, and give its name."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values).reshape(np.shape(values)), name))
        return name

    def carry(self, name: str, width: int, bounded: bool = False) -> str:
        """Add a state that goes from step to step, (B, width), as bytes if it is one that `bounded` gives."""
        kind = TensorProto.UINT8 if bounded and self.int8 else TensorProto.FLOAT
        self.carried.append(_value(name, kind, "B", width))
        self.after.append(_value(f"{name}_next", kind, "B", width))
        return name

    def node(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add a node of one output, and give its name."""
        name = f"{operator.lower()}_{len(self.nodes)}"
        self._add([name], operator, inputs, domain, attributes)
        return name

    def result(self, name: str, value: str) -> str:
        """Give a node's output the name under which the graph gives it out."""
        for node in self.nodes:
            if value in node.output:
                node.output[list(node.output).index(value)] = name
        return name

    def split(self, value: str, sizes: list[int]) -> list[str]:
        """Cut (B, n) into parts of so many columns."""
        parts = [f"split_{len(self.nodes)}_{part}" for part in range(len(sizes))]
        self._add(parts, "Split", (value, self.constant(np.array(sizes))), "", {"axis": 1})
        return parts

    def bounded(self, value: str) -> str:
        """A value that lies in [−1, 1], (B, n), as `product` takes it."""
        return self.node("QuantizeLinear", value, self.scale, self.zero) if self.int8 else value

    def product(self, value: str, matrix: Matrix, bias: Matrix | None = None) -> str:
        """Multiply what `bounded` gave, (B, n), by a matrix (n, m), and add a bias (m,)."""
        added = [] if bias is None else [self.constant(bias)]
        if not self.int8:
            product = self.node("MatMul", value, self.constant(matrix))
            return self.node("Add", product, *added) if added else product
        most = np.maximum(np.abs(matrix).max(axis=0), np.finfo(np.float32).tiny)
        steps = (most / WEIGHT_STEPS).astype(np.float32)  # (m,) one scale a column
        whole = self.constant(np.rint(matrix / steps).astype(np.int8))
        scales = (self.scale, self.constant(steps))
        return self.node("MatMulIntegerToFloat", value, whole, *scales, self.zero, "", *added, domain=CONTRIBUTED)

    def _add(
        self, outputs: list[str], operator: str, inputs: tuple[str, ...], domain: str, attributes: dict[str, Any]
    ) -> None:
        self.nodes.append(helper.make_node(operator, inputs, outputs, name=outputs[0], domain=domain, **attributes))
