"""The verb `plot`: pictures of runs and files, or blocks as wide as the terminal."""

from __future__ import annotations

import sys
from shutil import get_terminal_size

import click

from folkseq.cli.output import say, show
from folkseq.errors import RequestError


@click.command()
@click.argument("targets", metavar="[RUN|FILE]...", nargs=-1)
@click.option("--cells", is_flag=True, help="RUN FILE: what the run's best cells hold while it reads the file.")
@click.option("--gradients", is_flag=True, help="RUN...: how far gradients reach back, of one run or several.")
@click.option("--number", type=int, help="Which piece of FILE, by its X:.  [default: the first]")
@click.option(
    "-o", "--out", help="The picture: .png, .svg, or .html of --cells.  [default: in RUN/plots, or beside FILE]"
)
@click.option("--terminal", is_flag=True, help="Draw curves here, in blocks, in place of a picture.")
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

    RUN (the newest by default): how its training went. Losses in nats a token, of training and of held-out pieces,
    beside the n-gram's; the gradient's norm before and after clipping; the learning rate; tokens a second.

    FILE, of MIDI or ABC: its piano roll, and of a tune its score, by abcm2ps or verovio.
    """
    from folkseq.plots.verb import plot as verb

    width = get_terminal_size().columns
    drawn = verb(*targets, out=out, terminal=terminal, width=width, cells=cells, gradients=gradients, number=number)
    files = [str(file) for file in drawn.files]
    text = [] if drawn.text is None else [drawn.text]
    if text:
        _check_encoding(text[0])
    facts = {"files": files, **({"text": text[0]} if text else {}), **drawn.facts}
    for notice in drawn.notices:
        say(notice)
    if not as_json:
        for line in drawn.lines:
            say(line)
    show(as_json, facts, *text, *files)


def _check_encoding(text: str) -> None:
    """Raise RequestError if the output has no blocks in its alphabet."""
    encoding = sys.stdout.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        raise RequestError(
            f"--terminal: {encoding} has no blocks; set PYTHONIOENCODING=utf-8, or write -o FILE"
        ) from None
