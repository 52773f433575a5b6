"""The negative log likelihood of whole pieces, each read from a zero state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from folkseq.dataset import IGNORED
from folkseq.dataset.store import Ids
from folkseq.models.language_model import LanguageModel

Beside: TypeAlias = Callable[[Ids, int], Iterator[NDArray[np.float32]] | None]
"""Of a piece's ids, and so many at a time: the controls of all but the first; None if they are off."""


def nothing(ids: Ids, length: int) -> None:
    """No controls."""


@torch.inference_mode()
def nll(
    model: LanguageModel, pieces: Sequence[Ids], beside: Beside = nothing, rows: int = 32, steps: int = 256
) -> tuple[float, int]:
    """How surprised the model is by `pieces`, of which it predicts every id after the start id.

    Pieces of like length share a padded batch, which is read `steps` ids at a time, so memory is bounded however long
    they are.

    Args:
        model: reads without dropout.
        pieces: ids from the start id on.
        beside: what it reads beside each piece's ids.
        rows: B.
        steps: T.

    Returns:
        The total in nats, and the number of ids that were predicted.
    """
    device = model.output.weight.device
    was_training = model.training
    model.eval()
    total, predicted = 0.0, 0
    by_length = sorted(pieces, key=len)
    for first in range(0, len(by_length), rows):
        batch = by_length[first : first + rows]
        longest = max(map(len, batch))
        x = np.zeros((len(batch), longest - 1), dtype=np.int64)  # (B, T)
        y = np.full((len(batch), longest - 1), IGNORED, dtype=np.int64)
        for row, ids in enumerate(batch):
            x[row, : len(ids) - 1], y[row, : len(ids) - 1] = ids[:-1], ids[1:]
            predicted += len(ids) - 1
        state = model.init_state(len(batch))
        told = [beside(ids, steps) for ids in batch]
        for start in range(0, longest - 1, steps):
            window = slice(start, start + steps)
            controls = _padded(told, len(x[0, window]))
            read = torch.from_numpy(x[:, window]).to(device)  # (B, T)
            logits, state = model(read, state, None if controls is None else controls.to(device))  # (B, T, V)
            targets = torch.from_numpy(y[:, window]).to(device).flatten()
            total += float(functional.cross_entropy(logits.flatten(0, 1), targets, reduction="sum"))
    model.train(was_training)
    return total, predicted


def _padded(told: Sequence[Iterator[NDArray[np.float32]] | None], length: int) -> Tensor | None:
    """The next controls of all rows, (B, T, C), with zeros where a piece has ended; None if no row has any."""
    parts = {row: part for row, each in enumerate(told) if each is not None and (part := next(each, None)) is not None}
    if not parts:
        return None
    size = next(iter(parts.values())).shape[1]
    controls = np.zeros((len(told), length, size), np.float32)
    for row, part in parts.items():
        controls[row, : len(part)] = part
    return torch.from_numpy(controls)
