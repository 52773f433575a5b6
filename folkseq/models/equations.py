"""The equations of the recurrent cells, written once for PyTorch tensors and the values of an ONNX graph.

Each function takes the sums of one step (weights times inputs, plus biases), split in PyTorch's order of gates, and the
states before the step, (B, H) each. It returns the states after the step. The first argument provides `tanh` and
`sigmoid`: it is `torch` or a graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def rnn(use: Any, sums: Any) -> Any:
    """Return h' = tanh(W x + U h + b) (Elman, Finding structure in time, 1990)."""
    return use.tanh(sums)


def gru(use: Any, input_sums: Sequence[Any], hidden_sums: Sequence[Any], h: Any) -> Any:
    """Return h' after two gates (Cho et al., 2014), the reset gate after the product with h, as in cuDNN.

    The sums of the input and of h are for the reset gate, the update gate and the new value.
    """
    reset = use.sigmoid(input_sums[0] + hidden_sums[0])
    update = use.sigmoid(input_sums[1] + hidden_sums[1])
    new = use.tanh(input_sums[2] + reset * hidden_sums[2])
    return new + update * (h - new)


def lstm(use: Any, sums: Sequence[Any], c: Any, peephole: Any = None) -> tuple[Any, Any]:
    """Return h' and c' after three gates around c (Hochreiter and Schmidhuber, 1997; Gers et al., 2000).

    The sums are for the input gate, the forget gate, the new value and the output gate. With peephole weights, (3, H),
    each unit's gates see its own c: the input and forget gates that before the step, the output gate that after it
    (Gers and Schmidhuber, Recurrent nets that time and count, 2000).
    """
    to_input, to_forget, to_new, to_output = sums
    if peephole is not None:
        to_input, to_forget = to_input + c * peephole[0], to_forget + c * peephole[1]
    c = use.sigmoid(to_forget) * c + use.sigmoid(to_input) * use.tanh(to_new)
    if peephole is not None:
        to_output = to_output + c * peephole[2]
    return use.sigmoid(to_output) * use.tanh(c), c
