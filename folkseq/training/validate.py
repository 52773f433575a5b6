"""Validation: the negative log likelihood of held-out pieces, each read from a zero state, or of held-out pairs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from folkseq.corpora import IGNORED, Batch, Lookback, TokenStore
from folkseq.corpora.baseline import JUDGED
from folkseq.corpora.recall import RecentTokens
from folkseq.corpora.store import Ids
from folkseq.errors import CorpusError
from folkseq.models.language_model import LanguageModel
from folkseq.representations.task import Task
from folkseq.run import RunConfig
from folkseq.training.learner import TrainingData, on_device
from folkseq.training.ranks import Ranks
from folkseq.voices import VoiceLookback

if TYPE_CHECKING:
    from folkseq.pairs import Pair, RelativePositions

LOGITS = 1 << 25
"""Maximum number of logits that are computed at once: 128 MB."""
TURNS = 2
"""Number of held-out pairs of a piece."""


class HeldOut(NamedTuple):
    """The held-out pieces of a training run, or pairs of them."""

    validation: Sequence[Any]
    """The part of the validation set that selects the best weights."""
    final: Sequence[Any]
    """The validation set, for the final evaluation of the best weights."""
    test: Sequence[Any]

    @property
    def final_validations(self) -> float:
        """Return the duration of the final evaluation, in validations."""
        sizes = [sum(len(getattr(example, "ids", example)) for example in side) for side in self]
        return (sizes[1] + sizes[2]) / sizes[0]


def hold_out(data: TrainingData, config: RunConfig) -> HeldOut:
    """Choose held-out examples; without a validation set, use the training pieces.

    Raises:
        CorpusError: the task can make no pair of any piece.
    """

    def some(pieces: Sequence[int], most: int) -> Sequence[Any]:
        if data.task is None or config.model.encoder is None:
            return data.store.some(pieces, most)
        return pairs_of(data.store, pieces, most, data.task, config.model.encoder.causal or None)

    split = data.split
    side = split.valid if some(split.valid, 1) else split.train
    held_out = HeldOut(some(side, config.training.validation_ids), some(side, JUDGED), some(split.test, JUDGED))
    if not held_out.validation:
        raise CorpusError("no part of any piece suits the task, so there is nothing to learn; use other pieces")
    return held_out


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


def mean_nll(model: LanguageModel, examples: Sequence[Any], ranks: Ranks) -> float:
    """Return the mean nats per id of pieces or pairs, NaN without ids; each rank reads its share of them."""
    total, predicted = ranks.sum(nll(model, examples[ranks.rank :: ranks.count]))
    return total / predicted if predicted else math.nan


@torch.inference_mode()
def nll(model: LanguageModel, examples: Sequence[Any], rows: int = 32, steps: int = 256) -> tuple[float, int]:
    """Return the negative log likelihood of pieces, with the conditioning off; or of the free ids of pairs.

    Args:
        model: a model, which reads pairs if it has an encoder.
        examples: (T,) ids each, or pairs.
        rows: examples in a batch.
        steps: maximum number of ids of a piece to read at once; fewer if the vocabulary is large.

    Returns:
        The total in nats, and the number of predicted ids (all ids of a piece except the first).
    """
    device, settings = model.output.weight.device, model.settings
    if settings.encoder is None:
        steps = min(steps, max(LOGITS // (rows * settings.vocabulary_size), 1))
        steps = max(steps // settings.ids_per_step, 1) * settings.ids_per_step
        batches = _windows(examples, settings.beside, rows, steps, settings.ids_per_step)
    else:
        batches = _pairs(examples, settings.encoder.relative_positions, settings.ids_per_step, rows)
    was_training = model.training
    model.eval()
    total, predicted, state = 0.0, 0, model.init_state(0)
    for batch in batches:
        x, y, _, *inputs = on_device(batch, device)
        logits, state = model(x, model.init_state(len(x)) if batch.fresh.all() else state, *inputs)  # (B, T, V)
        total += float(functional.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum"))
        predicted += int((batch.y != IGNORED).sum())
    model.train(was_training)
    return total, predicted


def _windows(
    pieces: Sequence[Ids],
    lookback: Lookback | RecentTokens | VoiceLookback | None,
    rows: int,
    steps: int,
    ids_per_step: int,
) -> Iterator[Batch]:
    """Yield pieces of similar length in batches, window by window, so that memory is bounded however long they are."""
    by_length = sorted(pieces, key=len)
    for first in range(0, len(by_length), rows):
        before, after = zip(*((ids[:-1], ids[1:]) for ids in by_length[first : first + rows]), strict=True)
        recalled = None if lookback is None else [lookback.indices(ids) for ids in before]  # (T, W) each
        for start in range(0, len(before[-1]), steps):
            window, fresh = slice(start, start + steps), np.full(len(before), start == 0)
            shown = window
            if isinstance(lookback, RecentTokens):  # of tokens, not of ids
                shown = slice(start // ids_per_step, (start + steps) // ids_per_step)
            beside = None if recalled is None else _padded(recalled, shown)
            yield Batch(_padded(before, window), _padded(after, window, IGNORED), fresh, lookback=beside)


def _padded(rows: Sequence[NDArray[Any]], window: slice, padding: int = 0) -> NDArray[np.int64]:
    """Return a window of each row, padded to the longest: (B, T) or (B, T, W)."""
    parts = [row[window] for row in rows]
    padded = np.full((len(rows), max(map(len, parts)), *rows[0].shape[1:]), padding, np.int64)
    for row, part in zip(padded, parts, strict=True):
        row[: len(part)] = part
    return padded


def _pairs(
    pairs: Sequence[Pair], relative_positions: RelativePositions, ids_per_step: int, rows: int
) -> Iterator[Batch]:
    """Yield pairs of similar length in batches, with `IGNORED` for given ids."""
    from folkseq.corpora.pairs import batch_of

    by_length = sorted(pairs, key=lambda pair: (len(pair.source), len(pair.ids)))
    for first in range(0, len(by_length), rows):
        yield batch_of(by_length[first : first + rows], relative_positions, ids_per_step, only_free=True)
