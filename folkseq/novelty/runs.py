"""Shared runs of new pieces and a training set, compared id by id.

A run is grown from a pair of places that an index suggests. Runs of at most four ids, for pieces that share no longer
one, are looked up in exact tables of all such passages; there are few even in a large training set.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.novelty.hashing import Flags, Hashing, Integers, last_true, next_true

SHORT = 4
"""The length of the longest passages in the tables."""
_WIDTH = 16  # ids that are compared together; most runs are short
_NO_SHIFT = 1 << 40  # of a pitch that has no pitched counterpart of its kind: no pitch moved so far matches any other
_TEXT_ENDS, _TRAINED_ENDS = -(1 << 50), -(1 << 51)  # codes of what belongs to no run, different in the two texts


class Comparison:
    """New pieces end to end, and the training set."""

    def __init__(self, text: NDArray[Any], trained: NDArray[Any], hashing: Hashing) -> None:
        """Prepare to compare two flat arrays, in which ids that begin or end pieces separate these."""
        self._pitched, self._reach = hashing.pitched[text], hashing.reach
        self._text = np.where(hashing.ends, _TEXT_ENDS, hashing.codes)[text]
        self._trained, self._codes = trained, np.where(hashing.ends, _TRAINED_ENDS, hashing.codes)
        self._next, self._last = next_true(self._pitched), last_true(self._pitched)

    def grow(self, here: Integers, there: Integers, length: Integers) -> tuple[Integers, Integers, Integers]:
        """Return the longest runs over pairs of places.

        Args:
            here: (K,) places in the text.
            there: (K,) places in the training set.
            length: (K,) how many ids from there on are expected to be the same.

        Returns:
            How long each run is, and where it begins in the text and in the training set, (K or more,) each. A pair
            whose expected ids have no pitch gives two runs if the pitches on either side need different transpositions.
        """
        shift = self._shift(here, there, self._next[here])
        free = np.flatnonzero(self._next[here] >= here + length)
        other = self._shift(here[free], there[free], self._last[here[free]])
        free, other = free[other != shift[free]], other[other != shift[free]]
        here, there, shift = np.append(here, here[free]), np.append(there, there[free]), np.append(shift, other)
        left = self._agree(here - 1, there - 1, shift, -1)
        return left + self._agree(here, there, shift, 1), here - left, there - left

    def _shift(self, here: Integers, there: Integers, pitch: Integers) -> Integers:
        """Return the distance of the pitch at `pitch` in the text above its counterpart, (K,)."""
        counterpart = self._trained.take(there + pitch - here, mode="clip")
        shift = self._text.take(pitch, mode="clip") - self._codes[counterpart]
        return np.where(np.abs(shift) <= self._reach, shift, _NO_SHIFT)

    def _agree(self, here: Integers, there: Integers, shift: Integers, step: int) -> Integers:
        """Return the number of ids that are the same from each pair of places on, in steps of 1 or −1, (K,)."""
        count = np.zeros(len(here), np.int64)
        going = np.arange(len(here))
        while len(going):
            ahead = (count[going, None] + np.arange(_WIDTH)) * step  # (K, width)
            places, others = here[going, None] + ahead, there[going, None] + ahead
            pitched = self._pitched.take(places, mode="clip")
            moved = self._text.take(places, mode="clip") - shift[going, None] * pitched
            differs = moved != self._codes[self._trained.take(others, mode="clip")]
            all_agree = ~differs.any(axis=1)
            count[going] += np.where(all_agree, _WIDTH, differs.argmax(axis=1))
            going = going[all_agree]
        return count


class ShortPassages:
    """All passages of at most four ids in a training set.

    A passage's number is made of that of the passage one id shorter and of its last id.
    """

    def __init__(self, ids: NDArray[Any], places: Integers, hashing: Hashing) -> None:
        """Number the passages of a flat array, (T,), that begin at some rising places."""
        self._hashing = hashing
        self._tables: list[tuple[Integers, Integers]] = []  # sorted passages and their first places, by length
        numbers, level = np.zeros(len(places), np.int64), np.full(len(places), -1)
        for length in range(1, SHORT + 1):
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
