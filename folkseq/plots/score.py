"""A tune as a score: engraved by abcm2ps where it is on the PATH, else by verovio if that is installed.

The picture is an SVG. No title or other line of text is given to the engraver, since each reads some signs in it as
commands of its own; what the tune is called stands over the score, escaped. Both engravers write ids, dates and
comments that differ from time to time; these go, so that the same tune gives the same bytes.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from html import escape
from pathlib import Path

from folkseq.errors import FolkseqError
from folkseq.formats import abc
from folkseq.formats.abc.writer import clef
from folkseq.music.tune import Bar, Element, Part, Sound, Tune
from folkseq.plots.history import plain

INSTALL = "a score takes abcm2ps (`apt install abcm2ps`) or verovio (`pip install 'folkseq[score]'`); neither is there"
MOST_NAME, MOST_MARK = 70, 40
"""Characters: of the title, and of a text over the staff."""
MOST_SOUNDS = 20_000
"""Of a tune that can be engraved."""
PATIENCE_S = 60

_SVG, _XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_TITLE = 46.0  # height of the title over the score, in the units of a page that is 800 wide
_PAGE = 800.0
_LENGTH = re.compile(r"[0-9.]+")


def engraver() -> Callable[[str], str] | None:
    """What turns ABC into SVG here; None if nothing does."""
    if shutil.which("abcm2ps"):
        return _abcm2ps
    try:
        import verovio  # noqa: F401 - only whether it is there
    except ImportError:
        return None
    return _verovio


def engrave(tune: Tune) -> bytes:
    """The score of a tune as an SVG file.

    Raises:
        FolkseqError: there is no engraver, or it does not manage the tune.
    """
    found = engraver()
    if found is None:
        raise FolkseqError(INSTALL)
    name = tune.title or "Untitled"
    if sum(map(len, tune.voices)) > MOST_SOUNDS:
        raise FolkseqError(f"{plain(name, MOST_NAME)}: is too long to be engraved")
    try:
        score = _cleaned(found(abc.format(_plain(tune), voices=[clef(voice) for voice in tune.voices])))
    except (ET.ParseError, OSError, subprocess.SubprocessError, ValueError) as error:
        reason = plain(str(error), MOST_NAME)
        raise FolkseqError(f"{plain(name, MOST_NAME)}: cannot be engraved ({reason})") from None
    return _titled(score, name, tune.rhythm).encode()


def _plain(tune: Tune) -> Tune:
    """The tune without its lines of text, and with short ones over its staff."""
    voices = tuple(_closed([_shortened(element) for element in voice]) for voice in tune.voices)
    tempo = replace(tune.tempo, text="") if tune.tempo else None
    return replace(tune, voices=voices, number=1, titles=(" ",), rhythm="", fields=(), parts="", tempo=tempo)


def _shortened(element: Element) -> Element:
    if isinstance(element, Sound | Bar) and element.marks:
        return replace(element, marks=tuple(mark for mark in element.marks if len(mark) <= MOST_MARK))
    if isinstance(element, Part):
        return Part(plain(element.label, 4))
    return element


def _closed(voice: list[Element]) -> tuple[Element, ...]:
    """The voice without a repeat that it ends before: verovio would leave out the bar before that."""
    if voice and isinstance(voice[-1], Bar) and voice[-1].opens:
        voice[-1] = replace(voice[-1], opens=False, style=voice[-1].style or "|")
    return tuple(voice)


def _abcm2ps(text: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tune.abc"
        path.write_text(text, encoding="utf-8")
        command = ["abcm2ps", "-q", "-g", "-O", "score", path.name]
        subprocess.run(command, cwd=folder, capture_output=True, timeout=PATIENCE_S, check=False)
        pages = sorted(Path(folder).glob("score*.svg"))
        if not pages:
            raise ValueError("abcm2ps refuses it")
        return pages[0].read_text(encoding="utf-8", errors="replace")


def _verovio(text: str) -> str:
    import verovio

    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    page = {"pageWidth": 2100, "pageHeight": 60_000, "adjustPageHeight": True, "scale": 38, "svgViewBox": True}
    toolkit.setOptions({"inputFrom": "abc", "header": "none", "footer": "none", "xmlIdSeed": 1, **page})
    if not toolkit.loadData(text):
        raise ValueError("verovio refuses it")
    return str(toolkit.renderToSVG(1))


def _cleaned(text: str) -> ET.Element:
    """The drawing without comments and scripts. Raises ValueError if it is none."""
    drawing = ET.fromstring(text)  # which leaves comments out
    for parent in list(drawing.iter()):
        for child in list(parent):
            if child.tag.rpartition("}")[2] in ("script", "foreignObject", "title", "desc"):
                parent.remove(child)
        for name in [name for name in parent.attrib if name.lower().startswith("on")]:
            del parent.attrib[name]
    if drawing.tag != f"{{{_SVG}}}svg":
        raise ValueError(f"a drawing was expected, got {drawing.tag}")
    return drawing


def _titled(drawing: ET.Element, name: str, rhythm: str) -> str:
    """The drawing under its title, as wide as `_PAGE`."""
    sides = [_LENGTH.match(drawing.get(side, "")) for side in ("width", "height")]
    box = drawing.get("viewBox") or "0 0 " + " ".join(side[0] if side else "1" for side in sides)
    width, height = (float(side) for side in box.split()[2:])
    height *= _PAGE / width
    drawing.attrib |= {"viewBox": box, "width": f"{_PAGE:g}", "height": f"{height:.2f}", "y": f"{_TITLE:g}"}
    drawing.attrib.pop("overflow", None)
    ET.register_namespace("", _SVG)
    ET.register_namespace("xlink", _XLINK)
    whole = f"0 0 {_PAGE:g} {height + _TITLE:.2f}"
    small = f'<tspan font-size="12" font-weight="normal" dx="10">{escape(plain(rhythm, 20))}</tspan>' if rhythm else ""
    return (
        f'<svg xmlns="{_SVG}" viewBox="{whole}" width="{_PAGE:g}" height="{height + _TITLE:.2f}" color="black">'
        f'<rect width="100%" height="100%" fill="white"/>'
        f'<text x="{_PAGE / 2:g}" y="28" text-anchor="middle" font-family="serif" font-size="19" font-weight="bold">'
        f"{escape(plain(name, MOST_NAME))}{small}</text>{ET.tostring(drawing, encoding='unicode')}</svg>\n"
    )
