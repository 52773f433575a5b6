"""The negative log likelihood of held-out pieces, each read whole and from a zero state."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from folkseq.corpus import IGNORED
from folkseq.corpus.baseline import JUDGED
from folkseq.corpus.store import Ids
from folkseq.errors import CorpusError
from folkseq.models.language_model import LanguageModel
from folkseq.run import RunConfig
from folkseq.training.learner import TrainingData
from folkseq.training.ranks import Ranks

LOGITS = 1 << 25
"""Most logits that are computed at once: 128 MB."""


class HeldOut:
    """The held-out pieces of a training run; pairs of them for a model with an encoder.

    `validation` chooses the best weights; `final` and `test` give the figures of those weights at the end. A split
    without a validation side validates on the training pieces.
    """

    def __init__(self, data: TrainingData, config: RunConfig) -> None:
        """Choose the pieces. Raises CorpusError if the task has no pair of any of them."""

        def choose(pieces: Sequence[int], most: int) -> Sequence[Any]:
            if data.task is None or config.model.encoder is None:
                return data.store.some(pieces, most)
            from folkseq.training.pairs import pairs_of

            return pairs_of(data.store, pieces, most, data.task, config.model.encoder.causal or None)

        side = data.split.valid if choose(data.split.valid, 1) else data.split.train
        self.validation = choose(side, config.training.validation_ids)
        self.final, self.test = choose(side, JUDGED), choose(data.split.test, JUDGED)
        if not self.validation:
            raise CorpusError("no part of any piece suits the task, so there is nothing to learn; use other pieces")

    @property
    def final_validations(self) -> float:
        """The duration of the final evaluation, in validations."""
        validation, final, test = (
            sum(len(getattr(example, "ids", example)) for example in side)
            for side in (self.validation, self.final, self.test)
        )
        return (final + test) / validation


def mean_nll(model: LanguageModel, examples: Sequence[Any], ranks: Ranks) -> float:
    """Return the mean nats per id of pieces or pairs, NaN without ids; each rank reads its share of them."""
    own = examples[ranks.rank :: ranks.count]
    if model.settings.encoder is None:
        total, predicted = ranks.sum(nll(model, own))
    else:
        from folkseq.training.pairs import nll_of_pairs

        total, predicted = ranks.sum(nll_of_pairs(model, own))
    return total / predicted if predicted else math.nan


@torch.inference_mode()
def nll(model: LanguageModel, pieces: Sequence[Ids], rows: int = 32, steps: int = 256) -> tuple[float, int]:
    """Return the negative log likelihood of every id of pieces after the start ids, with the conditioning off.

    Pieces of similar length share a padded batch, which is read in windows; so memory is bounded however long they are.

    Args:
        model: a model without an encoder.
        pieces: (T,) ids each.
        rows: pieces in a batch.
        steps: most ids in a window; fewer if the vocabulary is large.

    Returns:
        The total in nats, and the number of ids that were predicted.
    """
    device, settings = model.output.weight.device, model.settings
    steps = min(steps, max(LOGITS // (rows * settings.vocabulary_size), 1))
    steps = max(steps // settings.ids_per_step, 1) * settings.ids_per_step
    was_training = model.training
    model.eval()
    total, predicted = 0.0, 0
    by_length = sorted(pieces, key=len)
    for first in range(0, len(by_length), rows):
        batch = by_length[first : first + rows]
        before, after = [ids[:-1] for ids in batch], [ids[1:] for ids in batch]
        recalled = [] if model.lookback is None else [model.lookback.indices(ids) for ids in before]
        state = model.init_state(len(batch))
        for start in range(0, len(before[-1]), steps):
            x, y = _window(before, start, steps, device), _window(after, start, steps, device, IGNORED)  # (B, T)
            lookback = _window(recalled, start, steps, device) if recalled else None  # (B, T, W)
            logits, state = model(x, state, lookback=lookback)  # (B, T, V)
            total += float(functional.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum"))
            predicted += int((y != IGNORED).sum())
    model.train(was_training)
    return total, predicted


def _window(
    rows: Sequence[NDArray[Any]], start: int, steps: int, device: torch.device, padding: int = 0
) -> torch.Tensor:
    """Return the elements of each row from `start` on, padded to the longest: (B, T) or (B, T, W)."""
    parts = [row[start : start + steps] for row in rows]
    window = np.full((len(rows), max(map(len, parts)), *rows[0].shape[1:]), padding, np.int64)
    for row, part in zip(window, parts, strict=True):
        row[: len(part)] = part
    return torch.from_numpy(window).to(device)
