"""The columns of a table as labels: integers and words stay unchanged, real numbers are quantized to levels.

Columns that number the rows or give their times are recognised.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from folkseq.formats.numerals import MISSING, AmbiguousNumberError, is_number, is_time, plain

HIGHEST = 4095  # of integers
INTEGERS, LABELS = "integers", "labels"
INDEX, TIME, EMPTY, DROPPED = "an index column", "a time column", "an empty column", "a column not asked for"
_NUMBER = re.compile(r"[+-]?(\d+\.\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_ROUND = re.compile(r"^([+-]?\d+)\.0*$", re.ASCII)
_COUNTS = re.compile(r"(unnamed: ?\d+|#|n|i|no|nr|id|idx|index|row|step|frame|tick|sample|counter)?", re.IGNORECASE)
_UNITS = r"t|ms|s|secs?|seconds|elapsed|time|date|datetime|clock|timestamp|utc"
_TELLS = re.compile(rf"({_UNITS})([ _(\[].*)?|.*[ _]({_UNITS})", re.IGNORECASE)
_FEWEST_COUNTED, _FEWEST_RISING = 4, 8  # rows needed to recognise a column by its cells alone


@dataclass(frozen=True)
class Scale:
    """The quantization levels of real numbers, from `low` (level 0) to `high` (the last one); none if `levels` is 0."""

    levels: int = 0
    low: float = 0.0
    high: float = 1.0

    def level(self, number: float) -> tuple[int, bool]:
        """Return the level nearest to a number, and whether the number lies between two levels.

        >>> Scale(levels=5).level(0.6)
        (2, True)
        """
        exact = (number - self.low) / (self.high - self.low) * (self.levels - 1)
        level = math.floor(exact + 0.5)
        return level, abs(exact - level) > 1e-6

    def label(self, cell: str) -> str:
        """Return the level of a real number as a label; return other cells unchanged."""
        if not self.levels or not _NUMBER.fullmatch(cell.replace(",", ".")):
            return cell
        number = float(cell.replace(",", "."))
        return str(self.level(number)[0]) if self.low <= number <= self.high else cell


UNSCALED = Scale()


@dataclass(frozen=True)
class Column:
    """A column that was recognised.

    Attributes:
        kind: `INTEGERS`, `LABELS`, a description of the levels, or the reason why the column is left out.
        labels: The label of each distinct cell; empty if the column is left out.
        faults: The reason for each distinct cell that is not a label.
        moved: Number of cells between two levels.
    """

    kind: str
    labels: dict[str, str]
    faults: dict[str, str]
    moved: int = 0


def canonical(cell: str) -> str:
    """Return an integer without redundant signs and zeros; return anything else unchanged.

    >>> canonical("+07"), canonical("x7")
    ('7', 'x7')
    """
    return str(int(cell)) if _INTEGER.fullmatch(cell) and len(cell) < 10 else cell


def as_labels(cells: Iterable[str]) -> Column:
    """Return a column in which every cell is a label, even if it looks like a number."""
    found = dict.fromkeys(cells)
    faults = {cell: _fault(cell, cell, {}) for cell in found if not cell.isprintable() or not cell}
    return Column(LABELS, {cell: canonical(cell) for cell in found}, faults)


def recognise(cells: Sequence[str], scale: Scale, thousands: bool) -> Column:
    """Return the kind and the labels of a column.

    Args:
        cells: Its cells.
        scale: The levels of real numbers.
        thousands: Whether 1,000 means a thousand, as in a file whose cells are separated by commas.
    """
    found = Counter(cells)
    if not any(found):
        return Column(EMPTY, {}, {})
    try:
        numbers = plain(found, thousands)
    except AmbiguousNumberError as error:
        one = str(error)
        reason = f"{one} is either {one.replace(',', '.')} or {one.replace(',', '')}; write it without a comma"
        return Column(LABELS, {}, {one: reason})
    whole = all(_INTEGER.fullmatch(number) and 0 <= int(number) <= HIGHEST for number in numbers.values())
    if scale.levels and not whole and not any(_is_label(cell, numbers) for cell in found):
        return _in_levels(found, numbers, scale)
    numbers = {cell: _ROUND.sub(r"\1", number) for cell, number in numbers.items()}
    labels, faults = {}, {}
    for cell in found:
        number = numbers.get(cell, cell)
        if fault := _fault(cell, number, numbers):
            faults[cell] = fault
        labels[cell] = canonical(number)
    return Column(INTEGERS if len(numbers) == len(found) else LABELS, labels, faults)


def _in_levels(found: Counter[str], numbers: dict[str, str], scale: Scale) -> Column:
    labels, faults, moved = {}, {}, 0
    for cell, count in found.items():
        if cell not in numbers:
            faults[cell] = _fault(cell, cell, numbers)
            continue
        number = float(numbers[cell])
        if not scale.low <= number <= scale.high:
            limits = f"{scale.low:g} to {scale.high:g}"
            faults[cell] = f"{cell} is not from {limits}; {_with_levels(numbers.values(), scale)}"
            continue
        level, between = scale.level(number)
        labels[cell] = str(level)
        moved += count * between
    return Column(f"numbers from {scale.low:g} to {scale.high:g} in {scale.levels} levels", labels, faults, moved)


def _with_levels(numbers: Iterable[str], scale: Scale) -> str:
    """Return advice on quantizing the numbers to levels."""
    values = list(map(float, numbers))
    limits = {"low": min(scale.low, *values), "high": max(scale.high, *values)}
    changed = (f",{name}={limit:.6g}" for name, limit in limits.items() if limit != getattr(Scale, name))
    return f"quantise the numbers, as in packed:levels={scale.levels or 16}{''.join(changed)}"


def _is_label(cell: str, numbers: Mapping[str, str]) -> bool:
    return bool(cell) and cell not in numbers and cell not in MISSING


def _fault(cell: str, number: str, numbers: dict[str, str]) -> str:
    """Return why a cell is neither a label nor an integer from 0 to `HIGHEST`; return "" if it is one of them."""
    if not cell:
        return "the cell is missing"
    if not cell.isprintable():
        return f"{cell!r} holds what is not printed; leave that out"
    if cell in MISSING:
        return f"{cell} is no value; fill it in, or read the column as labels with packed:labels=NAME"
    if cell not in numbers:
        return ""
    if not _INTEGER.fullmatch(number):
        advice = _with_levels(numbers.values(), Scale())
        return f"{cell} is not an integer; {advice}, or leave them out with packed:drop=NAME"
    if number.startswith("-"):
        return (
            f"{cell} is below 0; count from 0 on, or use packed:levels or packed:labels" if number.strip("-0") else ""
        )
    if len(number) > 9 or int(number) > HIGHEST:
        return f"{cell} is above {HIGHEST:,}; merge some values, or use packed:levels"
    return ""


def row_label(cells: Sequence[str], name: str | None, first: bool, thousands: bool) -> str:
    """Return `INDEX` or `TIME` for a column that only gives the rows' numbers or times; return "" for others.

    A column is recognised by its name, or by a sufficient number of strictly increasing cells.

    Args:
        cells: Its cells.
        name: Its name; empty if only the other columns have names, as pandas writes an index; None without names.
        first: Whether it is the first column.
        thousands: Whether 1,000 means a thousand.
    """
    found = dict.fromkeys(cells)
    if all(map(is_time, found)):
        return TIME
    if len(cells) < 2 or not all(map(is_number, found)):
        return ""
    try:
        numbers = plain(found, thousands)
    except AmbiguousNumberError:
        return ""
    values = [float(numbers[cell]) for cell in cells]
    steps = {round(after - before, 9) for before, after in pairwise(values)}
    if min(steps) < 0 or max(steps) == 0:
        return ""
    if name and _TELLS.fullmatch(name):
        return TIME
    even = len(steps) == 1
    if even and name is not None and _COUNTS.fullmatch(name):
        return INDEX
    if steps == {1.0} and first and values[0] in (0, 1) and len(cells) >= _FEWEST_COUNTED:
        return INDEX
    if len(cells) < _FEWEST_RISING or min(steps) == 0:
        return ""
    if all(_INTEGER.fullmatch(number) for number in numbers.values()):
        return INDEX if even else TIME if values[-1] > HIGHEST else ""
    return TIME
