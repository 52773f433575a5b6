"""Lookback: the ids at the same position some bars ago, which a recurrent network does not remember by itself.

A network trained for minutes learns the transitions between notes, but not to repeat the bar of eight bars ago or to
count bars. It therefore also reads, for the next id, the ids at the same position of earlier bars, the number of bars
since the beginning of the section and, optionally, the id after the longest match (`matching`). All of this depends
only on previous ids, so the network still predicts the next id.

Source: Magenta's Lookback RNN (2016), which reads the events of one and two bars ago. Deviation: there, all bars have
the same length; here, a position is the number of ids since the beginning of the bar, so equal bars align.

This module does not depend on music: the settings list the ids that end a bar or a section.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from folkseq.corpora import matching
from folkseq.settings import from_json

Integers = NDArray[np.int64]
Memory = tuple[NDArray[Any], ...]
"""The state of each row, (B, …) each; see `Lookback.begin`."""

BAR_LENGTH = 64
"""Default number of ids that are stored per bar."""
MOST_BARS = 17
"""Maximum count of bars since the beginning of the section."""
METADATA_KEY = "recall"
"""The entry of a model.onnx's metadata that holds a lookback."""
_JSON_NAMES = {"bar_length": "reach", "position": "places"}
"""Names in that entry that differ from the fields'."""


@dataclass(frozen=True)
class Lookback:
    """The configuration of the lookback, and its computation.

    The lookback of an id is a row of W integers: P ids that may come next (the pointers), the number of bars since the
    beginning of the section, and optionally the position in the bar and the length of the match. Each integer is an
    index into one table of `size` rows. A pointer has one row for each id, and row V for none.

    >>> lookback = Lookback(vocabulary_size=4, distances=(1,), bar_ends=(3,), section_ends=())
    >>> lookback.indices([0, 1, 3, 0, 2, 3, 1]).tolist()
    [[4, 5], [4, 5], [0, 6], [1, 6], [3, 6], [0, 7], [2, 7]]
    """

    vocabulary_size: int
    """V."""
    distances: tuple[int, ...]
    """In bars, each at least 1."""
    bar_ends: tuple[int, ...]
    """Ids."""
    section_ends: tuple[int, ...]
    """Ids among them that end a section, too."""
    bar_length: int = BAR_LENGTH
    """Number of ids that are stored per bar; later positions have no pointer."""
    position: bool = False
    """Whether the position of the next id in its bar is given, too."""
    match: bool = False
    """Whether the last pointer is the id after the longest match."""

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the lookback that `to_json` wrote."""
        fields = {name: field for field, name in _JSON_NAMES.items()}
        return from_json(cls, {fields.get(name, name): value for name, value in json.loads(text).items()})

    def to_json(self) -> str:
        """Return the entry of a model.onnx's metadata."""
        return json.dumps({_JSON_NAMES.get(name, name): value for name, value in asdict(self).items()})

    @property
    def pointer_count(self) -> int:
        """Return P, the number of ids in a row of the lookback."""
        return len(self.distances) + self.match

    @property
    def width(self) -> int:
        """Return W, the number of columns."""
        return len(self._sizes)

    @property
    def size(self) -> int:
        """Return the number of rows of the table."""
        return sum(self._sizes)

    @cached_property
    def offsets(self) -> Integers:
        """Return the first row of the table for each column, (W,)."""
        return np.cumsum((0, *self._sizes[:-1]))

    def indices(self, ids: ArrayLike) -> Integers:
        """Return the lookback after each id of a piece, for predicting the next id: (T,) to (T, W)."""
        read = np.asarray(ids, np.int64)
        ends = self._ends_bar[read]  # (T,)
        starts = np.concatenate([[0], np.flatnonzero(ends) + 1])  # (bars,)
        stops = np.append(starts[1:], len(read))
        bar = np.cumsum(ends)  # (T,) the bar of the id that follows
        position = np.arange(1, len(read) + 1) - starts[bar]
        pointers = []
        for distance in self.distances:
            earlier = np.maximum(bar - distance, 0)
            at = starts[earlier] + position
            there = (bar >= distance) & (at < stops[earlier]) & (position < self.bar_length)
            pointers.append(np.where(there, read[np.where(there, at, 0)], self.vocabulary_size))
        section = np.maximum.accumulate(np.where(self._ends_section[read], bar, 0))
        return self._columns(pointers, bar - section, position, matching.matches(read) if self.match else None)

    def begin(self, rows: int) -> Memory:
        """Return the memory of rows that have read nothing.

        It holds a ring of R bars, (B, R, bar_length + 1), whose last column stays empty; the row's bar in the ring, its
        position, the bars since the section began and the number of ids read, (B, 4); and the memory of `matching`.
        """
        ring = max(self.distances, default=0) + 1
        bars = np.full((rows, ring, self.bar_length + 1), self.vocabulary_size, np.int32)
        return bars, np.zeros((rows, 4), np.int64), *(matching.begin(rows) if self.match else ())

    def step(self, memory: Memory, ids: Integers) -> Integers:
        """Return the lookback after one more id in each row, (B,) to (B, W), and change the memory in place."""
        if len(ids) == 1:
            return self._step_one(memory, int(ids[0]))
        bars, counters, *matches = memory
        bar, position, since, clock = counters.T
        rows, ring, nothing = np.arange(len(ids)), bars.shape[1], self.vocabulary_size
        bars[rows, bar, np.minimum(position, self.bar_length)] = ids
        bars[rows, bar, self.bar_length] = nothing
        position += 1
        ended = np.flatnonzero(self._ends_bar[ids])
        if len(ended):
            bar[ended] = (bar[ended] + 1) % ring
            position[ended] = 0
            since[ended] += 1
            since[self._ends_section[ids]] = 0
            bars[ended, bar[ended]] = nothing
        at = np.minimum(position, self.bar_length)
        earlier = (bar[:, None] - np.array(self.distances, np.int64)) % ring  # (B, K)
        pointers = bars[rows[:, None], earlier, at[:, None]]  # (B, K)
        found = matching.step((matches[0], matches[1]), clock, ids) if self.match else None
        clock += 1
        return self._columns([pointers], since, position, found)

    def _columns(
        self,
        pointers: list[NDArray[Any]],
        bars: Integers,
        position: Integers,
        found: tuple[Integers, Integers] | None,
    ) -> Integers:
        """Put together the lookback of N ids, (N, W), from columns (N,) or blocks of columns."""
        columns = [*pointers, np.minimum(bars, MOST_BARS)]
        if self.position:
            columns.append(np.minimum(position, self.bar_length))
        if found is not None:
            followed, levels = found
            columns.insert(len(pointers), np.where(followed < 0, self.vocabulary_size, followed))
            columns.append(levels)
        return np.column_stack(columns).astype(np.int64, copy=False) + self.offsets

    def _step_one(self, memory: Memory, one: int) -> Integers:
        """Do the same for one row, where NumPy's calls would take longer than the network."""
        bars, counters = memory[0][0], memory[1][0]
        bar, position, since, clock = counters.tolist()
        ring, nothing = len(bars), self.vocabulary_size
        if position < self.bar_length:
            bars[bar, position] = one
        position += 1
        if one in self.bar_ends:
            bar, position, since = (bar + 1) % ring, 0, 0 if one in self.section_ends else since + 1
            bars[bar] = nothing
        counters[:] = bar, position, since, clock + 1
        at = min(position, self.bar_length)
        pointers = [bars[(bar - distance) % ring, at] for distance in self.distances]
        rest = [min(since, MOST_BARS), *([at] if self.position else [])]
        if self.match:
            followed, level = matching.step_one((memory[2], memory[3]), clock, one)
            pointers.append(nothing if followed < 0 else followed)
            rest.append(level)
        return np.array([[*pointers, *rest]], np.int64) + self.offsets

    @cached_property
    def _sizes(self) -> tuple[int, ...]:
        """Return the number of rows of the table for each column."""
        sizes = (self.vocabulary_size + 1,) * self.pointer_count + (MOST_BARS + 1,)
        return sizes + (self.bar_length + 1,) * self.position + (len(matching.LENGTHS) + 1,) * self.match

    @cached_property
    def _ends_bar(self) -> NDArray[np.bool_]:
        return _mask(self.bar_ends, self.vocabulary_size)

    @cached_property
    def _ends_section(self) -> NDArray[np.bool_]:
        return _mask(self.section_ends, self.vocabulary_size)


def _mask(ids: Sequence[int], size: int) -> NDArray[np.bool_]:
    mask = np.zeros(size, np.bool_)
    mask[list(ids)] = True
    return mask
