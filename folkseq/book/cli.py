"""The command `folkseq book`."""

from __future__ import annotations

import click

from folkseq.cli.options import JSON, SOUNDFONT
from folkseq.cli.output import show_lost, show_written
from folkseq.cli.status import QUIET, current


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("-o", "--out", default="book.html", show_default=True, help="Name of the .html file.")
@click.option("--title", default="", help="Title of the book.  [default: from the file name]")
@click.option("--sound/--no-sound", default=True, show_default=True, help="Add a player for each tune.")
@SOUNDFONT
@QUIET
@JSON
def book(files: tuple[str, ...], out: str, title: str, sound: bool, soundfont: str | None, as_json: bool) -> None:
    """Write a tune book as one HTML file, from .abc, .musicxml, .mxl or .mid files or folders of them.

    The book has an index, and a score and a player for each tune. It works offline and is ready to print.
    """
    from folkseq.book.verb import book as verb

    status = current()

    def on_tune(done: int, tunes: int) -> None:
        status.text = f"book: {done:,} of {tunes:,} tunes"

    written = verb(files, out, title=title, sound=sound, soundfont=soundfont, on_tune=on_tune)
    show_lost(written.lost, written.faults, written.notices)
    facts = {"file": str(written.file), "tunes": written.tunes, "lost": written.lost}
    show_written(as_json, facts, written.file)
