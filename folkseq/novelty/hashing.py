"""Transposition-invariant hashes of passages, computed for whole arrays.

A passage of ids i₀ … iₙ has the sum S = Σ Bᵏ·(R·levelₖ + mixₖ) modulo 2⁶⁴, where mixₖ is a pseudo-random number for the
kind of iₖ, and the level of an id without pitch is 0. Let C = Σ Bᵏ over its pitched ids. A transposition by d adds
d·R·C to S. Thus S − R·l·C, where l is the level of any one pitch in the passage, is the same in every key. In a passage
without pitch, C is 0, and l has no effect. Different passages may have the same hash, so callers that need certainty
compare the ids.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.corpora.hashing import RISE, Hashes, mixed
from folkseq.representations.capabilities import Profile

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

_TOGETHER = 1 << 14  # matches processed together


class Hashing:
    """The tables of a vocabulary that hashes and comparisons need, (V,) each."""

    def __init__(self, profile: Profile) -> None:
        self.ends, self.pitched, self.free, self.binding = profile.ends, profile.pitched, profile.free, profile.binding
        self.kinds = np.unique(profile.kinds, return_inverse=True)[1].astype(np.int64)
        """Consecutive numbers from 0."""
        lowest = profile.heights[profile.pitched].min(initial=1 << 30)
        self.levels = np.where(profile.pitched, profile.heights - lowest, 0)
        """Heights above the lowest one; 0 for ids without pitch."""
        self.reach = int(self.levels.max())
        """The largest difference between two levels."""
        self.room = 3 * self.reach + 1
        self.codes = self.kinds * self.room + self.reach + self.levels
        """A number for each id; the numbers of a kind have room for shifts of up to `reach` down or up."""
        self.terms = np.stack(
            (self.levels.astype(np.uint64) * RISE + mixed(profile.kinds), self.pitched.astype(np.uint64))
        )
        """(2, V) the contribution of each id to S and to C, without the factor Bᵏ."""


def matches(table: Hashes, low: Hashes, high: Hashes, most: Any = 1 << 62) -> Iterator[tuple[Integers, Integers]]:
    """Find all entries of a sorted table, (E,), that lie in one of several ranges.

    Args:
        table: the entries.
        low: (K,) lower end of each range.
        high: (K,) upper end of each range, inclusive.
        most: maximum number of entries per range, the lowest ones first: (K,), or one number.

    Yields:
        The indices of ranges and of the entries in them, (M,) each, some thousands at a time.
    """
    first = np.searchsorted(table, low)
    ends = np.cumsum(np.minimum(np.searchsorted(table, high, side="right") - first, most))
    for begin in range(0, int(ends[-1]) if len(ends) else 0, _TOGETHER):
        pair = np.arange(begin, min(begin + _TOGETHER, ends[-1]))
        which = np.searchsorted(ends, pair, side="right")
        yield which, first[which] + pair - np.where(which > 0, ends[which - 1], 0)


def next_true(flags: Flags) -> Integers:
    """Return the first set flag at or after each position, (T,); T where there is none."""
    places = np.where(flags, np.arange(len(flags)), len(flags))
    return np.minimum.accumulate(places[::-1])[::-1]


def last_true(flags: Flags) -> Integers:
    """Return the last set flag at or before each position, (T,); −1 where there is none."""
    return np.maximum.accumulate(np.where(flags, np.arange(len(flags)), -1))
