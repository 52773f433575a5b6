"""What stood at the same place some bars ago, or after what is like now: a memory that a recurrent network lacks.

A network trained for minutes learns which notes follow which, but not to come back to a bar of eight bars ago, nor to
count them. So it is shown, for the id that is to come, those that stood at the same place of earlier bars, and how many
bars ago the section began; and, if that is asked for, what followed the longest match (`matching`). All of it follows
from the ids before, so the network still gives the distribution of the next id and nothing is given away.

The idea is that of Magenta's Lookback RNN (2016), which shows its network the events of one and two bars ago. There all
bars are of one length; here a place is the number of ids since the bar began, whatever they last, so that equal bars
meet id by id.

Nothing here knows music: an id ends a bar, or a section, where the settings say so.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from folkseq.corpus import matching

Integers = NDArray[np.int64]
Memory = tuple[NDArray[Any], ...]
"""What is kept of each row, (B, …) each; see `Lookback.begin`."""

WIDTH = 64
"""Ids of a bar that are remembered, where nothing else is said."""
METADATA_KEY = "recall"
"""The entry of a model.onnx's metadata that holds a lookback."""
_JSON_NAMES = {"bar_length": "reach", "position": "places"}
"""Names in that entry, where they differ from the fields'."""
MOST_BARS = 17
"""As many bars since the section began are told apart."""


@dataclass(frozen=True)
class Lookback:
    """What is recalled, and at which ids bars and sections end.

    What is recalled of an id is a row of `width` numbers: one for each of P pointers, which are ids that may come next,
    and one for the bars of the section; then one for the place in the bar, and one for the length of the match, where
    these are asked for. They are indices into one table of `size` rows: those of each pointer have a row for every id
    and one for nothing.

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
    """Those of them that end a section, too."""
    bar_length: int = WIDTH
    """Ids of a bar that are remembered; nothing stands at the places after them."""
    position: bool = False
    """Whether it is told, too, at which place of its bar the id that is to come stands."""
    match: bool = False
    """Whether a last pointer stands for what followed the longest match."""

    def __post_init__(self) -> None:
        for name in ("distances", "bar_ends", "section_ends"):
            object.__setattr__(self, name, tuple(getattr(self, name)))  # JSON gives lists

    def to_json(self) -> str:
        """Return what `from_json` reads, as it is kept in a model.onnx."""
        return json.dumps({_JSON_NAMES.get(name, name): value for name, value in asdict(self).items()})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the lookback that `to_json` wrote."""
        fields = {name: field for field, name in _JSON_NAMES.items()}
        return cls(**{fields.get(name, name): value for name, value in json.loads(text).items()})

    @property
    def pointer_count(self) -> int:
        """P: how many ids are recalled, of which each may come next."""
        return len(self.distances) + self.match

    @property
    def width(self) -> int:
        """W: how many numbers are recalled."""
        return len(self._sizes)

    @property
    def size(self) -> int:
        """Rows of the table."""
        return sum(self._sizes)

    def indices(self, ids: ArrayLike) -> Integers:
        """What is recalled after each id of a piece, for the one that follows it: (T,) to (T, W)."""
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
            there = (bar >= distance) & (at < after[earlier]) & (place < self.bar_length)
            recalled[:, column] = np.where(there, read[np.where(there, at, 0)], self.vocabulary_size)
        begun = np.maximum.accumulate(np.where(self._section_ends[read], bar, 0))
        self._tell(recalled, bar - begun, place, matching.matches(read) if self.match else None)
        return recalled + self.offsets

    def begin(self, rows: int) -> Memory:
        """The memory of rows that have read nothing.

        It is a ring of R bars, (B, R, `reach` + 1); where each row stands: the bar's number in the ring, the place in
        it, bars since the section began, and number of ids, (B, 4); and what `matching` remembers.
        """
        bars = np.full((rows, max(self.distances, default=0) + 1, self.bar_length + 1), self.vocabulary_size, np.int32)
        return bars, np.zeros((rows, 4), np.int64), *(matching.begin(rows) if self.match else ())

    def step(self, memory: Memory, ids: Integers) -> Integers:
        """What is recalled after one more id in each row, (B,) to (B, W); the memory is changed in its place."""
        if len(ids) == 1:
            return self._step_one(memory, int(ids[0]))
        bars, standing, *known = memory
        bar, place, since, clock = standing.T
        ring, size = bars.shape[1:]
        first, flat = np.arange(0, bars.size, ring * size), bars.reshape(-1)  # one index is quicker than three
        now = first + bar * size
        flat[now + np.minimum(place, self.bar_length)] = ids
        flat[now + self.bar_length] = self.vocabulary_size  # what did not fit is not remembered
        place += 1
        ended = np.flatnonzero(self._bar_ends[ids])
        if len(ended):
            bar[ended] = (bar[ended] + 1) % ring
            place[ended] = 0
            since[ended] += 1
            since[self._section_ends[ids]] = 0
            bars[ended, bar[ended]] = self.vocabulary_size
        recalled = np.empty((len(ids), self.width), np.int64)
        at = first + np.minimum(place, self.bar_length)
        recalled[:, : len(self.distances)] = flat.take(self._earlier.take(bar, axis=0) * size + at[:, None])
        found = matching.step((known[0], known[1]), clock, ids) if self.match else None
        clock += 1
        self._tell(recalled, since, place, found)
        recalled += self.offsets
        return recalled

    def _tell(
        self, recalled: Integers, bars: Integers, place: Integers, found: tuple[Integers, Integers] | None
    ) -> None:
        """Fill in, (N, W), what comes after the distances."""
        pointers = self.pointer_count
        if found is not None:
            followed, levels = found
            recalled[:, pointers - 1] = np.where(followed < 0, self.vocabulary_size, followed)
            recalled[:, -1] = levels
        recalled[:, pointers] = np.minimum(bars, MOST_BARS)
        if self.position:
            recalled[:, pointers + 1] = np.minimum(place, self.bar_length)

    def _step_one(self, memory: Memory, one: int) -> Integers:
        """The same for one row, where NumPy's calls would take longer than the network."""
        bars, standing = memory[0][0], memory[1][0]
        bar, place, since, clock = standing.tolist()
        ring, none = len(bars), self.vocabulary_size
        if place < self.bar_length:
            bars[bar, place] = one
        place += 1
        if one in self._ending:
            bar, place, since = (bar + 1) % ring, 0, 0 if one in self._closing else since + 1
            bars[bar] = none
        standing[:] = bar, place, since, clock + 1
        at = min(place, self.bar_length)
        recalled = [bars[(bar - distance) % ring, at] for distance in self.distances]
        length = []
        if self.match:
            followed, level = matching.step_one((memory[2], memory[3]), clock, one)
            recalled.append(none if followed < 0 else followed)
            length = [level]
        told = [*recalled, min(since, MOST_BARS), *([at] if self.position else []), *length]
        return np.array([told], np.int64) + self.offsets

    @cached_property
    def _earlier(self) -> Integers:
        """(R, K) for each bar of the ring, the numbers of those that are recalled."""
        ring = max(self.distances, default=0) + 1
        return (np.arange(ring)[:, None] - np.array(self.distances, np.int64)) % ring

    @cached_property
    def _sizes(self) -> tuple[int, ...]:
        """How many rows of the table each number that is recalled has."""
        sizes = (self.vocabulary_size + 1,) * self.pointer_count + (MOST_BARS + 1,)
        return sizes + (self.bar_length + 1,) * self.position + (len(matching.LENGTHS) + 1,) * self.match

    @cached_property
    def offsets(self) -> Integers:
        """(W,) the first row of the table for each number that is recalled."""
        return np.cumsum((0, *self._sizes[:-1]))

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
