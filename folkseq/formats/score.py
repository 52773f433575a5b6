"""Scores as SVG, PNG and PDF, engraved by verovio from MusicXML.

verovio draws each system separately, without a title. An SVG stacks the systems under the title. typst sets them on A4
pages for a PDF, or on one page of any length for a PNG. All fonts come with verovio and typst, not from the system, and
the same music gives the same bytes.
"""

from __future__ import annotations

import base64
import io
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from folkseq.errors import ParseError, RequestError
from folkseq.extras import require
from folkseq.formats.musicxml.container import parse_root

SUFFIXES = (".svg", ".pdf", ".png")
MODULES = ("verovio", "typst", "fontTools")
"""Optional modules that this module needs."""
WIDTH = 840.0
"""Width of a system in an SVG."""
MOST_BYTES = 1 << 25
"""Largest size of a MusicXML file that is engraved."""
PPI = 150
_FONT = "Leipzig"  # for musical symbols in text, such as the note of a tempo
_SVG = "http://www.w3.org/2000/svg"
_MARGIN, _HEAD, _GAP = 30.0, 78.0, 18.0  # in units of the SVG
_LONGEST = 60  # characters of a line of an SVG's heading
_TALLEST = 1.42  # height of a system on A4, relative to its width
_OPTIONS = {
    "inputFrom": "xml",
    "header": "none",
    "footer": "none",
    "breaks": "smart",
    "breaksSmartSb": 0.5,
    "pageWidth": 2100,
    "pageHeight": 100,  # so that each page is a system
    "adjustPageHeight": True,
    "pageMarginTop": 0,
    "pageMarginBottom": 20,
    "pageMarginLeft": 25,
    "pageMarginRight": 0,
    "scale": 40,
    "svgViewBox": True,
    "svgRemoveXlink": True,
    "smuflTextFont": "none",
    "lyricSize": 4.2,
    "mnumInterval": 0,
}
_PAGE = """
#let score = json(bytes(sys.inputs.score))
#set document(title: score.title, author: score.authors, keywords: score.comments, date: none)
#show heading: it => align(center, text(17pt, weight: "bold", it.body))
#set page(..if score.paged { (paper: "a4", margin: (x: 16mm, top: 16mm, bottom: 18mm)) }
  else { (width: 210mm, height: auto, margin: 12mm) }, fill: white)
#set page(footer: context if counter(page).final().first() > 1 {
  set text(9pt); align(center, counter(page).display()) }) if score.paged
#set text(font: "Libertinus Serif", size: 10.5pt)
#let draw(system) = align(center, image(bytes(system.svg), format: "svg", width: system.width * 1%))
#for tune in score.tunes {
  block(breakable: false, above: 9mm, below: 3.5mm)[
    #heading(tune.title)
    #grid(columns: (1fr, 1fr), emph(tune.left), align(right, tune.right))
    #v(2mm)
    #draw(tune.systems.first())
  ]
  for system in tune.systems.slice(1) { block(breakable: false, below: 3.5mm, draw(system)) }
}
"""


@dataclass(frozen=True)
class Engraving:
    """A score: its title, the texts to the left and right below it, the file's comments, and the systems as SVG."""

    title: str
    left: str
    right: str
    comments: tuple[str, ...]
    systems: tuple[str, ...]


def format(files: Sequence[bytes], suffix: str) -> bytes:
    """Return the scores of MusicXML files as one SVG, PDF or PNG.

    Args:
        files: The contents of the files; an SVG holds only one.
        suffix: One of `SUFFIXES`.

    Raises:
        RequestError: verovio or typst is not installed, or the music cannot be engraved.
    """
    require(*MODULES)
    scores = [engrave(data, seed) for seed, data in enumerate(files, 1)]
    return _svg(*scores) if suffix == ".svg" else _typeset(scores, suffix)


def engrave(data: bytes, seed: int = 1) -> Engraving:
    """Return the score of a MusicXML file; give scores on one page distinct seeds. Raises RequestError."""
    require("verovio")
    import verovio

    if len(data) > MOST_BYTES:
        raise RequestError(f"its MusicXML has {len(data):,} bytes, too many for a score")
    try:
        root = parse_root(data, "the score")
    except ParseError as error:
        raise RequestError(str(error)) from None
    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit(False)
    toolkit.setResourcePath(str(Path(verovio.__file__).with_name("data")))  # the import sets it for one thread only
    toolkit.setOptions({**_OPTIONS, "xmlIdSeed": seed})
    if not toolkit.loadData(data.decode()) or not toolkit.getPageCount():
        raise RequestError("verovio refuses to engrave it; take .musicxml")
    about = {field.get("name"): field.text or "" for field in root.iter("miscellaneous-field")}
    comments = [field.text or "" for field in root.iter("miscellaneous-field") if field.get("name") == "comment"]
    composers = [each.text or "" for each in root.iter("creator") if each.get("type") == "composer"]
    systems = (toolkit.renderToSVG(page) for page in range(1, toolkit.getPageCount() + 1))
    return Engraving(
        (root.findtext("movement-title") or root.findtext("work/work-title") or "").strip() or "Untitled",
        about.get("abc:R", "").capitalize(),
        "; ".join(composers),
        tuple(comments),
        tuple(map(_cleaned, systems)),
    )


def font_face(drawings: Iterable[str]) -> str:
    """Return a CSS rule with a font for the musical symbols in the text of systems; return "" if there are none."""
    signs = _signs(drawings)
    if not signs:
        return ""
    data = base64.b64encode(_font(signs)).decode()
    return f"@font-face{{font-family:{_FONT};src:url(data:font/ttf;base64,{data})}}"


def _cleaned(text: str) -> str:
    """Return a drawing without comments, scripts and descriptions."""
    ET.register_namespace("", _SVG)
    drawing = ET.fromstring(text)  # drops comments
    used = {each.get("href", "").removeprefix("#") for each in drawing.iter(f"{{{_SVG}}}use")}
    for parent in list(drawing.iter()):
        for child in list(parent):
            if child.tag.rpartition("}")[2] in ("script", "foreignObject", "title", "desc"):
                parent.remove(child)
        for name in [name for name in parent.attrib if name.lower().startswith(("on", "data-"))]:
            del parent.attrib[name]
        if parent.get("id") not in used and parent.tag == f"{{{_SVG}}}g":
            parent.attrib.pop("id", None)
        if not (parent.text or "").strip():
            parent.text = None
        if "text" not in parent.tag and "tspan" not in parent.tag:
            for child in parent:
                child.tail = None
    drawing.attrib.pop("overflow", None)
    return ET.tostring(drawing, encoding="unicode")


def _box(system: str) -> tuple[float, float]:
    """Return the width and height of a system."""
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', system)
    if box is None:
        raise RequestError("verovio engraves it without a size; take .musicxml")
    return float(box[1]), float(box[2])


def _signs(drawings: Iterable[str]) -> str:
    """Return the musical symbols in text, which lie in Unicode's private use area."""
    return "".join(sorted({sign for text in drawings for sign in re.findall("[\ue000-\uf8ff]", text)}))


@lru_cache(maxsize=8)
def _font(signs: str) -> bytes:
    """Return verovio's font for some symbols, as a TrueType file."""
    import verovio
    from fontTools import subset
    from fontTools.ttLib import TTFont

    css = (Path(verovio.__file__).with_name("data") / f"{_FONT}.css").read_text(encoding="utf-8")
    packed = re.search(r"base64,([^)]+)\)", css)
    font: Any = TTFont(io.BytesIO(base64.b64decode(packed[1] if packed else "")))
    options = subset.Options(layout_features=[], drop_tables=["FFTM", "GDEF"], notdef_outline=True)
    subsetter = subset.Subsetter(options)
    subsetter.populate(text=signs)
    subsetter.subset(font)
    font.flavor, font.recalcTimestamp = None, False
    file = io.BytesIO()
    font.save(file)
    return file.getvalue()


def _svg(score: Engraving) -> bytes:
    """Return a score as one SVG."""
    width, y, drawn = WIDTH + 2 * _MARGIN, _HEAD if score.left or score.right else _HEAD - 20, []
    for system in score.systems:
        own_width, own_height = _box(system)
        height = own_height * WIDTH / own_width
        place = f'<svg x="{_MARGIN:g}" y="{y:.1f}" width="{WIDTH:g}" height="{height:.1f}" '
        drawn.append(system.replace("<svg ", place, 1))
        y += height + _GAP
    style, about = font_face(score.systems), escape("\n".join(score.comments), quote=False)
    heading = [
        f'x="{width / 2:g}" y="40" text-anchor="middle" font-size="24" font-weight="bold">{_shown(score.title)}',
        f'x="{_MARGIN:g}" y="64" font-size="15" font-style="italic">{_shown(score.left)}',
        f'x="{width - _MARGIN:g}" y="64" text-anchor="end" font-size="15">{_shown(score.right)}',
    ]
    parts = [
        f'<svg xmlns="{_SVG}" viewBox="0 0 {width:g} {y + 10:.1f}" width="{width:g}" height="{y + 10:.1f}" '
        f'color="black" font-family="Georgia, \'Times New Roman\', serif">',
        f"<metadata>{about}</metadata>" if about else "",
        f"<style>{style}</style>" if style else "",
        '<rect width="100%" height="100%" fill="white"/>',
        *(f"<text {text}</text>" for text in heading),
        *drawn,
        "</svg>\n",
    ]
    return "".join(parts).encode()


def _typeset(scores: Sequence[Engraving], suffix: str) -> bytes:
    """Return scores as a PDF or PNG."""
    import typst

    typeset: Any = typst.compile

    def system(text: str) -> dict[str, Any]:
        width, height = _box(text)
        return {"svg": text, "width": min(1.0, _TALLEST * width / height) * 100}

    def tune(score: Engraving) -> dict[str, Any]:
        systems = list(map(system, score.systems))
        return {"title": score.title, "left": score.left, "right": score.right, "systems": systems}

    facts = {
        "title": scores[0].title if len(scores) == 1 else f"{len(scores)} tunes",
        "authors": sorted({score.right for score in scores if score.right}),
        "comments": [comment for score in scores for comment in score.comments],
        "paged": suffix == ".pdf",
        "tunes": list(map(tune, scores)),
    }
    with TemporaryDirectory() as folder:
        if signs := _signs(drawing for score in scores for drawing in score.systems):
            (Path(folder) / f"{_FONT}.ttf").write_bytes(_font(signs))
        try:
            made: Any = typeset(
                _PAGE.encode(),
                format=suffix[1:],
                ppi=PPI,
                font_paths=[folder],
                ignore_system_fonts=True,
                sys_inputs={"score": json.dumps(facts)},
            )
        except RuntimeError as error:
            raise RequestError(f"typst refuses to typeset it ({str(error).splitlines()[0]}); take .svg") from None
    return bytes(made if isinstance(made, bytes) else made[0])


def _shown(text: str) -> str:
    """Return a text, escaped and shortened to one line."""
    text = "".join(sign if sign.isprintable() else " " for sign in text)
    return escape(text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1].rstrip()}…")
