"""Grids: steps of several small integers, such as players' gestures, drums, voices or pixels.

`layout` and `pixels` define the ids, `medium` and `media` tokens and files, `codec` and `generation` the capabilities,
`grammar` and `lead` the constraints on new grids. `packing` packs several integers into one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Self

from folkseq.errors import RequestError
from folkseq.music.grid import Grid
from folkseq.representations.base import Codec, Representation
from folkseq.representations.packed.generation import PackedOptions
from folkseq.representations.packed.layout import CHAINED, HEADS
from folkseq.representations.packed.media.midi import DrumMedium, VoiceMedium
from folkseq.representations.packed.media.pictures import PictureMedium
from folkseq.representations.packed.media.tables import ChoraleMedium, TableMedium, is_chorale
from folkseq.representations.packed.medium import Medium
from folkseq.representations.vocabulary import Vocabulary

_ALL: tuple[type[Medium], ...] = (TableMedium, ChoraleMedium, DrumMedium, VoiceMedium, PictureMedium)
MEDIA = {medium.name: medium for medium in _ALL}
"""The kinds of grids."""


@dataclass(frozen=True)
class PackedRepresentation(Representation[Grid]):
    """Grids of one medium as ids.

    Attributes:
        grid: The medium: a `table` in CSV, `drums` or `voices` in MIDI, a `picture`, or a `chorale`. Pictures and
            chorales are recognised by their files.
        head: `chained`, one softmax per field that sees the fields before it; or `joint`, one over all combinations.
        permute: Let players change places during training; all columns then have the same labels.
        division: Steps per quarter note, for MIDI.
        colours: Largest number of colours in a picture; a picture with more is quantised.
    """

    grid: str = TableMedium.name
    head: str = CHAINED
    permute: bool = False
    division: int = 4
    colours: int = 16

    name: ClassVar[str] = "packed"
    options: ClassVar[type[PackedOptions]] = PackedOptions

    def __post_init__(self) -> None:
        for field, choices in {"grid": MEDIA, "head": HEADS}.items():
            if getattr(self, field) not in choices:
                raise ValueError(f"{field} must be one of {', '.join(choices)}, got {getattr(self, field)!r}")
        for field, low, high in (("division", 1, 96), ("colours", 2, 256)):
            if not low <= getattr(self, field) <= high:
                raise ValueError(f"{field} must be {low} to {high}, got {getattr(self, field)}")
        if self.permute and self.grid != TableMedium.name:
            raise ValueError(f"permute is for tables, not for {self.grid}")

    @cached_property
    def files(self) -> Medium:
        """Return the medium."""
        return MEDIA[self.grid](self.head, self.permute, self.division, self.colours)

    def suited_to(self, files: Sequence[Path]) -> Self:
        """Return the configuration for the kind of files. Raises RequestError for several kinds."""
        if self.grid != TableMedium.name:
            return self
        if files and not self.permute and is_chorale(files[0]):
            return replace(self, grid=ChoraleMedium.name)
        suffixes = {file.suffix.lower() for file in files}
        kinds = [kind for kind in (ChoraleMedium, PictureMedium, DrumMedium) if suffixes.intersection(kind.suffixes)]
        if len(kinds) > 1:
            raise RequestError("tables, pictures and MIDI files cannot be mixed; name files of one kind")
        if kinds == [DrumMedium]:
            raise RequestError(f"{files[0]}: is MIDI; choose packed:grid=drums or packed:grid=voices")
        if kinds == [PictureMedium]:
            if self.permute:
                raise RequestError("permute is for tables, not for pictures; leave it out")
            return replace(self, grid=PictureMedium.name)
        return self

    def tokenize(self, piece: Grid) -> list[str]:
        """Return the tokens of a grid: one per field, per step or per pixel."""
        return self.files.tokenize(piece)

    def detokenize(self, tokens: Sequence[str]) -> Grid:
        """Return the grid that any tokens stand for, with its columns in their own order."""
        return self.files.detokenize(tokens)

    def codec(self, vocabulary: Vocabulary) -> Codec[Grid]:
        """Return the codec of the medium over a vocabulary."""
        return self.files.codec_type(self, vocabulary, self.files)

    def merge(self, tokens: Iterable[str]) -> Vocabulary:
        """Return the vocabulary of everything that the columns of these tokens can hold."""
        return self.files.vocabulary(tokens)
