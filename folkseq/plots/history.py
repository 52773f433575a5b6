"""The training history of a run as arrays, and the panels for the figure and for the terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from folkseq.plots.style import Floats, plain

SERIES = ("elapsed_s", "loss", "learning_rate", "grad_norm", "grad_norm_clipped", "tokens_per_s")
"""The values read from every report, by their names in `metrics.jsonl`."""
MOST = 2_000  # maximum number of reports, more than the columns of a picture; neighbours in longer series are averaged
SMOOTHED = 40  # a smoothed value averages about one in this many of all reports
MOST_EVENTS = 6  # shown one by one; the rest are counted
MOST_NAME = 40  # characters
_HIGHEST = 1e300  # sums of larger numbers overflow


@dataclass(frozen=True)
class History:
    """The reports of a training run in the order of their steps; NaN where a report lacks a value.

    >>> History.of([{"step": 16, "loss": 2.5}, {"step": 32, "loss": 1.5}], name="abc-1").loss
    array([2.5, 1.5])
    """

    name: str  # of the run
    about: str  # its representation and network
    step: Floats  # (N,) rising
    elapsed_s: Floats  # (N,)
    loss: Floats  # (N,) nats a token, with dropout, over the steps since the previous report
    learning_rate: Floats  # (N,)
    grad_norm: Floats  # (N,) before clipping
    grad_norm_clipped: Floats  # (N,)
    tokens_per_s: Floats  # (N,)
    heldout_step: Floats  # (M,)
    heldout_nll: Floats  # (M,) nats a token
    events: tuple[tuple[float, str], ...]  # steps and descriptions
    ngram_nll: float | None = None  # nats a token on the held-out pieces
    ngram_order: int | None = None
    clip: float | None = None  # the largest gradient norm

    @classmethod
    def of(cls, lines: Iterable[Mapping[str, Any]], name: str, about: str = "", **known: Any) -> Self:
        """Return the history in the lines of a `metrics.jsonl`.

        Args:
            lines: reports and events.
            name: of the run.
            about: its representation and network.
            known: any of `ngram_nll`, `ngram_order` and `clip`.

        Raises:
            ValueError: none of the lines is a report.
        """
        lines = [line for line in lines if math.isfinite(_number(line.get("step")))]
        reports = [line for line in lines if "event" not in line]
        if not reports:
            raise ValueError("there is no report to draw")
        step, heldout = _numbers(reports, "step"), _numbers(reports, "heldout_nll")
        checked = np.isfinite(heldout)
        group = math.ceil(len(reports) / MOST)
        series: dict[str, Any] = {each: _thin(_numbers(reports, each), group) for each in SERIES}
        return cls(
            name=name,
            about=about,
            step=np.append(step[group - 1 : -1 : group], step[-1]),
            heldout_step=step[checked],
            heldout_nll=heldout[checked],
            events=tuple((float(line["step"]), str(line["event"])) for line in lines if "event" in line),
            **series,
            **known,
        )

    @property
    def title(self) -> str:
        """Return the name and the description of the run."""
        return ": ".join(filter(None, [plain(self.name, MOST_NAME), self.about]))

    @property
    def shown_events(self) -> list[tuple[float, str]]:
        """Return the first events, and a line with the number of further ones."""
        events = list(self.events)
        if len(events) > MOST_EVENTS:
            step, more = events[MOST_EVENTS - 1][0], len(events) - MOST_EVENTS + 1
            events[MOST_EVENTS - 1 :] = [(step, f"and {more:,} more from here on")]
        return events

    @property
    def last(self) -> float:
        """Return the last step, at least 1."""
        return max([1.0, float(self.step[-1]), *(step for step, _ in self.events)])


@dataclass(frozen=True)
class Panel:
    """One panel of the training curves."""

    title: str  # with the unit in parentheses
    height: int  # in lines of a terminal
    series: Mapping[str, Floats]  # by label, (N,) values at the steps of the history
    limits: tuple[float, float]
    smoothed: bool = False  # whether a figure shows the smoothed series, too
    log: bool = False
    marks: Mapping[str, tuple[Floats, Floats]] = field(default_factory=dict)  # by label: steps and values
    line: tuple[str, float] | None = None  # label and value of a horizontal line


def panels(history: History) -> tuple[Panel, ...]:
    """Return the panels of a history: loss, gradient norm, learning rate and speed."""
    rates, speeds, ngram, clip = history.learning_rate, history.tokens_per_s, history.ngram_nll, history.clip
    # The loss falls so steeply in the first fiftieth of the steps that the rest would look flat on the same scale.
    settled = smooth(history.loss)[history.step >= history.step[-1] / 50]
    losses = limits(np.concatenate([settled, history.heldout_nll, [ngram or math.nan]]))
    baseline = (f"{history.ngram_order or 'n'}-gram, {ngram:.3f}", ngram) if ngram else None
    marks = {}
    if history.heldout_nll.size:
        best = history.heldout_nll.argmin()
        step, nll = history.heldout_step[[best]], history.heldout_nll[[best]]
        marks["held-out"] = (history.heldout_step, history.heldout_nll)
        marks[f"best, {nll[0]:.3f} at step {step[0]:,.0f}"] = (step, nll)
    norms = {"before clipping": history.grad_norm}
    if np.isfinite(history.grad_norm_clipped).any():
        norms["after clipping"] = history.grad_norm_clipped
    known = np.concatenate([*norms.values(), [clip or math.nan]])
    low, high = limits(np.log10(known[known > 0]))
    clipped = (f"clipped to {clip:g}", clip) if clip else None
    return (
        Panel("loss (nats a token)", 12, {"training": history.loss}, losses, marks=marks, line=baseline, smoothed=True),
        Panel("gradient norm (log scale)", 6, norms, (float(10**low), float(10**high)), line=clipped, log=True),
        Panel("learning rate", 5, {"learning rate": rates}, limits_from_zero(rates)),
        Panel("speed (tokens a second)", 5, {"speed": speeds}, limits_from_zero(speeds), smoothed=True),
    )


def mean(values: Floats) -> float:
    """Return the mean of the finite values; NaN if there are none."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else math.nan


def smooth(values: Floats) -> Floats:
    """Return the moving average, with the same number of neighbours on either side and fewer towards the ends.

    >>> smooth(np.arange(3.0))
    array([0., 1., 2.])
    """
    count = len(values)
    sides = [min(place, count - 1 - place, count // (2 * SMOOTHED)) for place in range(count)]
    return np.array([mean(values[place - side : place + side + 1]) for place, side in enumerate(sides)])


def limits(values: Floats) -> tuple[float, float]:
    """Return the ends of an axis with a little room around all finite values; 0 and 1 if there are none."""
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    room = max(0.05 * (high - low), 0.001 * abs(high)) or 1.0
    return low - room, high + room


def limits_from_zero(values: Floats) -> tuple[float, float]:
    """Return 0 and a little more than the highest value; 0 and 1 if none is above 0."""
    known = values[values > 0]
    return 0.0, 1.05 * float(known.max()) if known.size else 1.0


def label(value: float) -> str:
    """Return the label of a tick.

    >>> label(0.5), label(20_000), label(2.5e6)
    ('0.5', '20,000', '2.5M')
    """
    return f"{value:g}" if abs(value) < 1e3 else f"{value:,.0f}" if value < 1e6 else f"{value / 1e6:g}M"


def _thin(values: Floats, group: int) -> Floats:
    """Return the means of groups of neighbours."""
    return np.array([mean(values[start : start + group]) for start in range(0, len(values), group)])


def _numbers(reports: Iterable[Mapping[str, Any]], name: str) -> Floats:
    return np.array([_number(report.get(name)) for report in reports])


def _number(value: object) -> float:
    """Return a value as a number, or NaN if it cannot be drawn."""
    try:
        number = float(value) if isinstance(value, int | float) else math.nan
    except OverflowError:
        return math.nan
    return number if abs(number) < _HIGHEST else math.nan
