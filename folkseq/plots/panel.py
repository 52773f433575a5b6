"""A panel of Unicode blocks: values over steps as columns, with marks and lines to hold them against.

A column is filled to an eighth of a line. Where a value is not known there is none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from folkseq.plots.history import Floats

EIGHTHS = " ▁▂▃▄▅▆▇█"
LINE = "╌"
GUTTER = 9
"""Characters to the left of the columns, for the numbers and the axis."""
_NICE = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Panel:
    """What a panel shows, from `low` at its foot to `high` at its top."""

    title: str
    """Over it: what is shown, and in what unit."""
    filled: Floats
    """(W,) a value a column."""
    limits: tuple[float, float]
    height: int
    """Lines."""
    marks: Mapping[str, Floats] = field(default_factory=dict)
    """By their sign: (W,) a value a column, NaN where there is none."""
    signs: tuple[str, ...] = ()
    """Beside the title, or below it if they are too wide: what the signs mean."""
    line: float | None = None
    """A value that a line is drawn at, behind the columns."""
    log: bool = False
    number: Callable[[float], str] = "{:g}".format
    """How a value stands beside the axis."""

    def __post_init__(self) -> None:
        low, high = self.limits
        if not low < high:
            raise ValueError(f"a panel's limits rise, got {self.limits}")
        if self.log and low <= 0:
            raise ValueError(f"a panel in logarithms starts above 0, got {low}")

    def lines(self) -> Iterator[str]:
        """The panel from above, its axis's foot last."""
        yield from _wrapped([f"{self.title}:", *self.signs] if self.signs else [self.title], GUTTER + len(self.filled))
        cells = self._cells()
        labels = {self.row(tick): self.number(tick) for tick in reversed(ticks(*self.limits, self.height, self.log))}
        for row in reversed(range(self.height)):
            label = f"{labels[row]:>{GUTTER - 2}} ┤" if row in labels else " " * (GUTTER - 1) + "│"
            yield (label + "".join(cells[row])).rstrip()

    def _cells(self) -> list[list[str]]:
        """Of each line from the foot, the sign of each column."""
        cells = [[" "] * len(self.filled) for _ in range(self.height)]
        if self.line is not None and 0 <= self._height(self.line) <= self.height:
            cells[self.row(self.line)] = [LINE] * len(self.filled)
        for column, value in enumerate(self.filled):
            if math.isnan(value):
                continue
            eighths = min(max(round(8 * self._height(value)), 1), 8 * self.height)
            for row in range(math.ceil(eighths / 8)):
                cells[row][column] = EIGHTHS[min(eighths - 8 * row, 8)]
        for sign, values in self.marks.items():
            for column, value in enumerate(values):
                if not math.isnan(value):
                    cells[self.row(value)][column] = sign
        return cells

    def _height(self, value: float) -> float:
        """How many lines above the foot a value stands."""
        low, high = self.limits
        if self.log:
            low, high, value = math.log(low), math.log(high), math.log(max(value, low))
        return self.height * (value - low) / (high - low)

    def row(self, value: float) -> int:
        """The line, from the foot, in which a value stands; the nearest for one outside."""
        return min(max(math.floor(self._height(value)), 0), self.height - 1)


def _wrapped(parts: Sequence[str], width: int) -> Iterator[str]:
    """The parts, two spaces between, in as many lines as they need."""
    line = parts[0]
    for part in parts[1:]:
        if len(line) + 2 + len(part) > width:
            yield line
            line = " " * (GUTTER - 2)
        line += f"  {part}"
    yield line


def columns(step: Floats, values: Floats, last: float, width: int) -> Floats:
    """(W,) the means of the values that fall into each column.

    A column between two reports has the later one's, since a report is of all steps since the one before.

    Args:
        step: (N,) rising.
        values: (N,), NaN where there is none.
        last: the step at the right end.
        width: W.
    """
    place = place_of(step, last, width)
    known = np.isfinite(values)
    amounts = np.bincount(place[known], minlength=width)
    totals = np.bincount(place[known], weights=values[known], minlength=width)
    means = np.where(amounts > 0, totals / np.maximum(amounts, 1), np.nan)
    reported = np.where(np.isin(np.arange(width), place), np.arange(width), width)
    later = np.minimum.accumulate(reported[::-1])[::-1]
    return np.append(means, np.nan)[later]


def place_of(step: Floats, last: float, width: int) -> NDArray[np.int64]:
    """(N,) the column of each step, of which the last one's is the right end."""
    place = np.ceil(step / last * width).astype(np.int64) - 1
    return np.clip(place, 0, width - 1)


def ticks(low: float, high: float, lines: int, log: bool = False) -> list[float]:
    """Round numbers from `low` to `high`, at most about two to three lines.

    >>> ticks(0, 2.2, 4)
    [0.0, 2.0]
    >>> ticks(0.05, 20, 6, log=True)
    [0.1, 1.0, 10.0]
    """
    count = max(2 * lines // 3, 1)
    if log:
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        for steps in ((1,), (1, 2, 5)):
            found = [step * 10.0**power for power in powers for step in steps if low <= step * 10.0**power <= high]
            if len(found) > 1:
                return found[:: math.ceil(len(found) / count)]
    size = 10.0 ** math.floor(math.log10((high - low) / count))
    apart = next(size * nice for nice in _NICE if high - low <= count * size * nice)
    return [apart * time for time in range(math.ceil(low / apart), math.floor(high / apart) + 1)]
