"""A tune or performance as it shows itself in a notebook, without any network: its score or roll, and its sound.

The HTML stands alone: the picture is an SVG, the sound a WAV file within it. Pictures are bound in as images, so that
nothing in them can be a script, and two of them share no ids.
"""

from __future__ import annotations

from base64 import b64encode
from html import escape

from folkseq.errors import FolkseqError
from folkseq.formats import wav
from folkseq.music.performance import Performance
from folkseq.music.playback import perform
from folkseq.music.tune import Tune
from folkseq.plots import roll, score
from folkseq.plots.history import plain
from folkseq.plots.picture import render

MOST_NAME = 80  # characters


def display(piece: object, name: str) -> str | None:
    """Return the HTML of a piece; None if it is no music."""
    return html(piece, name) if isinstance(piece, Tune | Performance) else None


def html(piece: Tune | Performance, name: str = "") -> str:
    """What a notebook shows of a piece.

    Args:
        piece: a tune, whose score is shown, or its roll where it cannot be engraved; or a performance.
        name: in place of the piece's own title.

    Raises:
        ValueError: the tune holds neither note nor rest.
    """
    performance = perform(piece) if isinstance(piece, Tune) else piece
    name = plain(name or (piece.title if isinstance(piece, Tune) else piece.name) or "Untitled", MOST_NAME)
    note, picture = "", b""
    if isinstance(piece, Tune):
        try:
            picture = score.engrave(piece)
        except FolkseqError as error:
            note = f"<div><small>{escape(str(error))}</small></div>"
    picture = picture or render(roll.draw(performance, name), ".svg")
    drawing, sound = (b64encode(data).decode() for data in (picture, wav.format(performance)))
    return (
        f'<div><img alt="{escape(name)}" style="max-width:100%;background:white" '
        f'src="data:image/svg+xml;base64,{drawing}"></div>{note}'
        f'<audio controls preload="metadata" title="{escape(name)}" src="data:audio/wav;base64,{sound}"></audio>'
    )
