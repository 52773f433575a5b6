"""An ONNX graph under construction, in float32 or with its products in eight bits.

ONNX Runtime's own quantised cells scale what they read by the largest value in the batch, so that a row's logits would
depend on its neighbours. But every factor here is an h, a conditioning vector or a sum scaled by its bound, and lies in
[−1, 1]. With that as the scale a row's logits do not depend on the other rows, to the bit, and nothing is measured at
run time. `MatMulIntegerToFloat` is ONNX Runtime's product of bytes with the scales and the bias in one pass.
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
"""The oldest that opset 17 allows, so that older runtimes read it, too."""
_CONTRIBUTED = "com.microsoft"
"""ONNX Runtime's own operators."""
_SCALE = np.float32(1 / 127)
"""A factor is rounded to 127 steps on either side of zero."""
_ZERO = np.uint8(128)
"""The byte for zero. Bytes are unsigned, since processors multiply unsigned by signed fastest."""
_WEIGHT_STEPS = 64
"""A weight is rounded to so many steps on either side of zero. Processors without VNNI add two products of bytes in 16
bits, which 255 · 64 · 2 just fits; with 127 sums would saturate, and another machine would write other pieces."""


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
        """Cut (B, n) into parts of so many columns."""
        return self.graph.nodes("Split", len(sizes), self, np.array(sizes), axis=1)


class Graph:
    """The nodes, constants, inputs and outputs of a graph."""

    def __init__(self, int8: bool = False) -> None:
        self._int8 = int8
        self.skipped = Value(self, "")
        """An optional input that is left out."""
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._next_states: list[onnx.ValueInfoProto] = []
        self._names: dict[str, str] = {}
        """The names of the outputs, by those of their values."""

    def input(self, name: str, dtype: DTypeLike, *shape: int | str) -> Value:
        """Add an input."""
        self._inputs.append(_info(name, dtype, shape))
        return Value(self, name)

    def output(self, name: str, value: Value, *shape: int | str, dtype: DTypeLike = np.float32) -> None:
        """Add an output."""
        self._outputs.append(_info(name, dtype, shape))
        self._names[value.name] = name

    def state(self, name: str, width: int, dtype: DTypeLike = np.float32, bounded: bool = False) -> Value:
        """Add a state (B, width) that is carried from step to step, as bytes if `bounded` makes it."""
        dtype = np.uint8 if bounded and self._int8 else dtype
        self._next_states.append(_info(f"{name}_next", dtype, ("B", width)))
        return self.input(name, dtype, "B", width)

    def next_state(self, state: Value, value: Value) -> None:
        """Set the value of a state after the step."""
        self._names[value.name] = f"{state.name}_next"

    def node(self, operator: str, *inputs: Value | ArrayLike, domain: str = "", **attributes: Any) -> Value:
        """Add a node with one output. Inputs that are no values are constants."""
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
        """Return the sum of `width` rows of a table (R, n), by their numbers (B, width): (B, n).

        `ReduceSum` adds in another order in one row than in several; here a row does not depend on the others.
        """
        parts = self.node("Gather", table, rows).split(*[1] * width)  # (B, 1, n) each
        return self.node("Squeeze", self.node("Sum", *parts), np.array([1]))

    def bounded(self, value: Value) -> Value:
        """Return a value in [−1, 1], (B, n), as `product` takes it."""
        return self.node("QuantizeLinear", value, _SCALE, _ZERO) if self._int8 else value

    def product(self, value: Value | Sequence[Value], matrix: Matrix, bias: Matrix | None = None) -> Value:
        """Multiply a result of `bounded`, (B, n), or several side by side, by a matrix (n, m), and add a bias (m,)."""
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
        """Return the model: its outputs, then the states after the step in the order of those before it."""
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
