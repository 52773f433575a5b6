"""`folkseq plot`: how a run's training went, as pictures, or as blocks for a terminal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from folkseq.errors import RequestError, RunError
from folkseq.files import write_atomically
from folkseq.plots.history import History
from folkseq.plots.picture import SUFFIXES
from folkseq.run import TRY, Run


@dataclass(frozen=True)
class Plotted:
    """The pictures written, and what was drawn for a terminal, if that was asked for."""

    files: tuple[Path, ...]
    text: str | None


def plot(
    target: Path | str | None = None, *, out: Path | str | None = None, terminal: bool = False, width: int = 80
) -> Plotted:
    """Draw the curves of a run's training: losses, gradient norms, learning rate, and tokens a second.

    Args:
        target: the run's folder; the newest run under `runs` by default.
        out: the picture to write, a .png or .svg; `plots/curves.png` and `plots/curves.svg` in the run by default.
        terminal: draw Unicode blocks, and write no picture unless `out` asks for it.
        width: the characters in a line of those.

    Raises:
        RunError: there is no run, or its training has told nothing yet.
        RequestError: a picture cannot be written by its suffix.
        FolkseqError: the disk refuses.
    """
    files = [Path(out)] if out is not None else []
    for file in files:
        if file.suffix.lower() not in SUFFIXES:
            raise RequestError(f"{file}: cannot be drawn by its suffix; there are: {', '.join(SUFFIXES)}")
    run = Run.latest() if target is None else Run.open(target)
    history = _history(run)
    if not files and not terminal:
        files = [run.folder / "plots" / f"curves{suffix}" for suffix in SUFFIXES]
    if files:
        from folkseq.plots import curves
        from folkseq.plots.picture import render

        figure = curves.draw(history)
        for file in files:
            write_atomically(file, render(figure, file.suffix.lower()))
    text = None
    if terminal:
        from folkseq.plots import blocks

        text = blocks.draw(history, width)
    return Plotted(tuple(files), text)


def _history(run: Run) -> History:
    config = run.config
    name = run.folder.name or run.folder.resolve().name
    about = f"{config.tokenizer}, {config.model.layers} x {config.model.hidden} {config.model.cell}"
    ngram: dict[str, Any] = {figure: config.figures.get(figure) for figure in ("ngram_nll", "ngram_order")}
    try:
        return History.of(run.metrics(), name=name, about=about, clip=config.training.clip, **ngram)
    except ValueError:
        raise RunError(f"{run.folder}: its training has told nothing yet that could be drawn; {TRY}") from None
