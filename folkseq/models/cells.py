"""The recurrent cells in PyTorch, each a layer that reads T steps and carries its state on.

All take x (B, T, N) and a tuple of states (1, B, H), and give h after every step, (B, T, H), and the states after the
last. The three classical ones are PyTorch's own; the names of their weights are those that `onnx_step` reads.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any, cast

import torch
from torch import Tensor, nn

State = tuple[Tensor, ...]
"""What a layer carries from step to step; each (1, B, H)."""
Forward = Callable[[Any, Tensor, State], tuple[Tensor, State]]


def _in_float32(forward: Forward) -> Forward:
    """Keep cuDNN's recurrences out of autocast, which has them in float16 whatever type it is asked for.

    Nothing scales the loss here, and in float16 what is left of a gradient some hundred steps back is zero. cuDNN makes
    float32's products in TF32 where the GPU has it.
    """

    @wraps(forward)
    def apart(self: Any, x: Tensor, state: State) -> tuple[Tensor, State]:
        if not x.is_cuda:
            return forward(self, x, state)
        with torch.autocast("cuda", enabled=False):
            return forward(self, x.float(), tuple(part.float() for part in state))

    return apart


class Rnn(nn.RNN):
    """h' = tanh(U x + V h + b) (Elman, Finding structure in time, 1990)."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__(width, hidden, batch_first=True)

    @_in_float32
    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:  # type: ignore[override]  # a tuple of one
        """See the module."""
        hidden, h = super().forward(x, state[0])
        return hidden, (h,)


class Gru(nn.GRU):
    """Two gates and no state but h (Cho et al. 2014), the reset gate after its product, as cuDNN has it."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__(width, hidden, batch_first=True)

    @_in_float32
    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:  # type: ignore[override]  # a tuple of one
        """See the module."""
        hidden, h = super().forward(x, state[0])
        return hidden, (h,)


class Lstm(nn.LSTM):
    """Three gates around a state of its own (Hochreiter and Schmidhuber 1997; Gers et al. 2000)."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__(width, hidden, batch_first=True)

    @_in_float32
    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:  # type: ignore[override]  # states are tuples
        """See the module."""
        hidden, (h, c) = super().forward(x, (state[0], state[1]))
        return hidden, (h, c)


class Peephole(Lstm):
    """An LSTM whose gates see the cell's state: the input and forget gates the last one, the output gate the new one.

    Each unit's gates see that unit's state alone (Gers and Schmidhuber, Recurrent nets that time and count, 2000).
    """

    weight_ih_l0: Tensor
    weight_hh_l0: Tensor
    bias_ih_l0: Tensor
    bias_hh_l0: Tensor

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__(width, hidden)
        self.peephole = nn.Parameter(torch.empty(3, hidden))
        """What the input, forget and output gate see of the state."""
        nn.init.uniform_(self.peephole, -1 / math.sqrt(hidden), 1 / math.sqrt(hidden))

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:  # type: ignore[override]  # states are tuples
        """See the module."""
        bias = self.bias_ih_l0 + self.bias_hh_l0
        read = nn.functional.linear(x.transpose(0, 1), self.weight_ih_l0, bias)  # (T, B, 4H), every step in one product
        h, c = (part[0].to(read.dtype) for part in state)  # (B, H)
        step = cast(Any, _PeepholeSteps.apply)  # torch leaves it without types
        hidden, c = step(read, h, c, self.weight_hh_l0.to(read.dtype), self.peephole.to(read.dtype))
        return hidden.transpose(0, 1), (hidden[-1:], c[None])


class _PeepholeSteps(torch.autograd.Function):
    """The steps of a layer of peephole cells, and their gradients, with as few operations a step as there can be.

    Autograd over the same steps takes twice as long: it keeps and calls an object for every operation. Here all that
    does not depend on the next step is done for all of them at once.
    """

    @staticmethod
    def forward(ctx: Any, read: Tensor, h: Tensor, c: Tensor, w: Tensor, peephole: Tensor) -> tuple[Tensor, Tensor]:
        """From (T, B, 4H) in the order input, forget, cell, output to h after every step, (T, B, H), and the last c."""
        steps, rows, width = read.shape[0], read.shape[1], h.shape[1]
        gates = read.clone()  # (T, B, 4H); a step's sums, then its gates
        hidden, states = read.new_empty(steps + 1, rows, width), read.new_empty(steps + 1, rows, width)
        squashed = read.new_empty(steps, rows, width)
        hidden[0], states[0] = h, c
        across = w.t()
        for t in range(steps):
            sums = gates[t]
            sums.addmm_(hidden[t], across)
            into, keep, written, out = sums.chunk(4, dim=1)
            first = sums[:, : 2 * width]
            first.view(rows, 2, width).addcmul_(states[t][:, None], peephole[:2])
            first.sigmoid_()
            written.tanh_()
            torch.mul(keep, states[t], out=states[t + 1]).addcmul_(into, written)
            out.addcmul_(states[t + 1], peephole[2]).sigmoid_()
            torch.tanh(states[t + 1], out=squashed[t])
            torch.mul(out, squashed[t], out=hidden[t + 1])
        ctx.save_for_backward(gates, hidden, states, squashed, w, peephole)
        return hidden[1:], states[-1].clone()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, d_hidden: Tensor, d_c: Tensor) -> tuple[Tensor, ...]:
        """Of everything that `forward` takes."""
        gates, hidden, states, squashed, w, peephole = ctx.saved_tensors
        steps, rows, width = squashed.shape
        into, keep, written, out = gates.chunk(4, dim=2)
        # What a step's gradient is multiplied by to be its gates', for all steps at once.
        by_c = gates.new_empty(steps, rows, 3, width)
        torch.mul(into * (1 - into), written, out=by_c[:, :, 0])
        torch.mul(keep * (1 - keep), states[:-1], out=by_c[:, :, 1])
        torch.mul(1 - written * written, into, out=by_c[:, :, 2])
        by_h = out * (1 - out) * squashed
        to_c = out * (1 - squashed * squashed)
        d_sums = torch.empty_like(gates)
        d_c, d_h = d_c.clone(), torch.zeros_like(d_c)
        for t in range(steps - 1, -1, -1):
            d_h = d_h + d_hidden[t]
            d_out = d_sums[t][:, 3 * width :]
            torch.mul(d_h, by_h[t], out=d_out)
            d_c.addcmul_(d_h, to_c[t]).addcmul_(d_out, peephole[2])
            d_first = d_sums[t][:, : 3 * width].view(rows, 3, width)
            torch.mul(d_c[:, None], by_c[t], out=d_first)
            d_c = (d_c * keep[t]).addcmul_(d_first[:, 0], peephole[0]).addcmul_(d_first[:, 1], peephole[1])
            d_h = d_sums[t] @ w
        d_into, d_keep, _, d_out = d_sums.chunk(4, dim=2)
        seen = ((d_into, states[:-1]), (d_keep, states[:-1]), (d_out, states[1:]))
        d_peephole = torch.stack([(gate * state).sum((0, 1)) for gate, state in seen])
        d_w = d_sums.flatten(0, 1).t() @ hidden[:-1].flatten(0, 1)
        return d_sums, d_h, d_c, d_w, d_peephole


LAYERS: dict[str, Callable[[int, int], nn.Module]] = {"rnn": Rnn, "gru": Gru, "lstm": Lstm, "peephole": Peephole}
"""A layer for each of the cells that `ModelSettings` knows by name, of (width read, H)."""
