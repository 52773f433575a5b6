"""The command `folkseq book`."""

from __future__ import annotations

import sys
from contextlib import nullcontext

import click

from folkseq.cli.options import JSON, SOUNDFONT
from folkseq.cli.output import say, show, show_lost


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("-o", "--out", default="book.html", show_default=True, help="The .html file.")
@click.option("--title", default="", help="The title of the book.  [default: from the name of the file]")
@click.option("--sound/--no-sound", default=True, show_default=True, help="A player for each tune.")
@SOUNDFONT
@JSON
def book(files: tuple[str, ...], out: str, title: str, sound: bool, soundfont: str | None, as_json: bool) -> None:
    """Make one HTML file of tunes (.abc, .musicxml, .mxl, .mid, or folders of them).

    It has an index, a score and a player for each tune, needs no network, and prints as a tune book.
    """
    from folkseq.book.verb import book as verb

    hidden = not sys.stderr.isatty()
    with nullcontext() if hidden else click.progressbar(length=1, label="tunes", file=sys.stderr) as bar:

        def on_tune(done: int, tunes: int) -> None:
            if bar is not None:
                bar.length = tunes
                bar.update(done - bar.pos)

        written = verb(files, out, title=title, sound=sound, soundfont=soundfont, on_tune=on_tune)
    for notice in written.notices:
        say(notice)
    show_lost(written.lost, written.faults)
    show(as_json, {"file": str(written.file), "tunes": written.tunes, "lost": written.lost}, str(written.file))
