"""The training history in Unicode blocks, for a terminal.

No library was suitable: uniplot and asciichartpy draw whole characters or distinguish series only by colour, plotille
labels its axes with unrounded numbers, and plotext has one global figure and is broken in its present version.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from textwrap import wrap

import numpy as np

from folkseq.plots.history import History, Panel, label, mean, panels
from folkseq.plots.style import Floats, plain

LEAST_WIDTH, GUTTER = 40, 9
"""Characters: the minimum width of a terminal, and the space for numbers and the axis."""
EIGHTHS, SERIES, MARKS, LINE, EVENT = " ▁▂▃▄▅▆▇█", "█○", "●◉", "╌", "▲"
_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)


def draw(history: History, width: int = 80) -> str:
    """Return the curves of a training run in lines of at most `width` characters, but at least `LEAST_WIDTH`."""
    width = max(width, LEAST_WIDTH)
    return "\n".join(line[:width] for line in _lines(history, width - GUTTER))


def _lines(history: History, width: int) -> Iterator[str]:
    yield history.title
    seconds = history.elapsed_s[np.isfinite(history.elapsed_s)]
    took = f" in {seconds[-1] / 60:.1f} minutes" if seconds.size else ""
    yield f"{history.step[-1]:,.0f} steps{took}"
    for panel in panels(history):
        yield from draw_panel(panel, history, width)
    yield from _steps(history.last, width)
    yield from _events(history, width)


def draw_panel(panel: Panel, history: History, width: int) -> Iterator[str]:
    """Yield an empty line, the title and legend, and the lines of a panel from the top.

    The first series is drawn as columns with a resolution of an eighth of a line; the second one only where it is
    clearly lower.
    """
    height = panel.height

    def level(value: float) -> float:  # in lines from the foot
        low, high = panel.limits
        if panel.log:
            low, high, value = math.log(low), math.log(high), math.log(max(value, low))
        return height * (value - low) / (high - low)

    def row(value: float) -> int:
        return min(max(math.floor(level(value)), 0), height - 1)

    rows = [[" "] * width for _ in range(height)]  # from the foot
    legend = [
        " ".join(pair) for pair in [*zip(SERIES, panel.series, strict=False), *zip(MARKS, panel.marks, strict=False)]
    ]
    if panel.line is not None:
        legend.append(f"{LINE * 2} {panel.line[0]}")
        if 0 <= level(panel.line[1]) <= height:
            rows[row(panel.line[1])] = [LINE] * width
    first, *others = (columns(history, values, width) for values in panel.series.values())
    for column, value in enumerate(first):
        if not math.isnan(value):
            eighths = min(max(round(8 * level(value)), 1), 8 * height)
            for full in range(math.ceil(eighths / 8)):
                rows[full][column] = EIGHTHS[min(eighths - 8 * full, 8)]
    for other in others:
        for column in np.flatnonzero(other < 0.9 * first).tolist():
            rows[row(other[column])][column] = SERIES[1]
    for sign, (steps, values) in zip(MARKS, panel.marks.values(), strict=False):
        for step, value in zip(steps, values, strict=True):
            rows[row(value)][column_of(step, history.last, width)] = sign
    yield ""
    titled = [f"{panel.title}:", *legend] if len(legend) > 1 else [panel.title]
    whole = "  ".join(part.replace(" ", "\xa0") for part in titled)
    for text in wrap(whole, GUTTER + width, subsequent_indent=" " * GUTTER, break_on_hyphens=False):
        yield text.replace("\xa0", " ")
    labels = {row(tick): label(tick) for tick in reversed(ticks(*panel.limits, height, panel.log))}
    for place in reversed(range(height)):
        axis = f"{labels[place]:>{GUTTER - 2}} ┤" if place in labels else " " * (GUTTER - 1) + "│"
        yield (axis + "".join(rows[place])).rstrip()


def columns(history: History, values: Floats, width: int) -> Floats:
    """Return (W,) means of the reports in each column; a column without reports has the value of the next report."""
    ends = np.searchsorted(history.step, np.arange(1, width + 1) * history.last / width, side="right").tolist()
    return np.array([mean(values[first : max(end, first + 1)]) for first, end in pairwise([0, *ends])])


def column_of(step: float, last: float, width: int) -> int:
    """Return the column of a step if `last` is the right end."""
    return min(max(math.ceil(step / last * width) - 1, 0), width - 1)


def _steps(last: float, width: int) -> Iterator[str]:
    """Yield the axis below all panels, and its round numbers of steps."""
    axis, numbers = ["─"] * width, [" "] * (width + GUTTER)
    for tick in ticks(0, last, 3 * width // (2 * len(f"{last:,.0f}     "))):
        if tick == round(tick):  # a short axis also has halves of steps
            column, text = column_of(tick, last, width), f"{tick:,.0f}"
            axis[column] = "┴"
            start = min(column + GUTTER - len(text) // 2, len(numbers) - len(text))
            numbers[start : start + len(text)] = text
    yield " " * (GUTTER - 1) + "└" + "".join(axis)
    yield "".join(["steps", *numbers[len("steps") :]]).rstrip()


def _events(history: History, width: int) -> Iterator[str]:
    """Yield a line with a mark for each event, and a line of text for each event to show."""
    if history.events:
        marked = {column_of(step, history.last, width) for step, _ in history.events}
        yield (" " * GUTTER + "".join(EVENT if column in marked else " " for column in range(width))).rstrip()
    for step, text in history.shown_events:
        yield f"{EVENT} step {step:,.0f}: {plain(text, width)}"


def ticks(low: float, high: float, lines: int, log: bool = False) -> list[float]:
    """Return round numbers from `low` to `high`, about two for every three lines at most.

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
    apart = next(size * nice for nice in _ROUND if high - low <= count * size * nice)
    return [apart * time for time in range(math.ceil(low / apart), math.floor(high / apart) + 1)]
