"""Step-by-step runs of a trained network that record its states and gates after every id.

PyTorch's recurrent layers return c only after the last step. This module runs the model's layers one step at a time, so
that every state can be read and differentiated. There is no conditioning.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import linear
from torch.nn.utils.rnn import pad_sequence

from folkseq.analysis.reading import OPEN, SHUT, Floats
from folkseq.models.cells import State
from folkseq.models.language_model import LanguageModel

_LSTM = {"input": 0, "forget": 1, "output": 3}
GATES: dict[str, dict[str, int]] = {"rnn": {}, "gru": {"reset": 0, "update": 1}, "lstm": _LSTM, "peephole": _LSTM}
"""The gates of each cell, with their index among the cell's sums. An open GRU update gate keeps the state."""


class SteppedLayer(nn.Module):
    """A recurrent layer that runs one step at a time and keeps its inputs and states."""

    inputs: Tensor  # (B, T, N)
    states: list[State]  # T + 1 tuples of (1, B, H): before the first step and after each
    history: tuple[Tensor, ...]  # `states` as tensors: h, and c if there is one, (T + 1, B, H) each

    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Read (B, T, N) and return h, (B, T, H), and the state after the last step."""
        self.inputs, self.states = x, [state]
        for step in range(x.shape[1]):
            _, state = self.cell(x[:, step : step + 1], state)
            self.states.append(state)
        self.history = tuple(torch.cat(parts) for parts in zip(*self.states, strict=True))
        return self.history[0][1:].transpose(0, 1), state

    def gates(self, cell: str, row: int) -> Tensor:
        """Return the gates after each step of one row, (T, G, H); `cell` is the kind of the layer's cells."""
        weights = cast(Any, self.cell)
        h, *c = (part[:, row] for part in self.history)  # (T + 1, H) each
        sums = linear(self.inputs[row], weights.weight_ih_l0, weights.bias_ih_l0)
        sums = sums + linear(h[:-1], weights.weight_hh_l0, weights.bias_hh_l0)  # (T, sums · H)
        gates = sums.view(len(sums), -1, h.shape[1])[:, list(GATES[cell].values())]  # (T, G, H)
        if cell == "peephole":
            gates = gates + weights.peephole * torch.stack([c[0][:-1], c[0][:-1], c[0][1:]], dim=1)
        return gates.sigmoid()


@contextmanager
def stepped(model: LanguageModel) -> Iterator[list[SteppedLayer]]:
    """Replace the model's layers by stepped ones within the block, in evaluation mode and on one thread."""
    cells, training, threads = model.cells, model.training, torch.get_num_threads()
    layers = [SteppedLayer(cell) for cell in cells]
    model.cells = nn.ModuleList(layers)
    model.eval()
    torch.set_num_threads(1)  # in so small a step, threads mostly wait for each other
    try:
        yield layers
    finally:
        model.cells = cells
        model.train(training)
        torch.set_num_threads(threads)


def logits(model: LanguageModel, ids: NDArray[np.int64]) -> Tensor:
    """Return the model's logits after each id, (B, T, V), for ids (B, T) from the start of their pieces."""
    lookback = model.settings.beside
    shown = None if lookback is None else torch.from_numpy(np.stack([lookback.indices(row) for row in ids]))
    return cast(Tensor, model(torch.from_numpy(ids), model.init_state(len(ids)), None, shown)[0])


@dataclass(frozen=True, eq=False)
class Trace:
    """The states, gates and predictions of a network over one piece of T ids."""

    states: NDArray[np.float32]  # (T, L, H) after each id: c if the cells have one, else h
    log_p: Floats  # (T, V) log probabilities of the next id
    shut: NDArray[np.int64]  # (L, G, H) number of ids after which each gate is below `SHUT`, in the order of `GATES`
    open: NDArray[np.int64]  # (L, G, H) number of ids after which each gate is above `OPEN`

    def surprise(self, ids: NDArray[Any]) -> Floats:
        """Return −log₂ p of each id, (T,) bits; NaN for the first, which has no prediction."""
        return np.concatenate(([np.nan], -self.log_p[np.arange(len(ids) - 1), ids[1:]] / np.log(2)))

    def guesses(self, count: int) -> tuple[NDArray[np.int64], Floats]:
        """Return the likeliest next ids after each id, (T, count), best first, and their probabilities."""
        ids = np.argsort(-self.log_p, axis=1, kind="stable")[:, :count]
        return ids, np.exp(np.take_along_axis(self.log_p, ids, axis=1))


@torch.inference_mode()
def trace(model: LanguageModel, pieces: Sequence[NDArray[Any]], rows: int = 64) -> list[Trace]:
    """Read whole pieces, each from a zero state, `rows` of similar length at a time.

    Raises ValueError if the network reads compound tokens or has an encoder.
    """
    if model.settings.compound is not None or model.settings.encoder is not None:
        raise ValueError("networks that read compound tokens, or have an encoder, cannot be traced")
    order = sorted(range(len(pieces)), key=lambda piece: len(pieces[piece]))
    traces: dict[int, Trace] = {}
    for first in range(0, len(order), rows):
        batch = order[first : first + rows]
        rows_of_ids = [torch.from_numpy(np.asarray(pieces[piece], np.int64)) for piece in batch]
        with stepped(model) as layers:
            scores = logits(model, pad_sequence(rows_of_ids, batch_first=True).numpy())
            for row, piece in enumerate(batch):
                count = len(pieces[piece])
                states = torch.stack([layer.history[-1][1 : count + 1, row] for layer in layers], dim=1)  # (T, L, H)
                gates = torch.stack([layer.gates(model.settings.cell, row)[:count] for layer in layers], dim=1)
                shut, opened = (saturated.sum(0).numpy() for saturated in (gates < SHUT, gates > OPEN))  # (L, G, H)
                log_p = scores[row, :count].double().log_softmax(1).numpy()
                traces[piece] = Trace(states.numpy(), log_p, shut, opened)
    return [traces[piece] for piece in range(len(pieces))]
