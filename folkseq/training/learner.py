"""The learner: everything that an update changes (network, optimizer, batches and carried state)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from folkseq.corpora import IGNORED, Batch, Batches, SourceBatch, Split, Streams, TokenStore, Windows
from folkseq.models.make import make_model
from folkseq.models.settings import BFLOAT16
from folkseq.representations.capabilities import Augmentation
from folkseq.representations.task import Task
from folkseq.run import RunConfig
from folkseq.training.adamw import AdamW
from folkseq.training.precision import choose
from folkseq.training.ranks import Ranks


@dataclass(frozen=True)
class TrainingData:
    """The pieces of a training run, and the way to make batches of them."""

    store: TokenStore
    split: Split
    augmentation: Augmentation | None = None
    """Varies windows of pieces, if the settings ask for windows."""
    task: Task | None = None
    """Draws pairs from pieces, if the model has an encoder."""


class Update(NamedTuple):
    """The figures of one update; the tensors stay on the device, so that the program does not wait for it."""

    loss: Tensor
    """Nats per id on this rank's batch."""
    norm: Tensor
    """Norm of the gradient before it was clipped."""
    ids: int
    """Number of ids that all ranks read."""


class Learner:
    """A network, its optimizer, its batches, and the state carried from batch to batch.

    It seeds PyTorch's global generator, which draws the weights and the dropout; the caller forks that generator.
    """

    def __init__(self, data: TrainingData, config: RunConfig, ranks: Ranks) -> None:
        model, settings = config.model, config.training
        self.ranks, self.clip = ranks, settings.clip
        self.precision = choose(settings.precision, model, ranks.device)
        torch.manual_seed(config.seed)
        self.model = make_model(model).to(ranks.device)
        self.network = ranks.wrap(self.model)
        if ranks.count > 1:
            torch.manual_seed(config.seed + ranks.rank)  # each rank has a different dropout
        self.optimizer = AdamW(self.model.parameters(), (0.9, settings.beta2), settings.weight_decay)
        self.batches = batches_of(data, config, ranks)
        self.carried = self.model.init_state(settings.rows)

    def update(self, rate: float) -> Update:
        """Learn from one batch at a learning rate; at 0 the weights do not change."""
        batch = next(self.batches)
        if batch.conditioning is None and (width := self.model.settings.conditioning):
            batch = batch._replace(conditioning=np.zeros((*batch.x.shape, width), np.float32))  # DDP sums all gradients
        x, y, fresh, *inputs = on_device(batch, self.ranks.device)
        # Most pieces begin inside a batch, in the final state of the previous piece. A piece at the start of a batch
        # begins with zeros, as in validation and sampling; otherwise the model would never learn from this state.
        state = tuple(tensor.masked_fill(fresh[:, None], 0.0) for tensor in self.carried)  # (L, B, H)
        with torch.autocast(self.ranks.device.type, torch.bfloat16, enabled=self.precision == BFLOAT16):
            if self.model.own_loss:
                loss, carried = self.network(x, state, *inputs, targets=y)
            else:
                logits, carried = self.network(x, state, *inputs)  # (B, T, V)
                loss = functional.cross_entropy(logits.float().flatten(0, 1), y.flatten(), ignore_index=IGNORED)
        self.carried = tuple(tensor.detach().float() for tensor in carried)
        self.model.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
        self.optimizer.step(rate)
        ids = batch.x.size if batch.source is None else np.count_nonzero(batch.y != IGNORED)
        return Update(loss.detach(), norm, self.ranks.count * int(ids))

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """Return the weights by name, as `models.export` reads them."""
        return {name: tensor.cpu().numpy() for name, tensor in self.model.state_dict().items()}


def batches_of(data: TrainingData, config: RunConfig, ranks: Ranks) -> Batches:
    """Return endless batches of a rank's share of the training pieces."""
    model, settings, store = config.model, config.training, data.store
    pieces = np.asarray(data.split.train)[ranks.rank :: ranks.count]
    random = np.random.default_rng([config.seed, ranks.rank] if ranks.count > 1 else config.seed)
    rows, step, length = settings.rows, model.ids_per_step, settings.length * model.ids_per_step
    if model.encoder is not None:
        if data.task is None:
            raise ValueError("a model with an encoder learns from the pairs of a task")
        from folkseq.corpora.pairs import Pairs

        return Pairs(store, pieces, rows, random, data.task, model.encoder.relative_positions, step)
    if settings.batches != "windows":
        if model.tokens is not None:
            raise ValueError("a model that sees recent tokens learns from windows")
        return Streams(store, pieces, rows, length, random, model.lookback)
    if model.lookback is not None:
        raise ValueError("windows begin anywhere in a piece, so a model with lookback cannot learn from them")
    last_only = settings.targets == "last"
    shown = model.tokens or model.voice_lookback
    varied = (data.augmentation, settings.passage, last_only, model.conditioning, step, shown)
    return Windows(store, pieces, rows, length, random, *varied)


def on_device(batch: Batch, device: torch.device) -> Iterator[Any]:
    """Yield the parts of a batch as tensors, which move to the device while the device still computes."""

    def moved(array: NDArray[Any]) -> Tensor:
        tensor = torch.from_numpy(np.ascontiguousarray(array))  # copying a strided array would wait for the device
        return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor

    for part in batch:
        if isinstance(part, SourceBatch):
            yield SourceBatch(*map(moved, part))
        else:
            yield None if part is None else moved(part)
