"""The lead: one column whose values come from a file or a stream, step by step; the other columns follow it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import BinaryIO
from unicodedata import normalize

from folkseq.errors import FolkseqError, RequestError
from folkseq.formats import table
from folkseq.formats.columns import UNSCALED, Scale
from folkseq.representations.packed.layout import GridLayout

STREAM = "-"


class Lead:
    """The values of one column, as indices of its labels."""

    def __init__(
        self, layout: GridLayout, column: int, source: str, stream: BinaryIO | None = None, scale: Scale = UNSCALED
    ) -> None:
        """Read a file; or, if `source` is `-`, read lines of `stream` (by default, standard input) when needed.

        A row has only the cell of this column, or the cells of all columns. A header may name the columns in any order.
        Each line of a stream is a step. A line without a label of the column keeps the last value; before the first
        value, the model decides. Such lines are reported in `notices`.

        Args:
            layout: layout of the vocabulary.
            column: index of the column.
            source: a file, or `-`.
            stream: the stream for `-`.
            scale: the levels of real numbers.

        Raises:
            RequestError: the file cannot be read, lacks the column, or has a label that the layout lacks.
        """
        self.column, self._layout, self._scale = column, layout, scale
        self.live = source == STREAM
        self.notices: list[str] = []
        self._lock = Lock()  # several threads write pieces
        self._known: list[int | None] = []
        self._coming: Iterator[int | None] = iter(())
        if self.live:
            self._coming = self._stream(stream or sys.stdin.buffer)
            return
        try:
            with Path(source).open("rb") as file:
                self._known.extend(self._values(file, source))
        except OSError as error:
            raise RequestError(f"{source}: cannot be read ({error.strerror or error})") from None
        if not self._known:
            raise RequestError(f"{source}: has no steps")

    def lasts(self, step: int) -> bool:
        """Return whether there is a line for a step, from 0; this may wait for the next line of a stream."""
        with self._lock:
            while step >= len(self._known):
                try:
                    self._known.append(next(self._coming))
                except StopIteration:
                    return False
        return True

    def value(self, step: int) -> int | None:
        """Return the value at a step, from 0; None if the model decides: after the last or before the first value."""
        return self._known[step] if self.lasts(step) else None

    def __len__(self) -> int:
        return len(self._known)

    def _stream(self, opened: BinaryIO) -> Iterator[int | None]:
        """Yield a value for each line."""
        values, last, number = self._labels(), None, 0
        for number, line in enumerate(table.lines(opened), 1):
            try:
                row = self._split(line, values)
                if not any(row):
                    raise RequestError(f"row {number}: a blank line")
                at = self.column if len(row) == len(self._layout.columns) else 0
                if len(row) not in (1, len(self._layout.columns)):
                    raise RequestError(f"row {number}: has {len(row)} cells; give that of {self._name} alone")
                last = self._value(row[at], values, f"row {number}, column {at + 1}")
            except FolkseqError as error:
                held = "the last gesture is held" if last is not None else "the model chooses the gesture"
                self.notices.append(f"the lead: {error}; {held}")
            yield last

    def _values(self, opened: BinaryIO, file: str) -> Iterator[int]:
        """Yield the values of a file."""
        values, width, place, number = self._labels(), len(self._layout.columns), self.column, 0
        for number, line in enumerate(table.lines(opened), 1):
            row = self._split(line, values)
            if number == 1 and self._name in row and self._name not in values:
                if len(row) > 1:
                    width, place = len(row), row.index(self._name)
            elif any(row):
                if len(row) not in (1, width):
                    raise RequestError(f"{file}: row {number}: has {len(row)} cells; give that of {self._name} alone")
                at = place if len(row) > 1 else 0
                try:
                    yield self._value(row[at], values, f"{file}: row {number}, column {at + 1}")
                except RequestError:
                    if number > 1 or not row[at][:1].isalpha():  # otherwise, it is a header with other names
                        raise

    def _split(self, line: str, values: Mapping[str, int]) -> list[str]:
        """Return the cells of a line; the whole line may be a label with spaces."""
        return [line.strip()] if line.strip() in values else table.cells(line)

    @property
    def _name(self) -> str:
        return self._layout.columns[self.column]

    def _labels(self) -> dict[str, int]:
        return {normalize("NFC", label): value for value, label in enumerate(self._layout.labels[self.column])}

    def _value(self, cell: str, values: Mapping[str, int], where: str) -> int:
        """Return the value of a cell, a label or a real number. Raises RequestError for an unknown label."""
        label = cell if cell in values else self._scale.label(cell)
        if label not in values:
            raise RequestError(f"{where}: {cell!r} is not a label of {self._name}: {', '.join(values)}")
        return values[label]
