"""How a training went, in Unicode blocks: the panels of `curves` for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from folkseq.plots.history import History, limits_from_zero, plain, thin
from folkseq.plots.panel import GUTTER, LINE, Panel, columns, place_of, ticks

LEAST_WIDTH = 40
FILLED, HELDOUT, BEST, AFTER, EVENT = "█", "●", "◉", "○", "▲"
MOST_EVENTS = 6
"""Told one by one; the rest are counted."""
MOST_NAME = 40  # characters
_APART = 5  # characters between the numbers of two steps, at the least
_MILLION = 1_000_000


def draw(history: History, width: int = 80) -> str:
    """The curves of a training.

    Args:
        history: what it told.
        width: of the terminal, in characters; taken as `LEAST_WIDTH` if it is less.

    Returns:
        Lines of at most that width: panels of the loss, the gradient's length, the learning rate and the speed over
        the same steps, and what happened at which step.
    """
    history, width = thin(history), max(width, LEAST_WIDTH)
    return "\n".join(line[:width] for line in _lines(history, width - GUTTER))


def _lines(history: History, width: int) -> Iterator[str]:
    yield ": ".join(filter(None, [plain(history.name, MOST_NAME), history.about]))
    yield _summary(history)
    for panel in (_loss(history, width), _norms(history, width), _rate(history, width), _speed(history, width)):
        yield ""
        yield from panel.lines()
    yield from _steps(history.last, width)
    yield from _events(history, width)


def _summary(history: History) -> str:
    seconds = history.elapsed_s[np.isfinite(history.elapsed_s)]
    took = f" in {seconds[-1] / 60:.1f} minutes" if seconds.size else ""
    best = f"; best held-out {history.best[1]:.3f} at step {history.best[0]:,.0f}" if history.best else ""
    return f"{history.step[-1]:,.0f} steps{took}{best}"


def _loss(history: History, width: int) -> Panel:
    marks = {HELDOUT: np.full(width, np.nan), BEST: np.full(width, np.nan)}
    marks[HELDOUT][place_of(history.heldout_step, history.last, width)] = history.heldout_nll
    signs = [f"{FILLED} training"]
    if history.best is not None:
        step, nll = history.best
        marks[BEST][place_of(np.array([step]), history.last, width)] = nll
        signs += [f"{HELDOUT} held-out", f"{BEST} best"]
    if history.ngram_nll is not None:
        signs.append(f"{LINE * 2} {history.ngram} {history.ngram_nll:.3f}")
    loss = columns(history.step, history.loss, history.last, width)
    return Panel("loss (nats a token)", loss, history.loss_limits(), 12, marks, tuple(signs), history.ngram_nll)


def _norms(history: History, width: int) -> Panel:
    before = columns(history.step, history.grad_norm, history.last, width)
    after = columns(history.step, history.grad_norm_clipped, history.last, width)
    signs = [f"{FILLED} before clipping"]
    if np.isfinite(after).any():
        signs.append(f"{AFTER} after")
    if history.clip is not None:
        signs.append(f"{LINE * 2} clipped to {history.clip:g}")
    title, limits = "gradient norm (log scale)", history.norm_limits()
    panel = Panel(title, before, limits, 6, signs=tuple(signs), line=history.clip, log=True)
    apart = np.array([panel.row(a) != panel.row(b) for a, b in zip(*map(np.nan_to_num, (after, before)), strict=True)])
    return replace(panel, marks={AFTER: np.where(apart, after, np.nan)})


def _rate(history: History, width: int) -> Panel:
    rate = columns(history.step, history.learning_rate, history.last, width)
    return Panel("learning rate", rate, limits_from_zero(history.learning_rate), 5)


def _speed(history: History, width: int) -> Panel:
    speed = columns(history.step, history.tokens_per_s, history.last, width)
    limits = limits_from_zero(history.tokens_per_s)
    return Panel("speed (tokens a second)", speed, limits, 5, number=_amount)


def _amount(value: float) -> str:
    return f"{value:,.0f}" if value < _MILLION else f"{value / _MILLION:g}M"


def _steps(last: float, width: int) -> Iterator[str]:
    """The axis below all panels: where round numbers of steps stand, and the numbers."""
    foot, numbers = ["─"] * width, [" "] * (width + GUTTER)
    room = len(f"{last:,.0f}") + _APART
    for tick in ticks(0, last, 3 * width // (2 * room)):
        if tick != round(tick):  # of a training of a few steps
            continue
        column = int(place_of(np.array([tick]), last, width)[0])
        foot[column] = "┴"
        text = f"{tick:,.0f}"
        start = min(column + GUTTER - len(text) // 2, len(numbers) - len(text))
        numbers[start : start + len(text)] = text
    yield " " * (GUTTER - 1) + "└" + "".join(foot)
    yield "".join(["steps", *numbers[len("steps") :]]).rstrip()


def _events(history: History, width: int) -> Iterator[str]:
    """A mark below the axis for each event, then what they were."""
    if not history.events:
        return
    marks = [" "] * width
    for step, _ in history.events:
        marks[int(place_of(np.array([step]), history.last, width)[0])] = EVENT
    yield " " * GUTTER + "".join(marks).rstrip()
    for step, text in history.events[:MOST_EVENTS]:
        yield f"{EVENT} step {step:,.0f}: {plain(text, width)}"
    if len(history.events) > MOST_EVENTS:
        yield f"{EVENT} and {len(history.events) - MOST_EVENTS:,} more"
