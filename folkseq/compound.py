"""Compound tokens: moments at which several fields have a value each, as ids that follow one another.

A compound token has F ids, one for each field. Every field has its own ids, so an id tells its field. A piece starts
with a start id, repeated F times, and ends with the end id, repeated F times. Which of the F start ids it is says which
field comes first in every compound token of the piece; the other fields follow in their order. So a model can be given
any one field and predict the others from it.

The ids are, in this order: F start ids (the first leaves the fields in their order), the end id, the values of the
first field, of the second, and so on.

An id and its position in the compound token determine the slot of the next id, which says what that id may be:

    k             a value of field k, or the end id: a new compound token begins
    F + k         a value of field k
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
class CompoundLayout:
    """The ids of compound tokens, by the number of values of each field.

    >>> layout = CompoundLayout((2, 3))
    >>> layout.size, layout.offsets.tolist(), layout.order(1)
    (8, [3, 5, 8], (1, 0))
    """

    fields: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.fields) < 2 or min(self.fields) < 1:
            raise ValueError(f"a compound token has two fields or more, of one value or more each, got {self.fields}")

    @property
    def width(self) -> int:
        """F, the number of ids in a compound token."""
        return len(self.fields)

    @property
    def end(self) -> int:
        """Return the end id."""
        return self.width

    @property
    def size(self) -> int:
        """V, the number of ids."""
        return int(self.offsets[-1])

    @cached_property
    def offsets(self) -> Integers:
        """(F + 1,) the first id of each field, and V."""
        return self.width + 1 + np.cumsum([0, *self.fields])

    @property
    def lows(self) -> Integers:
        """(F,) the first id of each field, with the end id as the first of the first field."""
        return np.array([self.end, *self.offsets[1:-1]])

    def order(self, first: int) -> tuple[int, ...]:
        """Return the fields in the order in which they come if `first` comes first."""
        return (first, *(field for field in range(self.width) if field != first))

    def in_order(self, ids: ArrayLike) -> Integers:
        """Return a piece, or a beginning of one, with the fields of every whole compound token in their order.

        >>> CompoundLayout((2, 3)).in_order([1, 1, 6, 3, 5, 4, 2, 2]).tolist()
        [0, 0, 3, 6, 4, 5, 2, 2]
        """
        ordered = np.array(ids, np.int64)
        ordered[ordered < self.width] = 0
        whole = ordered[: len(ordered) // self.width * self.width].reshape(-1, self.width)  # (T // F, F), a view
        whole.sort(axis=1)  # ids rise from field to field
        return ordered

    @cached_property
    def kinds(self) -> Integers:
        """(V,) the kind of each id: c for start id c, F for the end id, F + 1 + k for a value of field k."""
        values = np.repeat(np.arange(self.width), self.fields) + self.width + 1
        return np.concatenate([np.arange(self.width + 1), values])

    @cached_property
    def transitions(self) -> tuple[Integers, Integers]:
        """Return the position after an id and the slot of the next id, (F · F, 2F + 1) each, by position and kind.

        A position is the first field's number times F, plus the number of ids read of the compound token.
        """
        width = self.width
        positions, slots = np.zeros((2, width * width, 2 * width + 1), np.int64)
        for position in range(width * width):
            for kind in range(2 * width + 1):
                first, read = divmod(position, width)
                start, value = kind < width, kind - width - 1
                if start or not read:
                    first = kind if start else max(value, 0)
                read = (read + 1) % width
                positions[position, kind] = first * width + read
                if not read:
                    slots[position, kind] = first
                elif start:
                    slots[position, kind] = 2 * width + first
                else:
                    slots[position, kind] = 3 * width if value < 0 else width + self.order(first)[read]
        return positions, slots

    @cached_property
    def allowed(self) -> NDArray[np.bool_]:
        """(3F + 1, V) True for the ids that each slot allows."""
        width = self.width
        allowed = np.zeros((3 * width + 1, self.size), np.bool_)
        for field in range(width):
            values = slice(self.offsets[field], self.offsets[field + 1])
            allowed[[field, width + field], values] = True
            allowed[2 * width + field, field] = True
        allowed[:width, self.end] = allowed[3 * width, self.end] = True
        return allowed
