"""The player whose gestures are given, and whom the others follow: from a file, or from a line at a time.

A file is a table of that column alone, or one that has the column by its name, or one of all columns.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from functools import cached_property
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from folkseq.errors import ParseError, RequestError
from folkseq.formats import table
from folkseq.representations.packed.layout import Layout

STREAM = "-"


class Lead:
    """One column's values, step by step, as places among its labels."""

    def __init__(self, layout: Layout, column: int, source: str, stream: BinaryIO | None = None) -> None:
        """Read a file, or, for `-`, what comes on standard input line by line.

        Raises:
            RequestError: the file cannot be read, lacks the column or holds a label that the model does not know.
        """
        self.column, self.name = column, layout.columns[column]
        self._places = {label: place for place, label in enumerate(layout.labels[column])}
        self._layout = layout
        self.live = source == STREAM
        self._known: list[int] = []
        self._turn = Lock()
        self._coming = iter(()) if not self.live else self._lines(stream or sys.stdin.buffer)
        if not self.live:
            self._known = self._read(source)

    def value(self, step: int) -> int | None:
        """The value at a step, from 0; None when the lead has ended. Waits for it where it is live."""
        with self._turn:  # pieces may be written in several threads
            while step >= len(self._known):
                coming = next(self._coming, None)
                if coming is None:
                    return None
                self._known.append(coming)
        return self._known[step]

    def __len__(self) -> int:
        return len(self._known)

    @cached_property
    def _labels(self) -> str:
        labels = list(self._places)
        return ", ".join(labels[:12]) + (f" and {len(labels) - 12} more" if len(labels) > 12 else "")

    def _read(self, source: str) -> list[int]:
        try:
            found = table.parse(BytesIO(Path(source).read_bytes()), source, is_step=self._is_step)
        except OSError as error:
            raise RequestError(f"{source}: cannot be read ({error.strerror or error})") from None
        except ParseError as error:
            raise RequestError(str(error)) from None
        place = self._place(found.columns, source)
        return [
            self._of(row[place], f"{source}: row {number}, column {place + 1}")
            for number, row in enumerate(found.rows, 1 + found.named)
        ]

    def _is_step(self, row: Sequence[str]) -> bool:
        """Whether a row that looks like a header, since none of it comes again, is a step of known labels."""
        labels = self._layout.labels if len(row) > 1 else (self._layout.labels[self.column],)
        known = len(row) == len(labels) and all(cell in of for cell, of in zip(row, labels, strict=True))
        return known and self.name not in row

    def _place(self, columns: tuple[str, ...], source: str) -> int:
        if self.name in columns:
            return columns.index(self.name)
        if len(columns) == 1:
            return 0
        if len(columns) == len(self._layout.columns):
            return self.column
        raise RequestError(f"{source}: has the columns {', '.join(columns)}, and none {self.name}; give that one alone")

    def _lines(self, stream: BinaryIO) -> Iterator[int]:
        column = self.column
        try:
            for number, line in enumerate(table.lines(stream, "the lead"), 1):
                cells = table.cells(line)
                if not cells or cells == [""]:
                    continue
                if number == 1 and self.name in cells and self.name not in self._places:
                    column = cells.index(self.name)  # a header, whose order holds
                    continue
                place = 0 if len(cells) == 1 else column
                if len(cells) not in (1, len(self._layout.columns)):
                    raise RequestError(f"line {number} of the lead: {len(cells)} cells; give one, that of {self.name}")
                yield self._of(cells[place], f"line {number} of the lead")
        except ParseError as error:
            raise RequestError(str(error)) from None
        except csv.Error as error:
            raise RequestError(f"line {number} of the lead: {error}") from None

    def _of(self, label: str, where: str) -> int:
        if label not in self._places:
            raise RequestError(f"{where}: {label!r} is no value of {self.name}; there are: {self._labels}")
        return self._places[label]
