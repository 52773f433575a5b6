"""Ticks and seconds: the tempo map of a MIDI file, in double precision both ways.

There are `ticks_per_beat` ticks in a quarter note, whatever the meter. A tempo is microseconds a quarter note in the
file, and quarter notes a minute outside of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# Quarter notes a minute. A file's tempo is at most 2^24 − 1 microseconds; 1 is the least, but a piece at the speed of a
# damaged one would have more ticks than can be written, and more bars than memory.
SLOWEST, FASTEST = 60e6 / (2**24 - 1), 10_000.0


def microseconds(bpm: float) -> int:
    """Return the tempo of a file that is nearest to `bpm` quarter notes a minute.

    >>> microseconds(120), microseconds(1)
    (500000, 16777215)
    """
    return round(60e6 / min(max(bpm, SLOWEST), FASTEST))


@dataclass(frozen=True)
class TempoMap:
    """The beginning of each tempo and its speed.

    Attributes:
        seconds: (T,) where each begins; the first at 0.
        ticks: (T,) the same in ticks; whole numbers, but for those of `on_grid`.
        tick_s: (T,) seconds a tick from there on.
    """

    seconds: npt.NDArray[np.float64]
    ticks: npt.NDArray[np.float64]
    tick_s: npt.NDArray[np.float64]

    @classmethod
    def at_seconds(cls, tempos: Iterable[tuple[float, float]], ticks_per_beat: int) -> TempoMap:
        """Return the map of (seconds, quarter notes a minute) pairs for a file, which limits the tempos.

        Each begins on the tick nearest to its time as the ticks before it are played, so that rounding never adds up.
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
        """Return the same for coarse ticks that are not written: each tempo begins at its time, between two of them."""
        times, bpm = np.array(list(tempos), np.float64).T
        tick_s = 60 / bpm / ticks_per_beat
        return cls(times, np.concatenate(([0.0], np.cumsum(np.diff(times) / tick_s[:-1]))), tick_s)

    @classmethod
    def at_ticks(cls, tempos: Iterable[tuple[int, int]], ticks_per_beat: int) -> TempoMap:
        """Return the map of (tick, microseconds a quarter) pairs, the first of them at 0."""
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
        if len(self.ticks) == 1:  # the usual case, which needs no search
            return np.asarray(ticks * self.tick_s[0])
        index = np.searchsorted(self.ticks, ticks, side="right") - 1
        return np.asarray(self.seconds[index] + (ticks - self.ticks[index]) * self.tick_s[index])
