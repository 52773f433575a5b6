"""The media: the kinds of grids and their files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from folkseq.errors import RequestError
from folkseq.representations.packed.media.midi import DrumMedium, VoiceMedium
from folkseq.representations.packed.media.pictures import PictureMedium
from folkseq.representations.packed.media.tables import ChoraleMedium, TableMedium, is_chorale
from folkseq.representations.packed.medium import Medium

_ALL: tuple[type[Medium], ...] = (TableMedium, ChoraleMedium, DrumMedium, VoiceMedium, PictureMedium)
MEDIA = {medium.name: medium for medium in _ALL}


def recognise(files: Sequence[Path], permute: bool) -> str:
    """Return the name of the medium of files. Raises RequestError for MIDI, and for files of several kinds."""
    if files and not permute and 2 * sum(map(is_chorale, files)) > len(files):
        return ChoraleMedium.name
    suffixes = {file.suffix.lower() for file in files}
    kinds = [kind for kind in (ChoraleMedium, PictureMedium, DrumMedium) if suffixes.intersection(kind.suffixes)]
    if len(kinds) > 1:
        firsts = [next(file for file in files if file.suffix.lower() in kind.suffixes) for kind in kinds]
        mixed = " and ".join(map(str, firsts))
        raise RequestError(f"{mixed}: tables, pictures and MIDI files cannot be mixed; name files of one kind")
    if kinds == [DrumMedium]:
        first = next(file for file in files if file.suffix.lower() in DrumMedium.suffixes)
        raise RequestError(f"{first}: is MIDI; choose packed:grid=drums or packed:grid=voices")
    if kinds == [PictureMedium] and permute:
        raise RequestError("permute is for tables, not for pictures; leave it out")
    return PictureMedium.name if kinds == [PictureMedium] else TableMedium.name
