"""Gradient flow: how strongly the loss at step t depends on the state k steps earlier.

LSTMs carry their memory in c, and the other cells in h. ∂loss_t/∂h_{t−k} includes every path from h_{t−k} to the loss,
also through later c, but holds c_{t−k} constant. ∂loss_t/∂c_{t−k} holds h_{t−k} constant, so it is 0 at k = 0. Each
norm covers the states of all layers together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from folkseq.analysis.trace import logits, stepped
from folkseq.errors import RunError
from folkseq.models.language_model import LanguageModel
from folkseq.representations.task import CONTINUE
from folkseq.run import Run
from folkseq.verbs.trained import TrainedRun, check_task

LAGS = 100  # steps
ROWS = 32  # pieces read in parallel
LOSSES = 16  # steps of each piece whose losses are differentiated
MOST_IDS = 65_536  # held-out ids to search for pieces of sufficient length


@dataclass(frozen=True, eq=False)
class GradientFlow:
    """The gradient norms of one run."""

    name: str
    norms: NDArray[np.float64]  # ‖∂loss_t/∂h_{t−k}‖ for each lag k from 0, (K + 1,), averaged over t and pieces
    cell_norms: NDArray[np.float64] | None = None  # the same for c, if the cells have one

    @property
    def lines(self) -> dict[str, NDArray[np.float64]]:
        """Return the norms by the name of the state, `h` or `c`."""
        return {"h": self.norms} | ({} if self.cell_norms is None else {"c": self.cell_norms})

    @property
    def summary(self) -> str:
        """Return the norms one step back and at the last lag."""
        last = len(self.norms) - 1
        return "; ".join(
            f"∂loss/∂{letter} {norms[1]:.3g} at k = 1, {norms[last]:.3g} at k = {last}"
            for letter, norms in self.lines.items()
        )


def gradient_flow(run: Run) -> GradientFlow:
    """Measure the gradient norms of a run's best weights on held-out pieces.

    Raises:
        RunError: weights or pieces are missing, or the pieces are too short.
        RequestError: the run reads more than its own past.
    """
    check_task(run, CONTINUE)
    store, sides = run.tokens()
    pieces = store.some(sides.test or sides.valid or sides.train, MOST_IDS)
    try:
        return GradientFlow(run.about, *gradient_norms(TrainedRun(run).network, pieces))
    except ValueError as error:
        raise RunError(f"{run.address}: its held-out pieces are too short: {error}; train on longer ones") from None


def gradient_norms(model: LanguageModel, pieces: Sequence[NDArray[Any]], lags: int = LAGS) -> NDArray[np.float64]:
    """Return ‖∂loss_t/∂h_{t−k}‖ for k from 0 to `lags`, averaged over t and pieces, and the same for c if there is one.

    Args:
        model: the model, which is not changed.
        pieces: ids from the start of each piece; the model reads the beginnings of `ROWS` pieces of sufficient length.
        lags: K, in steps of the cells; fewer if no piece is that long.

    Returns:
        (S, K + 1) norms for the S parts of the state.

    Raises:
        ValueError: no piece has two steps.
    """
    width = model.settings.ids_per_step
    cut = int(width > 1)  # the compound token after the last step is incomplete
    longest = (max((len(ids) for ids in pieces), default=0) - 1) // width  # steps
    lags = min(lags, longest - 1 - cut)
    if lags < 1:
        raise ValueError("gradient flow needs a piece of two steps or more")
    steps = min(lags + LOSSES, longest)
    rows = [ids[: steps * width + 1] for ids in pieces if len(ids) > steps * width][:ROWS]
    ids = np.stack(rows).astype(np.int64)  # (B, T + 1)
    parts = len(model.settings.carried)
    totals = np.zeros((parts, lags + 1))
    with stepped(model) as layers:
        scores = logits(model, ids[:, :-1]).transpose(1, 2)  # (B, V, T)
        losses = functional.cross_entropy(scores, torch.from_numpy(ids[:, 1:]), reduction="none")  # (B, T)
        for step in range(lags, steps - cut):
            loss = losses[:, (step + 1) * width - 1 : (step + 2) * width - 1].sum()  # sum over the fields of this step
            states = [layer.states[step + 1 - lag] for lag in range(lags + 1) for layer in layers]
            inputs = [part for state in states for part in state]  # (1, B, H) each
            gradients = torch.autograd.grad(loss, inputs, retain_graph=True, allow_unused=True, materialize_grads=True)
            squares = torch.stack([gradient[0].square().sum(1) for gradient in gradients])  # ((K + 1) · L · S, B)
            norms = squares.view(lags + 1, len(layers), parts, len(rows)).sum(1).sqrt()  # (K + 1, S, B)
            totals += norms.double().mean(2).T.numpy()
    return totals / (steps - cut - lags)
