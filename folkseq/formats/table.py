"""Tables of small integers or labels as CSV: one row per step, one column per player.

`delimited` splits the text, and `columns` classifies the columns. The first row holds names if none of its cells is a
number or recurs in its column. Columns that give the rows' numbers or times are left out. Text is compared in Unicode's
composed form, NFC.
"""

from __future__ import annotations

import csv
import io
import re
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO
from unicodedata import normalize
from urllib.parse import unquote

from folkseq.errors import ParseError, few
from folkseq.formats import columns, delimited
from folkseq.formats.columns import DROPPED, EMPTY, UNSCALED, Column, Scale
from folkseq.formats.numerals import MISSING, is_number, is_time
from folkseq.music.grid import Grid
from folkseq.text import decode, decode_line

MOST_COLUMNS = 64
_SHOWN = 12  # most columns of a kind that a notice names
_UNSAFE = re.compile(r"[%+,:=]")  # characters to escape in the fields of a representation


def quoted(name: str) -> str:
    """Return a name, escaped for the fields of a representation: `a%2Bb` for `a+b`."""
    return _UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", name)


def spelled(names: Iterable[str]) -> str:
    """Return names as one string that `listed` parses."""
    return "+".join(map(quoted, names))


def listed(names: str) -> tuple[str, ...]:
    """Return the names in a list such as `lead+a%2Bb`."""
    return tuple(normalize("NFC", unquote(name)) for name in names.split("+") if name)


@dataclass(frozen=True)
class ColumnOptions:
    """The options for reading the columns of a table.

    Attributes:
        columns: The columns to read, in this order, by name or by number from 1; all by default.
        drop: The columns to leave out.
        labels: The columns whose cells are labels, even if they look like numbers, times or missing values.
        scale: The quantization levels of real numbers.
        width: The number of columns of a table without names that is read as a whole; otherwise 0.
    """

    columns: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    scale: Scale = UNSCALED
    width: int = 0


ALL = ColumnOptions()


@dataclass(frozen=True)
class Table:
    """A parsed table, the number of losses of each kind, and a notice about how the file was read."""

    grid: Grid
    lost: Counter[str]
    notice: str


def parse(data: bytes, file: str, fewest_columns: int = 1, reading: ColumnOptions = ALL) -> Table:
    """Return the table in a file; columns without names are named `1`, `2` and so on.

    Args:
        data: The bytes of the file.
        file: Its name, for messages.
        fewest_columns: The minimum number of columns.
        reading: The columns to read.

    Raises:
        ParseError: The file is not such a table; the message gives the row and the column, counted from 1.
    """
    text, encoding = decode(data, file)
    rows = delimited.parse(normalize("NFC", text), file)
    header = _is_header(rows.cells, reading.columns)
    names, named = _names(rows.cells[0], header, reading.columns)
    body, lines = rows.cells[header:], rows.lines[header:]
    if not body:
        raise ParseError(f"{file}: holds no rows but its header")
    cells, thousands = list(zip(*body, strict=True)), rows.delimiter == ","
    if not named and reading.width == len(names):
        reading = replace(reading, columns=tuple(names), drop=())
    left_out = _left_out(cells, names, named, reading, thousands, file)
    chosen = _places(reading.columns, names, file) or range(len(names))
    chosen = [place for place in chosen if place not in left_out]
    if len(chosen) < fewest_columns:
        besides = f" besides {few((names[place] for place in left_out), _SHOWN)}" if left_out else ""
        count = "one column" if len(chosen) == 1 else "no column"
        raise ParseError(f"{file}: {count}{besides}; give {fewest_columns} or more, one for each player")
    if len(chosen) > MOST_COLUMNS:
        raise ParseError(f"{file}: row {rows.lines[0]}: {len(chosen):,} columns; there are at most {MOST_COLUMNS}")
    _check_names({place: names[place] for place in chosen}, file, rows.lines[0])
    as_labels = _places(reading.labels, names, file)
    kinds = {
        place: columns.as_labels(cells[place])
        if place in as_labels
        else columns.recognise(cells[place], reading.scale, thousands)
        for place in chosen
    }
    _check_cells(kinds, cells, names, lines, file)
    titles = [names[place] for place in chosen] if named else list(map(str, range(1, len(chosen) + 1)))
    read = [list(map(kinds[place].labels.__getitem__, cells[place])) for place in chosen]
    lost = Counter(rows.skipped) + Counter(encoding.lost)
    lost["number between two levels"] = sum(kind.moved for kind in kinds.values())
    for reason in left_out.values():
        lost[f"cell of {reason}"] += len(body) if reason != EMPTY else 0
    grid = Grid(tuple(titles), tuple(zip(*read, strict=True)), named=named)
    return Table(grid, +lost, _notice(kinds, left_out, names, header))


def names(data: bytes, file: str, reading: ColumnOptions) -> tuple[str, ...]:
    """Return the names of the columns to read, given the beginning of a file; none if the first row holds data."""
    try:
        rows = delimited.parse(normalize("NFC", decode(data, file).text), file)
        header = _is_header(rows.cells, reading.columns) and len(rows.cells) > 1
        cells = list(zip(*rows.cells[1:], strict=True))
        left_out = _left_out(cells, rows.cells[0], True, reading, rows.delimiter == ",", file) if header else {}
    except ParseError:
        return ()
    return tuple(name for place, name in enumerate(rows.cells[0]) if place not in left_out) if header else ()


def format(grid: Grid) -> bytes:
    """Return the grid as CSV in UTF-8, with a header if its columns have names."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([grid.columns, *grid.rows] if grid.named else grid.rows)
    return text.getvalue().encode()


def lines(opened: BinaryIO) -> Iterator[str]:
    """Yield the lines of a file one by one, decoded as UTF-8 or else as Windows-1252, in composed form."""
    number = 0
    while line := opened.readline(delimited.LONGEST_LINE):
        number += 1
        while not line.endswith(b"\n") and (rest := opened.readline(delimited.LONGEST_LINE)):
            line = line[:100] + rest  # longer than any label
        yield normalize("NFC", decode_line(line.removeprefix(BOM_UTF8) if number == 1 else line))


def cells(line: str) -> list[str]:
    """Return the cells of one line, split at the delimiter that fits it best.

    >>> cells("3; x")
    ['3', 'x']
    """
    line = line.strip()
    return [columns.canonical(cell) for cell in delimited.cells(line, delimited.delimiter_of([line]))]


def _is_header(rows: Sequence[Sequence[str]], asked: Collection[str]) -> bool:
    first = rows[0]
    if asked and set(asked) <= set(first):
        return True
    names = first[first[0] == "" :]  # pandas leaves the name of the row numbers empty
    if any(not cell or is_number(cell) or is_time(cell) or cell in MISSING for cell in names):
        return False
    return not any(cell == other for row in rows[1:] for cell, other in zip(first, row, strict=True))


def _names(first: Sequence[str], header: bool, asked: Sequence[str]) -> tuple[Sequence[str], bool]:
    """Return the names of the columns, and whether they are other than numbers."""
    if header:
        return first, True
    numbers = list(map(str, range(1, len(first) + 1)))
    if len(asked) == len(first) and not set(asked) & set(numbers):
        return asked, True
    return numbers, False


def _left_out(
    cells: Sequence[Sequence[str]],
    names: Sequence[str],
    named: bool,
    reading: ColumnOptions,
    thousands: bool,
    file: str,
) -> dict[int, str]:
    """Return the reason why each column is left out, by column index."""
    asked, labels = _places(reading.columns, names, file), _places(reading.labels, names, file)
    drop, found = _places(reading.drop, names, file), dict[int, str]()
    for place, column in enumerate(cells):
        if place in drop:
            found[place] = DROPPED
        elif not any(column):
            found[place] = EMPTY
        elif place not in asked and place not in labels:
            reason = columns.row_label(column, names[place] if named else None, place == 0, thousands)
            if asked or reason:
                found[place] = reason or DROPPED
    return found


def _places(chosen: Sequence[str], names: Sequence[str], file: str) -> list[int]:
    """Return the indices of columns given by name or by number from 1. Raises ParseError for an unknown column."""
    places = []
    for each in chosen:
        if each in names:
            places.append(names.index(each))
        elif each.isdecimal() and 1 <= int(each) <= len(names):
            places.append(int(each) - 1)
        else:
            raise ParseError(
                f"{file}: has the columns {few(names, _SHOWN)}, and none called {each}; name others, or leave it out"
            )
    return places


def _check_names(names: dict[int, str], file: str, row: int) -> None:
    for place, name in names.items():
        where = f"{file}: row {row}, column {place + 1}"
        if "=" in name or not name.isprintable() or not name:
            raise ParseError(f"{where}: {name!r} cannot be a name; leave out = and what is not printed")
        if any(before < place and name == other for before, other in names.items()):
            raise ParseError(f"{where}: a second column {name!r}; rename it, or put names above the labels")


def _check_cells(
    kinds: dict[int, Column], cells: Sequence[Sequence[str]], names: Sequence[str], lines: Sequence[int], file: str
) -> None:
    """Raise ParseError for the first row with a cell that is not a label."""
    wrong = {place: kind.faults for place, kind in kinds.items() if kind.faults}
    if not wrong:
        return
    row, place = min(
        (next(row for row, cell in enumerate(cells[place]) if cell in faults), place) for place, faults in wrong.items()
    )
    name = names[place]
    where = f"{file}: row {lines[row]}, column {place + 1}{'' if name == str(place + 1) else f' ({name})'}"
    raise ParseError(f"{where}: {wrong[place][cells[place][row]].replace('=NAME', f'={quoted(name)}')}")


def _notice(kinds: dict[int, Column], left_out: dict[int, str], names: Sequence[str], header: bool) -> str:
    """Return a notice about how the first row was read, and about the kind of each column."""
    groups: dict[str, list[str]] = {}
    for place, kind in kinds.items():
        groups.setdefault(kind.kind, []).append(names[place])
    parts = [f"{kind} in {few(group, _SHOWN)}" for kind, group in groups.items()]
    groups = {}
    for place, reason in left_out.items():
        groups.setdefault(reason, []).append(names[place] or str(place + 1))
    parts += [f"left out: {few(group, _SHOWN)} ({reason})" for reason, group in groups.items()]
    return f"the first row holds {'names' if header else 'data'}; {'; '.join(parts)}"
