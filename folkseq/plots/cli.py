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
@click.option("--cells", is_flag=True, help="RUN FILE: the run's most selective neurons while it reads the file.")
@click.option("--gradients", is_flag=True, help="RUN...: the gradient flow of one run or several.")
@click.option("--number", type=int, help="Which piece of FILE, by its X:.  [default: all, or with --cells the first]")
@click.option("-o", "--out", help="A .png or .svg, or an .html of --cells.  [default: in RUN/plots, or beside FILE]")
@click.option("--terminal", is_flag=True, help="Draw the curves in blocks on the terminal, and no picture.")
@QUIET
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def plot(
    targets: tuple[str, ...],
    cells: bool,
    gradients: bool,
    number: int | None,
    out: str | None,
    terminal: bool,
    as_json: bool,
) -> None:
    """Draw a run, or a file of music.

    RUN (the newest by default): the curves of its training: the losses in nats a token of training and held-out pieces
    beside the n-gram's, the gradient norm before and after clipping, the learning rate, and tokens a second.

    FILE, of MIDI, ABC or MusicXML: the piano roll of each piece, and the score of each tune; an .svg of -o is the
    score.
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
