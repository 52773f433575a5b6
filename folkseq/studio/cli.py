"""The command `folkseq studio`."""

from __future__ import annotations

from pathlib import Path

import click

from folkseq.cli.output import say
from folkseq.cli.status import current


@click.command()
@click.argument("runs", metavar="[RUN]...", nargs=-1)
@click.option("--folder", default="studio", show_default=True, help="Folder of tunes and history.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port.  [default: a free one]")
@click.option("--browser/--no-browser", default=True, show_default=True, help="Open the page in the browser.")
@click.option("--soundfont", help="An .sf2 file for sound.  [default: the system's]")
def studio(runs: tuple[str, ...], folder: str, port: int, browser: bool, soundfont: str | None) -> None:
    """Open a page in the browser to write, play, edit and export tunes.

    The page is served on this machine only and works offline. It offers the pretrained models, the runs under runs/
    and every RUN that you name.
    """
    current().close()  # no progress display: the server runs until it is stopped
    from folkseq.extras import require
    from folkseq.formats.audio import find_soundfont
    from folkseq.run import Run

    require("starlette", "uvicorn")
    from folkseq.studio.server import serve
    from folkseq.studio.workshop import Workshop

    folders = tuple(Run.open(run).folder for run in runs)
    workshop = Workshop(Path(folder), folders, find_soundfont(soundfont) if soundfont else None)
    serve(workshop, port, browser, on_start=lambda address: say(f"the studio is at {address}\nstop it with Ctrl-C"))
