"""Shared runs of new pieces and a training set, compared id by id.

A run is grown from a pair of positions that an index suggests. Pieces that share no longer run are looked up in exact
tables of all passages of at most four ids, which are small even for a large training set.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.novelty.hashing import Flags, Hashing, Integers, last_true, next_true

SHORT = 4
"""The length of the longest passages in the tables."""
_WIDTH = 16  # ids compared together; most runs are short
_NO_SHIFT = 1 << 40  # shift for a pitch whose counterpart has no pitch or another kind, so that nothing matches
_TEXT_ENDS, _TRAINED_ENDS = -(1 << 50), -(1 << 51)  # codes of ids outside runs, different so that they never match


class Comparison:
    """New pieces end to end, and the training set."""

    def __init__(self, text: NDArray[Any], trained: NDArray[Any], hashing: Hashing) -> None:
        """Store two flat arrays, in which the ids that begin or end pieces separate the pieces."""
        self._pitched, self._reach = hashing.pitched[text], hashing.reach
        self._text = np.where(hashing.ends, _TEXT_ENDS, hashing.codes)[text]
        self._trained, self._codes = trained, np.where(hashing.ends, _TRAINED_ENDS, hashing.codes)
        self._next, self._last = next_true(self._pitched), last_true(self._pitched)

    def grow(self, here: Integers, there: Integers, length: Integers) -> tuple[Integers, Integers, Integers]:
        """Return the longest runs through pairs of positions.

        Args:
            here: (K,) positions in the text.
            there: (K,) positions in the training set.
            length: (K,) expected number of matching ids from these positions on.

        Returns:
            The length of each run, and its start in the text and in the training set, (K or more,) each. A pair without
            pitches in its expected ids gives two runs if the pitches on both sides need different transpositions.
        """
        shift = self._shift(here, there, self._next[here])
        free = np.flatnonzero(self._next[here] >= here + length)
        other = self._shift(here[free], there[free], self._last[here[free]])
        free, other = free[other != shift[free]], other[other != shift[free]]
        here, there, shift = np.append(here, here[free]), np.append(there, there[free]), np.append(shift, other)
        left = self._agree(here - 1, there - 1, shift, -1)
        return left + self._agree(here, there, shift, 1), here - left, there - left

    def _shift(self, here: Integers, there: Integers, pitch: Integers) -> Integers:
        """Return the interval from the counterpart of the pitch at `pitch` to this pitch, (K,)."""
        counterpart = self._trained.take(there + pitch - here, mode="clip")
        shift = self._text.take(pitch, mode="clip") - self._codes[counterpart]
        return np.where(np.abs(shift) <= self._reach, shift, _NO_SHIFT)

    def _agree(self, here: Integers, there: Integers, shift: Integers, step: int) -> Integers:
        """Return the number of matching ids from each pair of positions, forwards or backwards (a step of ±1), (K,)."""
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

    The number of a passage combines the number of the passage without its last id with the last id.
    """

    def __init__(self, ids: NDArray[Any], places: Integers, hashing: Hashing) -> None:
        """Number the passages of a flat array, (T,), that begin at these rising positions."""
        self._hashing = hashing
        self._tables: list[tuple[Integers, Integers]] = []  # sorted passages and their first places, by length
        numbers, level = np.zeros(len(places), np.int64), np.full(len(places), -1)
        for length in range(1, SHORT + 1):
            inner, level, passages = self._extend(ids, places, numbers, level, length)
            places, level = places[inner], level[inner]
            known, firsts, numbers = np.unique(passages[inner], return_index=True, return_inverse=True)
            self._tables.append((known, places[firsts]))

    def find(self, ids: NDArray[Any], here: Integers) -> Iterator[tuple[int, Integers, Integers]]:
        """Yield each length, those positions `here` in a flat array whose passages occur, and the first occurrences."""
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
        """Extend each passage to `length` ids.

        Returns:
            Whether the new id is inside the piece; the level of the passage's first pitch, or −1; and the passage.
        """
        hashing, last = self._hashing, ids[np.minimum(places + length - 1, len(ids) - 1)]
        pitched = hashing.pitched[last]
        level = np.where((level < 0) & pitched, hashing.levels[last], level)
        codes = hashing.codes[last] - pitched * level
        return ~hashing.ends[last], level, numbers * (len(hashing.codes) * hashing.room) + codes
