"""The media: the kinds of grids and their files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from folkseq.errors import RequestError
from folkseq.representations.packed.media.midi import DrumMedium, VoiceMedium
from folkseq.representations.packed.media.pictures import PictureMedium
from folkseq.representations.packed.media.tables import SCORES, ChoraleMedium, TableMedium, is_chorale
from folkseq.representations.packed.medium import Medium

_ALL: tuple[type[Medium], ...] = (TableMedium, ChoraleMedium, DrumMedium, VoiceMedium, PictureMedium)
MEDIA = {medium.name: medium for medium in _ALL}


_FILES = {TableMedium: TableMedium.suffixes, ChoraleMedium: SCORES, PictureMedium: PictureMedium.suffixes}
SUFFIXES = tuple(suffix for suffixes in _FILES.values() for suffix in suffixes)
"""Suffixes of the files whose medium `recognise` finds."""


def recognise(files: Sequence[Path], permute: bool) -> str:
    """Return the name of the medium of files. Raises RequestError for MIDI, and for files of several kinds."""
    if files and not permute and 2 * sum(map(is_chorale, files)) > len(files):
        return ChoraleMedium.name
    named = {**_FILES, DrumMedium: DrumMedium.suffixes}
    firsts = {
        kind: first
        for kind, suffixes in named.items()
        if (first := next((file for file in files if file.suffix.lower() in suffixes), None)) is not None
    }
    if len(firsts) > 1:
        mixed = " and ".join(map(str, firsts.values()))
        raise RequestError(f"{mixed}: tables, scores, pictures and MIDI files cannot be mixed; name files of one kind")
    if DrumMedium in firsts:
        raise RequestError(f"{firsts[DrumMedium]}: is MIDI; choose packed:grid=drums or packed:grid=voices")
    kind = next(iter(firsts), TableMedium)
    if kind is not TableMedium and permute:
        raise RequestError(f"permute is for tables, not for {kind.name}s; leave it out")
    return kind.name
