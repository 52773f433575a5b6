"""Pictures: a row of pixels a step, a colour a cell.

The lowest eighth of a large one is a piece of its own, so that it can be held out where there is but one picture.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, BinaryIO

from folkseq.formats import picture
from folkseq.music.grid import Grid

SUFFIXES = (".png", ".npy")
OUTPUTS = (".png",)
CONTROLS = ("size",)
LARGE, SHARE = 64, 0.125  # rows of a picture whose end is parted from it, and its share


def read(opened: BinaryIO, file: str, division: int, colours: int) -> tuple[list[Grid], Counter[str]]:
    """See the package. Raises ParseError for what is no picture, or one that is too wide."""
    rows, lost = picture.parse(opened, file, colours)
    columns = tuple(map(str, range(1, len(rows[0]) + 1)))
    end = round(len(rows) * SHARE) if len(rows) >= LARGE else 0
    parts = [rows[: len(rows) - end], rows[len(rows) - end :]] if end else [rows]
    grids = [Grid(columns, part, ends=part is parts[-1], named=False) for part in parts]
    return grids, +Counter({"colour": lost})


def write(grid: Grid, suffix: str, comments: Sequence[str], **controls: Any) -> bytes:
    """See the package."""
    return picture.format(grid.rows, comments)
