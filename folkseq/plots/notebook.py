"""Display of a piece in a notebook, offline: its score or piano roll, and its sound.

The HTML is self-contained. Pictures are embedded as images, so that they cannot contain scripts or share ids.
"""

from __future__ import annotations

from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from folkseq.analysis.source import pieces, played
from folkseq.errors import FolkseqError, RequestError
from folkseq.formats import audio, midi, musicxml, score
from folkseq.music.performance import Performance
from folkseq.music.playback import perform
from folkseq.music.tune import Tune
from folkseq.plots import roll
from folkseq.plots.style import plain, render

MOST_NAME = 80  # characters


@dataclass(frozen=True)
class Shown:
    """A piece that a notebook displays as a score or piano roll, with sound."""

    piece: Tune | Performance = field(repr=False)
    name: str = ""

    def _repr_html_(self) -> str | None:
        return display(self.piece, self.name)


def show(piece: Tune | Performance | Path | str, number: int | None = None) -> Shown:
    """Show a piece in a notebook, offline.

    Args:
        piece: a tune, a performance, or an ABC or MIDI file.
        number: `X:` number of a piece in the file; by default, the first.

    Raises:
        FolkseqError: the file cannot be read.
    """
    if isinstance(piece, Tune | Performance):
        return Shown(piece)
    file = Path(piece)
    first = next(iter(pieces(file, number).values()))
    named = isinstance(first, Tune) or first.name
    played(first, file)
    return Shown(first, "" if named else file.stem)


def display(piece: object, name: str = "") -> str | None:
    """Return the HTML of a piece, titled `name` or its own title; None if the object is not a piece.

    A tune that cannot be engraved is shown as a piano roll, with the reason.

    Raises:
        ValueError: a tune contains neither notes nor rests.
    """
    if not isinstance(piece, Tune | Performance):
        return None
    performance = perform(piece) if isinstance(piece, Tune) else piece
    name = plain(name or (piece.title if isinstance(piece, Tune) else piece.name) or "Untitled", MOST_NAME)
    note, picture = "", b""
    if isinstance(piece, Tune):
        try:
            picture = score.format([musicxml.format(piece)], ".svg")
        except FolkseqError as error:
            note = f"<div><small>{escape(str(error))}</small></div>"
    picture = picture or render(roll.draw(performance, name), ".svg")
    drawing = b64encode(picture).decode()
    shown = (
        f'<div><img alt="{escape(name)}" style="max-width:100%;background:white" '
        f'src="data:image/svg+xml;base64,{drawing}"></div>{note}'
    )
    with suppress(RequestError):  # sound is left out if it cannot be synthesized here
        sound = b64encode(audio.format(midi.format(performance), ".ogg")).decode()
        source = f"data:audio/ogg;base64,{sound}"
        shown += f'<audio controls preload="metadata" title="{escape(name)}" src="{source}"></audio>'
    return shown
