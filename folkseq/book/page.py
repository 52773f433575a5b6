"""A tune book as one HTML file.

The file loads nothing (its content security policy forbids it): scores are inline drawings, and sound and the font of
musical signs are data. User text is escaped. The style sheet supports screens, light and dark, and paper.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files

from folkseq.formats.score import Engraving, font_face
from folkseq.version import __version__

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src data:; media-src data:; font-src data:"
)
_SPEEDS = {"0.5": "half speed", "0.66": "two thirds", "0.8": "a little slower", "1": "as written", "1.15": "faster"}


@dataclass(frozen=True)
class Entry:
    """A tune of a book, as text for readers.

    Attributes:
        titles: Titles of the tune; the first one is in the index.
        rhythm: Rhythm such as "jig", or an empty string.
        key: Key such as "D major".
        meter: Meter such as "6/8".
        score: Score of the tune.
        source: The tune in ABC.
        credits: Composer, book, source and similar facts.
        sound: An Ogg Vorbis file; empty without sound.
    """

    titles: tuple[str, ...]
    rhythm: str
    key: str
    meter: str
    score: Engraving
    source: str
    credits: tuple[str, ...] = ()
    sound: bytes = b""


def write(entries: Sequence[Entry], title: str) -> bytes:
    """Return the page of a book, in UTF-8."""
    with_sound = any(entry.sound for entry in entries)
    style = files(__package__).joinpath("page.css").read_text("utf-8")
    script = files(__package__).joinpath("page.js").read_text("utf-8")
    style += font_face(system for entry in entries for system in entry.score.systems)
    parts = [
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta name="generator" content="folkseq {__version__}"><title>{escape(title)}</title>',
        f"<style>\n{style}</style></head>\n<body>",
        f'<a class="skip" href="#tunes">Skip to the tunes</a><header><h1>{escape(title)}</h1>',
        f"<p>{len(entries)} tune{'s' * (len(entries) != 1)}</p></header>",
        *_tools(with_sound),
        *_index(entries),
        '<main id="tunes">',
        *(part for number, entry in enumerate(entries, 1) for part in _article(number, entry)),
        f"</main>\n<script>\n{script}</script></body></html>\n",
    ]
    return "\n".join(parts).encode()


def _tools(with_sound: bool) -> Iterator[str]:
    """Yield the controls above the index: search, and the speed and repetition of the players."""
    yield '<div class="tools" role="search"><label class="find"><span class="skip">Find</span>'
    yield '<input id="find" type="search" placeholder="Find a title, rhythm or key" autocomplete="off"></label>'
    hidden = "" if with_sound else " hidden"
    options = "".join(
        f'<option value="{speed}"{" selected" * (speed == "1")}>{words}</option>' for speed, words in _SPEEDS.items()
    )
    yield f'<label{hidden}>Play <select id="speed">{options}</select></label>'
    yield f'<label{hidden}><input id="again" type="checkbox"> repeat</label>'
    yield '<a href="#index">Index</a></div>'


def _index(entries: Sequence[Entry]) -> Iterator[str]:
    yield '<nav id="index" aria-label="Index"><table><thead><tr><th scope="col">No.</th><th scope="col">Title</th>'
    yield '<th scope="col">Rhythm</th><th scope="col">Key</th><th scope="col">Meter</th></tr></thead><tbody>'
    for number, entry in enumerate(entries, 1):
        cells = "".join(f"<td>{escape(text)}</td>" for text in (entry.rhythm, entry.key, entry.meter))
        link = f'<a href="#tune-{number}">{escape(entry.titles[0])}</a>'
        yield f'<tr data-tune="#tune-{number}"><td>{number}</td><td>{link}</td>{cells}</tr>'
    yield '</tbody></table><p class="none" id="none" hidden>No tune has these words.</p></nav>'


def _article(number: int, entry: Entry) -> Iterator[str]:
    title = escape(entry.titles[0])
    yield f'<article id="tune-{number}" aria-labelledby="title-{number}">'
    yield f'<h2 id="title-{number}"><span class="number">{number}</span>{title}</h2>'
    if entry.titles[1:]:
        yield f'<p class="also">{escape(" · ".join(entry.titles[1:]))}</p>'
    left = f"<i>{escape(entry.rhythm)}</i>" if entry.rhythm else ""
    about = " · ".join(filter(None, [left, escape(entry.key)]))
    yield f'<p class="about"><span>{about}</span><span>{escape(entry.score.right)}</span></p>'
    yield f'<figure role="img" aria-label="Score of {title}">'
    yield from (system.replace("<svg ", '<svg class="system" aria-hidden="true" ', 1) for system in entry.score.systems)
    yield '</figure><div class="under">'
    if entry.sound:
        data = b64encode(entry.sound).decode()
        source = f"data:audio/ogg;base64,{data}"
        yield f'<audio controls preload="metadata" aria-label="Play {title}" src="{source}"></audio>'
    yield f"<details><summary>ABC</summary><pre>{escape(entry.source)}</pre></details></div>"
    if entry.credits:
        yield f'<p class="credits">{escape(" · ".join(entry.credits))}</p>'
    yield "</article>"
