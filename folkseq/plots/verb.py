"""`folkseq plot`: pictures of a run's training, cells and gradients, and of files of music."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from folkseq.errors import FolkseqError, RequestError, RunError
from folkseq.files import write_atomically
from folkseq.plots.history import History
from folkseq.plots.picture import SUFFIXES
from folkseq.run import TRY, Run
from folkseq.verbs.opened import is_music, music

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from folkseq.analysis.neurons import Heard

PAGE = ".html"
MOST_STEM = 60  # characters of a file's name in a picture's


@dataclass(frozen=True)
class Plotted:
    """The pictures written, what was drawn for a terminal, and what was found out on the way."""

    files: tuple[Path, ...]
    text: str | None = None
    notices: tuple[str, ...] = ()
    """What could not be drawn, and what to do about it."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """The figures that the pictures show, by name."""
    lines: tuple[str, ...] = ()
    """The same for a reader."""


def plot(
    *targets: Path | str | None,
    out: Path | str | None = None,
    terminal: bool = False,
    width: int = 80,
    cells: bool = False,
    gradients: bool = False,
    number: int | None = None,
) -> Plotted:
    """Draw a run, or a file.

    Of a run, the curves of its training: losses, gradient norms, learning rate, and tokens a second. Of a file of MIDI
    or ABC its piano roll, and of a tune its score.

    Args:
        targets: a run's folder, or a file; the newest run under `runs` by default. With `cells` a run and a file, or a
            file alone; with `gradients` one run or several.
        out: the picture to write, a .png or .svg, or with `cells` an .html; by default a run's pictures go into its
            `plots`, and a file's go beside it.
        terminal: draw curves in Unicode blocks, and write no picture unless `out` asks for it.
        width: the characters in a line of those.
        cells: show what the run's cells hold while it reads the file, and how its gates stand.
        gradients: show how far the gradients of runs reach back.
        number: which piece of the file, by its `X:`; the first by default.

    Raises:
        RunError: there is no run, or its training has told nothing yet.
        RequestError: a picture cannot be written by its suffix, or what is asked for does not go together.
        FolkseqError: a file cannot be read, or the disk refuses.
    """
    named = [Path(target) for target in targets if target is not None]
    if cells and gradients:
        raise RequestError("--cells and --gradients are pictures of their own; ask for one of them")
    if terminal and (cells or gradients or (named and is_music(named[0]))):
        raise RequestError("--terminal draws the curves of a training alone; leave it out")
    wanted = Path(out) if out is not None else None
    suffixes = (*SUFFIXES, PAGE) if cells else SUFFIXES
    if wanted is not None and wanted.suffix.lower() not in suffixes:
        raise RequestError(f"{wanted}: cannot be drawn by its suffix; there are: {', '.join(suffixes)}")
    if number is not None and not any(map(is_music, named)):
        raise RequestError("--number names a piece of a file; name the file, or leave it out")
    if cells:
        return _cells(named, wanted, number)
    if gradients:
        return _gradients(named, wanted)
    if len(named) > 1:
        raise RequestError(f"{named[1]}: one run or file is drawn at a time; --cells takes a run and a file")
    if named and is_music(named[0]):
        return _file(named[0], wanted, number)
    return _curves(Run.open(named[0]) if named else Run.latest(), wanted, terminal, width)


def _write(figure: Figure, files: Sequence[Path]) -> tuple[Path, ...]:
    from folkseq.plots.picture import render

    for file in files:
        write_atomically(file, render(figure, file.suffix.lower()))
    return tuple(files)


def _curves(run: Run, out: Path | None, terminal: bool, width: int) -> Plotted:
    history = _history(run)
    files = [out] if out else [] if terminal else [run.folder / "plots" / f"curves{suffix}" for suffix in SUFFIXES]
    if files:
        from folkseq.plots import curves

        _write(curves.draw(history), files)
    text = None
    if terminal:
        from folkseq.plots import blocks

        text = blocks.draw(history, width)
    return Plotted(tuple(files), text)


def _history(run: Run) -> History:
    config = run.config
    about = f"{config.tokenizer}, {config.model.layers} x {config.model.hidden} {config.model.cell}"
    ngram: dict[str, Any] = {figure: config.figures.get(figure) for figure in ("ngram_nll", "ngram_order")}
    try:
        return History.of(run.metrics(), name=run.name, about=about, clip=config.training.clip, **ngram)
    except ValueError:
        raise RunError(f"{run.folder}: its training has told nothing yet that could be drawn; {TRY}") from None


def _file(file: Path, out: Path | None, number: int | None) -> Plotted:
    """The roll of a file, and of a tune its score."""
    from folkseq.plots import roll, score

    tune, performance = music(file, number)
    stem = (out or file).with_suffix("")
    rolls = [out] if out else [Path(f"{stem}-roll{suffix}") for suffix in SUFFIXES]
    name = (tune.title if tune else performance.name) or file.stem
    files = _write(roll.draw(performance, name), rolls)
    if tune is None:
        return Plotted(files)
    try:
        engraved = score.engrave(tune)
    except FolkseqError as error:
        return Plotted(files, notices=(str(error),))
    write_atomically(page := Path(f"{stem}-score.svg"), engraved)
    return Plotted((*files, page))


def _cells(named: Sequence[Path], out: Path | None, number: int | None) -> Plotted:
    from folkseq.analysis.neurons import Heard

    if not 1 <= len(named) <= 2 or named[-1].is_dir():
        raise RequestError("--cells takes a run and a file that it is to read: `folkseq plot RUN FILE --cells`")
    heard = Heard.of(Run.open(named[0]) if len(named) == 2 else Run.latest())
    reading = heard.read(named[-1], number)
    folder = heard.run.folder / "plots"
    stem = named[-1].stem[:MOST_STEM]
    files = [out] if out else [folder / f"cells-{stem}{suffix}" for suffix in (*SUFFIXES, PAGE)]
    pictures = [file for file in files if file.suffix.lower() in SUFFIXES]
    if pictures:
        from folkseq.plots import cells

        _write(cells.draw(reading), pictures)
    for file in files:
        if file.suffix.lower() == PAGE:
            from folkseq.plots import page

            write_atomically(file, page.write(reading))
    notices: tuple[str, ...] = ()
    if not out and heard.gates:
        files += _write(_gates(heard, reading.about), [folder / f"gates{suffix}" for suffix in SUFFIXES])
    elif not out:
        notices = (f"{heard.run.folder}: the cell {heard.run.config.model.cell} has no gates to draw",)
    lines = (f"{heard.pieces} held-out pieces, {heard.tokens:,} tokens", *(cell.told for cell in reading.cells))
    return Plotted(tuple(files), notices=notices, facts=heard.facts(reading), lines=lines)


def _gates(heard: Heard, about: str) -> Figure:
    from folkseq.analysis.trace import OPEN, SHUT
    from folkseq.plots import gates

    return gates.draw(heard.gates, about, SHUT, OPEN)


def _gradients(named: Sequence[Path], out: Path | None) -> Plotted:
    from folkseq.analysis.gradient_flow import reach_of
    from folkseq.plots import gradients

    runs = [Run.open(folder) for folder in named] or [Run.latest()]
    reaches = [reach_of(run) for run in runs]
    files = [out] if out else [runs[0].folder / "plots" / f"gradients{suffix}" for suffix in SUFFIXES]
    units = {"steps" if run.config.model.fields else "tokens" for run in runs}
    figure = gradients.draw(reaches, units.pop() if len(units) == 1 else "tokens or steps")
    facts = {"gradients": {str(run.folder): reach.norms.tolist() for run, reach in zip(runs, reaches, strict=True)}}
    lines = tuple(f"{reach.name}: {reach.told}" for reach in reaches)
    return Plotted(_write(figure, files), facts=facts, lines=lines)
