"""The verb `plot`: pictures of a run, or blocks as wide as the terminal."""

from __future__ import annotations

import sys
from shutil import get_terminal_size
from typing import Any

import click

from folkseq.cli.output import show
from folkseq.errors import RequestError


@click.command()
@click.argument("target", metavar="[RUN]", required=False)
@click.option("-o", "--out", help="The picture, a .png or .svg.  [default: RUN/plots/curves.png and .svg]")
@click.option("--terminal", is_flag=True, help="Draw here, in blocks, in place of a picture.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def plot(target: str | None, out: str | None, terminal: bool, as_json: bool) -> None:
    """Draw how a run's training went (the newest by default).

    Losses in nats a token, of training and of held-out pieces, beside the n-gram's; the gradient's norm before and
    after clipping; the learning rate; tokens a second.
    """
    from folkseq.commands.plot import plot as verb

    drawn = verb(target, out=out, terminal=terminal, width=get_terminal_size().columns)
    files = [str(file) for file in drawn.files]
    facts: dict[str, Any] = {"files": files}
    if drawn.text is None:
        show(as_json, facts, *files)
        return
    _check_encoding(drawn.text)
    show(as_json, {**facts, "text": drawn.text}, drawn.text, *files)


def _check_encoding(text: str) -> None:
    """Raise RequestError if the output has no blocks in its alphabet."""
    encoding = sys.stdout.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        raise RequestError(
            f"--terminal: {encoding} has no blocks; set PYTHONIOENCODING=utf-8, or write -o FILE"
        ) from None
