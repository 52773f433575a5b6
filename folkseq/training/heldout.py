"""The held-out pieces: how well a model foretells them, and the best weights so far, which are kept."""

from __future__ import annotations

import math
from collections.abc import Sequence

from folkseq.dataset import Split, TokenStore
from folkseq.dataset.store import Ids
from folkseq.files import write_atomically
from folkseq.models import onnx_step
from folkseq.models.settings import JUDGED
from folkseq.run import Run
from folkseq.training import plan, state
from folkseq.training.ranks import Ranks
from folkseq.training.trainer import Trainer
from folkseq.training.validate import nll

WEIGHTS, STEP = "model.safetensors", "model.onnx"
OVERFIT, OVERFIT_LOOKS = 1.01, 3
"""A loss so many times the best, and so many looks after it, is worth a word."""


class HeldOut:
    """Those that choose the best weights, and those that are only looked at in the end."""

    def __init__(self, store: TokenStore, split: Split, look: int, run: Run, ranks: Ranks) -> None:
        """Without a valid side the training pieces choose; of more than `look` ids, so many are looked at."""
        self.run, self.ranks = run, ranks
        self.looked_at = store.some(split.valid or split.train, look)
        self.judged = store.some(split.valid or split.train, JUDGED)
        self.tested = store.some(split.test, JUDGED)

    @property
    def looks_at_the_end(self) -> float:
        """How many looks judging in the end is worth."""
        looked_at, judged = (sum(map(len, pieces)) for pieces in (self.looked_at, [*self.judged, *self.tested]))
        return judged / looked_at

    def try_look(self, trainer: Trainer) -> None:
        """All of a look, and of what it may lead to, but the writing."""
        self.look(trainer)
        onnx_step.build(trainer.weights(), self.run.config.model)

    def look(self, trainer: Trainer) -> float:
        """The model's nats an id, on what is looked at while training."""
        return self._judge(trainer, self.looked_at)

    def keep_if_best(self, trainer: Trainer, heldout_nll: float) -> bool:
        """Whether the nats an id are the fewest so far; then the weights go into the run's folder."""
        if trainer.best is not None and heldout_nll >= trainer.best:
            return False
        if self.ranks.first:
            state.write_weights(trainer, self.run.folder / WEIGHTS, heldout_nll)
            self._export(trainer)
        trainer.best, trainer.best_step = heldout_nll, trainer.step
        return True

    def warning(self, trainer: Trainer, heldout_nll: float) -> str:
        """A word if the model has begun to learn the training pieces by heart; once."""
        looks = (trainer.step - trainer.best_step) / plan.check_every(trainer.settings)
        if trainer.warned or trainer.best is None or heldout_nll < OVERFIT * trainer.best or looks < OVERFIT_LOOKS:
            return ""
        trainer.warned = True
        return (
            f"overfits: {trainer.best:.3f} on the held-out pieces at step {trainer.best_step:,}, {heldout_nll:.3f} "
            "now; the best is kept. More music, a smaller model or fewer minutes would do"
        )

    def judge_best(self, trainer: Trainer) -> tuple[float, float | None]:
        """The nats an id of the weights kept, on both sides, whole; the trainer has them from then on."""
        self.ranks.share()  # the others wait until the first has written
        state.read_weights(trainer, self.run.folder / WEIGHTS)
        if self.ranks.first:
            self._export(trainer)  # once more, since an end may have come between the weights and their step
        return self._judge(trainer, self.judged), self._judge(trainer, self.tested) if self.tested else None

    def _export(self, trainer: Trainer) -> None:
        """Write the step of the best weights, so that the run can be sampled from while it still trains."""
        write_atomically(self.run.folder / STEP, onnx_step.build(trainer.weights(), self.run.config.model))

    def _judge(self, trainer: Trainer, pieces: Sequence[Ids]) -> float:
        """The model's nats an id, each rank reading some of the pieces."""
        total, predicted = self.ranks.sum(nll(trainer.model, pieces[self.ranks.rank :: self.ranks.count]))
        return total / predicted if predicted else math.nan
