"""Grids: steps of several small integers, such as players' gestures, drums, voices or pixels.

`layout` and `pixels` define the ids, `medium` and `media` tokens and files, `codec` and `generation` the capabilities,
`grammar` and `lead` the constraints on new grids. `packing` packs several integers into one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from folkseq.music.grid import Grid
from folkseq.representations.base import Codec, Representation
from folkseq.representations.packed.layout import CHAINED, HEADS
from folkseq.representations.packed.options import PackedOptions
from folkseq.representations.vocabulary import Vocabulary

if TYPE_CHECKING:
    from folkseq.representations.packed.medium import Medium

TABLE = "table"
GRIDS = (TABLE, "chorale", "drums", "voices", "picture")
"""The media; `media` has their files."""


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

    grid: str = TABLE
    head: str = CHAINED
    permute: bool = False
    division: int = 4
    colours: int = 16

    name: ClassVar[str] = "packed"
    options: ClassVar[type[PackedOptions]] = PackedOptions

    def __post_init__(self) -> None:
        for field, choices in {"grid": GRIDS, "head": HEADS}.items():
            if getattr(self, field) not in choices:
                raise ValueError(f"{field} must be one of {', '.join(choices)}, got {getattr(self, field)!r}")
        for field, low, high in (("division", 1, 96), ("colours", 2, 256)):
            if not low <= getattr(self, field) <= high:
                raise ValueError(f"{field} must be {low} to {high}, got {getattr(self, field)}")
        if self.permute and self.grid != TABLE:
            raise ValueError(f"permute is for tables, not for {self.grid}")

    @cached_property
    def files(self) -> Medium:
        """Return the medium."""
        from folkseq.representations.packed.media import MEDIA

        return MEDIA[self.grid](self.head, self.permute, self.division, self.colours)

    def suited_to(self, files: Sequence[Path]) -> Self:
        """Return the configuration for the kind of files. Raises RequestError for several kinds."""
        if self.grid != TABLE:
            return self
        from folkseq.representations.packed.media import recognise

        return replace(self, grid=recognise(files, self.permute))

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
