"""Frames: moments at which several fields have a value each, as ids that follow one another.

A frame of F fields is F ids, one of each field, and every field has ids of its own, so that an id says which field it
is of. A piece is whole frames: the first repeats one of the F start ids, then come frames of values, and the last
repeats the end id. The start id says which field comes first in every frame of the piece; the others follow it in their
order. So any field can be given first and the others foretold from it.

Ids are laid out as F start ids, of which the first leaves the fields in their order; the end id; then the values of the
first field, of the second, and so on.

What may come after an id follows from the id and from where in its frame it stands, and is kept as a turn:

    k             field k, or the end: a new frame begins
    F + k         field k, within a frame
    2F + c        start id c again
    3F            the end id again
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Frames:
    """The ids of frames whose fields have so many values each.

    >>> frames = Frames((2, 3))
    >>> frames.size, frames.firsts.tolist(), frames.order(1)
    (8, [3, 5, 8], (1, 0))
    """

    fields: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.fields) < 2 or min(self.fields) < 1:
            raise ValueError(f"a frame has two fields or more, of one value or more each, got {self.fields}")

    @property
    def width(self) -> int:
        """F: how many ids a frame has."""
        return len(self.fields)

    @property
    def end(self) -> int:
        """The end id."""
        return self.width

    @property
    def size(self) -> int:
        """V: how many ids there are."""
        return int(self.firsts[-1])

    @cached_property
    def firsts(self) -> Integers:
        """(F + 1,) the first id of each field's values, and V."""
        return self.width + 1 + np.cumsum([0, *self.fields])

    def order(self, first: int) -> tuple[int, ...]:
        """The fields as a frame has them when that one comes first."""
        return (first, *(field for field in range(self.width) if field != first))

    def in_order(self, ids: ArrayLike) -> Integers:
        """As many ids, with the fields of every whole frame in their order, whichever comes first in `ids`.

        >>> Frames((2, 3)).in_order([1, 1, 6, 3, 5, 4, 2, 2]).tolist()
        [0, 0, 3, 6, 4, 5, 2, 2]
        """
        found = np.array(ids, np.int64)
        found[found < self.width] = 0
        whole = found[: len(found) // self.width * self.width].reshape(-1, self.width)  # (frames, F)
        whole.sort(axis=1)  # in its place; ids rise from field to field
        return found

    @cached_property
    def kinds(self) -> Integers:
        """(V,) what an id is: start id 0 to F − 1, the end F, or a value of field k F + 1 + k."""
        values = np.repeat(np.arange(self.width), self.fields) + self.width + 1
        return np.concatenate([np.arange(self.width + 1), values])

    @cached_property
    def tables(self) -> tuple[Integers, Integers]:
        """Where an id of a kind leads, and whose turn it then is: from (F · F, 2F + 1) to a place and a turn each.

        A place is the field that comes first times F, plus how many ids of the frame have been read.
        """
        width = self.width
        places, turns = np.zeros((2, width * width, 2 * width + 1), np.int64)
        for place in range(width * width):
            for kind in range(2 * width + 1):
                first, read = divmod(place, width)
                start, value = kind < width, kind - width - 1
                if start or not read:
                    first = kind if start else max(value, 0)
                read = (read + 1) % width
                places[place, kind] = first * width + read
                if not read:
                    turns[place, kind] = first
                elif start:
                    turns[place, kind] = 2 * width + first
                else:
                    turns[place, kind] = 3 * width if value < 0 else width + self.order(first)[read]
        return places, turns

    @cached_property
    def allowed(self) -> NDArray[np.bool_]:
        """(3F + 1, V) which ids may come at each turn."""
        width = self.width
        allowed = np.zeros((3 * width + 1, self.size), np.bool_)
        for field in range(width):
            values = slice(self.firsts[field], self.firsts[field + 1])
            allowed[[field, width + field], values] = True
            allowed[2 * width + field, field] = True
        allowed[:width, self.end] = allowed[3 * width, self.end] = True
        return allowed
