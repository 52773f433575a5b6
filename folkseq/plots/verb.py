"""`folkseq plot`: pictures of a run's training, neurons and gradient flow, and of files of music."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from folkseq.analysis.source import is_music, pieces, played
from folkseq.errors import FolkseqError, RequestError, RunError
from folkseq.extras import require
from folkseq.files import write_atomically
from folkseq.formats import musicxml, score
from folkseq.music.tune import Tune
from folkseq.plots.history import History
from folkseq.plots.style import SUFFIXES, render
from folkseq.representations.task import CONTINUE
from folkseq.run import TRY, Run
from folkseq.verbs.trained import newest, restore

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE = ".html"
MOST_STEM = 60  # characters of a music file's name in the name of a picture
MOST_PIECES = 100  # maximum number of pieces in a file to draw


@dataclass(frozen=True)
class Plotted:
    """The written pictures, the curves for a terminal, and the figures that both show."""

    files: tuple[Path, ...]
    text: str | None = None  # curves in Unicode blocks
    notices: tuple[str, ...] = ()  # missing pictures, with the next step
    facts: Mapping[str, Any] = field(default_factory=dict)  # figures by name
    lines: tuple[str, ...] = ()  # the figures as text


def plot(
    *targets: Path | str | None,
    out: Path | str | None = None,
    terminal: bool = False,
    width: int = 80,
    cells: bool = False,
    gradients: bool = False,
    number: int | None = None,
) -> Plotted:
    """Draw the training curves of a run, or the piano roll and score of a file of MIDI or ABC.

    Args:
        targets: a run folder or a file; by default, the newest run under `runs`. With `cells`, a run and a file, or
            only a file for the newest run; with `gradients`, one or several runs.
        out: the picture to write, a .png or .svg file, or with `cells` an .html file. By default, pictures of a run go
            into its folder `plots`, and pictures of a file next to it. An .svg file of a tune contains its score.
            Several pieces get numbered pictures.
        terminal: draw the curves with Unicode blocks, and write no picture unless `out` is given.
        width: width of the terminal in characters.
        cells: draw the neurons of the run while it reads the file, and how often its gates are closed and open.
        gradients: draw the gradient flow of runs.
        number: `X:` number of a piece in the file; by default all pieces, or with `cells` the first.

    Raises:
        RunError: there is no run, or it has no training report yet.
        RequestError: the suffix of `out` is unknown, or arguments contradict each other.
        FolkseqError: a file cannot be read or written, or an optional package is not installed.
    """
    named = [Path(target) for target in targets if target is not None]
    wanted = None if out is None else Path(out)
    of_music = bool(named) and is_music(named[0])
    if cells and gradients:
        raise RequestError("--cells and --gradients are different pictures; give one of them")
    if terminal and (cells or gradients or of_music):
        raise RequestError("--terminal draws only the training curves of a run; leave it out")
    suffixes = (*SUFFIXES, PAGE) if cells else SUFFIXES
    if wanted is not None and wanted.suffix.lower() not in suffixes:
        raise RequestError(f"{wanted}: cannot be drawn by its suffix; choose one of {', '.join(suffixes)}")
    if number is not None and not any(map(is_music, named)):
        raise RequestError("--number needs a file; name the file, or leave it out")
    if cells:
        return _neurons(named, wanted, number)
    if gradients:
        return _gradients(named, wanted)
    if len(named) > 1:
        raise RequestError(f"{named[1]}: give one run or file; only --cells takes a run and a file")
    if of_music:
        return _music(named[0], wanted, number)
    return _curves(Run.open(named[0]) if named else Run.latest(), wanted, terminal, width)


def _write(figure: Figure, files: Sequence[Path]) -> tuple[Path, ...]:
    for file in files:
        write_atomically(file, render(figure, file.suffix.lower()))
    return tuple(files)


def _curves(run: Run, out: Path | None, terminal: bool, width: int) -> Plotted:
    from folkseq.plots import curves
    from folkseq.plots import terminal as blocks

    config, model = run.config, run.config.model
    about = f"{config.representation}, {model.layers} x {model.hidden} {model.cell}"
    known = {figure: config.figures.get(figure) for figure in ("ngram_nll", "ngram_order")}
    try:
        history = History.of(run.metrics.lines(), run.name, about, clip=config.training.clip, **known)
    except ValueError:
        raise RunError(f"{run.address}: holds no training report yet; {TRY}") from None
    files = [out] if out else [] if terminal else [run.folder / "plots" / f"curves{suffix}" for suffix in SUFFIXES]
    if files:
        _write(curves.draw(history), files)
    return Plotted(tuple(files), blocks.draw(history, width) if terminal else None)


def _music(file: Path, out: Path | None, number: int | None) -> Plotted:
    """Draw the piano roll of each piece of a file, or of one piece, and the score of each tune."""
    from folkseq.plots import roll

    found = pieces(file, number)
    if len(found) > MOST_PIECES:
        raise RequestError(f"{file}: holds {len(found):,} pieces, too many to draw; name one with --number")
    files: list[Path] = []
    notices: list[str] = []
    for place, piece in found.items():
        stem, performance = (out or file).with_suffix(""), played(piece, file)
        name = (piece.title if isinstance(piece, Tune) else piece.name) or file.stem
        if len(found) > 1:
            stem = stem.with_name(f"{stem.name}-{place:0{len(str(max(found)))}d}")
        drawn, score_at = [f"{stem}-roll{suffix}" for suffix in SUFFIXES], f"{stem}-score.svg"
        if out is not None:
            drawn = [f"{stem}{out.suffix}"]
            if isinstance(piece, Tune) and out.suffix.lower() == ".svg":
                drawn, score_at = [], drawn[0]
        files += _write(roll.draw(performance, name), list(map(Path, drawn))) if drawn else ()
        try:
            if isinstance(piece, Tune):
                write_atomically(score_at, score.format([musicxml.format(piece)], ".svg"))
                files.append(Path(score_at))
        except FolkseqError as error:
            notices.append(str(error))
    if not files:
        raise FolkseqError(notices[0])
    return Plotted(tuple(files), notices=tuple(notices))


def _neurons(named: Sequence[Path], out: Path | None, number: int | None) -> Plotted:
    require("torch")
    from folkseq.analysis.neurons import analyse
    from folkseq.plots import gates, neurons, page

    if not 1 <= len(named) <= 2 or named[-1].is_dir():
        raise RequestError("--cells takes a run and a file that it reads: `folkseq plot RUN FILE --cells`")
    run = Run.open(named[0]) if len(named) == 2 else newest(CONTINUE, suffixes=[named[-1].suffix])
    analysis = analyse(restore(run))
    reading = analysis.read(named[-1], number)
    folder = analysis.run.results("plots")
    stem = f"cells-{named[-1].stem[:MOST_STEM]}"
    files = [out] if out else [folder / f"{stem}{suffix}" for suffix in (*SUFFIXES, PAGE)]
    _write(neurons.draw(reading), [file for file in files if file.suffix.lower() != PAGE])
    if files[-1].suffix.lower() == PAGE:
        write_atomically(files[-1], page.write(reading))
    notices: tuple[str, ...] = ()
    if not out and analysis.gates:
        files += _write(gates.draw(analysis.gates, reading.about), [folder / f"gates{suffix}" for suffix in SUFFIXES])
    elif not out:
        notices = (f"{analysis.run.address}: the cell {analysis.run.config.model.cell} has no gates to draw",)
    lines = (
        f"{analysis.pieces} held-out pieces, {analysis.tokens:,} tokens",
        *(each.summary for each in reading.neurons),
    )
    return Plotted(tuple(files), notices=notices, facts=analysis.facts(reading), lines=lines)


def _gradients(named: Sequence[Path], out: Path | None) -> Plotted:
    require("torch")
    from folkseq.analysis.gradient_flow import gradient_flow
    from folkseq.plots import gradients

    runs = [Run.open(folder) for folder in named] or [Run.latest()]
    flows = [gradient_flow(restore(run)) for run in runs]
    files = [out] if out else [runs[0].results("plots") / f"gradients{suffix}" for suffix in SUFFIXES]
    units = {"steps" if run.config.model.fields else "tokens" for run in runs}
    figure = gradients.draw(flows, " or ".join(sorted(units, reverse=True)))
    facts: dict[str, dict[str, list[float]]] = {"gradients": {}, "cell_gradients": {}}
    for run, flow in zip(runs, flows, strict=True):
        facts["gradients"][str(run.folder)] = flow.norms.tolist()
        if flow.cell_norms is not None:
            facts["cell_gradients"][str(run.folder)] = flow.cell_norms.tolist()
    lines = tuple(f"{flow.name}: {flow.summary}" for flow in flows)
    return Plotted(_write(figure, files), facts=facts, lines=lines)
