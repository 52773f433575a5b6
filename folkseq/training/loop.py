"""The training loop: updates, and now and then a look at the held-out pieces, which decides what weights are kept."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from folkseq.dataset import Cut, Split, TokenStore, Whole
from folkseq.dataset.store import Ids
from folkseq.errors import FolkseqError
from folkseq.files import write_atomically
from folkseq.models import onnx_graph
from folkseq.models.settings import JUDGED
from folkseq.run import Run
from folkseq.training.schedule import affordable, misses, plan_steps
from folkseq.training.threads import TRIED, Threads
from folkseq.training.trainer import Trainer
from folkseq.training.validate import nll

WEIGHTS = "model.safetensors"
REPORT_EVERY = 16
"""Steps between two lines of the metrics; about a second on two cores."""
SETTLED = 2 * TRIED
"""Steps after which their time is taken; the first ones allocate memory and try numbers of threads."""


@dataclass(frozen=True)
class Progress:
    """Where training stands."""

    step: int
    steps: int | None
    """None until they are planned."""
    epoch: float
    loss: float
    """Nats an id over the steps since the last report, with dropout."""
    heldout_nll: float | None
    """Nats an id on the held-out pieces, where they were looked at just now."""
    best: float | None
    ngram_nll: float | None
    """The baseline on the same pieces."""
    tokens_per_s: float
    seconds_left: float | None


@dataclass(frozen=True)
class TrainResult:
    """What came of training."""

    run: Run
    """With its figures filled in."""
    steps: int
    heldout_nll: float
    """The best, nats an id."""
    test_nll: float | None
    """That of the same weights on the test pieces, if there are any."""
    seconds: float
    interrupted: bool


def fit(
    store: TokenStore,
    split: Split,
    run: Run,
    *,
    cut: Cut | None = None,
    ngram_nll: tuple[float, float] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    resume: bool = False,
) -> TrainResult:
    """Train the model that the run's configuration describes, and leave the best one in the run's folder.

    An interrupt (KeyboardInterrupt) after the first step ends training early and in good order; the saved state is
    then that of the last look at the held-out pieces.

    Args:
        store: all pieces.
        split: which of them to train, choose and test on; without a valid side the training pieces choose.
        run: its configuration holds the settings; the steps, the split's sizes and the figures are written into it.
        cut: makes windows of stretches of pieces, where the settings ask for windows.
        ngram_nll: the baseline that the reports hold the model against, in nats an id: on what is looked at of the
            valid side while training, and on all of it.
        on_progress: called at every report.
        resume: go on from the run's saved state.

    Raises:
        FolkseqError: the loss is no longer a finite number, or the disk refuses.
        RunError: there is no state to go on from.
    """
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(run.config.seed)
        loop = _Loop(store, split, run, cut or Whole(), ngram_nll, on_progress, resume)
        interrupted = False
        try:
            loop.train()
        except KeyboardInterrupt:
            interrupted = True
        finally:
            loop.threads.restore()
        return loop.finish(interrupted)


class _Loop:
    """One call of `fit`."""

    def __init__(
        self,
        store: TokenStore,
        split: Split,
        run: Run,
        cut: Cut,
        ngram_nll: tuple[float, float] | None,
        on_progress: Callable[[Progress], None] | None,
        resume: bool,
    ) -> None:
        self.store, self.split, self.on_progress = store, split, on_progress
        self.settings = settings = run.config.training
        self.looked_at = store.beginnings(split.valid or split.train, settings.look)
        self.looked_at_ngram_nll = ngram_nll[0] if ngram_nll else None
        self.ngram_nll = ngram_nll[1] if ngram_nll else None
        self.run = run.with_config(split={side: len(getattr(split, side)) for side in ("train", "valid", "test")})
        self.timed = settings.steps is None
        self.trainer = Trainer(store, split.train, run.config.model, settings, run.config.seed, cut)
        if resume:
            self.trainer.restore(run.folder)
        self.began = time.monotonic() - self.trainer.elapsed_s
        self.losses: list[torch.Tensor] = []
        self.reported = (self.elapsed(), self.trainer.step)
        self.settled = (self.elapsed(), self.trainer.step)
        self.check_s = 0.0
        self.threads = Threads(choose=self.timed)

    def elapsed(self) -> float:
        """Seconds of training so far, those before a resume among them."""
        return time.monotonic() - self.began

    def train(self) -> None:
        """Make every step that is left."""
        trainer = self.trainer
        while trainer.steps is None or trainer.step < trainer.steps:
            with self.threads.update():
                loss, norm, rate = trainer.update()
            self.losses.append(loss)
            if trainer.step == SETTLED:
                self.settled = (self.elapsed(), trainer.step)
            planning = trainer.steps is None and self.is_time_to_plan()
            heldout = self.check() if planning or self.is_time_to_check() else None
            if heldout is not None or trainer.step % REPORT_EVERY == 0:
                self.report(heldout, float(norm), rate)

    def is_time_to_plan(self) -> bool:
        """At the end of the warm-up at the latest, and before a tenth of the time is over."""
        late = self.elapsed() > 0.1 * 60 * self.settings.minutes
        return self.trainer.step > SETTLED and (late or self.trainer.step >= self.settings.warm_up)

    def is_time_to_check(self) -> bool:
        """After the warm-up, then evenly, then at the end: by step alone, so that a rerun checks when this one did."""
        step, steps = self.trainer.step, self.trainer.steps
        if steps is None:
            return False
        return step in (self.settings.warm_up, steps) or step % math.ceil(steps / self.settings.checks) == 0

    def check(self) -> float:
        """Look at the held-out pieces, keep the weights if they are the best, and save the state."""
        trainer, start = self.trainer, self.elapsed()
        step_s = (start - self.settled[0]) / max(trainer.step - self.settled[1], 1)
        self.finite_loss()
        heldout = self.keep_if_best()
        self.check_s = self.elapsed() - start
        self.plan(step_s)
        trainer.elapsed_s = self.elapsed()
        trainer.save(self.run.folder)
        self.check_s = self.elapsed() - start
        self.settled = (self.elapsed(), trainer.step)
        return heldout

    def keep_if_best(self) -> float:
        """The held-out nats an id; if they are the fewest so far, the weights go into the run's folder."""
        trainer = self.trainer
        heldout = self.judge(self.looked_at)
        self.check_finite(heldout)
        if trainer.best is None or heldout < trainer.best:
            trainer.save_weights(self.run.folder / WEIGHTS, heldout)
            self.export()
            trainer.best = heldout
        return heldout

    def export(self) -> None:
        """Write the step of the best weights, so that the run can be sampled from while it still trains."""
        graph = onnx_graph.build(self.run.weights(), self.run.config.model)
        write_atomically(self.run.folder / "model.onnx", graph)

    def plan(self, step_s: float) -> None:
        """Turn minutes into steps, and do so again if the machine proves slower or faster than it seemed."""
        trainer, settings = self.trainer, self.settings
        if not self.timed:
            return
        budget_s = 60 * settings.minutes
        checks = affordable(settings.checks, budget_s, self.check_s)
        costs = (self.elapsed(), budget_s, step_s, self.check_s, checks)
        if trainer.steps is None or misses(trainer.step, trainer.steps, *costs):
            trainer.steps = plan_steps(trainer.step, *costs)
            self.settings = replace(settings, checks=checks)
            self.run = self.run.with_config(training=replace(self.settings, steps=trainer.steps))

    def finite_loss(self) -> float:
        """The mean loss since the last report, which is a number."""
        loss = float(torch.stack(self.losses).mean())
        self.check_finite(loss)
        return loss

    def check_finite(self, loss: float) -> None:
        """Raise FolkseqError if the loss is not a number any more."""
        if not math.isfinite(loss):
            raise FolkseqError(
                f"the loss became {loss} before step {self.trainer.step}; "
                f"try a lower learning rate than {self.settings.learning_rate:g}"
            )

    def report(self, heldout: float | None, norm: float, rate: float) -> None:
        """Write a line of the metrics and tell the caller."""
        trainer, now, loss = self.trainer, self.elapsed(), self.finite_loss()
        tokens = (trainer.step - self.reported[1]) * self.settings.rows * self.settings.length
        looking_s = 0.0 if heldout is None else self.check_s
        speed = tokens / max(now - self.reported[0] - looking_s, 1e-9)
        self.losses, self.reported = [], (now, trainer.step)
        step, steps, epoch = trainer.step, trainer.steps, trainer.batches.epoch
        line = {"step": step, "steps": steps, "epoch": epoch, "loss": loss, "heldout_nll": heldout}
        self.run.log({**line, "learning_rate": rate, "grad_norm": norm, "tokens_per_s": speed, "elapsed_s": now})
        if self.on_progress is not None:
            left = self.seconds_left(now)
            seen = (loss, heldout, trainer.best, self.looked_at_ngram_nll)
            self.on_progress(Progress(step, steps, epoch, *seen, speed, left))

    def seconds_left(self, now: float) -> float | None:
        """Of the minutes asked for, or, where steps were, at the pace so far."""
        step, steps = self.trainer.step, self.trainer.steps
        if self.timed:
            return max(60 * self.settings.minutes - now, 0.0)
        return None if steps is None else (steps - step) * now / step

    def judge(self, pieces: Sequence[Ids]) -> float:
        """The model's nats an id."""
        total, predicted = nll(self.trainer.model, pieces)
        return total / predicted

    def finish(self, interrupted: bool) -> TrainResult:
        """Judge the best weights on both held-out sides, whole, and write the figures into the run."""
        trainer = self.trainer
        if trainer.best is None:
            self.keep_if_best()
        trainer.load_weights(self.run.folder / WEIGHTS)
        self.export()  # once more, since an interrupt may have come between the weights and their step
        seconds = self.elapsed()
        heldout = self.store.beginnings(self.split.valid or self.split.train, JUDGED)
        best = self.judge(heldout)
        test_nll = self.judge(self.store.beginnings(self.split.test, JUDGED)) if self.split.test else None
        figures = {"heldout_nll": best, "test_nll": test_nll, "ngram_nll": self.ngram_nll}
        figures |= {"steps": trainer.step, "epochs": trainer.batches.epoch, "minutes": seconds / 60}
        known = {name: value for name, value in figures.items() if value is not None}
        self.run = self.run.with_config(figures={**self.run.config.figures, **known})
        return TrainResult(self.run, trainer.step, best, test_nll, seconds, interrupted)
