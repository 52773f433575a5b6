"""What a person sees while a model is trained: one line that is rewritten on a terminal, else a line now and then."""

from __future__ import annotations

import sys
from shutil import get_terminal_size
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from pathlib import Path

    from folkseq.training import Progress, TrainResult
    from folkseq.verbs.train import Prepared

_SNIPPETS_EVERY = 5  # held-out checks
_SNIPPET_SEED = 0
BAR = 30  # characters
_MOST_FAULTS, _MOST_KINDS = 5, 8  # shown one by one; `folkseq tokenize` shows all


class Watcher:
    """Tells of a training as it goes, on `stream`."""

    def __init__(self, quiet: bool = False, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self.quiet = quiet
        self.folder: Path | None = None
        self.checks = 0
        self.width = 0  # of the line to be rewritten

    def read(self, done: int, files: int) -> None:
        """How many files are read."""
        if files < 2:
            return
        filled = BAR * done // files
        self._rewrite(f"reading  {'█' * filled}{'░' * (BAR - filled)}  {done:,} of {files:,} files")
        if done == files:
            self._line(f"read {files:,} files")

    def prepared(self, found: Prepared) -> None:
        """What was read."""
        self.folder = found.folder
        for notice in found.notices:
            self._line(notice)
        for fault in found.faults[:_MOST_FAULTS]:
            self._line(f"not read: {fault}")
        if len(found.faults) > _MOST_FAULTS:
            self._line(f"not read: {len(found.faults) - _MOST_FAULTS} more")
        if found.lost:
            shown = ", ".join(f"{kind} {count:,}" for kind, count in found.lost.most_common(_MOST_KINDS))
            more = len(found.lost) - _MOST_KINDS
            self._line(f"not in the tokens: {shown}" + (f", and {more} rarer kinds" if more > 0 else ""))
        train, valid, test = found.split
        self._line(
            f"{found.pieces:,} pieces ({found.repeats} repeats left out, {found.twins} with near twins), "
            f"{found.tokens:,} tokens of {found.vocabulary} kinds"
            + "".join(f", {amount:,.0f} {kind}s" for kind, amount in found.amounts.items())
            + "; "
            f"{train:,} to train on, {valid} held out, {test} to test"
        )
        if found.ngram_nll is not None:
            self._line(f"the {found.ngram_order}-gram's loss to beat: {found.ngram_nll:.3f} nats a token")
        self._line(f"run: {found.folder}")

    def progress(self, now: Progress) -> None:
        """Where training stands."""
        if now.event:
            self._line(f"step {now.step:,}: {now.event}")
            return
        held_out = f"  held-out {now.heldout_nll:.3f}" if now.heldout_nll is not None else ""
        if not held_out and now.best is not None:
            held_out = f"  best held-out {now.best:.3f}"
        beat = f" (n-gram {now.ngram_nll:.3f})" if held_out and now.ngram_nll is not None else ""
        steps = f"/{now.steps:,}" if now.steps else ""
        left = (
            f"  {int(now.seconds_left) // 60}:{int(now.seconds_left) % 60:02d} left"
            if now.seconds_left is not None
            else ""
        )
        text = f"step {now.step:,}{steps}{left}  loss {now.loss:.3f}{held_out}{beat}  {now.tokens_per_s:,.0f} tokens/s"
        if now.heldout_nll is None:
            self._rewrite(text)
            return
        self._line(text)
        self.checks += 1
        if self.checks % _SNIPPETS_EVERY == 0:
            self._snippet()

    def done(self, result: TrainResult) -> None:
        """What came of it."""
        how = "interrupted; the best model is kept" if result.interrupted else "done"
        test = f", on the test pieces {result.test_nll:.3f}" if result.test_nll is not None else ""
        ngram = result.run.config.figures.get("ngram_nll")
        ratio = f" ({result.heldout_nll / ngram:.3f} of the n-gram's)" if ngram else ""
        self._line(
            f"{how}: {result.steps:,} steps in {result.seconds / 60:.1f} minutes; "
            f"held-out {result.heldout_nll:.3f} nats a token{ratio}{test}"
        )

    def _snippet(self) -> None:
        """A glimpse of a piece by the best model so far."""
        from folkseq.representations.task import CONTINUE
        from folkseq.verbs.model import load

        if self.quiet or self.folder is None:
            return
        model = load(self.folder)
        if model.run.config.task != CONTINUE:
            return
        for piece in model.sample(1, seed=_SNIPPET_SEED + self.checks):
            self._line(f"    {': '.join(filter(None, (piece.title, piece.preview)))}")

    def _line(self, text: str) -> None:
        if self.quiet:
            return
        self.stream.write(f"\r{' ' * self.width}\r{text}\n" if self.width else f"{text}\n")
        self.stream.flush()
        self.width = 0

    def _rewrite(self, text: str) -> None:
        if self.quiet or not self.stream.isatty():
            return
        text = text[: get_terminal_size().columns - 1]
        self.stream.write(f"\r{text.ljust(self.width)}")
        self.stream.flush()
        self.width = len(text)
