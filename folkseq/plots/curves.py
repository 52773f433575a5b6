"""The training history as one figure: loss, gradient norm, learning rate and speed over the same steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from folkseq.plots.history import History, Panel, label, panels, smooth
from folkseq.plots.style import DARK, INK, LIGHT, WARM, Floats, add_axes, figure_of, legible, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, LEFT, RIGHT, HEADING, FOOT = 9.0, 1.0, 0.15, 0.4, 1.0
"""Inches: the size of the figure, and the margins around its panels."""
LINE, GAP, EVENT = 0.3, 0.32, 0.22
"""Inches: a line of a panel, the space above each panel, and the line of an event."""
MOST_TITLE, MOST_EVENT = 70, 60  # characters
FEW = 30  # up to this many points are also drawn as dots, since a line needs two points to be visible

_EVENT = "#777777"
_SPANS = ((3600.0, "hours"), (60.0, "minutes"), (1.0, "seconds"))
_MARKS: tuple[dict[str, Any], ...] = (
    {"color": WARM, "linewidth": 1.0, "marker": "o", "markersize": 4.5, "markeredgecolor": "white", "zorder": 4},
    {"color": INK, "linestyle": "none", "marker": "o", "markersize": 10, "markerfacecolor": "none", "zorder": 5},
)


@styled()
def draw(history: History) -> Figure:
    """Return the curves of a training run: events at the top, the panels, and time as a second axis below the steps."""
    shown, events = panels(history), history.shown_events
    top = HEADING + EVENT * len(events)
    height = top + sum(GAP + LINE * panel.height for panel in shown) + FOOT
    figure, width = figure_of(WIDTH, height, legible(history.title, MOST_TITLE)), WIDTH - LEFT - RIGHT
    if events:
        _events(add_axes(figure, LEFT, HEADING, width, EVENT * len(events) + GAP), history)
    for panel in shown:
        axes = add_axes(figure, LEFT, top + GAP, width, LINE * panel.height)
        top += GAP + LINE * panel.height
        _panel(axes, panel, history)
        axes.tick_params(labelbottom=panel is shown[-1])
    axes.set_xlabel("steps")
    _times(axes, history)
    return figure


def _panel(axes: Axes, panel: Panel, history: History) -> None:
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

    low, high = panel.limits
    axes.set_xlim(0, 1.01 * history.last)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_ylim(low, high)  # set before the scale, since a log scale without limits looks for positive values
    axes.yaxis.set_major_locator(MaxNLocator(panel.height - 1, steps=[1, 2, 2.5, 5, 10]))
    if panel.log:
        axes.set_yscale("log", nonpositive="mask")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,)))
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(lambda value, _: label(value))
    axes.set_ylabel(panel.title.replace(" (", "\n("))
    axes.yaxis.set_label_coords(-0.085, 0.5)
    lines = dict(panel.series)
    if panel.smoothed:
        ((name, values),) = panel.series.items()
        lines = {f"{name}, each report": values, f"{name}, smoothed": smooth(values)}
    for name, values in lines.items():
        last = name == list(lines)[-1]
        _line(axes, history.step, values, color=DARK if last else LIGHT, linewidth=1.8 if last else 1.2, label=name)
    for look, (name, (steps, values)) in zip(_MARKS, panel.marks.items(), strict=False):
        _line(axes, steps, values, label=name, clip_on=False, **look)
    for step, _ in history.events:
        axes.axvline(step, color=_EVENT, linewidth=0.8, zorder=1.5)
    if panel.line is not None:
        name, value = panel.line
        axes.axhline(value, color=INK, linewidth=1.2, linestyle=(0, (5, 3)), label=name)
    if len(lines) > 1 or panel.marks or panel.line:  # the legend is above the panel, so that it hides nothing
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=5, borderaxespad=0.2, columnspacing=1.4)


def _line(axes: Axes, x: ArrayLike, y: ArrayLike, **look: Any) -> None:
    axes.plot(x, y, **{"marker": "." if np.size(x) <= FEW else "", "markersize": 8} | look)


def _events(axes: Axes, history: History) -> None:
    """Write each event on a separate line, on the side of its mark that has more room."""
    axes.set_axis_off()
    axes.set_xlim(0, 1.01 * history.last)
    foot = len(history.shown_events) + GAP / EVENT
    axes.set_ylim(foot, 0)
    for line, (step, text) in enumerate(history.shown_events):
        axes.plot([step, step], [line + 0.5, foot], color=_EVENT, linewidth=0.8)
        side = "right" if step > history.last / 2 else "left"
        box = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
        text = f"  {legible(text, MOST_EVENT)}  "
        axes.text(step, line + 0.5, text, fontsize=8.5, ha=side, va="center", bbox=box)


def _times(axes: Axes, history: History) -> None:
    """Add an axis below the steps with the elapsed time in seconds, minutes or hours."""
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
        if not ticks or step - max(ticks) >= history.last / 25:  # a pause of the machine presses times together
            ticks[step] = f"{time:g}"
    below = axes.twiny()
    below.grid(False)
    below.set_xlim(axes.get_xlim())
    below.xaxis.set_ticks_position("bottom")
    below.xaxis.set_label_position("bottom")
    below.spines["bottom"].set_position(("outward", 36))
    below.set_xticks(list(ticks), list(ticks.values()))
    below.set_xlabel(unit)
