"""MusicXML files as bytes: XML, or a zip archive with it (`.mxl`; MusicXML 4.0, "Compressed .mxl files")."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
import zipfile

from folkseq.errors import ParseError

SUFFIXES = (".musicxml", ".mxl", ".xml")
LARGEST = 1 << 26
"""Largest size of a readable score, in bytes."""
_PATH = "META-INF/container.xml"
_ROOTS = ("score-partwise", "score-timewise")
_BEGINNING = re.compile(rb"\s*<(?:\?xml|!DOCTYPE|score-)")
_INSIDE = "score.musicxml"
_CONTAINER = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<container><rootfiles>'
    f'<rootfile full-path="{_INSIDE}" media-type="application/vnd.recordare.musicxml+xml"/></rootfiles></container>\n'
)
_TIME = (1980, 1, 1, 0, 0, 0)  # a fixed time, the earliest in an archive, so that the same score gives the same bytes


def is_musicxml(data: bytes) -> bool:
    """Return whether bytes begin like MusicXML, plain or compressed."""
    head = data[:512]
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        head = head.decode("utf-16", "replace").encode("utf-8", "replace")
    return is_compressed(data) or _BEGINNING.match(head.removeprefix(b"\xef\xbb\xbf")) is not None


def is_compressed(data: bytes) -> bool:
    """Return whether bytes are a zip archive."""
    return data[:4] == b"PK\x03\x04"


def compress(data: bytes) -> bytes:
    """Return a score as the bytes of an .mxl file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in ((_PATH, _CONTAINER.encode()), (_INSIDE, data)):
            archive.writestr(zipfile.ZipInfo(name, _TIME), content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def parse_root(data: bytes, file: str) -> ET.Element:
    """Return the root element of a partwise score. Raises ParseError if the bytes hold no score."""
    data = expand(data, file)
    if len(data) > LARGEST:
        raise ParseError(f"{file}: the score has over {LARGEST:,} bytes; leave it out")
    try:
        root = ET.fromstring(data)
    except (ET.ParseError, ValueError, LookupError) as error:  # the last two for an unknown encoding
        raise ParseError(f"{file}: is damaged XML ({error}); save it again as MusicXML") from None
    if root.tag not in _ROOTS:
        raise ParseError(f"{file}: holds {root.tag[:40]!r}, not a MusicXML score; save it as MusicXML")
    return root if root.tag == _ROOTS[0] else _by_parts(root)


def expand(data: bytes, file: str) -> bytes:
    """Return the XML in a file, plain or compressed. Raises ParseError if there is none."""
    if not is_compressed(data):
        return data
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [name for name in archive.namelist() if not name.startswith(("META-INF/", "__MACOSX/"))]
            if _PATH in archive.namelist():
                container = ET.fromstring(archive.read(_PATH)) if archive.getinfo(_PATH).file_size < LARGEST else None
                roots = [] if container is None else container.iter()
                names = [each.get("full-path", "") for each in roots if each.tag.endswith("rootfile")] + names
            name = next((name for name in names if name.lower().endswith((".xml", ".musicxml"))), None)
            if name is None:
                raise ParseError(f"{file}: is an archive without a MusicXML score; save it again as .mxl")
            if archive.getinfo(name).file_size > LARGEST:
                raise ParseError(f"{file}: the score has over {LARGEST:,} bytes; leave it out")
            return archive.read(name)
    except (zipfile.BadZipFile, KeyError, ET.ParseError, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise ParseError(f"{file}: is a damaged archive ({error}); save it again as .mxl") from None


def _by_parts(root: ET.Element) -> ET.Element:
    """Return a timewise score as a partwise one."""
    made = ET.Element(_ROOTS[0])
    made.extend(each for each in root if each.tag != "measure")
    parts: dict[str, ET.Element] = {}
    for measure in root.iter("measure"):
        for part in measure.iter("part"):
            name = part.get("id", "")
            if name not in parts:
                parts[name] = ET.SubElement(made, "part", id=name)
            ET.SubElement(parts[name], "measure", measure.attrib).extend(part)
    return made
