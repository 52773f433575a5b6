"""Where the bar lines of a performance are, as a sequencer draws them: from its meters and tempos alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from folkseq.music.performance import Performance

MOST = 100_000
"""Bar lines; a damaged file's tempo may ask for more than memory holds."""


def bar_lines(performance: Performance) -> NDArray[np.float64]:
    """The seconds at which bars begin, rising; none where no meter is given.

    A bar begins where a meter does. A free meter has a line at its beginning alone.
    """
    if not performance.meters:
        return np.zeros(0)
    times, bpm = np.array(performance.tempos, np.float64).T
    quarters = np.concatenate(([0.0], np.cumsum(np.diff(times) * bpm[:-1] / 60)))  # at each tempo's beginning
    ends = [*(time_s for time_s, _ in performance.meters[1:]), performance.length_s]

    def quarter_at(time_s: float) -> float:
        place = int(np.searchsorted(times, time_s, side="right")) - 1
        return float(quarters[place] + (time_s - times[place]) * bpm[place] / 60)

    found: list[NDArray[np.float64]] = []
    for (start_s, meter), end_s in zip(performance.meters, ends, strict=True):
        first, last, bar = quarter_at(start_s), quarter_at(end_s), float(meter.bar) * 4
        count = min(int(np.ceil((last - first) / bar - 1e-6)), MOST) if bar else 1
        at = first + bar * np.arange(max(count, 1))
        place = np.searchsorted(quarters, at, side="right") - 1
        found.append(times[place] + (at - quarters[place]) * 60 / bpm[place])
    return np.concatenate(found)[:MOST]
