"""A grid of labels: one row per step, one column per player, drum or voice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Grid:
    """Cells in rows of equal length.

    Attributes:
        columns: The distinct names of the columns.
        rows: One row per step, with a label for every column.
        ends: Whether the piece ends after the last row.
        named: Whether the columns have names instead of numbers.
        title: The piece's title; may be empty.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    ends: bool = True
    named: bool = True
    title: str = ""

    def __post_init__(self) -> None:
        if len(set(self.columns)) != len(self.columns):
            raise ValueError(f"the columns of a grid have different names, not {self.columns}")
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"a row of {len(row)} cells does not fit {len(self.columns)} columns")

    def column(self, name: str) -> tuple[str, ...]:
        """Return the cells of one column."""
        index = self.columns.index(name)
        return tuple(row[index] for row in self.rows)


def has_names(columns: Sequence[str]) -> bool:
    """Return whether columns have names instead of numbers from 1.

    >>> has_names(["1", "2"]), has_names(["lead", "2"])
    (False, True)
    """
    return list(columns) != list(map(str, range(1, len(columns) + 1)))
