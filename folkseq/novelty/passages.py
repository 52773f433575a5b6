"""Numbers for passages of ids that a transposition does not change, for all passages of an array at once.

A passage of ids i₀ … iₙ is Σ Bᵏ·(R·heightₖ + mixₖ) modulo 2⁶⁴, where mixₖ stands for the kind of iₖ, and the height
is 0 where there is none. Next to it stands Σ Bᵏ over its pitched ids. A transposition adds R times the shift times the
second sum to the first; so the first, less R times the height of any one pitch in the passage times the second, is the
same in every key. Where there is no pitch the second sum is 0, and it does not matter which height is taken.

Different passages may have the same number; whoever must be sure compares ids.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.corpus import TokenStore
from folkseq.representations.capabilities import Profile

Hashes = NDArray[np.uint64]
Integers = NDArray[np.int64]

MOST_IDS = 20_000_000  # of a store, that are looked at; of a larger one the beginnings of all pieces
AT_ONCE = 1 << 16  # ids that are worked on together, so that what is in hand stays in the processor's cache

BASE = 0xD1342543DE82EF95  # B
RISE = np.uint64(0x9E3779B97F4A7C15)  # R


def powers(count: int) -> Hashes:
    """B⁰ … Bⁿ⁻¹, (count,)."""
    return _powers(BASE, count)


def inverse_powers(count: int) -> Hashes:
    """B⁰ … B¹⁻ⁿ, (count,)."""
    return _powers(pow(BASE, -1, 1 << 64), count)


def _powers(base: int, count: int) -> Hashes:
    factors = np.full(count, base, np.uint64)
    factors[:1] = 1
    return np.cumprod(factors, dtype=np.uint64)


def mixed(numbers: NDArray[Any]) -> Hashes:
    """Numbers that look random, one for each of `numbers`, of any shape: the finalizer of splitmix64."""
    found = (numbers.astype(np.uint64) + np.uint64(1)) * RISE
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
        found = (found ^ found >> np.uint64(shift)) * np.uint64(factor)
    return found


@dataclass(frozen=True, eq=False)
class Hashing:
    """What the arithmetic knows of each id of a vocabulary."""

    profile: Profile

    @cached_property
    def size(self) -> int:
        """V."""
        return len(self.profile.heights)

    @cached_property
    def values(self) -> Hashes:
        """(V,) R·height + mix."""
        return self.profile.heights.astype(np.uint64) * RISE + mixed(self.profile.kinds)

    @cached_property
    def pitches(self) -> Hashes:
        """(V,) 1 for a pitched id, else 0."""
        return self.profile.pitched.astype(np.uint64)

    @cached_property
    def kinds(self) -> Integers:
        """(V,) the kinds, numbered from 0 without gaps."""
        return np.unique(self.profile.kinds, return_inverse=True)[1].astype(np.int64)

    @cached_property
    def lowest(self) -> int:
        """The lowest height; 0 where nothing has a pitch."""
        return int(self.profile.heights[self.profile.pitched].min()) if self.profile.pitched.any() else 0

    @cached_property
    def levels(self) -> Integers:
        """(V,) the heights above the lowest; 0 where there is no pitch."""
        return np.where(self.profile.pitched, self.profile.heights - self.lowest, 0)

    @cached_property
    def reach(self) -> int:
        """The most that two heights differ by."""
        return int(self.levels.max())


def next_pitch(pitched: NDArray[np.bool_]) -> Integers:
    """The first place from each on that is `pitched`, (T,); T where there is none."""
    places = np.where(pitched, np.arange(len(pitched)), len(pitched))
    return np.minimum.accumulate(places[::-1])[::-1]


def last_pitch(pitched: NDArray[np.bool_]) -> Integers:
    """The last place up to each that is `pitched`, (T,); −1 where there is none."""
    return np.maximum.accumulate(np.where(pitched, np.arange(len(pitched)), -1))


@dataclass(frozen=True)
class Part:
    """Some pieces of a store end to end."""

    ids: NDArray[Any]
    """(T,)."""
    places: Integers
    """(T,) where in the store's flat array each of them stands."""
    left: Integers
    """(T,) how many of the piece's ids there are from each on; of a piece that is cut short none too many."""


def parts(store: TokenStore, pieces: Sequence[int]) -> Iterator[Part]:
    """The ids of `pieces`, or of so many of their beginnings as make `MOST_IDS`, about `AT_ONCE` at a time."""
    pieces = sorted(pieces)
    lengths = np.array([len(ids) for ids in store.beginnings(pieces, MOST_IDS)], np.int64)
    starts = store.offsets[pieces]
    part = (np.cumsum(lengths) - lengths) // AT_ONCE  # that each piece belongs to
    for first, last in pairwise([*np.unique(part, return_index=True)[1].tolist(), len(pieces)]):
        those = lengths[first:last]
        shift = starts[first:last] - (np.cumsum(those) - those)
        places = np.arange(those.sum()) + np.repeat(shift, those)
        left = np.repeat(np.cumsum(those), those) - np.arange(those.sum())
        yield Part(np.asarray(store.ids)[places], places, left)
