"""Grids: steps of several small integers, such as players' gestures, drums, voices or pixels.

`layout` and `pixels` define the ids, `medium` and `media` tokens and files, `codec` and `generation` the capabilities,
`grammar` and `lead` the constraints on new grids. `packing` packs several integers into one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from folkseq.formats.columns import Scale
from folkseq.formats.table import ColumnOptions, listed, spelled
from folkseq.music.grid import Grid, has_names
from folkseq.music.signature import Meter
from folkseq.representations.base import Codec, Representation
from folkseq.representations.packed.layout import CHAINED, HEADS, GridLayout
from folkseq.representations.packed.options import PackedOptions
from folkseq.representations.vocabulary import Vocabulary

if TYPE_CHECKING:
    from folkseq.representations.packed.medium import Medium

TABLE = "table"
GRIDS = (TABLE, "chorale", "drums", "voices", "picture")
"""The media; `media` has their files."""
_COUNTED = ("drums", "voices")  # media whose steps can contain their position in the bar


@dataclass(frozen=True)
class PackedRepresentation(Representation[Grid]):
    """Grids of one medium as ids.

    Attributes:
        grid: Medium: a `table` in CSV, `drums` or `voices` in MIDI, a `picture`, or a `chorale` in ABC, MusicXML or
            CSV. Pictures and chorales are recognised by their files.
        head: `chained` for one softmax per field, which sees the previous fields; `joint` for one softmax over all
            combinations.
        permute: Whether to swap players during training; all columns then have the same labels.
        division: Steps per quarter note in MIDI.
        colours: Maximum number of colours in a picture; pictures with more are quantised.
        meter: Meter of new MIDI files, such as `3/4`; by default, the most common first meter of the training files.
        position: Whether each step of drums or voices begins with its position in the bar, so that a model stays in
            the meter; always in new runs.
        memory: Whether a model of voices also looks up what came next in its training pieces, which the run keeps.
        columns: Columns of tables to read, by name or number, such as `lead+bass`; by default, all columns that do not
            number or time the rows. If tables have different columns, the default is those of most tables.
        drop: Columns of tables to leave out.
        labels: Columns of tables to read as labels, even if they look like numbers, times or missing values.
        levels: Number of levels of real numbers in tables, from `low` to `high`.
        low: Lowest real number.
        high: Highest real number.
    """

    grid: str = TABLE
    head: str = CHAINED
    permute: bool = False
    division: int = 4
    colours: int = 16
    meter: str = ""
    position: bool = False
    memory: bool = False
    columns: str = ""
    drop: str = ""
    labels: str = ""
    levels: int = 0
    low: float = 0.0
    high: float = 1.0

    name: ClassVar[str] = "packed"
    version: ClassVar[str] = "5"
    options: ClassVar[type[PackedOptions]] = PackedOptions

    def __post_init__(self) -> None:
        for field, choices in {"grid": GRIDS, "head": HEADS}.items():
            if getattr(self, field) not in choices:
                raise ValueError(f"{field} must be one of {', '.join(choices)}, got {getattr(self, field)!r}")
        for field, low, high in (("division", 1, 96), ("colours", 2, 256), ("levels", 2, 256)):
            if not low <= getattr(self, field) <= high and (field != "levels" or self.levels):
                raise ValueError(f"{field} must be {low} to {high}, got {getattr(self, field)}")
        if not -math.inf < self.low < self.high < math.inf:
            raise ValueError(f"low must be below high, got {self.low} and {self.high}")
        parse_meter(self.meter)
        for field in ("columns", "drop", "labels", "levels", "low", "high"):
            if self.grid not in (TABLE, "chorale") and getattr(self, field) != getattr(type(self), field):
                raise ValueError(f"{field} is for tables, not for {self.grid}")
        if self.position and self.grid not in _COUNTED:
            raise ValueError(f"position is for {' and '.join(_COUNTED)}, not for {self.grid}")
        if self.memory and (self.grid != "voices" or self.head != CHAINED):
            raise ValueError(f"memory is for voices with a chained head, not for {self.grid} with a {self.head} one")
        if self.permute and self.grid != TABLE:
            raise ValueError(f"permute is for tables, not for {self.grid}")

    @cached_property
    def files(self) -> Medium:
        """Return the medium."""
        from folkseq.representations.packed.media import MEDIA

        scale = Scale(self.levels, self.low, self.high)
        reading = ColumnOptions(listed(self.columns), listed(self.drop), listed(self.labels), scale)
        meter = parse_meter(self.meter)
        fixed = (self.head, self.permute, self.division, self.colours, reading, meter)
        return MEDIA[self.grid](*fixed, position=self.position, memory=self.memory)

    @property
    def suffixes(self) -> Sequence[str]:
        """Return the suffixes of the medium, or of all recognised media."""
        from folkseq.representations.packed.media import SUFFIXES

        return SUFFIXES if self.grid == TABLE else self.files.suffixes

    def suited_to(self, files: Sequence[Path]) -> Self:
        """Return the configuration for the kind of files. Raises RequestError for several kinds."""
        if self.grid != TABLE:
            meter = self.meter or self.files.common_meter(files)
            return replace(self, meter=meter, position=self.grid in _COUNTED)
        from folkseq.representations.packed.media import recognise

        suited = replace(self, grid=recognise(files, self.permute))
        return replace(suited, columns=self.columns or suited.files.common_columns(files))

    def matching(self, vocabulary: Vocabulary) -> Self:
        """Return the configuration that reads the columns of a vocabulary by their names."""
        columns = GridLayout.of(vocabulary).columns if self.grid == TABLE and not self.columns else ()
        return replace(self, columns=spelled(columns)) if has_names(columns) else self

    def tokenize(self, piece: Grid) -> list[str]:
        """Return the tokens of a grid: one per field, per step or per pixel."""
        return self.files.tokenize(piece)

    def detokenize(self, tokens: Sequence[str]) -> Grid:
        """Return the grid for any tokens, with its columns in their original order."""
        return self.files.detokenize(tokens)

    def codec(self, vocabulary: Vocabulary) -> Codec[Grid]:
        """Return the codec of the medium over a vocabulary."""
        return self.files.codec_type(self, vocabulary, self.files)

    def merge(self, tokens: Iterable[str]) -> Vocabulary:
        """Return the vocabulary of all possible cells of the columns of these tokens."""
        return self.files.vocabulary(tokens)


def parse_meter(text: str) -> Meter:
    """Return the meter in text such as 3/4; 4/4 for an empty string. Raises ValueError for other text."""
    beats, _, unit = (text or "4/4").partition("/")
    if not (beats.isdecimal() and unit.isdecimal() and int(beats)):
        raise ValueError(f"meter must be one such as 3/4, got {text!r}")
    return Meter(int(beats), int(unit))
