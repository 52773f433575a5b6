"""The negative log likelihood of whole pieces, each read from a zero state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from folkseq.corpus import IGNORED, SourceBatch
from folkseq.corpus.store import Ids
from folkseq.models.language_model import LanguageModel

if TYPE_CHECKING:
    from folkseq.pairs import Pair

LOGITS = 1 << 25
"""As many are computed at once, 128 MB of them."""


@torch.inference_mode()
def nll(model: LanguageModel, pieces: Sequence[Ids], rows: int = 32, steps: int = 256) -> tuple[float, int]:
    """How surprised the model is by every id of `pieces` after the start ids, with its conditioning off.

    Pieces of like length share a padded batch, which is read `steps` ids at a time, or fewer where there are many to
    choose from, or as many as are whole frames; so memory is bounded however long they are.

    Returns:
        The total in nats, and the number of ids that were predicted.
    """
    device = model.output.weight.device
    lookback = model.lookback
    frame = model.settings.ids_per_step
    steps = min(steps, max(LOGITS // (rows * model.settings.vocabulary_size), 1))
    steps = max(steps // frame, 1) * frame
    was_training = model.training
    model.eval()
    total, predicted = 0.0, 0
    by_length = sorted(pieces, key=len)
    for first in range(0, len(by_length), rows):
        batch = by_length[first : first + rows]
        state = model.init_state(len(batch))
        memories = [] if lookback is None else [lookback.indices(ids) for ids in batch]
        for start in range(0, len(batch[-1]) - 1, steps):
            x, y = _window(batch, start, steps)  # (B, T)
            beside = _lookback_window(memories, start, x.shape) if lookback is not None else None  # (B, T, W)
            lookbacks = None if beside is None else torch.from_numpy(beside).to(device)
            logits, state = model(torch.from_numpy(x).to(device), state, lookback=lookbacks)  # (B, T, V)
            targets = torch.from_numpy(y).to(device).flatten()
            total += float(functional.cross_entropy(logits.flatten(0, 1), targets, reduction="sum"))
            predicted += int((y != IGNORED).sum())
    model.train(was_training)
    return total, predicted


@torch.inference_mode()
def nll_of_pairs(model: LanguageModel, pairs: Sequence[Pair], rows: int = 32) -> tuple[float, int]:
    """How surprised the model is by what stands in gaps, of which it predicts every id that was not given.

    Returns:
        The total in nats, and the number of ids that were predicted.
    """
    from folkseq.corpus.pairs import batch_of

    device, settings = model.output.weight.device, model.settings
    if settings.encoder is None:
        raise ValueError("this model reads no pairs")
    was_training = model.training
    model.eval()
    total, predicted = 0.0, 0
    by_length = sorted(pairs, key=lambda pair: (len(pair.source), len(pair.ids)))
    for first in range(0, len(by_length), rows):
        some = by_length[first : first + rows]
        batch = batch_of(some, settings.encoder.relative_positions, settings.ids_per_step, only_free=True)
        if batch.source is None:
            raise ValueError("pairs have a source")
        source = SourceBatch(*(torch.from_numpy(array).to(device) for array in batch.source))
        x, y = (torch.from_numpy(array).to(device) for array in batch[:2])
        logits, _ = model(x, model.init_state(len(some)), source=source)
        total += float(functional.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum"))
        predicted += int((y != IGNORED).sum())
    model.train(was_training)
    return total, predicted


def _lookback_window(memories: Sequence[NDArray[np.int64]], start: int, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """The lookback of a window, (B, T, W)."""
    window = np.zeros((*shape, memories[0].shape[1]), np.int64)
    for row, memory in enumerate(memories):
        part = memory[start : start + shape[1]]
        window[row, : len(part)] = part
    return window


def _window(batch: Sequence[Ids], start: int, steps: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The ids of each piece from `start` on and those that follow them, padded to the longest, (B, T) each."""
    windows = [ids[start : start + steps + 1] for ids in batch]
    length = max(map(len, windows)) - 1
    x = np.zeros((len(batch), length), dtype=np.int64)
    y = np.full((len(batch), length), IGNORED, dtype=np.int64)
    for row, ids in enumerate(windows):
        x[row, : max(len(ids) - 1, 0)], y[row, : max(len(ids) - 1, 0)] = ids[:-1], ids[1:]
    return x, y
