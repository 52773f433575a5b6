"""Shared runs of two texts, compared id by id."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.novelty.hashing import Hashing, Integers, last_true, next_true

_WIDTH = 16  # ids that are compared at once; most runs are short
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
        """By how much the pitch at `pitch` in the text lies above its counterpart, (K,)."""
        counterpart = there + pitch - here
        inside = (pitch >= 0) & (pitch < len(self._text)) & (counterpart >= 0) & (counterpart < len(self._trained))
        pitch, counterpart = np.where(inside, pitch, 0), np.where(inside, counterpart, 0)
        shift = self._text[pitch] - self._codes[self._trained[counterpart]]
        return np.where(inside & (np.abs(shift) <= self._reach), shift, _NO_SHIFT)

    def _agree(self, here: Integers, there: Integers, shift: Integers, step: int) -> Integers:
        """How many ids are the same from each pair of places on, in steps of 1 or −1, (K,)."""
        count = np.zeros(len(here), np.int64)
        going = np.arange(len(here))
        while len(going):
            ahead = (count[going, None] + np.arange(_WIDTH)) * step  # (K, width)
            places = np.clip(here[going, None] + ahead, 0, len(self._text) - 1)
            others = np.clip(there[going, None] + ahead, 0, len(self._trained) - 1)
            moved = self._text[places] - shift[going, None] * self._pitched[places]
            differs = moved != self._codes[self._trained[others]]
            all_agree = ~differs.any(axis=1)
            count[going] += np.where(all_agree, _WIDTH, differs.argmax(axis=1))
            going = going[all_agree]
        return count
