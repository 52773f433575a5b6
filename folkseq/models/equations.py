"""The equations of the recurrent cells, written once for NumPy arrays, PyTorch tensors and the values of an ONNX graph.

Each takes the sums of one step (weights times inputs, plus biases), in PyTorch's order of gates, and the states before
the step, (B, H) each. It returns the states after the step, h first, and the gates, in [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

Result = tuple[tuple[Any, ...], tuple[Any, ...]]


class Operations(NamedTuple):
    """The operations on a kind of array, beside +, - and *."""

    tanh: Callable[[Any], Any]
    sigmoid: Callable[[Any], Any]


def rnn(use: Operations, sums: Any) -> Result:
    """Compute h' = tanh(W x + U h + b) (Elman, Finding structure in time, 1990)."""
    return (use.tanh(sums),), ()


def gru(use: Operations, input_sums: Sequence[Any], hidden_sums: Sequence[Any], h: Any) -> Result:
    """Compute two gates around h (Cho et al., 2014), the reset gate after the product with h, as in cuDNN.

    The sums, those of the input and those of h, are for the reset gate, the update gate and the new h.
    """
    reset = use.sigmoid(input_sums[0] + hidden_sums[0])
    update = use.sigmoid(input_sums[1] + hidden_sums[1])
    new = use.tanh(input_sums[2] + reset * hidden_sums[2])
    return (new + update * (h - new),), (reset, update)


def lstm(use: Operations, sums: Sequence[Any], c: Any, peephole: Any = None) -> Result:
    """Compute three gates around a cell state c (Hochreiter and Schmidhuber, 1997; Gers et al., 2000).

    The sums are for the input gate, the forget gate, the new value and the output gate. With peephole weights, (3, H),
    each unit's gates see its own c: the input and forget gates that before the step, the output gate that after it
    (Gers and Schmidhuber, Recurrent nets that time and count, 2000).
    """
    to_input, to_forget, to_new, to_output = sums
    if peephole is not None:
        to_input, to_forget = to_input + c * peephole[0], to_forget + c * peephole[1]
    input_gate, forget_gate = use.sigmoid(to_input), use.sigmoid(to_forget)
    c = forget_gate * c + input_gate * use.tanh(to_new)
    if peephole is not None:
        to_output = to_output + c * peephole[2]
    output_gate = use.sigmoid(to_output)
    return (output_gate * use.tanh(c), c), (input_gate, forget_gate, output_gate)
