"""All that changes while a model is trained, and one update of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from folkseq.corpus import IGNORED, Batches, SourceBatch, Streams, TokenStore, Variation, Windows
from folkseq.models.language_model import make_model
from folkseq.models.settings import BFLOAT16, ModelSettings, TrainSettings
from folkseq.training.ranks import Ranks
from folkseq.training.schedule import learning_rate

if TYPE_CHECKING:
    from folkseq.corpus.pairs import Draw

STANDING = ("step", "best", "best_step", "warned", "rate_scale", "elapsed_s")


class Update(NamedTuple):
    """What came of one; the tensors are left on the device, so that nothing waits for it."""

    loss: Tensor
    """Nats an id, on this rank's batch."""
    norm: Tensor
    """The length of the gradient before it was clipped."""
    rate: float


class Trainer:
    """A model, its optimizer, its batches and the state carried between them.

    It seeds PyTorch's global generator, from which the weights and the dropout are drawn; the caller forks that.
    """

    def __init__(
        self,
        store: TokenStore,
        pieces: NDArray[np.int64],
        model_settings: ModelSettings,
        settings: TrainSettings,
        seed: int,
        variation: Variation,
        ranks: Ranks,
        draw: Draw | None = None,
    ) -> None:
        self.settings, self.ranks = settings, ranks
        torch.manual_seed(seed)
        self.model = make_model(model_settings).to(ranks.device)
        self.network = ranks.wrap(self.model)
        if ranks.count > 1:
            torch.manual_seed(seed + ranks.rank)  # each rank drops other values
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=settings.learning_rate,
            betas=(0.9, settings.beta2),
            weight_decay=settings.weight_decay,
            fused=True,
        )
        random = np.random.default_rng([seed, ranks.rank] if ranks.count > 1 else seed)
        self.length = settings.length * model_settings.ids_per_step
        self.epochs_a_step = settings.rows * self.length / store.count(pieces.tolist())
        """How often the pieces are read in an update."""
        encoder, lookback = model_settings.encoder, model_settings.lookback
        self.batches: Batches
        if encoder is not None:
            if draw is None:
                raise ValueError("an encoder reads what `draw` gives")
            from folkseq.corpus.pairs import Pairs

            width = model_settings.ids_per_step
            pairs = Pairs(store, pieces, settings.rows, random, draw, encoder.relative_positions, width)
            self.batches, self.length = pairs, round(pairs.length)
            self.epochs_a_step = settings.rows / len(pieces)
        elif settings.batches == "windows":
            if lookback is not None:
                raise ValueError("windows begin anywhere, so they have no lookback")
            self.batches = Windows(
                store,
                pieces,
                settings.rows,
                self.length,
                random,
                variation,
                settings.passage,
                last_only=settings.targets == "last",
                conditioning=model_settings.conditioning,
                stride=model_settings.ids_per_step,
            )
        else:
            self.batches = Streams(store, pieces, settings.rows, self.length, random, lookback)
        self.carried = self.model.init_state(settings.rows)
        self.half = settings.precision == BFLOAT16
        self.step = 0
        self.best: float | None = None
        """The lowest held-out nats an id so far."""
        self.best_step = 0
        self.warned = False
        """Whether it was said that it overfits."""
        self.rate_scale = 1.0
        """By which the learning rate was lowered, where training diverged."""
        self.elapsed_s = 0.0
        """Time spent, as of the last save."""

    @property
    def ids(self) -> int:
        """How many ids all ranks read in an update."""
        return self.ranks.count * self.settings.rows * self.length

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """The weights by name, as `models.export` reads them."""
        return {name: tensor.cpu().numpy() for name, tensor in self.model.state_dict().items()}

    def standing(self) -> dict[str, Any]:
        """The numbers among it, by name, as JSON can hold them exactly."""
        return {name: getattr(self, name) for name in STANDING}

    def stand(self, **numbers: Any) -> None:
        """Take over what `standing` gave."""
        for name, number in numbers.items():
            setattr(self, name, number)

    def update(self) -> Update:
        """Learn from one batch."""
        rate = self.rate_scale * learning_rate(self.step, self.settings)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        batch = next(self.batches)
        x, y, fresh = (self._moved(array) for array in batch[:3])  # (B, T) twice, (B,)
        conditioning = batch.conditioning
        if conditioning is None and self.model.settings.conditioning:
            conditioning = np.zeros((*x.shape, self.model.settings.conditioning), np.float32)  # ranks sum all gradients
        beside = (
            None if conditioning is None else self._moved(conditioning),  # (B, T, C)
            None if batch.lookback is None else self._moved(batch.lookback),  # (B, T, W)
            None if batch.source is None else SourceBatch(*map(self._moved, batch.source)),
        )
        # Most pieces begin inside a batch, in the state that the one before them left. Those that begin with it begin
        # at zero, as every piece does that is judged or sampled, or the model would never learn to.
        state = tuple(tensor.masked_fill(fresh[:, None], 0.0) for tensor in self.carried)  # (L, B, H)
        with torch.autocast(self.ranks.device.type, torch.bfloat16, enabled=self.half):
            logits, carried = self.network(x, state, *beside)  # (B, T, V)
        self.carried = tuple(state.detach().float() for state in carried)
        loss = functional.cross_entropy(logits.float().flatten(0, 1), y.flatten(), ignore_index=IGNORED)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it without types
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip)
        self.optimizer.step()
        self.step += 1
        return Update(loss.detach(), norm, rate)

    def wait(self) -> None:
        """Wait until the device has done all that it was given."""
        if self.ranks.device.type == "cuda":
            torch.cuda.synchronize()

    def _moved(self, array: NDArray[Any]) -> Tensor:
        """An array on the device, on its way there while the device still computes."""
        tensor = torch.from_numpy(np.ascontiguousarray(array))  # a strided one would be copied while all waits
        if self.ranks.device.type == "cuda":
            return tensor.pin_memory().to(self.ranks.device, non_blocking=True)
        return tensor
