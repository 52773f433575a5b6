"""CSV files: a row a step, a column a player. A file is one performance, whose end is a piece of its own.

So the end can be held out where there are but a few files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, BinaryIO

from folkseq.formats import table
from folkseq.music.grid import Grid

SUFFIXES = (".csv",)
OUTPUTS = (".csv",)
CONTROLS = ("steps", "lead", "lead_column")
SHORTEST, SHARE = 8, 0.125  # rows of a file whose end is parted from it, and its share


def read(opened: BinaryIO, file: str, division: int, colours: int) -> tuple[list[Grid], Counter[str]]:
    """See the package."""
    found = table.parse(opened, file, fewest_columns=2)
    end = round(len(found.rows) * SHARE) if len(found.rows) >= SHORTEST else 0
    parts = [found.rows[: len(found.rows) - end], found.rows[len(found.rows) - end :]]
    grids = [replace(found, rows=rows, ends=rows is parts[1] or not end) for rows in parts if rows]
    return grids, Counter()


def write(grid: Grid, suffix: str, comments: Sequence[str], **controls: Any) -> bytes:
    """See the package; a table has no room for comments."""
    return table.format(grid)
