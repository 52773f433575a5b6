"""Parse delimited text, as written by spreadsheets, NumPy and loggers, to rows of cells.

Commas, semicolons, tabs, bars or, if there are none of those, blanks separate the cells; quoting follows RFC 4180.
`sep=;` in the first line names the delimiter, as in files by Excel. Blank rows, comments (`#`, `//`, `%`) and empty
columns are skipped. A comment above the first row holds the column names if it has as many cells, as in files by NumPy.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from folkseq.errors import ParseError
from folkseq.formats.numerals import is_number, is_time

LONGEST_LINE = 1 << 20  # characters
_DELIMITERS = (",", ";", "\t", "|")
_BLANKS = " "
_SEEN = 20  # rows that determine the delimiter
_SEPARATOR = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
_MARKS = ("#", "//", "%")
_COMMENT = re.compile(r"\s*(#|//|%)(?=[\s#!/%]|$)[#!/%\s]*")


@dataclass(frozen=True)
class Rows:
    """The rows of a file.

    Attributes:
        cells: The cells of each row, one per column; a missing cell is "".
        lines: The line number of each row, from 1.
        delimiter: The delimiter; a space stands for blanks.
        skipped: The number of skipped items of each kind.
    """

    cells: list[list[str]]
    lines: list[int]
    delimiter: str
    skipped: Counter[str]


def parse(text: str, file: str) -> Rows:
    """Return the rows of a text.

    Raises:
        ParseError: The text has no rows, or a row has too many cells; the message gives its line number, from 1.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").rstrip().split("\n")
    named = _SEPARATOR.fullmatch(lines[0].strip())
    written = [(number, line) for number, line in enumerate(lines, 1) if line.strip()][1 if named else 0 :]
    for number, line in written:
        if len(line) > LONGEST_LINE:
            raise ParseError(f"{file}: row {number}, from column 1 on: a line of more than {LONGEST_LINE:,} characters")
    comments = {number: line for number, line in written if line.lstrip().startswith(_MARKS) and _COMMENT.match(line)}
    held = [each for each in written if each[0] not in comments] if comments else written
    if not held:
        raise ParseError(f"{file}: holds no rows")
    delimiter = named[1] if named else delimiter_of([line for _, line in held[:_SEEN]])
    rows = list(_split(held, delimiter, file))
    usual = Counter(len(cells) for _, cells in rows).most_common(1)[0][0]
    odd = [row for row in rows if row[1][0].startswith(_MARKS) and len(row[1]) != usual]
    rows = [row for row in rows if row not in odd] if odd else rows
    above = [number for number in comments if number < rows[0][0]]
    if above and _are_names(names := cells(_COMMENT.sub("", comments[above[-1]], count=1), delimiter), usual):
        rows.insert(0, (above[-1], names))
        del comments[above[-1]]
    filled = [row for row in rows if any(row[1])]
    if not filled:
        raise ParseError(f"{file}: holds no rows")
    blank = len(lines) - len(written) - bool(named) + len(rows) - len(filled)
    skipped = +Counter({"blank row": blank, "comment line": len(comments) + len(odd)})
    return Rows(_even(filled, file), [number for number, _ in filled], delimiter, skipped)


def cells(line: str, delimiter: str) -> list[str]:
    """Return the cells of one line. Raises csv.Error if a cell is too long.

    >>> cells('"x, y"; z', ";")
    ['x, y', 'z']
    """
    return next((row for _, row in _split([(1, line)], delimiter, "")), [])


def delimiter_of(lines: Sequence[str]) -> str:
    """Return the delimiter of lines: the one that leaves the fewest other delimiters in cells that are not numbers.

    >>> delimiter_of(["0,5;1,25"]), delimiter_of(["a;b,c"]), delimiter_of(["3 x"])
    (';', ',', ' ')
    """
    best, least = _BLANKS, (1.0, 0)
    for delimiter in _DELIMITERS:
        ((count, _),) = Counter(line.count(delimiter) for line in lines).most_common(1)
        if not count:
            continue
        found = [cell for line in lines for cell in cells(line, delimiter)]
        others = [mark for mark in _DELIMITERS if mark != delimiter]
        unclear = sum(any(mark in cell for mark in others) and not (is_number(cell) or is_time(cell)) for cell in found)
        if (judged := (unclear / len(found), -count)) < least:
            best, least = delimiter, judged
    return best


def _split(lines: Iterable[tuple[int, str]], delimiter: str, file: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of each row's last line, and its cells."""
    numbers, texts = zip(*lines, strict=True)
    reader = csv.reader([f"{text.strip(' ')}\n" for text in texts], delimiter=delimiter, skipinitialspace=True)
    try:
        for row in reader:
            yield numbers[reader.line_num - 1], [cell.strip() for cell in row]
    except csv.Error:
        raise ParseError(
            f"{file}: row {numbers[reader.line_num - 1]}: a cell of more than {csv.field_size_limit():,} characters"
        ) from None


def _are_names(names: Sequence[str], width: int) -> bool:
    return len(names) == width > 1 and not any(not name or is_number(name) or is_time(name) for name in names)


def _even(rows: Sequence[tuple[int, list[str]]], file: str) -> list[list[str]]:
    """Return rows of equal length; the first may lack the name of a column of row numbers, as in files by R."""
    first, names = rows[0]
    counted = [row[0] for _, row in rows[1:] if len(row) == len(names) + 1]
    if (
        len(counted) == len(rows) - 1 > 1
        and counted == list(map(str, range(1, len(rows))))
        and _are_names(names, len(names))
    ):
        names = ["", *names]
    ((usual, _),) = Counter(len(row) for _, row in rows).most_common(1)
    if len(names) == 1 < usual:
        raise ParseError(
            f"{file}: row {first}: has one cell, and most rows have {usual}; leave it out, or begin it with #"
        )
    width = len(names)
    for number, row in rows[1:]:
        if any(row[width:]):
            raise ParseError(f"{file}: row {number}, column {width + 1}: a cell more than the {width} of row {first}")
    even = [names, *(row[:width] + [""] * (width - len(row)) for _, row in rows[1:])]
    empty = [column for column, cells in enumerate(zip(*even, strict=True)) if not any(cells)]
    return [[cell for column, cell in enumerate(row) if column not in empty] for row in even] if empty else even
