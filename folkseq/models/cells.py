"""The recurrent layers in PyTorch.

Each layer takes x (B, T, N) and a tuple of states (1, B, H), and returns h after every step, (B, T, H), and the states
after the last step. Three of the layers come from PyTorch, and all use PyTorch's names for the weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from folkseq.models import equations

State = tuple[Tensor, ...]
"""The states of a layer, (1, B, H) each."""


class _Layer(nn.Module):
    """A PyTorch layer with its states as a tuple."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__(width, hidden, batch_first=True)

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Read T steps; see the module."""
        # Under autocast cuDNN computes in float16, whatever type is asked for. Nothing scales the loss here, so a
        # gradient that reaches back some hundred steps would vanish. In float32 cuDNN uses TF32 where the GPU has it.
        if x.is_cuda:
            x, state = x.float(), tuple(part.float() for part in state)
        with torch.autocast("cuda", enabled=False) if x.is_cuda else nullcontext():
            before: Any = state if len(state) > 1 else state[0]
            hidden, after = super().forward(x, before)
        return hidden, after if isinstance(after, tuple) else (after,)


class Rnn(_Layer, nn.RNN):  # type: ignore[misc]  # states are tuples
    """A layer of tanh cells; see `equations.rnn`."""


class Gru(_Layer, nn.GRU):  # type: ignore[misc]  # as above
    """A layer of GRU cells; see `equations.gru`."""


class Lstm(_Layer, nn.LSTM):  # type: ignore[misc]  # as above
    """A layer of LSTM cells; see `equations.lstm`."""


class Peephole(Lstm):
    """A layer of LSTM cells with peepholes; see `equations.lstm`."""

    weight_ih_l0: Tensor
    weight_hh_l0: Tensor
    bias_ih_l0: Tensor
    bias_hh_l0: Tensor

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__(width, hidden)
        self.peephole = nn.Parameter(torch.empty(3, hidden))  # for the input, forget and output gate
        nn.init.uniform_(self.peephole, -1 / math.sqrt(hidden), 1 / math.sqrt(hidden))

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:  # type: ignore[override]  # as above
        """Read T steps; see the module."""
        # The products with x do not depend on the steps before, so they are one product for all steps.
        sums = nn.functional.linear(
            x.transpose(0, 1), self.weight_ih_l0, self.bias_ih_l0 + self.bias_hh_l0
        )  # (T, B, 4H)
        h, c = (part[0].to(sums.dtype) for part in state)  # (B, H)
        peephole, hidden = self.peephole.to(sums.dtype), []
        for step in sums:  # (B, 4H)
            parts = (step + h @ self.weight_hh_l0.t()).chunk(4, dim=1)  # (B, H) each
            h, c = equations.lstm(torch, parts, c, peephole)
            hidden.append(h)
        return torch.stack(hidden, dim=1), (h[None], c[None])  # (B, T, H), (1, B, H) twice


LAYERS: dict[str, Callable[[int, int], nn.Module]] = {"rnn": Rnn, "gru": Gru, "lstm": Lstm, "peephole": Peephole}
"""The layer of each cell in `settings.CELLS`, made from (N, H)."""
