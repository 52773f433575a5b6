"""Shared runs of at most four ids, for pieces that share no longer one with the training set.

Every passage of one to four ids gets an exact number, made of the number of the passage one id shorter and of its last
id. There are few of them even in a large training set, and the first place of each is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.novelty.hashing import Flags, Hashing, Integers

LONGEST = 4


class ShortPassages:
    """All passages of at most four ids in a training set."""

    def __init__(self, ids: NDArray[Any], places: Integers, hashing: Hashing) -> None:
        """Number the passages of a flat array, (T,), that begin at some rising places."""
        self._hashing = hashing
        self._tables: list[tuple[Integers, Integers]] = []  # sorted passages and their first places, by length
        numbers, level = np.zeros(len(places), np.int64), np.full(len(places), -1)
        for length in range(1, LONGEST + 1):
            inner, level, passages = self._extend(ids, places, numbers, level, length)
            places, level = places[inner], level[inner]
            known, firsts, numbers = np.unique(passages[inner], return_index=True, return_inverse=True)
            self._tables.append((known, places[firsts]))

    def find(self, ids: NDArray[Any], here: Integers) -> Iterator[tuple[int, Integers, Integers]]:
        """Yield each length with the places, of those `here` in a flat array, whose passages occur, and where first."""
        numbers, level = np.zeros(len(here), np.int64), np.full(len(here), -1)
        for length, (known, firsts) in enumerate(self._tables, 1):
            inner, level, passages = self._extend(ids, here, numbers, level, length)
            numbers = np.searchsorted(known, passages)
            found = inner & (np.append(known, -1)[numbers] == passages)
            here, level, numbers = here[found], level[found], numbers[found]
            yield length, here, firsts[numbers]

    def _extend(
        self, ids: NDArray[Any], places: Integers, numbers: Integers, level: Integers, length: int
    ) -> tuple[Flags, Integers, Integers]:
        """Add the id number `length` to each passage.

        Returns:
            Whether it belongs to the passage's piece; the level of the passage's first pitch, or −1; and the passage.
        """
        hashing, last = self._hashing, ids[np.minimum(places + length - 1, len(ids) - 1)]
        pitched = hashing.pitched[last]
        level = np.where((level < 0) & pitched, hashing.levels[last], level)
        codes = hashing.codes[last] - pitched * level
        return ~hashing.ends[last], level, numbers * (len(hashing.codes) * hashing.room) + codes
