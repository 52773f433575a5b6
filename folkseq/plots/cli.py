"""The command `folkseq plot`."""

from __future__ import annotations

import sys
from shutil import get_terminal_size

import click

from folkseq.cli.output import inform, say, show, show_written
from folkseq.cli.status import QUIET
from folkseq.errors import RequestError


@click.command()
@click.argument("targets", metavar="[RUN|FILE]...", nargs=-1)
@click.option("--cells", is_flag=True, help="Draw the most selective neurons of RUN while it reads FILE.")
@click.option("--gradients", is_flag=True, help="Draw the gradient flow of one or several runs.")
@click.option("--number", type=int, help="X: number of a piece in FILE.  [default: all; with --cells, the first]")
@click.option(
    "-o", "--out", help="A .png or .svg file, or an .html file with --cells.  [default: in RUN/plots, or next to FILE]"
)
@click.option("--terminal", is_flag=True, help="Draw the curves in the terminal, and write no picture.")
@QUIET
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def plot(
    targets: tuple[str, ...],
    cells: bool,
    gradients: bool,
    number: int | None,
    out: str | None,
    terminal: bool,
    as_json: bool,
) -> None:
    """Draw the training curves of a run, or the music in a file.

    For a RUN (by default, the newest), folkseq draws the training and held-out loss in nats per token next to the loss
    of an n-gram model, the gradient norm before and after clipping, the learning rate, and tokens per second.

    For a FILE (MIDI, ABC or MusicXML), it draws a piano roll of each piece and a score of each tune. An .svg file in
    --out contains only the score.
    """
    from folkseq.plots.verb import plot as verb

    width = get_terminal_size().columns
    plotted = verb(*targets, out=out, terminal=terminal, width=width, cells=cells, gradients=gradients, number=number)
    files, text = [str(file) for file in plotted.files], plotted.text or ""
    encoding = sys.stdout.encoding or "utf-8"
    if text.encode(encoding, "replace").decode(encoding) != text:
        raise RequestError(f"--terminal: {encoding} has no blocks; set PYTHONIOENCODING=utf-8, or write -o FILE")
    for line in plotted.notices:
        say(line)
    for line in () if as_json else plotted.lines:
        inform(line)
    facts = {"files": files, **({"text": text} if text else {}), **plotted.facts}
    if text and not as_json:
        show(False, facts, text)
    show_written(as_json, facts, *plotted.files)
