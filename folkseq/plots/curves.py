"""The training history as one figure: loss, gradient norm, learning rate and speed over the same steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from folkseq.plots.history import Floats, History, limits_from_zero, smooth
from folkseq.plots.style import DARK, INK, LIGHT, WARM, legible, plain, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHTS, EVENT_HEIGHT = 9.0, (4.6, 2.2, 1.6, 1.6), 0.22
"""Inches: of the figure, of its panels from the top, and of the line of one event above them."""
MOST_NAME, MOST_TITLE, MOST_EVENT = 40, 70, 60  # characters
MOST_EVENTS = 6  # lines; the rest are counted
FEW = 30  # reports, which are drawn as dots too: a line through one report shows nothing

_DASHES = (0, (5, 3))
_EVENT = "#777777"
_SPANS = ((3600.0, "hours"), (60.0, "minutes"), (1.0, "seconds"))


@styled()
def draw(history: History) -> Figure:
    """Return the curves of a training run.

    Panels from the top: events, if there were any; the loss of training and held-out pieces beside the n-gram's; the
    gradient norm before and after clipping; the learning rate; tokens a second. Time is a second axis below the steps.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    events = _shown_events(history)
    heights = [EVENT_HEIGHT * len(events), *HEIGHTS] if events else [*HEIGHTS]
    figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
    panels = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    title = legible(": ".join(filter(None, [plain(history.name, MOST_NAME), history.about])), MOST_TITLE)
    figure.suptitle(title, x=0.01, ha="left", fontsize=13, fontweight="bold")
    loss, norms, rate, speed = panels[-4:]
    _loss(loss, history)
    _norms(norms, history)
    _rate(rate, history)
    _speed(speed, history)
    if events:
        _events(panels[0], events, history)
    for step, _ in history.events:
        for panel in panels[-4:]:
            panel.axvline(step, color=_EVENT, linewidth=0.8, zorder=1.5)
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
        _line(panel, [step], [nll], **ring, label=f"best, {nll:.3f} at step {step:,.0f}", clip_on=False, zorder=5)
    if history.ngram_nll is not None:
        label = f"{history.ngram}, {history.ngram_nll:.3f}"
        panel.axhline(history.ngram_nll, color=INK, linewidth=1.2, linestyle=_DASHES, label=label)
    panel.set_ylim(*history.loss_limits())
    panel.set_ylabel("loss\n(nats a token)")
    _legend(panel)


def _norms(panel: Axes, history: History) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter

    low, high = history.norm_limits()
    panel.set_ylim(low, high)  # before the scale, which looks for positive values otherwise
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


def _line(panel: Axes, x: ArrayLike, y: ArrayLike, **look: Any) -> None:
    panel.plot(x, y, **{"marker": "." if np.size(x) <= FEW else "", "markersize": 8} | look)


def _legend(panel: Axes) -> None:
    """Put the legend above the panel, where it hides nothing."""
    panel.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=5, borderaxespad=0.2, columnspacing=1.4)


def _shown_events(history: History) -> list[tuple[float, str]]:
    """Return the first events, and how many more there are."""
    events = list(history.events)
    if len(events) > MOST_EVENTS:
        step, more = events[MOST_EVENTS - 1][0], len(events) - MOST_EVENTS + 1
        events[MOST_EVENTS - 1 :] = [(step, f"and {more:,} more from here on")]
    return events


def _events(panel: Axes, events: Sequence[tuple[float, str]], history: History) -> None:
    """Write each event on a line of its own, on the side of its mark that has more room."""
    panel.set_axis_off()
    panel.set_ylim(len(events), 0)
    for line, (step, text) in enumerate(events):
        panel.plot([step, step], [line + 0.5, len(events)], color=_EVENT, linewidth=0.8, clip_on=False)
        side = "right" if step > history.last / 2 else "left"
        box = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
        text = f"  {legible(text, MOST_EVENT)}  "
        written = panel.text(step, line + 0.5, text, fontsize=8.5, ha=side, va="center", bbox=box)
        written.set_in_layout(False)  # else a long text makes the panels narrow


def _times(panel: Axes, history: History) -> None:
    """Add an axis below the steps with the time they took, in seconds, minutes or hours."""
    from matplotlib.ticker import MaxNLocator

    known = np.isfinite(history.elapsed_s)
    if not known.any():
        return
    steps: Floats = np.concatenate([[0.0], history.step[known]])
    seconds = np.maximum.accumulate(np.concatenate([[0.0], history.elapsed_s[known]]))
    size, unit = next((span for span in _SPANS if seconds[-1] >= 2 * span[0]), _SPANS[-1])
    times = np.asarray(MaxNLocator(10, steps=[1, 2, 5, 10]).tick_values(0, seconds[-1] / size))
    times = times[(times >= 0) & (times <= seconds[-1] / size)]
    ticks: dict[float, str] = {}
    for time, step in zip(times.tolist(), np.interp(times * size, seconds, steps).tolist(), strict=True):
        if not ticks or step - max(ticks) >= history.last / 25:  # a machine that slept presses times together
            ticks[step] = f"{time:g}"
    axis = panel.twiny()
    axis.grid(False)
    axis.set_xlim(panel.get_xlim())
    axis.xaxis.set_ticks_position("bottom")
    axis.xaxis.set_label_position("bottom")
    axis.spines["bottom"].set_position(("outward", 36))
    axis.set_xticks(list(ticks), list(ticks.values()))
    axis.set_xlabel(unit)
