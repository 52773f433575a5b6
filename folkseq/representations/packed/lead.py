"""The lead: one column whose values are given, step by step, by a file or a stream, and which the others follow."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from folkseq.errors import ParseError, RequestError
from folkseq.formats import table
from folkseq.representations.packed.layout import GridLayout

STREAM = "-"


class Lead:
    """The values of one column, as places among its labels."""

    def __init__(self, layout: GridLayout, column: int, source: str, stream: BinaryIO | None = None) -> None:
        """Read a file; or, if `source` is `-`, read lines of `stream`, standard input by default, as they are needed.

        A row has the cell of that column alone, or those of all columns. A header may name the columns in any order.

        Raises:
            RequestError: the file cannot be read, lacks the column, or has a label that the layout lacks.
        """
        self.column, self._layout = column, layout
        self._lock = Lock()  # several threads write pieces
        self._known: list[int] = []
        self._coming: Iterator[int] = iter(())
        if source == STREAM:
            self._coming = self._values(stream or sys.stdin.buffer, "the lead", live=True)
            return
        try:
            with Path(source).open("rb") as file:
                self._known.extend(self._values(file, source, live=False))
        except OSError as error:
            raise RequestError(f"{source}: cannot be read ({error.strerror or error})") from None
        if not self._known:
            raise RequestError(f"{source}: has no steps")

    def value(self, step: int) -> int | None:
        """Return the value at a step, from 0; None after the last. Wait for the next line of a stream."""
        with self._lock:
            while step >= len(self._known):
                coming = next(self._coming, None)
                if coming is None:
                    return None
                self._known.append(coming)
        return self._known[step]

    def __len__(self) -> int:
        return len(self._known)

    def _values(self, opened: BinaryIO, file: str, live: bool) -> Iterator[int]:
        name, width, place, number = self._layout.columns[self.column], len(self._layout.columns), self.column, 0
        values = {label: value for value, label in enumerate(self._layout.labels[self.column])}
        try:
            for number, line in enumerate(table.lines(opened, file), 1):
                cells = table.cells(line)
                if number == 1 and name in cells and name not in values:
                    if len(cells) > 1:
                        width, place = len(cells), cells.index(name)
                elif any(cells):
                    if len(cells) not in (1, width):
                        raise RequestError(f"{file}: row {number}: has {len(cells)} cells; give that of {name} alone")
                    at = place if len(cells) > 1 else 0
                    if cells[at] in values:
                        yield values[cells[at]]
                    elif live or number > 1 or not cells[at][:1].isalpha():  # else it is a header with other names
                        where = f"{file}: row {number}, column {at + 1}"
                        raise RequestError(f"{where}: {cells[at]!r} is not a label of {name}: {', '.join(values)}")
        except ParseError as error:
            raise RequestError(str(error)) from None
        except csv.Error as error:
            raise RequestError(f"{file}: row {number}: {error}") from None
