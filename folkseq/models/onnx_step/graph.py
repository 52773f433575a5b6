"""Collects the nodes and constants of an ONNX graph, in float32 or with its products in eight bits.

ONNX Runtime's own quantised cells scale what they read by the largest value in the batch, so that a row's logits depend
on its neighbours, and a piece on how many are written beside it. But what is multiplied here is always an h, a control,
or a sum scaled by its bound, and they lie in [−1, 1]: with that as its scale a row's logits are its own to the bit, and
nothing is measured on the way. `MatMulIntegerToFloat` is ONNX Runtime's own product of bytes with the scales and the
bias in one pass.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray
from onnx import TensorProto, helper, numpy_helper

Matrix = NDArray[np.float32]

CONTRIBUTED = "com.microsoft"
"""ONNX Runtime's own operators."""
STATE_STEPS = 127
"""Into which a state is rounded on either side of zero."""
ZERO = 128
"""The byte that stands for zero, unsigned, since processors multiply unsigned by signed fastest."""
WEIGHT_STEPS = 64
"""Into which a weight is rounded on either side. Processors without VNNI add two products of bytes in 16 bits, which
255 · 64 · 2 just fits; with 127 they would cut sums off, and another machine would write other pieces."""


def value(name: str, kind: int, *shape: int | str) -> onnx.ValueInfoProto:
    """What flows into or out of a graph, with its type and shape."""
    return helper.make_tensor_value_info(name, kind, shape)


class Graph:
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

    def carry(self, name: str, width: int, bounded: bool = False, whole: bool = False) -> str:
        """Add a state that goes from step to step, (B, width), as bytes if it is one that `bounded` gives.

        A `whole` one is of int64.
        """
        kind = TensorProto.UINT8 if bounded and self.int8 else TensorProto.INT64 if whole else TensorProto.FLOAT
        self.carried.append(value(name, kind, "B", width))
        self.after.append(value(f"{name}_next", kind, "B", width))
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

    def summed(self, table: Matrix, rows: str, width: int) -> str:
        """The sum of rows of a table, (n,) each, whose numbers stand in (B, width): (B, n).

        `ReduceSum` adds up in another order in one row than in several; here a row is its own to the bit.
        """
        parts = self.split(self.node("Gather", self.constant(table), rows), [1] * width)  # (B, 1, n) each
        return self.node("Squeeze", self.node("Sum", *parts), self.constant(np.array([1])))

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
