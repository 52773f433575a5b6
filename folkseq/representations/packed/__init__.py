"""Compound tokens: several small integers at every step, such as players' gestures, drums, voices or pixels.

`media` reads and writes files, `steps` and `pixels` tokenize what they hold, `layout` is the table of ids, `grammar`
and `lead` constrain sampling, and `packing` packs several integers into one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, ClassVar, Self

from folkseq.errors import RequestError
from folkseq.music.chorale import RANGES
from folkseq.music.grid import Grid
from folkseq.representations.base import END, START, Files, Parsed, Representation
from folkseq.representations.packed import pixels, steps
from folkseq.representations.packed.codec import ChoraleCodec, PackedCodec, PictureCodec
from folkseq.representations.packed.generation import PackedOptions
from folkseq.representations.packed.layout import CHAINED, JOINT, Layout
from folkseq.representations.packed.media import chorales, drums, pictures, tables, voices
from folkseq.representations.vocabulary import Vocabulary

TABLE, CHORALE, PICTURE = "table", "chorale", "picture"
MEDIA: dict[str, ModuleType] = {
    TABLE: tables,
    CHORALE: chorales,
    "drums": drums,
    "voices": voices,
    PICTURE: pictures,
}


class PackedFiles(Files[Grid]):
    """The files of one medium."""

    max_bytes = 1 << 25  # of a table, which takes some fifty times as much memory

    def __init__(self, representation: PackedRepresentation) -> None:
        self.representation, self.medium = representation, MEDIA[representation.grid]
        either = pictures.SUFFIXES if representation.grid == TABLE else ()  # the files decide, see `suited_to`
        self.suffixes = (*self.medium.SUFFIXES, *either)
        self.outputs = self.medium.OUTPUTS
        self.continuous = representation.grid != CHORALE

    def read(self, opened: BinaryIO, file: str) -> Iterator[Parsed[Grid]]:
        """Read the grids in a file."""
        grids, lost = self.medium.read(opened, file, self.representation.division, self.representation.colours)
        yield Parsed(tuple(grids), stray=lost)

    def parse(self, data: bytes, file: str) -> Parsed[Grid]:
        """Parse the grids in a file. Raises ParseError if there are none."""
        (found,) = self.read(BytesIO(data), file)
        return found

    def format(self, piece: Grid, suffix: str, comments: Sequence[str] = (), options: Any = None) -> bytes:
        """Format the grid as a file."""
        bpm = options.bpm if options is not None else None
        formatted: bytes = self.medium.write(piece, suffix, comments, division=self.representation.division, bpm=bpm)
        return formatted

    def join(self, pieces: Sequence[Grid]) -> Grid:
        """Return the grid of a file that was read in parts."""
        rows = tuple(row for piece in pieces for row in piece.rows)
        return replace(pieces[0], rows=rows, ends=pieces[-1].ends)


@dataclass(frozen=True)
class PackedRepresentation(Representation[Grid]):
    """Steps of several small integers.

    Attributes:
        grid: Contents of the files: a `table` in CSV, `drums` or `voices` in MIDI, a `picture`, or a `chorale`.
            Pictures and chorales are recognised by their files.
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
    version: ClassVar[str] = "1"
    options: ClassVar[type[PackedOptions]] = PackedOptions

    def __post_init__(self) -> None:
        for field, choices in {"grid": tuple(MEDIA), "head": (CHAINED, JOINT)}.items():
            if getattr(self, field) not in choices:
                raise ValueError(f"{field} must be one of {', '.join(choices)}, got {getattr(self, field)!r}")
        if not 1 <= self.division <= 96:
            raise ValueError(f"division must be 1 to 96 steps in a quarter, got {self.division}")
        if not 2 <= self.colours <= 256:
            raise ValueError(f"colours must be 2 to 256, got {self.colours}")
        if self.permute and self.grid != TABLE:
            raise ValueError(f"permute is for tables, not for {self.grid}")

    @cached_property
    def files(self) -> PackedFiles:
        """Return the files that it reads and writes."""
        return PackedFiles(self)

    def suited_to(self, files: Sequence[Path]) -> Self:
        """Return the configuration for the kind of files. Raises RequestError for several kinds."""
        kinds = {name for name, medium in MEDIA.items() for file in files if file.suffix.lower() in medium.SUFFIXES}
        if self.grid == TABLE and not self.permute and files and chorales.is_chorale(files[0]):
            return replace(self, grid=CHORALE)
        if self.grid != TABLE or kinds <= {TABLE, CHORALE}:
            return self
        if kinds == {PICTURE}:
            if self.permute:
                raise RequestError("permute is for tables, not for pictures; leave it out")
            return replace(self, grid=PICTURE)
        if TABLE not in kinds and PICTURE not in kinds:
            raise RequestError(f"{files[0]}: is MIDI; choose packed:grid=drums or packed:grid=voices")
        raise RequestError("tables, pictures and MIDI files cannot be mixed; name files of one kind")

    def tokenize(self, piece: Grid) -> list[str]:
        """Return the tokens of the grid: one per field, per step or per pixel."""
        return pixels.tokenize(piece) if self.grid == PICTURE else steps.tokenize(piece, self.head)

    def detokenize(self, tokens: Sequence[str]) -> Grid:
        """Return the grid that any tokens stand for, with its columns in their own order."""
        return pixels.detokenize(tokens) if self.grid == PICTURE else steps.detokenize(tokens)

    def codec(self, vocabulary: Vocabulary) -> PackedCodec:
        """Return the codec of the medium over a vocabulary."""
        kinds: dict[str, type[PackedCodec]] = {CHORALE: ChoraleCodec, PICTURE: PictureCodec}
        return kinds.get(self.grid, PackedCodec)(self, vocabulary)

    def merge(self, tokens: Iterable[str]) -> Vocabulary:
        """Return the vocabulary of everything that the columns of these tokens can hold."""
        if self.grid == PICTURE:
            return Vocabulary.learn([tuple(tokens), (START, END, pixels.ROW_END)])
        every: list[str] = []
        if self.grid == CHORALE:  # after the pieces' own, whose first tokens give the order of the columns
            every = [f"{voice}={pitch}" for voice, (low, high) in RANGES.items() for pitch in range(low, high + 1)]
        return Layout.learn([*tokens, *every], self.head, self.permute).vocabulary()
