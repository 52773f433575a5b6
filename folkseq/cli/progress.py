"""Progress of training on stderr: lines, and on a terminal one line that is rewritten."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any, TextIO

from folkseq.cli.status import current

if TYPE_CHECKING:
    from folkseq.run import Run
    from folkseq.verbs.train import TrainingStart

_PREVIEW_EVERY = 5  # validations
_PREVIEW_SEED = 0
_MOST_FAULTS, _MOST_KINDS = 5, 8  # shown one by one; `folkseq tokenize` shows all


class Watcher:
    """Writes the progress of a training run to a stream."""

    def __init__(self, quiet: bool = False, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self.quiet = quiet
        self.run: Run | None = None
        self.ngram_nll: float | None = None
        self.best: float | None = None
        self.validations = 0
        self.width = 0  # of the line that is rewritten

    def start(self, start: TrainingStart) -> None:
        """Show what the run learns from; from here on, the lines of training say how far it is."""
        current().close()
        self.run, corpus, split, baseline = start.run, start.corpus, start.split, start.baseline
        for notice in start.notices[:_MOST_FAULTS]:
            self._line(notice)
        if len(start.notices) > _MOST_FAULTS:
            self._line(f"and {len(start.notices) - _MOST_FAULTS} more notices of this kind")
        for fault in corpus.faults[:_MOST_FAULTS]:
            self._line(f"not read: {fault}", always=True)
        if len(corpus.faults) > _MOST_FAULTS:
            self._line(f"not read: {len(corpus.faults) - _MOST_FAULTS} more", always=True)
        if corpus.lost:
            shown = ", ".join(f"{kind} {count:,}" for kind, count in corpus.lost.most_common(_MOST_KINDS))
            more = len(corpus.lost) - _MOST_KINDS
            self._line(f"not in the tokens: {shown}" + (f", and {more} rarer kinds" if more > 0 else ""), always=True)
        amounts = "".join(f", {amount.sum():,.0f} {unit}s" for unit, amount in corpus.amounts.items())
        self._line(
            f"{len(corpus.store):,} pieces ({corpus.repeats} repeats left out, {start.near_duplicates} with "
            f"near-duplicates), {len(corpus.store.ids):,} tokens of {len(corpus.codec.vocabulary)} kinds{amounts}; "
            f"{len(split.train):,} to train on, {len(split.valid)} held out, {len(split.test)} to test"
        )
        if baseline is not None:
            self.ngram_nll = baseline.validation_nll
            self._line(f"the loss of the {baseline.order}-gram to beat: {baseline.heldout_nll:.3f} nats per token")
        self._line(f"run: {start.run.folder}")

    def report(self, line: Mapping[str, Any]) -> None:
        """Show a line of the metrics."""
        step = line["step"]
        if "event" in line:
            self._line(f"step {step:,}: {line['event']}")
            return
        heldout_nll, left_s = line["heldout_nll"], int((line["steps"] - step) * line["elapsed_s"] / step)
        if heldout_nll is not None:
            self.best = min(heldout_nll, self.best or heldout_nll)
        held_out = f"  held-out {heldout_nll:.3f}" if heldout_nll is not None else ""
        if not held_out and self.best is not None:
            held_out = f"  best held-out {self.best:.3f}"
        beat = f" (n-gram {self.ngram_nll:.3f})" if held_out and self.ngram_nll is not None else ""
        left = f"{left_s // 60}:{left_s % 60:02d} left"
        speed = f"{line['tokens_per_s']:,.0f} tokens/s"
        text = f"step {step:,}/{line['steps']:,}  {left}  loss {line['loss']:.3f}{held_out}{beat}  {speed}"
        if heldout_nll is None:
            self._rewrite(text)
            return
        self._line(text)
        self.validations += 1
        if self.validations % _PREVIEW_EVERY == 0:
            self._preview()

    def finish(self, run: Run, resume: str) -> None:
        """Show the figures of the run, and the command that resumes it if it was interrupted."""
        figures, planned = run.config.figures, run.config.training.steps or 0
        interrupted = figures["steps"] < planned
        ngram, test = figures.get("ngram_nll"), figures.get("test_nll")
        self._line(
            f"{'interrupted; the best model is kept' if interrupted else 'done'}: {figures['steps']:,} steps in "
            f"{figures['minutes']:.1f} minutes; held-out {figures['heldout_nll']:.3f} nats per token"
            + (f" ({figures['heldout_nll'] / ngram:.3f} of the n-gram's)" if ngram else "")
            + (f", on the test pieces {test:.3f}" if test is not None else "")
        )
        if interrupted:
            self._line(f"to resume: {resume}")

    def _preview(self) -> None:
        """Show a piece by the best model so far."""
        from folkseq.representations.task import CONTINUE
        from folkseq.verbs.model import load

        if self.quiet or self.run is None or self.run.config.task != CONTINUE:
            return
        model = load(self.run.folder)
        for piece in model.sample(1, seed=_PREVIEW_SEED + self.validations):
            preview = model.codec.generation.preview(piece.piece)
            self._line(f"    {': '.join(filter(None, (piece.title, preview)))}")

    def _line(self, text: str, always: bool = False) -> None:
        """Write a line, unless only lines that nobody may miss are asked for."""
        if self.quiet and not always:
            return
        self._write(f"\r{' ' * self.width}\r{text}\n" if self.width else f"{text}\n")
        self.width = 0

    def _rewrite(self, text: str) -> None:
        if self.quiet or not self.stream.isatty():
            return
        text = text[: get_terminal_size().columns - 1]
        self._write(f"\r{text.ljust(self.width)}")
        self.width = len(text)

    def _write(self, text: str) -> None:
        with suppress(OSError):  # the terminal may be closed, which must not end training
            self.stream.write(text)
            self.stream.flush()
