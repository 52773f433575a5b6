"""A grid: steps in rows, players, drums or voices in columns, and a label in every cell."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Grid:
    """Cells in rows of equal length.

    Attributes:
        columns: Names, no two the same.
        rows: One a step, each of a label for every column.
        ends: Whether nothing comes after it, as after the part of a performance that is its last.
        named: Whether the columns have names, or are only numbered.
        title: What it is called; may be empty.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    ends: bool = True
    named: bool = True
    title: str = ""

    def __post_init__(self) -> None:
        if len(set(self.columns)) != len(self.columns):
            raise ValueError(f"columns of a grid have names of their own, got {self.columns}")
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"a row of {len(row)} cells does not fit {len(self.columns)} columns")

    def column(self, name: str) -> tuple[str, ...]:
        """The cells of one column."""
        place = self.columns.index(name)
        return tuple(row[place] for row in self.rows)
