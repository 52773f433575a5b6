"""An ONNX graph under construction, in float32 or with its products in eight bits.

ONNX Runtime's quantised cells scale their input by the largest value in the batch, so the logits of a row would depend
on the other rows. Here every factor is an h, a conditioning vector or a sum divided by its bound, and thus lies in
[−1, 1]. With this fixed scale the logits of a row are bit-identical in every batch, and no scale is measured at run
time. ONNX Runtime's `MatMulIntegerToFloat` multiplies bytes and applies the scales and the bias in one pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike, DTypeLike, NDArray
from onnx import helper, numpy_helper

Matrix = NDArray[np.float32]
Weights = Mapping[str, Matrix]

OPSET = 17
IR_VERSION = 8
"""The oldest version that opset 17 allows, so that older runtimes can load the graph."""
_CONTRIBUTED = "com.microsoft"
"""The domain of ONNX Runtime's additional operators."""
_SCALE = np.float32(1 / 127)
"""A factor is rounded to 127 steps on either side of zero."""
_ZERO = np.uint8(128)
"""The byte for zero. Factors are unsigned, since processors multiply unsigned by signed bytes fastest."""
_WEIGHT_STEPS = 64
"""A weight is rounded to this many steps on either side of zero. Processors without VNNI add two products of bytes in
16 bits, and 255 · 64 · 2 just fits. With 127 steps the sums would saturate, and pieces would differ by machine."""


class Value:
    """A value in a graph. Arithmetic with it adds nodes."""

    def __init__(self, graph: Graph, name: str) -> None:
        self.graph, self.name = graph, name

    def __add__(self, other: Value | ArrayLike) -> Value:
        return self.graph.node("Add", self, other)

    def __sub__(self, other: Value | ArrayLike) -> Value:
        return self.graph.node("Sub", self, other)

    def __mul__(self, other: Value | ArrayLike) -> Value:
        return self.graph.node("Mul", self, other)

    def split(self, *sizes: int) -> list[Value]:
        """Split (B, n) into parts with these numbers of columns."""
        return self.graph.nodes("Split", len(sizes), self, np.array(sizes), axis=1)


class Graph:
    """The nodes, constants, inputs and outputs of a graph."""

    def __init__(self, int8: bool = False) -> None:
        self._int8 = int8
        self.skipped = Value(self, "")
        """Stands for an omitted optional input."""
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._next_states: list[onnx.ValueInfoProto] = []
        self._names: dict[str, str] = {}
        """The names of the outputs, by the names of their values."""

    def input(self, name: str, dtype: DTypeLike, *shape: int | str) -> Value:
        """Add an input."""
        self._inputs.append(_info(name, dtype, shape))
        return Value(self, name)

    def output(self, name: str, value: Value, *shape: int | str, dtype: DTypeLike = np.float32) -> None:
        """Add an output."""
        self._outputs.append(_info(name, dtype, shape))
        self._names[value.name] = name

    def bounded_input(self, name: str, width: int) -> Value:
        """Add an input, (B, width), of the type that `product` takes."""
        return self.input(name, np.uint8 if self._int8 else np.float32, "B", width)

    def state(self, name: str, width: int, dtype: DTypeLike = np.float32, bounded: bool = False) -> Value:
        """Add a state (B, width), carried from step to step; if it is `bounded`, as bytes in an 8-bit graph."""
        dtype = np.uint8 if bounded and self._int8 else dtype
        self._next_states.append(_info(f"{name}_next", dtype, ("B", width)))
        return self.input(name, dtype, "B", width)

    def next_state(self, state: Value, value: Value) -> None:
        """Set the value of a state after the step."""
        self._names[value.name] = f"{state.name}_next"

    def node(self, operator: str, *inputs: Value | ArrayLike, domain: str = "", **attributes: Any) -> Value:
        """Add a node with one output. Inputs other than values become constants."""
        return self.nodes(operator, 1, *inputs, domain=domain, **attributes)[0]

    def nodes(
        self, operator: str, count: int, *inputs: Value | ArrayLike, domain: str = "", **attributes: Any
    ) -> list[Value]:
        """Add a node with several outputs."""
        read = [each.name if isinstance(each, Value) else self._constant(each) for each in inputs]
        outputs = [f"{operator.lower()}_{len(self._nodes)}_{number}" for number in range(count)]
        self._nodes.append(helper.make_node(operator, read, outputs, name=outputs[0], domain=domain, **attributes))
        return [Value(self, name) for name in outputs]

    def tanh(self, value: Value) -> Value:
        """Return the hyperbolic tangent."""
        return self.node("Tanh", value)

    def sigmoid(self, value: Value) -> Value:
        """Return the logistic function."""
        return self.node("Sigmoid", value)

    def table_sum(self, table: Matrix, rows: Value, width: int) -> Value:
        """Return the sum, (B, n), of the rows of a table (R, n) with the numbers `rows`, (B, width).

        `ReduceSum` adds the numbers of a single row in another order than those of several rows. This sum has the same
        order in every batch.
        """
        parts = [self.node("Gather", table, each) for each in rows.split(*[1] * width)]  # (B, 1, n) each
        return self.node("Squeeze", self.node("Sum", *parts), np.array([1]))

    def bounded(self, value: Value) -> Value:
        """Convert a value in [−1, 1], (B, n), to the type that `product` takes."""
        return self.node("QuantizeLinear", value, _SCALE, _ZERO) if self._int8 else value

    def product(self, value: Value | Sequence[Value], matrix: Matrix, bias: Matrix | None = None) -> Value:
        """Multiply one or several concatenated results of `bounded`, (B, n), by a matrix (n, m); add a bias (m,)."""
        if not isinstance(value, Value):
            value = self.node("Concat", *value, axis=1) if len(value) > 1 else value[0]
        if not self._int8:
            product = self.node("MatMul", value, matrix)
            return product if bias is None else product + bias
        most = np.maximum(np.abs(matrix).max(axis=0), np.finfo(np.float32).tiny)
        steps = (most / _WEIGHT_STEPS).astype(np.float32)  # (m,) one scale for each column
        rounded = np.rint(matrix / steps).astype(np.int8)
        last = [] if bias is None else [bias]
        inputs = (value, rounded, _SCALE, steps, _ZERO, self.skipped, *last)
        return self.node("MatMulIntegerToFloat", *inputs, domain=_CONTRIBUTED)

    def serialize(self, name: str, metadata: Mapping[str, str]) -> bytes:
        """Return the model as bytes. Its outputs come first, then the new states, in the order of the old ones."""
        for node in self._nodes:
            node.input[:] = [self._names.get(each, each) for each in node.input]
            node.output[:] = [self._names.get(each, each) for each in node.output]
        outputs = [*self._outputs, *self._next_states]
        model = helper.make_model(
            helper.make_graph(self._nodes, name, self._inputs, outputs, self._constants),
            opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(_CONTRIBUTED, 1)],
            producer_name="folkseq",
            ir_version=IR_VERSION,
        )
        helper.set_model_props(model, dict(metadata))
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())

    def _constant(self, values: ArrayLike) -> str:
        name = f"constant_{len(self._constants)}"
        array = np.ascontiguousarray(values).reshape(np.shape(values))
        self._constants.append(numpy_helper.from_array(array, name))
        return name


def _info(name: str, dtype: DTypeLike, shape: tuple[int | str, ...]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape)
