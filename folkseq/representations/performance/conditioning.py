"""Conditioning on the density and the pitch classes of the music that follows.

Source: the conditioned Performance RNN (Simon and Oore, 2017), as in note_seq's performance_controls. The density is
the number of onsets in the 3 s after an event, in eight classes. The histogram is the sounding time of each pitch class
in the next 5 s. Each of them has a flag, so that one model writes with and without conditioning. All events of a step
have the same conditioning. Deviations: a histogram ends with its window, not with the time shift in which the window
ends; a note that sounds at the beginning of a slice counts from there; and after the last time shift the last values
remain, instead of 0 and equal shares.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from folkseq.grammar import Rows
from folkseq.representations.performance.config import Ids, Integers, PerformanceConfig
from folkseq.representations.performance.events import Mask, held_before

EDGES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)  # boundaries of the eight classes of density, in notes per second
DENSITY_S, PITCH_CLASSES_S = 3.0, 5.0  # lengths of the windows
PRIOR_S = 0.01  # added to the sounding time of each pitch class

Values = NDArray[np.float64]
Vectors = NDArray[np.float32]
Floats = Sequence[float]


class Conditioning:
    """The conditioning of a model, (C,): a flag and a one-hot density, then a flag and a histogram."""

    def __init__(self, config: PerformanceConfig) -> None:
        self.config = config
        self.size = 9 * config.density + 13 * config.pitch_classes  # C

    def vectors(self, density: Values | float | None, pitch_classes: Values | None, count: int = 1) -> Vectors:
        """Return the conditioning vectors for values over time, (T, C).

        Args:
            density: notes per second, (T,) or one number; None turns the flag off.
            pitch_classes: shares that add up to one, (T, 12) or (12,); None turns the flag off.
            count: the number of vectors, T.
        """
        vectors = np.zeros((count, self.size), np.float32)
        if self.config.density and density is not None:
            vectors[:, 0] = 1
            vectors[np.arange(count), 1 + np.searchsorted(EDGES, density, side="right")] = 1
        if self.config.pitch_classes and pitch_classes is not None:
            vectors[:, -13] = 1
            vectors[:, -12:] = pitch_classes
        return vectors

    def of(self, ids: Ids) -> Vectors:
        """Return the conditioning that matches the ids of a piece, (T, C), with all flags on."""
        return self.vectors(*extract(ids, self.config), len(ids))


def extract(ids: Ids, config: PerformanceConfig) -> tuple[Values, Values]:
    """Return the notes per second after each id of a slice, (T,), and the shares of the pitch classes, (T, 12)."""
    layout, rate = config.layout, config.steps_per_second
    ids = ids.astype(np.int64)
    shifts = layout.steps[ids]
    moment: Integers = np.cumsum(shifts > 0) - (shifts > 0)  # (T,) number of time shifts before each id
    starts = np.cumsum(np.append(0, shifts[shifts > 0]))  # (M + 1,) step of each moment
    notes = np.flatnonzero(ids < layout.time_shift)
    at, onset, pitch = moment[notes], ids[notes] < layout.note_off, ids[notes] & 127

    before = np.append(0, np.cumsum(np.bincount(at[onset], minlength=len(starts))))  # onsets before each moment
    ends = starts + round(DENSITY_S * rate)
    count = before[np.searchsorted(starts, ends)] - before[:-1]
    densities = count * rate / np.maximum(np.minimum(ends, starts[-1]) - starts, 1)
    densities[-1] = densities[-2] if len(starts) > 1 else 0.0
    return densities[moment], _histograms(at, onset, pitch, starts, rate)[moment]


def _histograms(at: Integers, onset: Mask, pitch: Integers, starts: Integers, rate: int) -> Values:
    """Return the shares of the pitch classes after each moment, (M + 1, 12), given the onsets and ends of notes."""
    changes = np.bincount(at * 12 + pitch % 12, np.where(onset, 1.0, -1.0), len(starts) * 12).reshape(-1, 12)
    order = np.argsort(pitch.astype(np.uint8), kind="stable")
    held = np.bincount(np.arange(128) % 12, held_before(pitch[order], onset[order]))
    sounding = np.cumsum(changes, axis=0) + held  # (M + 1, 12) sounding notes between moments
    past = np.zeros_like(sounding)  # sounding steps of each pitch class before each moment
    np.cumsum(sounding[:-1] * np.diff(starts)[:, None], axis=0, out=past[1:])
    ends = np.minimum(starts + round(PITCH_CLASSES_S * rate), starts[-1])
    last = np.searchsorted(starts, ends, side="right") - 1
    steps = past[last] + (ends - starts[last])[:, None] * sounding[last] - past
    histograms = _shares(steps / rate)
    if len(starts) > 1:
        histograms[-1] = histograms[-2]
    return histograms


def _shares(seconds: Values) -> Values:
    """Return positive shares of the pitch classes, (…, 12), from their sounding times in seconds."""
    return np.asarray((seconds + PRIOR_S) / (seconds + PRIOR_S).sum(axis=-1, keepdims=True))


class ConditioningSchedule:
    """Conditioning over time (a `folkseq.grammar.Schedule`). Its state is the elapsed steps of each piece, (B,)."""

    def __init__(
        self,
        conditioning: Conditioning,
        shifts: Integers,
        densities: Floats,
        weights: Sequence[Floats | None],
        *,
        steps: int,
        after: int = 0,
    ) -> None:
        """Divide a duration evenly among densities, and evenly among lists of weights.

        Args:
            conditioning: the conditioning of the model.
            shifts: (V,) steps by which each id advances the time.
            densities: notes per second; empty to turn the flag off.
            weights: lists of twelve weights; empty to turn the flag off, None to turn it off for a part of the time.
            steps: the duration; afterwards, the last values remain.
            after: steps before the duration, with the first values.
        """
        self._shifts, self._steps, self._after = shifts, steps, after
        rates: Sequence[float | None] = densities or [None]
        shares = [None if each is None else _shares(np.asarray(each)) for each in weights] or [None]
        # (densities, lists of weights, C)
        self._table = np.array([[conditioning.vectors(rate, share)[0] for share in shares] for rate in rates])

    def begin(self, rows: int) -> Rows:
        """Return the state of `rows` pieces before their start ids."""
        return (np.zeros(rows, np.int64),)

    def advance(self, rows: Rows, ids: Ids) -> Rows:
        """Return the state after one more id per piece, (B,), or several, (B, F)."""
        shifts = self._shifts.take(ids)
        return (rows[0] + (shifts if ids.ndim == 1 else shifts.sum(axis=1)),)

    def conditioning(self, rows: Rows) -> Vectors:
        """Return the conditioning of the next id of each piece, (B, C)."""
        densities, shares, _ = self._table.shape
        if densities == shares == 1:
            return np.broadcast_to(self._table[0, 0], (len(rows[0]), self._table.shape[2]))
        passed = np.clip(rows[0] - self._after, 0, self._steps - 1)
        return np.asarray(self._table[passed * densities // self._steps, passed * shares // self._steps])
