"""The settings of what the outputs for compound tokens in time see of recent tokens; see `corpora.recall`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from folkseq.settings import setting, validate

Integers = NDArray[np.int64]

RECALLED = 4
"""Number of the last keys that are shown in their order, and of the last lengths."""
FARTHEST = 12
"""Distances between keys are told apart up to here."""
AGES = tuple(2**octave - 1 for octave in range(1, 13))
"""Steps from which an age counts as older."""
ENDING = 12
"""Number of the recent tokens whose ends are shown."""
TOGETHER = 6
"""As many tokens that end together are told apart."""
ENDS = 2
"""Number of ends with a logit of their own."""
APART = 1000
"""Added to the distance of tokens of another group."""
MATCH = 16
"""Longer matches count as no longer."""
MATCHED = 256
"""A match lies fewer tokens back."""


class Reference(NamedTuple):
    """Values of recent tokens that tell something of a field's next value by their distance to it."""

    many: int
    """The number of tokens that give a set of values."""
    single: int
    """The number of other values, each of which tells something of its own."""
    values: int
    """The number of values that each can have."""

    @property
    def kinds(self) -> Integers:
        """(R,) the kind of each value: 0 for those of the set, and one for each other."""
        return np.append(np.zeros(self.many, np.int64), np.arange(1, self.single + 1))

    @property
    def nothing(self) -> int:
        """Return the row after those of every kind and value."""
        return (1 + self.single) * self.values


@dataclass(frozen=True)
class Recent:
    """The fields of compound tokens that place them in time, and what is shown of recent tokens."""

    waits: tuple[int, ...] = setting((), "Fields whose steps add up to the wait since the token before.", low=0)
    lengths: tuple[int, ...] = setting((), "Fields whose steps add up to the length.", low=0)
    steps: tuple[tuple[int, ...], ...] = setting((), "Steps of each value of these fields, waits before lengths.")
    key: int = setting(0, "Field of the key.", low=0)
    keys: int = setting(0, "Number of keys; a higher value is no event.", low=0)
    group: int | None = setting(None, "Field whose value nearest tokens share if they can.", low=0)
    copied: tuple[int, ...] = setting((), "Fields whose values are shown of the nearest token.", low=0)
    count: int = setting(24, "Number of recent tokens.", low=ENDING)

    def __post_init__(self) -> None:
        validate(self)

    @property
    def timed(self) -> tuple[int, ...]:
        """Return the fields of waits and lengths."""
        return (*self.waits, *self.lengths)

    @property
    def matched(self) -> tuple[int, ...]:
        """Return the fields whose values are copied from what followed a match, in their order."""
        return tuple(sorted({self.waits[0], self.key, *self.copied, *self.lengths}))

    def references(self, fields: tuple[int, ...]) -> dict[int, Reference]:
        """Return by field the values that tell something of its next value."""
        wait, length = self.waits[0], self.lengths[0]
        return {
            wait: Reference(ENDING, 0, fields[wait]),
            self.key: Reference(self.count, RECALLED, self.keys),
            length: Reference(ENDING, 1 + RECALLED, fields[length]),
        }

    def near(self, fields: tuple[int, ...]) -> tuple[int, ...]:
        """Return the number of values of what is shown of the nearest token, and of the ends."""
        length = fields[self.lengths[0]]
        copied = (fields[field] for field in self.copied)
        return (*copied, 2 * FARTHEST + 1, len(AGES) + 1, TOGETHER, length, length)

    def offsets(self, fields: tuple[int, ...]) -> Integers:
        """Return the first row of each of `near` in the table of all of them, and the row after them, for nothing."""
        return np.cumsum((0, *self.near(fields)))
