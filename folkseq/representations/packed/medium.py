"""A medium: a kind of grid, with its files, tokens and codec. The defaults are for grids of steps."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from folkseq.formats.table import ColumnOptions
from folkseq.music.grid import Grid, has_names
from folkseq.music.signature import Meter
from folkseq.representations.base import END, START, Files, Representation, TokenCodec
from folkseq.representations.packed.layout import JOINT, SEPARATOR, GridLayout, Values, fields_of
from folkseq.representations.vocabulary import Vocabulary

END_SHARE = 0.1  # share of a file at its end that becomes a separate piece, so that it can be held out


def steps_of(meter: Meter, division: int) -> int:
    """Return the number of steps in a bar, with `division` steps per quarter note."""
    return max(math.ceil(meter.bar * 4 * division), 1)


@dataclass(frozen=True)
class Medium(Files[Grid]):
    """A kind of grid. See `PackedRepresentation` for the attributes."""

    head: str
    permute: bool
    division: int
    colours: int
    reading: ColumnOptions
    meter: Meter
    position: bool = False
    memory: bool = False

    name: ClassVar[str]
    """The name in `packed:grid=NAME`."""
    codec_type: ClassVar[type[GridCodec]]
    option_names: ClassVar[Sequence[str]]
    """The fields of `PackedOptions` that apply to the medium."""
    any_leads: ClassVar[bool] = False
    """Whether different fields come first in training windows, so that any column can lead."""
    max_bytes = 1 << 25  # a table takes about fifty times as much memory
    continuous = True

    def tokenize(self, grid: Grid) -> list[str]:
        """Return the tokens of a grid, with its columns in their order."""
        steps = [[f"{column}={cell}" for column, cell in zip(grid.columns, row, strict=True)] for row in grid.rows]
        if self.head == JOINT:
            return [START, *map(SEPARATOR.join, steps), *([END] if grid.ends else [])]
        width = max(len(grid.columns), 1)
        return [START] * width + [token for step in steps for token in step] + [END] * (width if grid.ends else 0)

    def detokenize(self, tokens: Sequence[str]) -> Grid:
        """Return the grid for any tokens.

        An incomplete last step is left out. A missing cell elsewhere repeats the previous one.
        """
        steps: list[dict[str, str]] = []
        step: dict[str, str] = {}
        latest: dict[str, str] = {}  # latest label of each column; initially the first one
        for column, label in (field for token in tokens for field in fields_of(token)):
            if column in step:
                steps.append(step)
                step = {}
            step[column] = label
            latest.setdefault(column, label)
        if step and len(step) == len(latest):
            steps.append(step)
        columns = list(latest)
        start = re.fullmatch(r"<s:(\d+)>", tokens[0]) if tokens else None
        if start and 1 < int(start[1]) <= len(columns):  # that column came first in each step
            columns.insert(int(start[1]) - 1, columns.pop(0))
        rows = []
        for step in steps:
            latest |= step
            rows.append(tuple(latest[column] for column in columns))
        return Grid(tuple(columns), tuple(rows), END in tokens, named=has_names(columns))

    @property
    def bar(self) -> int:
        """Return the number of steps in a bar."""
        return steps_of(self.meter, self.division)

    def like(self, columns: Sequence[str]) -> Self:
        """Return the medium that reads tables with these columns, by name if they have names."""
        asked = tuple(columns) if has_names(columns) else self.reading.columns
        return replace(self, reading=replace(self.reading, columns=asked, width=len(columns)))

    def common_columns(self, files: Sequence[Path]) -> str:
        """Return the column names of most files if the files differ in their columns; else an empty string."""
        return ""

    def common_meter(self, files: Sequence[Path]) -> str:
        """Return the most common meter of the files; an empty string for 4/4, or without meters."""
        return ""

    def vocabulary(self, tokens: Iterable[str]) -> Vocabulary:
        """Return the vocabulary of all possible cells of the columns of these tokens."""
        return GridLayout.learn(tokens, self.head, self.permute).vocabulary()

    def amounts(self, values: Values) -> dict[str, float]:
        """Return the number of each unit in some steps, by its singular, from their values, (N, F)."""
        return {"gesture": float(values.size)}

    def shifts(self, layout: GridLayout) -> NDArray[np.int64] | None:
        """Return the values of each column after each of K transpositions, (K, F, most values), −1 for none.

        None for grids that are not transposed in training.
        """
        return None

    def heights(self, layout: GridLayout) -> tuple[tuple[int, ...], ...] | None:
        """Return the height of each value of each column, −1 for none; None for grids without heights."""
        return None

    def join(self, pieces: Sequence[Grid]) -> Grid:
        """Return the grid of a file from its parts."""
        rows = tuple(row for piece in pieces for row in piece.rows)
        return replace(pieces[0], rows=rows, ends=pieces[-1].ends)


def split_end(grid: Grid, fewest: int) -> list[Grid]:
    """Return a grid without its last tenth, and its last tenth; or only the grid if it has fewer rows than `fewest`."""
    end = round(len(grid.rows) * END_SHARE) if len(grid.rows) >= fewest else 0
    if not end:
        return [grid]
    return [replace(grid, rows=grid.rows[:-end], ends=False), replace(grid, rows=grid.rows[-end:])]


class GridCodec(TokenCodec[Grid]):
    """A codec of the grids of a medium."""

    def __init__(self, representation: Representation[Grid], vocabulary: Vocabulary, medium: Medium) -> None:
        super().__init__(representation, vocabulary)
        self.medium = medium
