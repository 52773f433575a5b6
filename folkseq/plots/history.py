"""What a training told of itself, as arrays to draw: one value a report, NaN where a report does not say."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

_HIGHEST = 1e300  # beyond, sums overflow

Floats = NDArray[np.float64]

SERIES = ("elapsed_s", "loss", "learning_rate", "grad_norm", "grad_norm_clipped", "tokens_per_s")
"""What is read of every report beside its step, by its name in `metrics.jsonl`."""
MOST = 2_000
"""Reports that are drawn one by one, more than a picture has columns; of more, means are."""
SMOOTHED = 40
"""A smoothed value is the mean of about one of so many parts of all reports."""


@dataclass(frozen=True)
class History:
    """A run's reports in order of their steps.

    >>> History.of([{"step": 16, "loss": 2.5}, {"step": 32, "loss": 1.5}], name="abc-1").loss
    array([2.5, 1.5])
    """

    name: str
    """What the run is called."""
    about: str
    """What it is, in a few words."""
    step: Floats
    """(N,), rising."""
    elapsed_s: Floats
    """(N,) seconds of training."""
    loss: Floats
    """(N,) nats a token, with dropout, over the steps since the report before."""
    learning_rate: Floats
    grad_norm: Floats
    """(N,) the gradient's length before it was clipped."""
    grad_norm_clipped: Floats
    """(N,) after; older reports do not say."""
    tokens_per_s: Floats
    heldout_step: Floats
    """(M,) where the held-out pieces were looked at."""
    heldout_nll: Floats
    """(M,) nats a token."""
    events: tuple[tuple[float, str], ...] = ()
    """What else happened: at which step, and what."""
    ngram_nll: float | None = None
    """The n-gram's nats a token on the held-out pieces, if they are known."""
    ngram_order: int | None = None
    """How many tokens it counts together, if that is known."""
    clip: float | None = None
    """The longest that a gradient may be, if that is known."""

    @classmethod
    def of(
        cls,
        lines: Iterable[Mapping[str, Any]],
        *,
        name: str,
        about: str = "",
        ngram_nll: float | None = None,
        ngram_order: int | None = None,
        clip: float | None = None,
    ) -> Self:
        """The history that the lines of a `metrics.jsonl` tell.

        Raises:
            ValueError: if none of them is a report.
        """
        lines = [line for line in lines if math.isfinite(_number(line.get("step")))]
        reports = [line for line in lines if "event" not in line]
        if not reports:
            raise ValueError("there is no report to draw")
        step, heldout = (_numbers(reports, series) for series in ("step", "heldout_nll"))
        seen = np.isfinite(heldout)
        events = tuple((float(line["step"]), str(line["event"])) for line in lines if "event" in line)
        read = {series: _numbers(reports, series) for series in SERIES}
        checks = {"heldout_step": step[seen], "heldout_nll": heldout[seen]}
        drawn: dict[str, Any] = {**read, **checks}
        history = cls(name, about, step, **drawn, events=events)
        return replace(history, ngram_nll=ngram_nll, ngram_order=ngram_order, clip=clip)

    @property
    def ngram(self) -> str:
        """What the n-gram is called."""
        return f"{self.ngram_order or 'n'}-gram"

    @property
    def best(self) -> tuple[float, float] | None:
        """At which step the held-out loss was lowest, and the loss there."""
        if not self.heldout_nll.size:
            return None
        place = int(self.heldout_nll.argmin())
        return float(self.heldout_step[place]), float(self.heldout_nll[place])

    @property
    def last(self) -> float:
        """The step at which it ends, at least 1."""
        return max([1.0, float(self.step[-1]), *(step for step, _ in self.events)])

    def loss_limits(self) -> tuple[float, float]:
        """The losses between which there is something to see.

        The first fiftieth of a training, in which the loss falls from that of a guess, may lie above: it would press
        all that follows flat.
        """
        settled = smooth(self.loss)[self.step >= self.step[-1] / 50]
        told = [settled, self.heldout_nll, [] if self.ngram_nll is None else [self.ngram_nll]]
        return limits(np.concatenate(told))

    def norm_limits(self) -> tuple[float, float]:
        """The lengths between which the gradient's stands on a scale of logarithms, the clip among them."""
        known = np.concatenate([self.grad_norm, self.grad_norm_clipped, [self.clip or np.nan]])
        low, high = limits(np.log10(known[known > 0]))
        return float(10**low), float(10**high)


def smooth(values: Floats) -> Floats:
    """Means of neighbours, as many on either side, fewer towards the ends; NaN where there is none.

    >>> smooth(np.arange(3.0))
    array([0., 1., 2.])
    """
    count = len(values)
    means = np.full(count, np.nan)
    for place in range(count):
        reach = min(place, count - 1 - place, count // (2 * SMOOTHED))
        near = values[place - reach : place + reach + 1]
        if (known := near[np.isfinite(near)]).size:
            means[place] = known.mean()
    return means


def thin(history: History) -> History:
    """The same with means of neighbouring reports in place of more than `MOST` of them; checks and events stay."""
    group = math.ceil(len(history.step) / MOST)
    if group == 1:
        return history
    starts = np.arange(0, len(history.step), group)
    ends = np.minimum(starts + group, len(history.step))
    means: dict[str, Any] = {}
    for series in SERIES:
        values = getattr(history, series)
        known = np.isfinite(values)
        amounts = np.add.reduceat(known, starts, dtype=np.int64)
        totals = np.add.reduceat(np.where(known, values, 0.0), starts)
        means[series] = np.where(amounts > 0, totals / np.maximum(amounts, 1), np.nan)
    return replace(history, step=history.step[ends - 1], **means)


def limits(values: Floats) -> tuple[float, float]:
    """An axis's ends, with a little room around all values that are numbers; about 1 if there is none."""
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    room = max(0.05 * (high - low), 0.001 * abs(high)) or 1.0
    return low - room, high + room


def limits_from_zero(values: Floats) -> tuple[float, float]:
    """An axis's ends, 0 and a little above the highest value; 1 if there is none."""
    known = values[values > 0]
    return 0.0, 1.05 * float(known.max()) if known.size else 1.0


def plain(text: str, most: int) -> str:
    """`text` on one line of at most `most` characters, with nothing in it that would steer a terminal.

    >>> plain("the name of a run", 8)
    'the nam…'
    """
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in " ".join(text.split()))
    return text if len(text) <= most else text[: most - 1] + "…"


def _numbers(reports: Iterable[Mapping[str, Any]], name: str) -> Floats:
    """(N,) what each report says of `name`; NaN for what is no number that can be drawn."""
    return np.array([_number(report.get(name)) for report in reports])


def _number(value: object) -> float:
    try:
        number = float(value) if isinstance(value, int | float) else math.nan
    except OverflowError:
        return math.nan
    return number if abs(number) < _HIGHEST else math.nan
