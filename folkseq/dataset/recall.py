"""What stood at the same place some bars ago: beside each id, a memory that a recurrent network lacks.

A network trained for minutes learns which notes follow which, but not to come back to a bar of eight bars ago, nor to
count them. So it is shown, for the id that is to come, those that stood at the same place of earlier bars, and how many
bars ago the section began. All of it follows from the ids before, so the network still gives the distribution of the
next id and nothing is given away.

The idea is that of Magenta's Lookback RNN (2016), which shows its network the events of one and two bars ago. There all
bars are of one length; here a place is the number of ids since the bar began, whatever they last, so that equal bars
meet id by id.

Nothing here knows music: an id ends a bar, or a section, where the settings say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Integers = NDArray[np.int64]
Memory = tuple[NDArray[Any], ...]
"""The last bars of each row, (B, R, `reach` + 1), and where each row stands, (B, 3); see `Recall.begin`."""

WIDTH = 64
"""Ids of a bar that are remembered, where nothing else is said."""
MOST_BARS = 17
"""As many bars since the section began are told apart."""


@dataclass(frozen=True)
class Recall:
    """What is recalled, and at which ids bars and sections end.

    What is recalled of an id is a row of K + 1 numbers, one for each distance and one for the bars of the section, and
    one for the place in the bar if that is asked for. They are indices into one table of `size` rows: those of each
    distance have a row for every id and one for nothing.

    >>> recall = Recall(vocabulary_size=4, distances=(1,), bar_ends=(3,), section_ends=())
    >>> recall.of([0, 1, 3, 0, 2, 3, 1]).tolist()
    [[4, 5], [4, 5], [0, 6], [1, 6], [3, 6], [0, 7], [2, 7]]
    """

    vocabulary_size: int
    """V."""
    distances: tuple[int, ...]
    """In bars, each at least 1."""
    bar_ends: tuple[int, ...]
    """Ids."""
    section_ends: tuple[int, ...]
    """Those of them that end a section, too."""
    reach: int = WIDTH
    """Ids of a bar that are remembered; nothing stands at the places after them."""
    places: bool = False
    """Whether it is told, too, at which place of its bar the id that is to come stands."""

    def __post_init__(self) -> None:
        for name in ("distances", "bar_ends", "section_ends"):
            object.__setattr__(self, name, tuple(getattr(self, name)))  # JSON gives lists

    @property
    def width(self) -> int:
        """K + 1, or K + 2 with `places`."""
        return len(self.distances) + 1 + self.places

    @property
    def size(self) -> int:
        """Rows of the table."""
        return len(self.distances) * (self.vocabulary_size + 1) + MOST_BARS + 1 + self.places * (self.reach + 1)

    def of(self, ids: ArrayLike) -> Integers:
        """What is recalled after each id of a piece, for the one that follows it: (T,) to (T, K + 1)."""
        read = np.asarray(ids, np.int64)
        ends = self._bar_ends[read]  # (T,)
        starts = np.concatenate([[0], np.flatnonzero(ends) + 1])  # of each bar
        bar = np.cumsum(ends)  # (T,) that of the id that follows
        place = np.arange(1, len(read) + 1) - starts[bar]
        recalled = np.empty((len(read), self.width), np.int64)
        after = np.append(starts[1:], len(read))  # where each bar ends
        for column, distance in enumerate(self.distances):
            earlier = np.maximum(bar - distance, 0)
            at = starts[earlier] + place
            there = (bar >= distance) & (at < after[earlier]) & (place < self.reach)
            recalled[:, column] = np.where(there, read[np.where(there, at, 0)], self.vocabulary_size)
        begun = np.maximum.accumulate(np.where(self._section_ends[read], bar, 0))
        recalled[:, len(self.distances)] = np.minimum(bar - begun, MOST_BARS)
        if self.places:
            recalled[:, -1] = np.minimum(place, self.reach)
        return recalled + self._offsets

    def begin(self, rows: int) -> Memory:
        """The memory of rows that have read nothing: a ring of bars, and each one's bar, place in it and section."""
        bars = np.full((rows, max(self.distances) + 1, self.reach + 1), self.vocabulary_size, np.int32)
        return bars, np.zeros((rows, 3), np.int64)

    def step(self, memory: Memory, ids: Integers) -> Integers:
        """What is recalled after one more id in each row, (B,) to (B, K + 1); the memory is changed in its place."""
        if len(ids) == 1:
            return self._step_one(memory, int(ids[0]))
        bars, standing = memory
        bar, place, begun = standing.T
        rows, ring = np.arange(len(ids)), bars.shape[1]
        bars[rows, bar % ring, np.minimum(place, self.reach)] = ids
        bars[rows, bar % ring, self.reach] = self.vocabulary_size  # what did not fit is not remembered
        place += 1
        ended = np.flatnonzero(self._bar_ends[ids])
        if len(ended):
            bar[ended] += 1
            place[ended] = 0
            bars[ended, bar[ended] % ring] = self.vocabulary_size
            sections = np.flatnonzero(self._section_ends[ids])
            begun[sections] = bar[sections]
        recalled = np.empty((len(ids), self.width), np.int64)
        earlier = (bar[:, None] - self._distances) % ring  # (B, K)
        at, told = np.minimum(place, self.reach), len(self.distances)
        recalled[:, :told] = bars[rows[:, None], earlier, at[:, None]]
        recalled[:, told] = np.minimum(bar - begun, MOST_BARS)
        if self.places:
            recalled[:, -1] = at
        recalled += self._offsets
        return recalled

    def _step_one(self, memory: Memory, one: int) -> Integers:
        """The same for one row, where NumPy's calls would take longer than the network."""
        bars, standing = memory[0][0], memory[1][0]
        bar, place, begun = standing.tolist()
        ring, none = len(bars), self.vocabulary_size
        if place < self.reach:
            bars[bar % ring, place] = one
        place += 1
        if one in self._ending:
            bar, place = bar + 1, 0
            bars[bar % ring] = none
            if one in self._closing:
                begun = bar
        standing[:] = bar, place, begun
        at = min(place, self.reach)
        recalled = [bars[(bar - distance) % ring, at] for distance in self.distances]
        told = [*recalled, min(bar - begun, MOST_BARS), *([at] if self.places else [])]
        return np.array([told], np.int64) + self._offsets

    @cached_property
    def _distances(self) -> Integers:
        return np.array(self.distances, np.int64)

    @cached_property
    def _offsets(self) -> Integers:
        offsets = np.arange(len(self.distances) + 1) * (self.vocabulary_size + 1)
        return np.append(offsets, offsets[-1] + MOST_BARS + 1) if self.places else offsets

    @cached_property
    def _bar_ends(self) -> NDArray[np.bool_]:
        return _mask(self.bar_ends, self.vocabulary_size)

    @cached_property
    def _section_ends(self) -> NDArray[np.bool_]:
        return _mask(self.section_ends, self.vocabulary_size)

    @cached_property
    def _ending(self) -> frozenset[int]:
        return frozenset(self.bar_ends)

    @cached_property
    def _closing(self) -> frozenset[int]:
        return frozenset(self.section_ends)


def _mask(ids: Sequence[int], size: int) -> NDArray[np.bool_]:
    mask = np.zeros(size, np.bool_)
    mask[list(ids)] = True
    return mask
