"""Chorales: tables whose columns are four voices, a fermata and the place in the bar; see `folkseq.music.chorale`.

A file is one piece, whole: what is held out is whole chorales, those with one melody together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from folkseq.errors import ParseError
from folkseq.formats import table
from folkseq.music.chorale import COLUMNS
from folkseq.music.grid import Grid

SUFFIXES = (".csv",)
OUTPUTS = (".csv",)
CONTROLS = ("steps", "lead", "lead_column")


def is_chorale(file: Path) -> bool:
    """Whether a file begins as a chorale's table does."""
    try:
        with file.open("rb") as opened:
            return opened.readline(200).decode("utf-8-sig", "replace").strip() == ",".join(COLUMNS)
    except OSError:
        return False


def read(opened: BinaryIO, file: str, division: int, colours: int) -> tuple[list[Grid], Counter[str]]:
    """See the package. Raises ParseError for a table of other columns."""
    found = table.parse(opened, file, fewest_columns=2)
    if found.columns != COLUMNS:
        raise ParseError(f"{file}: has the columns {', '.join(found.columns)}; a chorale has {', '.join(COLUMNS)}")
    return [found], Counter()


def write(grid: Grid, suffix: str, comments: Sequence[str], **controls: Any) -> bytes:
    """See the package; a table has no room for comments."""
    return table.format(grid)
