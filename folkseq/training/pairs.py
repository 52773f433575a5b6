"""Held-out pairs, for a model with an encoder: the pairs of a task, and the loss on them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import torch
from torch.nn import functional

from folkseq.corpus import IGNORED, SourceBatch, TokenStore
from folkseq.corpus.pairs import batch_of
from folkseq.models.language_model import LanguageModel
from folkseq.pairs import Pair
from folkseq.representations.task import Task

TURNS = 2
"""Pairs of each held-out piece."""


def pairs_of(
    store: TokenStore, pieces: Sequence[int], most: int, task: Task, left_only: bool | None = None
) -> list[Pair]:
    """Return held-out pairs of pieces, up to `TURNS` of each, until they hold `most` ids; always the same ones."""
    found: list[Pair] = []
    held = 0
    order = np.random.default_rng(0).permutation(np.asarray(pieces, np.int64)).tolist()  # so that all are represented
    for turn, piece in product(range(TURNS), order):
        if held >= most:
            break
        pair = task.hold_out(store[piece], piece, turn, left_only)
        if pair is not None:
            found.append(pair)
            held += len(pair.ids)
    return found


@torch.inference_mode()
def nll_of_pairs(model: LanguageModel, pairs: Sequence[Pair], rows: int = 32) -> tuple[float, int]:
    """Return the negative log likelihood of the ids of the targets that were not given.

    Returns:
        The total in nats, and the number of ids that were predicted.
    """
    device, settings = model.output.weight.device, model.settings
    if settings.encoder is None:
        raise ValueError("this model has no encoder")
    was_training = model.training
    model.eval()
    total, predicted = 0.0, 0
    by_length = sorted(pairs, key=lambda pair: (len(pair.source), len(pair.ids)))
    for first in range(0, len(by_length), rows):
        some = by_length[first : first + rows]
        batch = batch_of(some, settings.encoder.relative_positions, settings.ids_per_step, only_free=True)
        source = SourceBatch(*(torch.from_numpy(array).to(device) for array in batch.source or ()))
        x, y = (torch.from_numpy(array).to(device) for array in batch[:2])  # (B, T)
        logits, _ = model(x, model.init_state(len(some)), source=source)  # (B, T, V)
        total += float(functional.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum"))
        predicted += int((y != IGNORED).sum())
    model.train(was_training)
    return total, predicted
