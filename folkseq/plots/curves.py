"""How a training went, as one figure of panels over the same steps: loss, gradients, learning rate, speed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from folkseq.plots.history import Floats, History, limits_from_zero, plain, smooth, thin
from folkseq.plots.picture import DARK, INK, LIGHT, WARM, legible, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE = (9.0, 10.0)
"""Inches, without events."""
MOST_NAME, MOST_TITLE, MOST_EVENT = 40, 70, 60
"""Characters."""
MOST_EVENTS = 6
"""Rows of events told one by one; the rest are counted."""

_DASHES = (0, (5, 3))
_MARK = "#777777"  # of events
_SPANS = ((3600.0, "hours"), (60.0, "minutes"), (1.0, "seconds"))
_FEW = 30


def draw(history: History) -> Figure:
    """The curves of a training.

    Panels from above: what happened, if anything did; the loss in nats a token of training, each report and smoothed,
    and of the held-out pieces, their best, and the n-gram's; the gradient's length before and after clipping, with
    the length it is clipped to; the learning rate; tokens a second. Steps go to the right; below them stands the
    time that they took.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    history = thin(history)
    rows = _rows(history)
    heights = [4.2, 2.0, 1.5, 1.5]
    told = 0.22 * len(rows)  # inches
    with styled():
        figure = Figure(figsize=(SIZE[0], SIZE[1] + told), layout="constrained")
        ratios = ([told * sum(heights) / SIZE[1]] if rows else []) + heights
        panels = figure.subplots(len(ratios), 1, sharex=True, squeeze=False, height_ratios=ratios)[:, 0]
        title = legible(": ".join(filter(None, [plain(history.name, MOST_NAME), history.about])), MOST_TITLE)
        figure.suptitle(title, x=0.01, ha="left", fontsize=13, fontweight="bold")
        if rows:
            _events(panels[0], rows, history)
        loss, norms, rate, speed = panels[-4:]
        for panel in (loss, norms, rate, speed):
            for step, _ in history.events:
                panel.axvline(step, color=_MARK, linewidth=0.8, zorder=1.5)
        _loss(loss, history)
        _norms(norms, history)
        _rate(rate, history)
        _speed(speed, history)
        loss.set_xlim(0, 1.01 * history.last)
        speed.set_xlabel("steps")
        speed.xaxis.set_major_locator(MaxNLocator(integer=True))
        speed.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        _times(speed, history)
        figure.align_ylabels(panels[-4:])
    return figure


def _loss(panel: Axes, history: History) -> None:
    _line(panel, history.step, history.loss, color=LIGHT, linewidth=0.8, label="training, each report")
    _line(panel, history.step, smooth(history.loss), color=DARK, linewidth=1.8, label="training, smoothed")
    if history.best is not None:
        dots = {"color": WARM, "linewidth": 1.0, "marker": "o", "markersize": 4.5, "markeredgecolor": "white"}
        _line(panel, history.heldout_step, history.heldout_nll, **dots, label="held-out", clip_on=False, zorder=4)
        step, nll = history.best
        ring = {"linestyle": "none", "marker": "o", "markersize": 10, "markerfacecolor": "none", "color": INK}
        label = f"best, {nll:.3f} at step {step:,.0f}"
        _line(panel, [step], [nll], **ring, label=label, clip_on=False, zorder=5)
    if history.ngram_nll is not None:
        label = f"{history.ngram}, {history.ngram_nll:.3f}"
        panel.axhline(history.ngram_nll, color=INK, linewidth=1.2, linestyle=_DASHES, label=label)
    panel.set_ylim(*history.loss_limits())
    panel.set_ylabel("loss\n(nats a token)")
    _legend(panel)


def _norms(panel: Axes, history: History) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter

    low, high = history.norm_limits()
    panel.set_ylim(low, high)  # before the scale, which else looks for positive values where there may be none
    panel.set_yscale("log", nonpositive="mask")
    _line(panel, history.step, history.grad_norm, color=LIGHT, linewidth=2.4, label="before clipping")
    if np.isfinite(history.grad_norm_clipped).any():
        _line(panel, history.step, history.grad_norm_clipped, color=DARK, linewidth=0.8, label="after clipping")
    if history.clip is not None:
        label = f"clipped to {history.clip:g}"
        panel.axhline(history.clip, color=INK, linewidth=1.2, linestyle=_DASHES, label=label)
    panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,)))
    panel.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    panel.yaxis.set_minor_formatter(NullFormatter())
    panel.set_ylabel("gradient norm\n(log scale)")
    _legend(panel)


def _rate(panel: Axes, history: History) -> None:
    _line(panel, history.step, history.learning_rate, color=DARK, linewidth=1.8, label="learning rate")
    panel.set_ylim(*limits_from_zero(history.learning_rate))
    panel.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    panel.set_ylabel("learning rate")


def _speed(panel: Axes, history: History) -> None:
    from matplotlib.ticker import MaxNLocator

    _line(panel, history.step, history.tokens_per_s, color=LIGHT, linewidth=0.8, label="each report")
    _line(panel, history.step, smooth(history.tokens_per_s), color=DARK, linewidth=1.8, label="smoothed")
    panel.set_ylim(*limits_from_zero(history.tokens_per_s))
    panel.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    panel.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    panel.set_ylabel("speed\n(tokens a second)")
    _legend(panel)


def _line(panel: Axes, x: ArrayLike, y: ArrayLike, **style: Any) -> None:
    """A line through the points, which are dots too where they are few: one alone would not be seen."""
    panel.plot(x, y, **{"marker": "." if np.size(x) <= _FEW else "", "markersize": 8} | style)


def _legend(panel: Axes) -> None:
    """Above the panel, where it hides nothing."""
    panel.legend(
        loc="lower right", bbox_to_anchor=(1, 1), ncols=5, borderaxespad=0.2, columnspacing=1.4, handlelength=1.8
    )


def _rows(history: History) -> list[tuple[float, str]]:
    """The events to tell, from above: the first ones, each by itself, then how many more there are."""
    rows = list(history.events)
    if len(rows) > MOST_EVENTS:
        more = len(rows) - MOST_EVENTS + 1
        rows[MOST_EVENTS - 1 :] = [(rows[MOST_EVENTS - 1][0], f"and {more:,} more from here on")]
    return rows


def _events(panel: Axes, rows: Sequence[tuple[float, str]], history: History) -> None:
    """One row an event, its text beside its mark, on the side where there is more room."""
    panel.set_axis_off()
    panel.set_ylim(len(rows), 0)
    for row, (step, text) in enumerate(rows):
        right = step > history.last / 2
        panel.plot([step, step], [row + 0.5, len(rows)], color=_MARK, linewidth=0.8, clip_on=False)
        panel.annotate(
            legible(text, MOST_EVENT),
            (step, row + 0.5),
            xytext=(-5 if right else 5, 0),
            textcoords="offset points",
            ha="right" if right else "left",
            va="center",
            fontsize=8.5,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        ).set_in_layout(False)  # a wide text must not make the panels narrow


def _times(panel: Axes, history: History) -> None:
    """A second axis under the steps: the time that they took, in seconds, minutes or hours."""
    known = np.isfinite(history.elapsed_s)
    if not known.any():
        return
    steps = np.concatenate([[0.0], history.step[known]])
    seconds = np.maximum.accumulate(np.concatenate([[0.0], history.elapsed_s[known]]))
    size, unit = next((span for span in _SPANS if seconds[-1] >= 2 * span[0]), _SPANS[-1])
    ticks = _round_times(seconds[-1] / size)
    places = np.interp(ticks * size, seconds, steps)
    apart = [0]  # a machine that slept, or was slow, presses times together
    for tick, place in enumerate(places):
        if place - places[apart[-1]] >= history.last / 25:
            apart.append(tick)
    times = panel.twiny()
    times.grid(False)
    times.set_xlim(panel.get_xlim())
    times.xaxis.set_ticks_position("bottom")
    times.xaxis.set_label_position("bottom")
    times.spines["bottom"].set_position(("outward", 36))
    times.set_xticks(places[apart], [f"{ticks[tick]:g}" for tick in apart])
    times.set_xlabel(unit)


def _round_times(last: float) -> Floats:
    """About ten round numbers from 0 to `last`."""
    from matplotlib.ticker import MaxNLocator

    times = np.asarray(MaxNLocator(10, steps=[1, 2, 5, 10]).tick_values(0, last))
    return times[(times >= 0) & (times <= last)]
