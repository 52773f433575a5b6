"""The training history in Unicode blocks, for a terminal without any other program.

No library does as well: uniplot and asciichartpy draw whole characters or tell series apart by colour alone, plotille
labels its axes with unrounded numbers, and plotext has one global figure and is broken in its present version.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from textwrap import wrap

import numpy as np

from folkseq.plots.history import Floats, History, limits_from_zero, mean
from folkseq.plots.style import plain

LEAST_WIDTH, GUTTER = 40, 9
"""Characters: the narrowest terminal, and the room for numbers and the axis."""
EIGHTHS, LINE, HELDOUT, BEST, CLIPPED, EVENT = " ▁▂▃▄▅▆▇█", "╌", "●", "◉", "○", "▲"
MOST_EVENTS = 6  # listed one by one; the rest are counted
MOST_NAME = 40  # characters
_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)


def draw(history: History, width: int = 80) -> str:
    """Return the curves of a training run in lines of at most `width` characters, or `LEAST_WIDTH` if that is more."""
    width = max(width, LEAST_WIDTH)
    return "\n".join(line[:width] for line in _lines(history, width - GUTTER))


def _lines(history: History, width: int) -> Iterator[str]:
    yield ": ".join(filter(None, [plain(history.name, MOST_NAME), history.about]))
    seconds = history.elapsed_s[np.isfinite(history.elapsed_s)]
    took = f" in {seconds[-1] / 60:.1f} minutes" if seconds.size else ""
    best = f"; best held-out {history.best[1]:.3f} at step {history.best[0]:,.0f}" if history.best else ""
    yield f"{history.step[-1]:,.0f} steps{took}{best}"
    yield from _loss(history, width)
    yield from _norms(history, width)
    limits = limits_from_zero(history.learning_rate)
    yield from panel("learning rate", columns(history, "learning_rate", width), limits, 5)
    title, limits = "speed (tokens a second)", limits_from_zero(history.tokens_per_s)
    yield from panel(title, columns(history, "tokens_per_s", width), limits, 5, number=_amount)
    yield from _steps(history.last, width)
    yield from _events(history, width)


def _loss(history: History, width: int) -> Iterator[str]:
    marks = {HELDOUT: [math.nan] * width, BEST: [math.nan] * width}
    legend = ["█ training"]
    for step, nll in zip(history.heldout_step, history.heldout_nll, strict=True):
        marks[HELDOUT][column_of(step, history.last, width)] = nll
    if history.best is not None:
        step, nll = history.best
        marks[BEST][column_of(step, history.last, width)] = nll
        legend += [f"{HELDOUT} held-out", f"{BEST} best"]
    if history.ngram_nll is not None:
        legend.append(f"{LINE * 2} {history.ngram} {history.ngram_nll:.3f}")
    loss = columns(history, "loss", width)
    return panel("loss (nats a token)", loss, history.loss_limits(), 12, legend, marks, history.ngram_nll)


def _norms(history: History, width: int) -> Iterator[str]:
    before, after = (columns(history, series, width) for series in ("grad_norm", "grad_norm_clipped"))
    legend = ["█ before clipping"]
    if np.isfinite(after).any():
        legend.append(f"{CLIPPED} after")
    if history.clip is not None:
        legend.append(f"{LINE * 2} clipped to {history.clip:g}")
    marks = {CLIPPED: np.where(after < 0.9 * before, after, np.nan).tolist()}
    title = "gradient norm (log scale)"
    return panel(title, before, history.norm_limits(), 6, legend, marks, history.clip, log=True)


def _amount(value: float) -> str:
    return f"{value:,.0f}" if value < 1e6 else f"{value / 1e6:g}M"


def _steps(last: float, width: int) -> Iterator[str]:
    """Yield the axis below all panels and its round numbers of steps."""
    axis, numbers = ["─"] * width, [" "] * (width + GUTTER)
    for tick in ticks(0, last, 3 * width // (2 * len(f"{last:,.0f}     "))):
        if tick == round(tick):  # of a few steps there are halves
            column, text = column_of(tick, last, width), f"{tick:,.0f}"
            axis[column] = "┴"
            start = min(column + GUTTER - len(text) // 2, len(numbers) - len(text))
            numbers[start : start + len(text)] = text
    yield " " * (GUTTER - 1) + "└" + "".join(axis)
    yield "".join(["steps", *numbers[len("steps") :]]).rstrip()


def _events(history: History, width: int) -> Iterator[str]:
    """Yield a line with a mark for each event, and a line for each of the first ones."""
    if history.events:
        marked = {column_of(step, history.last, width) for step, _ in history.events}
        yield (" " * GUTTER + "".join(EVENT if column in marked else " " for column in range(width))).rstrip()
    for step, text in history.events[:MOST_EVENTS]:
        yield f"{EVENT} step {step:,.0f}: {plain(text, width)}"
    if len(history.events) > MOST_EVENTS:
        yield f"{EVENT} and {len(history.events) - MOST_EVENTS:,} more"


def panel(
    title: str,
    filled: Floats,
    limits: tuple[float, float],
    height: int,
    legend: Sequence[str] = (),
    marks: Mapping[str, Sequence[float]] | None = None,
    line: float | None = None,
    log: bool = False,
    number: Callable[[float], str] = "{:g}".format,
) -> Iterator[str]:
    """Yield an empty line, the title and legend, and the lines of a panel from the top.

    Args:
        title: what the columns show, with its unit.
        filled: (W,) values, drawn as columns to an eighth of a line; NaN where there is none.
        limits: the values at the foot and the top.
        height: in lines.
        legend: the signs and what they mean.
        marks: by sign, (W,) values that it marks; NaN where there is none.
        line: a value that a horizontal line is drawn at, behind the columns.
        log: whether the scale is logarithmic.
        number: formats the labels of the axis.
    """

    def level(value: float) -> float:  # in lines from the foot
        low, high = limits
        if log:
            low, high, value = math.log(low), math.log(high), math.log(max(value, low))
        return height * (value - low) / (high - low)

    def row(value: float) -> int:
        return min(max(math.floor(level(value)), 0), height - 1)

    rows = [[" "] * len(filled) for _ in range(height)]  # from the foot
    if line is not None and 0 <= level(line) <= height:
        rows[row(line)] = [LINE] * len(filled)
    for column, value in enumerate(filled):
        if not math.isnan(value):
            eighths = min(max(round(8 * level(value)), 1), 8 * height)
            for full in range(math.ceil(eighths / 8)):
                rows[full][column] = EIGHTHS[min(eighths - 8 * full, 8)]
    for sign, values in (marks or {}).items():
        for column, value in enumerate(values):
            if not math.isnan(value):
                rows[row(value)][column] = sign
    yield ""
    whole = "  ".join(part.replace(" ", "\xa0") for part in (f"{title}:" if legend else title, *legend))
    for text in wrap(whole, GUTTER + len(filled), subsequent_indent=" " * GUTTER, break_on_hyphens=False):
        yield text.replace("\xa0", " ")
    labels = {row(tick): number(tick) for tick in reversed(ticks(*limits, height, log))}
    for place in reversed(range(height)):
        label = f"{labels[place]:>{GUTTER - 2}} ┤" if place in labels else " " * (GUTTER - 1) + "│"
        yield (label + "".join(rows[place])).rstrip()


def columns(history: History, series: str, width: int) -> Floats:
    """Return (W,) means of the reports in each column, or the next report's value where a column has none."""
    values = getattr(history, series)
    ends = np.searchsorted(history.step, np.arange(1, width + 1) * history.last / width, side="right").tolist()
    return np.array([mean(values[first : max(end, first + 1)]) for first, end in pairwise([0, *ends])])


def column_of(step: float, last: float, width: int) -> int:
    """Return the column of a step when `last` is the right end."""
    return min(max(math.ceil(step / last * width) - 1, 0), width - 1)


def ticks(low: float, high: float, lines: int, log: bool = False) -> list[float]:
    """Return round numbers from `low` to `high`, at most about two for three lines.

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
