"""Tunes in files of notation: ABC or MusicXML, recognised by their content."""

from __future__ import annotations

from folkseq.formats import abc, musicxml
from folkseq.formats.abc.book import Book

ABC = (".abc", ".txt")
SUFFIXES = (*ABC, *musicxml.SUFFIXES)


def parse(data: bytes, file: str) -> Book:
    """Return the tunes in a file. Raises ParseError if it holds none."""
    return musicxml.parse_bytes(data, file) if musicxml.is_musicxml(data) else abc.parse_bytes(data, file)
