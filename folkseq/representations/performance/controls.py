"""What a model of performances can be asked for while it writes: how dense the music is, and which pitch classes sound.

Source: the conditioned Performance RNN (Simon and Oore, 2017), as note_seq's performance_controls has it. At every
event two windows begin: the notes that begin in the next 3 s give a density, one of eight classes, and the time that
each pitch class sounds in the next 5 s gives a histogram. Beside each stands a flag that says whether it is on, so that
one model writes with and without. The events of one step share a value. Deviations: a histogram's window is cut where
it ends, not after the time shift in which it ends; a note that sounds when a slice of a piece begins counts from there;
and where no time is left the last value stays, in place of 0 and of equal shares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.representations.performance.events import Layout

EDGES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
"""Notes a second, between the eight classes of density."""
DENSITY_S, PITCH_CLASSES_S = 3.0, 5.0
"""How far ahead the windows reach."""
PRIOR_S = 0.01
"""Added to the time that each pitch class sounds."""
CLASSES = len(EDGES) + 1

Values = NDArray[np.float64]
Ids = NDArray[Any]
Rows = tuple[NDArray[Any], ...]


@dataclass(frozen=True)
class Controls:
    """The side input of a model: (C,) float32, a flag and a one-hot density, then a flag and a histogram."""

    layout: Layout
    steps_per_second: int
    density: bool = True
    pitch_classes: bool = True

    @property
    def size(self) -> int:
        """C: 9 for the density, 13 for the pitch classes."""
        return (1 + CLASSES) * self.density + 13 * self.pitch_classes

    def vectors(
        self, density: Values | float | None, pitch_classes: Values | None, rows: int = 1
    ) -> NDArray[np.float32]:
        """The side input where so much is asked.

        Args:
            density: (T,) or one number, notes a second; None switches the control off.
            pitch_classes: (T, 12) or (12,) shares that add up to one; None switches the control off.
            rows: T.

        Returns:
            (T, C).
        """
        beside = np.zeros((rows, self.size), np.float32)
        if self.density and density is not None:
            beside[:, 0] = 1
            beside[np.arange(rows), 1 + np.searchsorted(EDGES, density, side="right")] = 1
        if self.pitch_classes and pitch_classes is not None:
            beside[:, -13] = 1
            beside[:, -12:] = pitch_classes
        return beside

    def of(self, ids: Ids, *, density: bool = True, pitch_classes: bool = True) -> NDArray[np.float32]:
        """The side input of each of a piece's ids, (T, C), with the flags of those controls that are on."""
        if not ((density and self.density) or (pitch_classes and self.pitch_classes)):
            return np.zeros((len(ids), self.size), np.float32)
        densities, histograms = extract(ids, self.layout, self.steps_per_second)
        return self.vectors(densities if density else None, histograms if pitch_classes else None, len(ids))


def extract(ids: Ids, layout: Layout, steps_per_second: int) -> tuple[Values, Values]:
    """How dense what follows each event is, and which pitch classes sound in it.

    Args:
        ids: (T,) a slice of a piece.
        layout: what the ids mean.
        steps_per_second: of the piece.

    Returns:
        Notes a second (T,), and shares of the pitch classes (T, 12), C first.
    """
    is_shift = (ids >= layout.time_shift) & (ids < layout.time_shift + layout.max_shift)
    shifts = np.asarray(ids[is_shift], np.int64) - (layout.time_shift - 1)  # (M,) steps
    after = np.cumsum(is_shift)
    place: Ids = after - is_shift  # (T,) how many shifts come before each event
    starts = np.zeros(len(shifts) + 1, np.int64)  # (M + 1,) where the events between two shifts stand
    np.cumsum(shifts, out=starts[1:])
    noted = np.flatnonzero(ids < layout.time_shift)
    is_on, pitch = ids[noted] < layout.note_off, ids[noted] & 127
    at: Ids = place[noted]
    densities = _densities(at[is_on], starts, steps_per_second)
    histograms = _histograms(at, is_on, pitch, starts, steps_per_second)
    return densities[place], histograms[place]


def _densities(begin: Ids, starts: NDArray[np.int64], steps_per_second: int) -> Values:
    """Notes a second at each of `starts`, of notes that begin at the places `begin` among them."""
    before = np.zeros(len(starts) + 1, np.int64)
    np.cumsum(np.bincount(begin, minlength=len(starts)), out=before[1:])  # notes that begin before each start
    ends = starts + round(DENSITY_S * steps_per_second)
    count = before[np.searchsorted(starts, ends)] - before[:-1]
    steps = np.minimum(ends, starts[-1]) - starts
    densities = count * steps_per_second / np.maximum(steps, 1)
    densities[-1] = densities[-2] if len(starts) > 1 else 0.0
    return np.asarray(densities)


def _histograms(at: Ids, is_on: Ids, pitch: Ids, starts: NDArray[np.int64], steps_per_second: int) -> Values:
    """Shares of the pitch classes at each of `starts`; the notes begin or end at the places `at` among them."""
    changes = np.bincount(at * 12 + pitch % 12, np.where(is_on, 1.0, -1.0), len(starts) * 12).reshape(-1, 12)
    held = np.bincount(np.arange(128) % 12, held_before(pitch, is_on), 12)
    sounding = np.cumsum(changes, axis=0) + held  # (M + 1, 12) notes after each start
    past = np.zeros_like(sounding)  # steps sounded before each start
    np.cumsum(sounding[:-1] * np.diff(starts)[:, None], axis=0, out=past[1:])
    ends = np.minimum(starts + round(PITCH_CLASSES_S * steps_per_second), starts[-1])
    last = np.searchsorted(starts, ends, side="right") - 1
    steps = past[last] + (ends - starts[last])[:, None] * sounding[last] - past
    histograms = _shares(steps / steps_per_second)
    if len(starts) > 1:
        histograms[-1] = histograms[-2]
    return histograms


def _shares(seconds: Values) -> Values:
    """Shares of the pitch classes, (…, 12), of seconds that they sound; never 0."""
    return np.asarray((seconds + PRIOR_S) / (seconds + PRIOR_S).sum(axis=-1, keepdims=True))


def held_before(pitch: Ids, is_on: Ids) -> NDArray[np.int64]:
    """How many notes of each pitch sound before a slice begins: those that end in it and do not begin in it.

    Args:
        pitch: (N,) of the events of notes in the slice, in their order.
        is_on: (N,) which of them begin one.

    Returns:
        (128,) counts.
    """
    held = np.zeros(128, np.int64)
    if len(pitch):
        order = np.argsort(pitch, kind="stable")
        pitch, steps = pitch[order], np.where(is_on[order], 1, -1)
        first = np.flatnonzero(np.diff(pitch, prepend=-1))  # of each pitch
        balance = np.cumsum(steps)
        lowest = np.minimum.reduceat(balance, first) - (balance - steps)[first]
        held[pitch[first]] = np.maximum(-lowest, 0)
    return held


class ControlSchedule:
    """What is asked over time (a `folkseq.grammar.Schedule`): lists whose values share the time evenly.

    Its rows hold the number of steps since each piece began, (B,) int64.
    """

    def __init__(
        self,
        controls: Controls,
        densities: Sequence[float],
        pitch_classes: Sequence[Sequence[float]],
        *,
        steps: int,
        after: int = 0,
    ) -> None:
        """Lay the lists out.

        Args:
            controls: what the model reads.
            densities: notes a second, one after another; switched off if empty.
            pitch_classes: weights of the twelve, one list after another; switched off if empty.
            steps: which the lists share; the last value stays.
            after: steps before them, in which the first value holds.
        """
        self._moves, self._steps, self._after = controls.layout.steps, steps, after
        rates: Sequence[float | None] = densities or [None]
        shares: Sequence[Values | None] = [_shares(np.asarray(weights)) for weights in pitch_classes] or [None]
        # (densities, pitch classes, C)
        self._table = np.array([[controls.vectors(rate, histogram)[0] for histogram in shares] for rate in rates])

    def begin(self, rows: int) -> Rows:
        """Where `rows` pieces stand before their start ids."""
        return (np.zeros(rows, np.int64),)

    def advance(self, rows: Rows, ids: Ids) -> Rows:
        """Where they stand after one more id in each, (B,), whatever it is. `rows` stay as they were."""
        (passed,) = rows
        return (passed + self._moves[ids],)

    def conditioning(self, rows: Rows) -> NDArray[np.float32]:
        """What is asked of the id that comes next, (B, C)."""
        (passed,) = rows
        passed = np.minimum(np.maximum(passed - self._after, 0), self._steps - 1)
        rates, shares, _ = self._table.shape
        return np.asarray(self._table[passed * rates // self._steps, passed * shares // self._steps])
