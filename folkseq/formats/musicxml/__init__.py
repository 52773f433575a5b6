"""MusicXML 4.0, plain (`.musicxml`) and compressed (`.mxl`), which notation programs read and write.

This package uses only the standard library. music21 takes a second to start, refuses lengths that it cannot guess, and
drops elements silently; the tests use it to reopen every kind of score.
"""

from folkseq.formats.musicxml.attributes import MODES
from folkseq.formats.musicxml.container import LARGEST, SUFFIXES, compress, expand, is_compressed, is_musicxml
from folkseq.formats.musicxml.reader import parse_bytes
from folkseq.formats.musicxml.writer import format, unwritten

__all__ = [
    "LARGEST",
    "MODES",
    "SUFFIXES",
    "compress",
    "expand",
    "format",
    "is_compressed",
    "is_musicxml",
    "parse_bytes",
    "unwritten",
]
