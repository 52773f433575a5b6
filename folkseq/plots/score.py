"""A tune as a score in SVG, engraved by abcm2ps if it is on the PATH, else by verovio if that is installed.

The engraver gets no title or other line of text, because each engraver reads some characters in them as commands; the
title is added to the drawing, escaped. The ids, dates and comments that engravers write are removed, so that the same
tune gives the same bytes.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import xml.etree.ElementTree as ET
from dataclasses import replace
from html import escape
from pathlib import Path

from folkseq.errors import FolkseqError
from folkseq.formats import abc
from folkseq.formats.abc.writer import clef
from folkseq.music.tune import Bar, Element, Part, Sound, Tune
from folkseq.plots.style import plain

INSTALL = "a score needs abcm2ps or verovio; run: apt install abcm2ps, or: pip install 'folkseq[plot]'"
MOST_NAME, MOST_MARK, MOST_LABEL = 70, 40, 4
"""Characters: of the title, of a text over the staff, and of the label of a part."""
MOST_SOUNDS = 20_000
TIMEOUT_S = 60

_SVG = "http://www.w3.org/2000/svg"
_TITLE, _PAGE = 46.0, 800.0  # height of the title and width of the page, in the drawing's units
_LENGTH = re.compile(r"[0-9.]+")


def engrave(tune: Tune) -> bytes:
    """Return the score of a tune as an SVG file.

    Raises:
        FolkseqError: no engraver is installed, or it cannot engrave the tune.
    """
    name = tune.title or "Untitled"
    if sum(map(len, tune.voices)) > MOST_SOUNDS:
        raise FolkseqError(f"{plain(name, MOST_NAME)}: has over {MOST_SOUNDS:,} notes, too many for a score")
    tempo = replace(tune.tempo, text="") if tune.tempo else None
    voices = tuple(_plain(voice) for voice in tune.voices)
    bare = replace(tune, voices=voices, number=1, titles=(" ",), rhythm="", fields=(), parts="", tempo=tempo)
    text = abc.format(bare, voices=[clef(voice) for voice in tune.voices])
    try:
        drawing = _cleaned(_abcm2ps(text) if shutil.which("abcm2ps") else _verovio(text))
    except (ET.ParseError, OSError, subprocess.SubprocessError, ValueError) as error:
        reason = plain(str(error), MOST_NAME)
        raise FolkseqError(f"{plain(name, MOST_NAME)}: cannot be engraved ({reason})") from None
    return _titled(drawing, name, tune.rhythm).encode()


def _plain(voice: tuple[Element, ...]) -> tuple[Element, ...]:
    """Return a voice without long texts, and without a repeat at its end, which verovio drops with the bar before."""
    elements: list[Element] = []
    for element in voice:
        if isinstance(element, Sound | Bar):
            element = replace(element, marks=tuple(mark for mark in element.marks if len(mark) <= MOST_MARK))
        elements.append(Part(plain(element.label, MOST_LABEL)) if isinstance(element, Part) else element)
    if elements and isinstance(last := elements[-1], Bar) and last.opens:
        elements[-1] = replace(last, opens=False, style=last.style or "|")
    return tuple(elements)


def _abcm2ps(text: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tune.abc"
        path.write_text(text, encoding="utf-8")
        command = ["abcm2ps", "-q", "-g", "-O", "score", path.name]
        subprocess.run(command, cwd=folder, capture_output=True, timeout=TIMEOUT_S, check=False)
        pages = sorted(Path(folder).glob("score*.svg"))
        if not pages:
            raise ValueError("abcm2ps refuses it")
        return pages[0].read_text(encoding="utf-8", errors="replace")


def _verovio(text: str) -> str:
    try:
        import verovio
    except ImportError:
        raise FolkseqError(INSTALL) from None
    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    page = {"pageWidth": 2100, "pageHeight": 60_000, "adjustPageHeight": True, "scale": 38, "svgViewBox": True}
    toolkit.setOptions({"inputFrom": "abc", "header": "none", "footer": "none", "xmlIdSeed": 1, **page})
    if not toolkit.loadData(text):
        raise ValueError("verovio refuses it")
    return str(toolkit.renderToSVG(1))


def _cleaned(text: str) -> ET.Element:
    """Return a drawing without comments and scripts. Raises ValueError or ParseError if `text` is none."""
    drawing = ET.fromstring(text)  # leaves comments out
    if drawing.tag != f"{{{_SVG}}}svg":
        raise ValueError(f"expected an SVG, got {drawing.tag}")
    for parent in list(drawing.iter()):
        for child in list(parent):
            if child.tag.rpartition("}")[2] in ("script", "foreignObject", "title", "desc"):
                parent.remove(child)
        for name in [name for name in parent.attrib if name.lower().startswith("on")]:
            del parent.attrib[name]
    return drawing


def _titled(drawing: ET.Element, name: str, rhythm: str) -> str:
    """Return the drawing below its title, scaled to the width of the page."""
    sides = [_LENGTH.match(drawing.get(side, "")) for side in ("width", "height")]
    box = drawing.get("viewBox") or "0 0 " + " ".join(side[0] if side else "1" for side in sides)
    width, height = (float(side) for side in box.split()[2:])
    height *= _PAGE / width
    drawing.attrib |= {"viewBox": box, "width": f"{_PAGE:g}", "height": f"{height:.2f}", "y": f"{_TITLE:g}"}
    drawing.attrib.pop("overflow", None)
    ET.register_namespace("", _SVG)
    ET.register_namespace("xlink", "http://www.w3.org/1999/xlink")
    whole = f"0 0 {_PAGE:g} {height + _TITLE:.2f}"
    small = f'<tspan font-size="12" font-weight="normal" dx="10">{escape(plain(rhythm, 20))}</tspan>' if rhythm else ""
    return (
        f'<svg xmlns="{_SVG}" viewBox="{whole}" width="{_PAGE:g}" height="{height + _TITLE:.2f}" color="black">'
        f'<rect width="100%" height="100%" fill="white"/>'
        f'<text x="{_PAGE / 2:g}" y="28" text-anchor="middle" font-family="serif" font-size="19" font-weight="bold">'
        f"{escape(plain(name, MOST_NAME))}{small}</text>{ET.tostring(drawing, encoding='unicode')}</svg>\n"
    )
