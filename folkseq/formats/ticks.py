"""The tempo map of a MIDI file, which converts ticks to seconds and back in double precision.

A quarter note has `ticks_per_beat` ticks in every meter. Tempos are in microseconds per quarter note in the file, and
in quarter notes per minute elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# Quarter notes per minute. A file's tempo is at most 2^24 − 1 microseconds. Its minimum is 1, but at such a speed, as
# in damaged files, a piece would have more ticks than can be written, and more bars than fit in memory.
SLOWEST, FASTEST = 60e6 / (2**24 - 1), 10_000.0


def microseconds(bpm: float) -> int:
    """Return the tempo in microseconds per quarter note that is nearest to `bpm` quarter notes per minute.

    >>> microseconds(120), microseconds(1)
    (500000, 16777215)
    """
    return round(60e6 / min(max(bpm, SLOWEST), FASTEST))


@dataclass(frozen=True)
class TempoMap:
    """The beginning of each tempo and its speed.

    Attributes:
        seconds: (T,) The onset of each tempo in seconds; the first is 0.
        ticks: (T,) The onset of each tempo in ticks; whole numbers, except in a map from `on_grid`.
        tick_s: (T,) The duration of a tick in seconds at each tempo.
    """

    seconds: npt.NDArray[np.float64]
    ticks: npt.NDArray[np.float64]
    tick_s: npt.NDArray[np.float64]

    @classmethod
    def at_seconds(cls, tempos: Iterable[tuple[float, float]], ticks_per_beat: int) -> TempoMap:
        """Return the map of (seconds, quarter notes per minute) pairs, within the limits of a file.

        Each tempo begins on the tick nearest to its time, given the rounded ticks before it; errors do not accumulate.
        """
        times, bpm = np.array(list(tempos), np.float64).T
        tick_s = 60 / np.clip(bpm, SLOWEST, FASTEST) / ticks_per_beat
        seconds, ticks = [0.0], [0]
        for time_s, before in zip(times[1:].tolist(), tick_s.tolist(), strict=False):
            length = max(0, round((time_s - seconds[-1]) / before))
            seconds.append(seconds[-1] + length * before)
            ticks.append(ticks[-1] + length)
        return cls(np.array(seconds), np.array(ticks, np.float64), tick_s)

    @classmethod
    def on_grid(cls, tempos: Iterable[tuple[float, float]], ticks_per_beat: int) -> TempoMap:
        """Return the map for coarse ticks that no file holds: tempos begin at their exact times, between two ticks."""
        times, bpm = np.array(list(tempos), np.float64).T
        tick_s = 60 / bpm / ticks_per_beat
        return cls(times, np.concatenate(([0.0], np.cumsum(np.diff(times) / tick_s[:-1]))), tick_s)

    @classmethod
    def at_ticks(cls, tempos: Iterable[tuple[int, int]], ticks_per_beat: int) -> TempoMap:
        """Return the map of (tick, microseconds per quarter note) pairs; the first is at tick 0."""
        ticks, microseconds = np.array(list(tempos), np.float64).T
        tick_s = microseconds / 1e6 / ticks_per_beat
        return cls(np.concatenate(([0.0], np.cumsum(np.diff(ticks) * tick_s[:-1]))), ticks, tick_s)

    def to_ticks(self, seconds: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Return the nearest tick of each time, of any shape, 0 or later."""
        seconds = np.asarray(seconds, np.float64)
        index = np.searchsorted(self.seconds, seconds, side="right") - 1
        return np.round(self.ticks[index] + (seconds - self.seconds[index]) / self.tick_s[index]).astype(np.int64)

    def to_seconds(self, ticks: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the time of each tick, of any shape, 0 or later."""
        ticks = np.asarray(ticks, np.float64)
        if len(self.ticks) == 1:  # the usual case needs no search
            return np.asarray(ticks * self.tick_s[0])
        index = np.searchsorted(self.ticks, ticks, side="right") - 1
        return np.asarray(self.seconds[index] + (ticks - self.ticks[index]) * self.tick_s[index])
