"""How far gradients reach back: what the loss at one step owes to the state of k steps before.

∂loss_t/∂h_{t−k} is that of all layers' h together; what an LSTM carries in c besides is held, so the gradient is of all
that goes by way of h at that step, through c too. It is measured by adding a zero to every h that is ever computed, and
asking autograd for the gradient of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from folkseq.models.cells import State
from folkseq.models.language_model import LanguageModel

ROWS = 32
"""Pieces that are read side by side."""
LOSSES = 16
"""Steps of each piece whose losses are followed back."""


class Probed(nn.Module):
    """A layer that reads step by step, with a probe added to h after each."""

    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.cell = cell
        self.probes: list[Tensor] = []
        """(1, B, H) zeros, one a step."""

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """As the layer itself: (B, T, N) to (B, T, H), and the state after the last step."""
        hidden, self.probes = [], []
        for step in range(x.shape[1]):
            _, (h, *rest) = self.cell(x[:, step : step + 1], state)
            probe = torch.zeros_like(h).requires_grad_()
            self.probes.append(probe)
            state = (h + probe, *rest)
            hidden.append(state[0][0])
        return torch.stack(hidden, dim=1), state


def norms(model: LanguageModel, pieces: Sequence[NDArray[Any]], reach: int = 100) -> NDArray[np.float64]:
    """The lengths of ∂loss_t/∂h_{t−k} for k from 0 to `reach`, the mean over t and pieces.

    Args:
        model: whose cells are followed; it is left as it was.
        pieces: of ids, from their start; the beginnings of `ROWS` of those that are long enough are read.
        reach: K, in steps of the cells; less, where no piece is so long.

    Returns:
        (K + 1,).

    Raises:
        ValueError: the longest piece has no step before its last.
    """
    width = model.settings.ids_per_step
    longest = (max((len(ids) for ids in pieces), default=0) - 1) // width  # steps
    reach = min(reach, longest - 1 - (width > 1))
    if reach < 1:
        raise ValueError("a piece of two steps at least is needed to look back")
    steps = min(reach + LOSSES, longest)
    rows = [np.asarray(ids[: steps * width + 1], np.int64) for ids in pieces if len(ids) > steps * width][:ROWS]
    ids = torch.from_numpy(np.stack(rows))  # (B, T + 1)
    x, y = ids[:, :-1], ids[:, 1:]
    lookback = model.lookback
    beside = None if lookback is None else torch.from_numpy(np.stack([lookback.indices(row)[:-1] for row in rows]))
    cells, was_training = model.cells, model.training
    probed = [Probed(cell) for cell in cells]
    try:
        model.cells = nn.ModuleList(probed)
        model.eval()
        logits, _ = model(x, model.init_state(len(rows)), None, beside)  # (B, T, V)
        costs = functional.cross_entropy(logits.transpose(1, 2), y, reduction="none")  # (B, T)
        totals = np.zeros(reach + 1)
        # What is foretold from the state after a step: the id after it, or all fields of the next frame.
        last = [step for step in range(reach, steps) if (step + 2) * width - 1 <= x.shape[1]]
        for step in last:
            told = costs[:, (step + 1) * width - 1 : (step + 2) * width - 1]
            probes = [layer.probes[step - back] for back in range(reach + 1) for layer in probed]
            found = torch.autograd.grad(told.sum(), probes, retain_graph=True, allow_unused=True)
            squares = [torch.zeros(len(rows)) if each is None else each[0].square().sum(1) for each in found]
            each_back = torch.stack(squares).view(reach + 1, len(probed), len(rows)).sum(1).sqrt()  # (K + 1, B)
            totals += each_back.double().mean(1).numpy()
    finally:
        model.cells = cells
        model.train(was_training)
    return totals / len(last)
