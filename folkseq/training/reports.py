"""What is told of training as it goes: lines of the run's metrics, and calls of whoever watches."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from folkseq.run import Run
from folkseq.training.ranks import Ranks
from folkseq.training.trainer import Trainer, Update


@dataclass(frozen=True)
class Progress:
    """Where training stands."""

    step: int
    steps: int
    epoch: float
    loss: float
    """Nats an id over the steps since the last report, with dropout."""
    heldout_nll: float | None
    """Nats an id on the held-out pieces, where they were looked at just now."""
    best: float | None
    ngram_nll: float | None
    """The baseline on the same pieces."""
    tokens_per_s: float
    seconds_left: float
    event: str = ""
    """What happened, where something did; then there are no figures beside it."""


@dataclass(frozen=True)
class Figures:
    """What the updates since the last report came to."""

    loss: float
    """Nats an id, the mean over all ranks."""
    norm: float
    """The mean length of the gradient before it was clipped."""
    clipped: float
    """And after."""
    rate: float
    """The last learning rate."""
    tokens_per_s: float


class Reports:
    """Gathers the updates between two reports, and reports them."""

    def __init__(
        self,
        run: Run,
        ranks: Ranks,
        ngram_nll: float | None,
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        """`ngram_nll` is the baseline on what is looked at of the held-out pieces."""
        self.run, self.ranks, self.ngram_nll, self.on_progress = run, ranks, ngram_nll, on_progress
        self.began = time.monotonic()
        self.restart()

    def elapsed(self) -> float:
        """Seconds of training so far, those before a resume among them."""
        return time.monotonic() - self.began

    def restart(self) -> None:
        """Begin to gather anew."""
        self.seen: list[Update] = []
        self.since = self.elapsed()

    def figures(self, trainer: Trainer) -> Figures:
        """What was gathered."""
        losses, norms = (torch.stack([getattr(each, name) for each in self.seen]) for name in ("loss", "norm"))
        loss = self.ranks.sum([float(losses.mean())])[0] / self.ranks.count  # waits for the device
        speed = len(self.seen) * trainer.ids / max(self.elapsed() - self.since, 1e-9)
        clipped = float(norms.clamp(max=trainer.settings.clip).mean())
        return Figures(loss, float(norms.mean()), clipped, self.seen[-1].rate, speed)

    def report(self, trainer: Trainer, found: Figures, heldout: float | None) -> None:
        """Write a line of the metrics, and tell whoever watches."""
        step, steps, epoch, now = trainer.step, trainer.settings.steps or 0, trainer.batches.epoch, self.elapsed()
        line = {"step": step, "steps": steps, "epoch": epoch, "loss": found.loss, "heldout_nll": heldout}
        line |= {"learning_rate": found.rate, "grad_norm": found.norm, "grad_norm_clipped": found.clipped}
        self._log({**line, "tokens_per_s": found.tokens_per_s, "elapsed_s": now})
        left_s = (steps - step) * now / step
        known = (found.loss, heldout, trainer.best, self.ngram_nll)
        if self.on_progress is not None:
            self.on_progress(Progress(step, steps, epoch, *known, found.tokens_per_s, left_s))

    def tell(self, trainer: Trainer, event: str) -> None:
        """Write down that something happened, and tell whoever watches."""
        self._log({"step": trainer.step, "event": event})
        if self.on_progress is not None:
            known = (math.nan, None, trainer.best, self.ngram_nll)
            steps = trainer.settings.steps or 0
            self.on_progress(Progress(trainer.step, steps, trainer.batches.epoch, *known, 0.0, 0.0, event))

    def _log(self, line: dict[str, object]) -> None:
        if self.ranks.first:
            self.run.log(line)
