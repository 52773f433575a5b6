"""The training loop: updates, and now and then a look at the held-out pieces, which decides what weights are kept.

What happens at which step depends on the settings and on what was learnt, never on the clock, so that a run that was
killed and goes on from its last state ends with the bytes of one that was not.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from folkseq.corpus import Split, TokenStore, Variation
from folkseq.errors import FolkseqError
from folkseq.files import clear_temporary
from folkseq.models.settings import TrainSettings
from folkseq.run import Run
from folkseq.training import plan, precision, state
from folkseq.training.heldout import WEIGHTS, HeldOut
from folkseq.training.interrupts import held_back
from folkseq.training.ranks import Ranks
from folkseq.training.reports import Progress, Reports
from folkseq.training.threads import Threads, choices
from folkseq.training.trainer import Trainer

if TYPE_CHECKING:
    from folkseq.corpus.pairs import Draw

REPORT_EVERY = 16
"""Steps between two lines of the metrics; less than a second on two cores."""
DIVERGED = 2.0
"""A loss so many times that of guessing evenly, or one that is no number, is a divergence."""
MOST_HALVINGS = 6
"""Of the learning rate, before a run that goes on diverging is given up."""


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
    variation: Variation | None = None,
    draw: Draw | None = None,
    ngram_nll: tuple[float, float] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    resume: bool = False,
    ranks: Ranks | None = None,
) -> TrainResult:
    """Train the model that the run's configuration describes, and leave the best one in the run's folder.

    An interrupt (SIGINT, or KeyboardInterrupt from `on_progress`) ends training early and in good order, with a state
    to go on from.

    Args:
        store: all pieces.
        split: which of them to train, choose and test on; without a valid side the training pieces choose.
        run: its configuration holds the settings; the plan, the split's sizes and the figures are written into it.
        variation: makes windows of stretches of pieces, where the settings ask for windows.
        draw: makes pairs of pieces, where the model has an encoder.
        ngram_nll: the baseline that the reports hold the model against, in nats an id: on what is looked at of the
            valid side while training, and on all of it.
        on_progress: called at every report.
        resume: go on from the run's saved state; from the beginning, if it was stopped before there was one.
        ranks: the processes that train together, all of which call this; one by default.

    Raises:
        FolkseqError: training diverges whatever the learning rate, or the disk refuses.
        RunError: the saved state cannot be gone on from.
    """
    ranks = ranks or Ranks(device=torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    if len(split.train) < ranks.count:
        raise FolkseqError(f"there are {ranks.count} ranks and {len(split.train)} pieces to train on; start fewer")
    before = torch.get_num_threads()
    devices = [ranks.device] if ranks.device.type == "cuda" else []
    with torch.random.fork_rng(devices), held_back() as stopped:
        try:
            loop = _Loop(store, split, run, variation or Variation(), draw, ngram_nll, on_progress, ranks)
            loop.begin(resume)
            interrupted = False
            try:
                interrupted = loop.train(stopped)
            except KeyboardInterrupt:
                interrupted = True
            return loop.finish(interrupted)
        except FolkseqError as error:
            if not isinstance(error.__cause__, OSError):
                raise
            left = "the state before it stands: make room and go on with --resume"
            raise FolkseqError(f"{error}; {left if state.exists(run.folder) else 'make room'}") from error.__cause__
        finally:
            torch.set_num_threads(before)


class _Loop:
    """One call of `fit`."""

    def __init__(
        self,
        store: TokenStore,
        split: Split,
        run: Run,
        variation: Variation,
        draw: Draw | None,
        ngram_nll: tuple[float, float] | None,
        on_progress: Callable[[Progress], None] | None,
        ranks: Ranks,
    ) -> None:
        self.store, self.split, self.run, self.variation, self.draw, self.ranks = (
            store,
            split,
            run,
            variation,
            draw,
            ranks,
        )
        self.pieces = np.asarray(split.train)[ranks.rank :: ranks.count]
        self.settings, self.model = run.config.training, run.config.model
        self.heldout = HeldOut(store, split, self.settings.validation_ids, run, ranks, draw)
        self.ngram_nll = ngram_nll[1] if ngram_nll else None
        self.reports = Reports(run, ranks, ngram_nll[0] if ngram_nll else None, on_progress)
        # All ranks make as many updates on trial, whatever cores they have.
        self.choices = tuple(json.loads(ranks.share(json.dumps(choices()).encode())))

    def make(self) -> Trainer:
        """A trainer at its very beginning."""
        seed = self.run.config.seed
        return Trainer(self.store, self.pieces, self.model, self.settled(), seed, self.variation, self.ranks, self.draw)

    def settled(self) -> TrainSettings:
        """The settings, with the precision that is fastest for the model as it is now, if none was asked for."""
        return replace(
            self.settings, precision=precision.chosen(self.settings.precision, self.model, self.ranks.device)
        )

    def begin(self, resume: bool) -> None:
        """Plan how many steps there are and make a state to go on from, or take over both."""
        folder = self.run.folder
        if self.ranks.first:
            clear_temporary(folder)
            clear_temporary(folder / "state")
        if self.settings.save_every is None:
            self.plan()
        else:
            self.settings = self.settled()
        if self.ranks.first:
            sizes = {side: len(getattr(self.split, side)) for side in ("train", "valid", "test")}
            known = {} if self.ngram_nll is None else {"ngram_nll": self.ngram_nll}
            figures = {**self.run.config.figures, **known}
            self.run = self.run.with_config(model=self.model, training=self.settings, split=sizes, figures=figures)
        self.trainer = self.make()
        self.threads = Threads(self.choices if self.settings.threads is None else (self.settings.threads,))
        # One that was stopped before its first state begins anew; but not over weights, which never come before it.
        if not (resume and (state.exists(folder) or (folder / WEIGHTS).exists())):
            self.save()
            self.reports.restart()
            return
        written_by = state.read(self.trainer, folder)
        if self.ranks.first:
            self.run.rewind(self.trainer.step)
        self.reports.began = time.monotonic() - self.trainer.elapsed_s
        self.reports.restart()
        if written_by != torch.__version__:
            words = f"begun by PyTorch {written_by}, goes on by {torch.__version__}: perhaps not to the bit"
            self.reports.tell(self.trainer, words)

    def plan(self) -> None:
        """Count everything that was left open in steps, and write it into the run."""
        elapsed = self.reports.elapsed
        budget_s = 60 * self.settings.minutes if self.settings.steps is None else 0.0
        pace = plan.measure(self.make, self.heldout.try_look, budget_s, self.ranks, self.choices)
        if self.settings.plan_hidden:
            self.model = replace(self.model, hidden=plan.width(plan.agreed(self.ranks, int(budget_s / pace.step_s))))
            pace = plan.measure(self.make, self.heldout.try_look, budget_s, self.ranks, self.choices)
        self.settings = self.settled()
        self.trainer, start = self.make(), elapsed()
        self.save()
        pace = replace(pace, check_s=pace.check_s + elapsed() - start)
        planned = plan.plan(self.settings, pace, elapsed(), self.heldout.looks_at_the_end * pace.check_s)
        dropout = self.model.dropout
        if dropout is None:
            dropout = plan.dropout((planned.steps or 0) * self.trainer.epochs_a_step, self.model.hidden)
        training, dropout = json.loads(self.ranks.share(json.dumps([asdict(planned), dropout]).encode()))
        self.settings, self.model = TrainSettings(**training), replace(self.model, dropout=dropout)

    def train(self, stopped: Callable[[], bool]) -> bool:
        """Make every step that is left; or, if it is `stopped`, save the state of the last one, and give true."""
        trainer, steps = self.trainer, self.settings.steps or 0
        while trainer.step < steps:
            with self.threads.update():
                self.reports.seen.append(trainer.update())
            check = plan.is_time_to_check(trainer.step, self.settings)
            save = trainer.step % (self.settings.save_every or steps) == 0
            if not (check or save or trainer.step % REPORT_EVERY == 0):
                continue
            if not self.look_up(check, save):
                self.step_back()
            if self.ranks.sum([float(stopped())])[0]:
                self.save()
                return True
        return False

    def look_up(self, check: bool, save: bool) -> bool:
        """Say where training stands, look at the held-out pieces, and save; false if it has diverged."""
        trainer, found = self.trainer, self.reports.figures(self.trainer)
        guess = math.log(self.model.vocabulary_size)
        if not found.loss < DIVERGED * guess or not math.isfinite(found.norm):  # such a gradient spoils the weights
            return False
        looked, warning = None, ""
        if check:
            looked = self.heldout.look(trainer)
            if not math.isfinite(looked):
                return False
            warning = self.heldout.warning(trainer, looked)
            save |= self.heldout.keep_if_best(trainer, looked)
        self.reports.report(trainer, found, looked)
        if warning:
            self.reports.tell(trainer, warning)
        if save:  # the last, since who goes on from a state has only its later lines written again
            self.save()
        self.reports.restart()
        return True

    def save(self) -> None:
        """Write the state."""
        self.trainer.elapsed_s = self.reports.elapsed()
        state.write(self.trainer, self.run.folder)
        self.store.forget()

    def step_back(self) -> None:
        """Go on from the last state with half the learning rate, since training diverged."""
        trainer, scale = self.trainer, self.trainer.rate_scale / 2
        at, rate = trainer.step, self.settings.learning_rate * scale
        if scale < 0.5**MOST_HALVINGS:
            raise FolkseqError(
                f"training diverges by step {at} even at a learning rate of {2 * rate:g}: "
                "the settings of this run do not train"
            )
        state.read(trainer, self.run.folder)
        trainer.rate_scale = scale
        self.save()
        self.reports.restart()
        words = f"diverged by step {at}: back to step {trainer.step}, the learning rate at most {rate:g} from there"
        self.reports.tell(trainer, words)

    def finish(self, interrupted: bool) -> TrainResult:
        """Judge the best weights on both held-out sides, whole, and write the figures into the run."""
        trainer = self.trainer
        if trainer.best is None:
            self.heldout.keep_if_best(trainer, self.heldout.look(trainer))
        best, test_nll = self.heldout.judge_best(trainer)
        seconds = self.reports.elapsed()
        figures = {"heldout_nll": best, "test_nll": test_nll, "ngram_nll": self.ngram_nll}
        figures |= {"steps": trainer.step, "epochs": trainer.batches.epoch, "minutes": seconds / 60}
        known = {name: value for name, value in figures.items() if value is not None}
        if self.ranks.first:
            self.run = self.run.with_config(figures={**self.run.config.figures, **known})
        return TrainResult(self.run, trainer.step, best, test_nll, seconds, interrupted)
