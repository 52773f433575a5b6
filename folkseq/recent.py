"""Settings of the features of recent tokens for the outputs of timed compound tokens; see `corpora.recall`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from folkseq.settings import setting, validate

Integers = NDArray[np.int64]

RECALLED = 4
"""Number of last keys, and of last lengths, that are given in order."""
FARTHEST = 12
"""Maximum distance between keys; larger ones are clipped."""
AGES = tuple(2**octave - 1 for octave in range(1, 13))
"""Lower bounds, in steps, of the age classes."""
ENDING = 12
"""Number of recent tokens whose ends are given."""
TOGETHER = 6
"""Maximum count of tokens that end together; larger counts are clipped."""
ENDS = 2
"""Number of ends that have a separate logit."""
APART = 1000
"""Penalty added to the distance of tokens of another group."""
MATCH = 16
"""Maximum length of a match; longer ones are clipped."""
LONGEST = 255
"""Length above which matches count as equally long."""
MATCHED = 256
"""Exclusive maximum distance of a match, in tokens."""


class Reference(NamedTuple):
    """Values of recent tokens that help to predict a field by their distance to its next value."""

    many: int
    """The number of tokens that contribute to the set of values."""
    single: int
    """The number of other values; each has a separate kind."""
    values: int
    """The number of possible values."""

    @property
    def kinds(self) -> Integers:
        """Return the kind of each value, (R,): 0 for the set, and 1, 2, … for the other values."""
        return np.append(np.zeros(self.many, np.int64), np.arange(1, self.single + 1))

    @property
    def nothing(self) -> int:
        """Return the row for no value, which follows the rows of all kinds and values."""
        return (1 + self.single) * self.values


@dataclass(frozen=True)
class Recent:
    """The fields that time compound tokens, and the features of recent tokens."""

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
        """Return the fields whose values are copied from the token after a match, in order."""
        return tuple(sorted({self.waits[0], self.key, *self.copied, *self.lengths}))

    def references(self, fields: tuple[int, ...]) -> dict[int, Reference]:
        """Return the reference values for predicting each field, by field."""
        wait, length = self.waits[0], self.lengths[0]
        return {
            wait: Reference(ENDING, 0, fields[wait]),
            self.key: Reference(self.count, RECALLED, self.keys),
            length: Reference(ENDING, 1 + RECALLED, fields[length]),
        }

    def near(self, fields: tuple[int, ...]) -> tuple[int, ...]:
        """Return the number of values of each feature of the nearest token, and of the ends."""
        length = fields[self.lengths[0]]
        copied = (fields[field] for field in self.copied)
        return (*copied, 2 * FARTHEST + 1, len(AGES) + 1, TOGETHER, length, length)

    def offsets(self, fields: tuple[int, ...]) -> Integers:
        """Return the first row of each feature of `near` in their common table, and the row for no value after them."""
        return np.cumsum((0, *self.near(fields)))
