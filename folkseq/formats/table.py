"""Tables of small integers or labels as CSV: a row a step, a column a player.

Cells are parted by commas, semicolons or tabs, whichever the first line has most of, and quoted as in RFC 4180. The
first line is a header if none of its cells is an integer and none comes again below it in its column. Integers are from
0 on; anything else but another number is a label. Empty lines at the end are passed over.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import BinaryIO

from folkseq.errors import ParseError

LONGEST_LINE = 1 << 20  # bytes
MOST_COLUMNS = 64
HIGHEST = 4095  # of integers
_DELIMITERS = (",", ";", "\t")
_NUMBERS = re.compile(r"[\d,;.\t ]+")
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)


@dataclass(frozen=True)
class Table:
    """Cells in rows of equal length."""

    columns: tuple[str, ...]
    """The header's names, or `1`, `2`, … where there is none; no two the same."""
    rows: tuple[tuple[str, ...], ...]
    header: bool = True
    """Whether the names stand in the file."""


def parse(
    opened: BinaryIO, file: str, fewest_columns: int = 1, is_step: Callable[[Sequence[str]], bool] = lambda row: False
) -> Table:
    """The table in a file.

    Args:
        opened: the file.
        file: its name, for messages.
        fewest_columns: that it is to have.
        is_step: whether a first row that could be a header holds labels that are known, and so is none.

    Raises:
        ParseError: it is anything else; with the row and the column, counted from 1.
    """
    opened.seek(0)
    found = list(lines(opened, file))
    while found and not found[-1].strip():
        found.pop()
    if not found:
        raise ParseError(f"{file}: holds no rows")
    if not found[0].strip():
        raise ParseError(f"{file}: row 1: an empty line; leave it out")
    delimiter = max(_DELIMITERS, key=found[0].count)
    as_many = [mark for mark in _DELIMITERS if found[0].count(mark) == found[0].count(delimiter) > 0]
    if len(as_many) > 1 and _NUMBERS.fullmatch(found[0].strip()):
        marks = " as ".join(map(repr, as_many))
        raise ParseError(f"{file}: row 1: as many {marks}; write whole numbers, parted by one of them")
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(found, delimiter=delimiter, skipinitialspace=True)]
    except csv.Error as error:
        raise ParseError(f"{file}: not a CSV file ({error})") from None
    width = len(rows[0])
    if width < fewest_columns:
        raise ParseError(f"{file}: one column; there are to be {fewest_columns} or more, one a player")
    if width > MOST_COLUMNS:
        raise ParseError(f"{file}: row 1: {width:,} columns; there are at most {MOST_COLUMNS}")
    header = _is_header(rows) and not is_step(rows[0])
    names = tuple(rows[0]) if header else tuple(map(str, range(1, width + 1)))
    _check_names(names, file)
    first = 2 if header else 1
    body = tuple(_checked(row, number, names, file) for number, row in enumerate(rows[first - 1 :], first))
    if not body:
        raise ParseError(f"{file}: holds no rows but its header")
    return Table(names, body, header)


def format(table: Table) -> bytes:
    """The table as CSV in UTF-8."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([table.columns, *table.rows] if table.header else table.rows)
    return text.getvalue().encode()


def lines(opened: BinaryIO, file: str) -> Iterator[str]:
    """The lines of a file, one by one as they come, each in UTF-8 if it can be and else in Latin-1.

    Raises:
        ParseError: a line is too long, or no text.
    """
    number = 0
    while line := opened.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise ParseError(f"{file}: row {number}, from column 1 on: a line of more than {LONGEST_LINE:,} bytes")
        if b"\0" in line:
            raise ParseError(f"{file}: row {number}: not text, and so no CSV file")
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            yield line.decode("latin-1")


def cells(line: str) -> list[str]:
    """The cells of one line, parted by whichever delimiter it has most of.

    >>> cells("3; x")
    ['3', 'x']
    """
    row = next(csv.reader([line], delimiter=max(_DELIMITERS, key=line.count), skipinitialspace=True), [])
    return [canonical(cell.strip()) for cell in row]


def canonical(cell: str) -> str:
    """An integer without needless signs and zeros, and anything else as it is.

    >>> canonical("+07"), canonical("x7")
    ('7', 'x7')
    """
    return str(int(cell)) if _INTEGER.fullmatch(cell) and len(cell) < 10 else cell


def _is_header(rows: Sequence[Sequence[str]]) -> bool:
    first = rows[0]
    if any(not cell or _is_number(cell) for cell in first):
        return False
    return not any(cell == other for row in rows[1:] for cell, other in zip(first, row, strict=False))


def _check_names(names: Sequence[str], file: str) -> None:
    for number, name in enumerate(names, 1):
        if "=" in name or not name.isprintable():
            raise ParseError(
                f"{file}: row 1, column {number}: {name!r} cannot be a name; leave out = and what is not printed"
            )
    for one, other in pairwise(sorted(names)):
        if one == other:
            where = f"{file}: row 1, column {len(names) - names[::-1].index(one)}"
            raise ParseError(f"{where}: a second column {one!r}; rename it, or, of labels, put names above")


def _checked(row: Sequence[str], number: int, names: Sequence[str], file: str) -> tuple[str, ...]:
    """A row whose cells are all there, integers in their plain form."""
    if len(row) > len(names):
        what = f"row {number}, column {len(names) + 1}: a cell more than the {len(names)} of row 1"
        raise ParseError(f"{file}: {what}")
    for column, name in enumerate(names, 1):
        cell = row[column - 1] if column <= len(row) else ""
        where = f"{file}: row {number}, column {column}" + ("" if name == str(column) else f" ({name})")
        if not cell:
            raise ParseError(f"{where}: the cell is missing")
        if not cell.isprintable():
            raise ParseError(f"{where}: {cell!r} holds what is not printed; leave that out")
        if _INTEGER.fullmatch(cell) and not cell.startswith("-") and (len(cell) > 9 or int(cell) > HIGHEST):
            raise ParseError(f"{where}: {cell} is above {HIGHEST:,}; put some together")
        if _is_number(cell) and not _INTEGER.fullmatch(cell):
            raise ParseError(f"{where}: {cell} is neither an integer nor a label; round it")
        if _INTEGER.fullmatch(cell) and cell.startswith("-") and cell.strip("-0"):
            raise ParseError(f"{where}: {cell} is below 0; count from 0 on, or use labels")
    return tuple(map(canonical, row))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return cell.lower().strip("+-") not in ("nan", "inf", "infinity")
