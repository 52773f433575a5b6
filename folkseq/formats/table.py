"""Tables of small integers or labels as CSV: a row for each step, a column for each player.

Cells are separated by commas, semicolons or tabs, whichever the first line has most of, and quoted as in RFC 4180. The
first line is a header if none of its cells is an integer and none comes again below it in its column. Integers are from
0 on; anything else but another number is a label. Empty lines at the end are ignored.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import BinaryIO

from folkseq.errors import ParseError
from folkseq.music.grid import Grid

LONGEST_LINE = 1 << 20  # bytes
MOST_COLUMNS = 64
HIGHEST = 4095  # of integers
_DELIMITERS = (",", ";", "\t")
_NUMBERS = re.compile(r"[\d,;.\t ]+")
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)


def parse(opened: BinaryIO, file: str, fewest_columns: int = 1) -> Grid:
    """Return the table in a file; without a header, its columns are named `1`, `2` and so on.

    Args:
        opened: The file.
        file: Its name, for messages.
        fewest_columns: The number of columns that it must have.

    Raises:
        ParseError: The file is anything else; names the row and the column, counted from 1.
    """
    opened.seek(0)
    found = list(lines(opened, file))
    while found and not found[-1].strip():
        found.pop()
    if not found:
        raise ParseError(f"{file}: holds no rows")
    if not found[0].strip():
        raise ParseError(f"{file}: row 1: an empty line; leave it out")
    most = max(map(found[0].count, _DELIMITERS))
    delimiters = [mark for mark in _DELIMITERS if found[0].count(mark) == most > 0]
    if len(delimiters) > 1 and _NUMBERS.fullmatch(found[0].strip()):
        marks = " as ".join(map(repr, delimiters))
        raise ParseError(f"{file}: row 1: as many {marks}; write whole numbers, separated by one of them")
    try:
        rows = _cells(found, found[0])
    except csv.Error as error:
        raise ParseError(f"{file}: not a CSV file ({error})") from None
    width = len(rows[0])
    if width < fewest_columns:
        raise ParseError(f"{file}: one column; give {fewest_columns} or more, one for each player")
    if width > MOST_COLUMNS:
        raise ParseError(f"{file}: row 1: {width:,} columns; there are at most {MOST_COLUMNS}")
    header = _is_header(rows)
    names = tuple(rows[0]) if header else tuple(map(str, range(1, width + 1)))
    _check_names(names, file)
    body = tuple(_checked(row, number, names, file) for number, row in enumerate(rows[header:], 1 + header))
    if not body:
        raise ParseError(f"{file}: holds no rows but its header")
    return Grid(names, body, named=header)


def format(grid: Grid) -> bytes:
    """Return the grid as CSV in UTF-8, with a header if its columns have names."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([grid.columns, *grid.rows] if grid.named else grid.rows)
    return text.getvalue().encode()


def lines(opened: BinaryIO, file: str) -> Iterator[str]:
    """Yield the lines of a file as they come, each decoded as UTF-8 or else as Latin-1.

    Raises:
        ParseError: A line is too long, or no text.
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
    """Return the cells of one line, separated by the delimiter that it has most of.

    >>> cells("3; x")
    ['3', 'x']
    """
    return [canonical(cell) for row in _cells([line], line)[:1] for cell in row]


def canonical(cell: str) -> str:
    """Return an integer without needless signs and zeros, and anything else as it is.

    >>> canonical("+07"), canonical("x7")
    ('7', 'x7')
    """
    return str(int(cell)) if _INTEGER.fullmatch(cell) and len(cell) < 10 else cell


def _cells(lines: Iterable[str], first: str) -> list[list[str]]:
    reader = csv.reader(lines, delimiter=max(_DELIMITERS, key=first.count), skipinitialspace=True)
    return [[cell.strip() for cell in row] for row in reader]


def _is_header(rows: Sequence[Sequence[str]]) -> bool:
    first = rows[0]
    if any(not cell or _is_number(cell) for cell in first):
        return False
    return not any(cell == other for row in rows[1:] for cell, other in zip(first, row, strict=False))


def _check_names(names: Sequence[str], file: str) -> None:
    for number, name in enumerate(names, 1):
        if "=" in name or not name.isprintable():
            where = f"{file}: row 1, column {number}"
            raise ParseError(f"{where}: {name!r} cannot be a name; leave out = and what is not printed")
    for name in sorted(names):
        if names.count(name) > 1:
            where = f"{file}: row 1, column {len(names) - names[::-1].index(name)}"
            raise ParseError(f"{where}: a second column {name!r}; rename it, or put names above the labels")


def _checked(row: Sequence[str], number: int, names: Sequence[str], file: str) -> tuple[str, ...]:
    """Return a row whose cells are all there, integers in their plain form."""
    where = f"{file}: row {number}, column"
    if len(row) > len(names):
        raise ParseError(f"{where} {len(names) + 1}: a cell more than the {len(names)} of row 1")
    for column, (cell, name) in enumerate(zip_longest(row, names, fillvalue=""), 1):
        if fault := _fault(cell):
            raise ParseError(f"{where} {column}{'' if name == str(column) else f' ({name})'}: {fault}")
    return tuple(map(canonical, row))


def _fault(cell: str) -> str:
    """Return the reason why a cell is neither a label nor an integer from 0 to the highest; "" if it is one."""
    if not cell:
        return "the cell is missing"
    if not cell.isprintable():
        return f"{cell!r} holds what is not printed; leave that out"
    if not _INTEGER.fullmatch(cell):
        return f"{cell} is neither an integer nor a label; round it" if _is_number(cell) else ""
    if cell.startswith("-"):
        return f"{cell} is below 0; count from 0 on, or use labels" if cell.strip("-0") else ""
    return f"{cell} is above {HIGHEST:,}; merge some values" if len(cell) > 9 or int(cell) > HIGHEST else ""


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return cell.lower().strip("+-") not in ("nan", "inf", "infinity")
