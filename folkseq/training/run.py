"""A training run: updates, and validations that select the best weights.

Events depend on the settings and the training progress, never on the clock. A run that is killed and resumed therefore
ends with the same bytes as an uninterrupted run.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from folkseq.corpora.baseline import Baseline
from folkseq.errors import FolkseqError
from folkseq.files import clear_temporary
from folkseq.interrupts import deferred
from folkseq.run import Run, RunConfig
from folkseq.training import checkpoint, plan
from folkseq.training.learner import Learner, TrainingData, Update
from folkseq.training.ranks import Ranks
from folkseq.training.validate import hold_out, mean_nll

REPORT_EVERY = 16
"""Steps between two reports."""
DIVERGED = 2.0
"""Training has diverged if its loss is this many times the loss of a uniform guess, or not finite."""
MOST_HALVINGS = 6
"""Maximum number of halvings of the learning rate, after which a diverging run fails."""
OVERFIT, OVERFIT_VALIDATIONS = 1.01, 3
"""A run overfits if its loss is this many times the lowest loss, this many validations later."""


@dataclass
class Progress:
    """The progress of a run, which a resumed run restores."""

    step: int = 0
    best: float | None = None
    """Lowest nats per id of a validation."""
    best_step: int = 0
    warned: bool = False
    """Whether the user was warned that the run overfits."""
    rate_scale: float = 1.0
    """Factor on the learning rate, halved at each divergence."""
    elapsed_s: float = 0.0


class TrainingRun:
    """A run in training, with its plan, network, held-out pieces, reports and files."""

    def __init__(
        self,
        run: Run,
        data: TrainingData,
        *,
        baseline: Baseline | None = None,
        on_report: Callable[[Mapping[str, Any]], None] | None = None,
        ranks: Ranks | None = None,
    ) -> None:
        """Prepare to train.

        Args:
            run: the run, whose configuration contains the settings and receives the plan and the figures.
            data: all pieces and their split.
            baseline: the n-gram model for comparison.
            on_report: called with each new line of the metrics; see `Run.metrics`.
            ranks: the processes that train together; one by default.

        Raises:
            FolkseqError: there are more ranks than pieces, or the task cannot use any piece.
        """
        self.run, self.data, self.baseline, self.on_report = run, data, baseline, on_report
        self.ranks = ranks or Ranks()
        pieces = len(data.split.train)
        if pieces < self.ranks.count:
            raise FolkseqError(f"there are {self.ranks.count} ranks and {pieces} pieces to train on; start fewer")
        self.held_out = hold_out(data, run.config)
        self.progress = Progress()
        self.updates: list[Update] = []
        self.started = time.monotonic()
        self.reported_s = 0.0

    @property
    def elapsed_s(self) -> float:
        """Seconds of training, including those before it was resumed."""
        return time.monotonic() - self.started

    def train(self, resume: bool = False) -> Run:
        """Train, and write the best weights into the run folder.

        SIGINT, SIGTERM, SIGHUP, or KeyboardInterrupt from `on_report`, end training early and leave a state to resume
        from.

        Args:
            resume: continue from the saved state, or from the start if the run has none yet.

        Returns:
            The run with its final figures.

        Raises:
            FolkseqError: training diverges at every learning rate, or the disk refuses.
            RunError: the saved state cannot be resumed from.
        """
        threads = torch.get_num_threads()
        devices = [self.ranks.device] if self.ranks.device.type == "cuda" else []
        with torch.random.fork_rng(devices), deferred() as interrupted:
            try:
                self._start(resume)
                with suppress(KeyboardInterrupt):
                    self._update(interrupted)
                return self._finish()
            except FolkseqError as error:
                if not isinstance(error.__cause__, OSError):
                    raise
                hint = "; the last state is kept: use --resume" if checkpoint.exists(self.run.folder) else ""
                raise FolkseqError(f"{error}; free some space{hint}") from error.__cause__
            finally:
                torch.set_num_threads(threads)

    def _start(self, resume: bool) -> None:
        """Plan and save the first state, or load the last one."""
        folder = self.run.folder
        if self.ranks.is_main:
            clear_temporary(folder)
            clear_temporary(folder / "state")
        config = self.run.config
        if config.training.save_every is None:
            config = plan.plan(config, self.data, self.held_out, self.ranks, self.started)
            if self.baseline is not None:
                figures = {"ngram_nll": self.baseline.heldout_nll, "ngram_order": self.baseline.order}
                config = replace(config, figures={**config.figures, **figures})
            self._write(config)
        if config.training.threads is not None:
            torch.set_num_threads(config.training.threads)
        self.learner = Learner(self.data, config, self.ranks)
        # A run that was stopped before its first state starts again, but never over weights, which come after a state.
        if not (resume and (checkpoint.exists(folder) or (folder / checkpoint.WEIGHTS).exists())):
            if checkpoint.load_start(self.learner, folder):
                base_nll = mean_nll(self.learner.model, self.held_out.validation, self.ranks)
                self._tell({"event": f"the held-out loss of the model that it starts from is {base_nll:.3f}"})
                self._keep_if_best(base_nll)
            self._save()
            if self.ranks.is_main:
                (folder / checkpoint.START).unlink(missing_ok=True)
        else:
            version = self._load()
            if self.ranks.is_main:
                self.run.metrics.rewind(self.progress.step)
            self.started = time.monotonic() - self.progress.elapsed_s
            if version != torch.__version__:
                versions = f"started with PyTorch {version}, continues with {torch.__version__}"
                self._tell({"event": f"{versions}: results may not be bit-identical"})
        self.reported_s = self.elapsed_s

    def _update(self, interrupted: Callable[[], bool]) -> None:
        """Make all remaining updates, or save the state after an interrupt."""
        progress, settings = self.progress, self.run.config.training
        steps, validate_every = settings.steps or 0, plan.validate_every(settings)
        while progress.step < steps:
            rate = progress.rate_scale * plan.learning_rate(progress.step, settings)
            self.updates.append(self.learner.update(rate))
            progress.step += 1
            validate = progress.step % validate_every == 0 or progress.step == steps
            save = progress.step % (settings.save_every or steps) == 0
            if validate or save or progress.step % REPORT_EVERY == 0:
                if not self._report(rate, validate, save):
                    self._roll_back()
                self.updates, self.reported_s = [], self.elapsed_s
                if self.ranks.sum([float(interrupted())])[0]:
                    self._save()
                    return

    def _report(self, rate: float, validate: bool, save: bool) -> bool:
        """Report the updates since the last report, validate, and save; return False if training has diverged."""
        progress, settings, ids = self.progress, self.run.config.training, sum(each.ids for each in self.updates)
        losses, norms = (torch.stack([getattr(each, name) for each in self.updates]) for name in ("loss", "norm"))
        loss = self.ranks.sum([float(losses.mean())])[0] / self.ranks.count  # waits for the device
        norm, tokens_per_s = float(norms.mean()), ids / max(self.elapsed_s - self.reported_s, 1e-9)
        if not loss < DIVERGED * math.log(self.run.config.model.vocabulary_size) or not math.isfinite(norm):
            return False
        heldout_nll, overfits = None, False
        if validate:
            heldout_nll = mean_nll(self.learner.model, self.held_out.validation, self.ranks)
            if not math.isfinite(heldout_nll):
                return False
            late = progress.step - progress.best_step >= OVERFIT_VALIDATIONS * plan.validate_every(settings)
            overfits = late and progress.best is not None and heldout_nll >= OVERFIT * progress.best
            save |= self._keep_if_best(heldout_nll)
        line = {"steps": settings.steps, "epoch": self.learner.batches.epoch, "loss": loss, "heldout_nll": heldout_nll}
        line |= {"learning_rate": rate, "grad_norm": norm}
        line |= {"grad_norm_clipped": float(norms.clamp(max=settings.clip).mean())}
        self._tell({**line, "tokens_per_s": tokens_per_s, "elapsed_s": self.elapsed_s})
        if overfits and not progress.warned:
            progress.warned = True
            self._tell(
                {
                    "event": f"overfits: the held-out loss was {progress.best:.3f} at step {progress.best_step:,} and "
                    f"is {heldout_nll:.3f}; the best weights are kept. Use more music, a smaller model or less time"
                }
            )
        if save:  # last, since a run that resumes from this state writes only later lines again
            self._save()
        return True

    def _keep_if_best(self, heldout_nll: float) -> bool:
        """Write the weights if their loss is the lowest so far; return whether it is."""
        progress = self.progress
        if progress.best is not None and heldout_nll >= progress.best:
            return False
        if self.ranks.is_main:
            checkpoint.save_weights(self.learner, self.run.folder, heldout_nll, progress.step)
        progress.best, progress.best_step = heldout_nll, progress.step
        return True

    def _roll_back(self) -> None:
        """Continue from the last state with half the learning rate."""
        diverged, scale = self.progress.step, self.progress.rate_scale / 2
        rate = scale * self.run.config.training.learning_rate
        if scale < 0.5**MOST_HALVINGS:
            raise FolkseqError(
                f"training diverges at step {diverged} even with a learning rate of {2 * rate:g}; "
                "train into another folder with other settings"
            )
        self._load()
        self.progress.rate_scale = scale
        self._save()
        step = self.progress.step
        self._tell(
            {"event": f"diverged at step {diverged}: rolled back to step {step}, learning rate at most {rate:g}"}
        )

    def _finish(self) -> Run:
        """Evaluate the best weights on all held-out pieces, and write the figures into the run."""
        learner, folder = self.learner, self.run.folder
        if self.progress.best is None:
            self._keep_if_best(mean_nll(learner.model, self.held_out.validation, self.ranks))
        self.ranks.broadcast()  # the others wait until the main rank has written
        checkpoint.load_weights(learner, folder)
        if self.ranks.is_main:
            checkpoint.save_networks(learner, folder)  # again, since an interrupt may have come after the weights
        figures = {"heldout_nll": mean_nll(learner.model, self.held_out.final, self.ranks)}
        if self.held_out.test:
            figures["test_nll"] = mean_nll(learner.model, self.held_out.test, self.ranks)
        figures |= {"steps": self.progress.step, "epochs": learner.batches.epoch, "minutes": self.elapsed_s / 60}
        self._write(replace(self.run.config, figures={**self.run.config.figures, **figures}))
        return self.run

    def _write(self, config: RunConfig) -> None:
        self.run = replace(self.run, config=config)
        if self.ranks.is_main:
            self.run.write()

    def _save(self) -> None:
        self.progress.elapsed_s = self.elapsed_s
        checkpoint.save_state(self.learner, asdict(self.progress), self.run.folder)
        self.data.store.forget()

    def _load(self) -> str:
        """Load the last state; return the version of PyTorch that wrote it."""
        progress, version = checkpoint.load_state(self.learner, self.run.folder)
        vars(self.progress).update(progress)
        return version

    def _tell(self, line: dict[str, Any]) -> None:
        """Add a line to the metrics."""
        line = {"step": self.progress.step, **line}
        if self.ranks.is_main:
            self.run.metrics.add(line)
        if self.on_report is not None:
            self.on_report(line)
