"""Runs of at most four ids, for pieces that share no longer one with the training set.

All passages of one to four ids that there are get numbers: a passage's number is that of the passage one
shorter, and its last id. There are few of them even in a large set, and the first place of each is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from folkseq.novelty.passages import AT_ONCE, Integers
from folkseq.novelty.runs import Codes

LONGEST = 4


@dataclass(frozen=True, eq=False)
class Short:
    """All passages of at most four ids in a training set."""

    codes: Codes
    passages: tuple[Integers, ...]
    """For each length the sorted passages, as the number of the passage one shorter, and the last id."""
    places: tuple[Integers, ...]
    """For each length, where in the store each passage occurs first."""

    @classmethod
    def of(cls, ids: NDArray[Any], places: Integers, codes: Codes) -> Self:
        """The passages of `ids`, a store's flat array, that begin at `places`, which rise."""
        found = cls(codes, (), ())
        for length in range(1, LONGEST + 1):
            passages, firsts = np.zeros(0, np.int64), np.zeros(0, np.int64)
            for first in range(0, len(places), AT_ONCE):
                part = places[first : first + AT_ONCE]
                numbers, known = found.numbers(ids, part, length - 1)
                last, inner = found._ids(ids, part, length)
                both = known & inner
                new = (numbers * found._size + last)[both]
                passages, kept = np.unique(np.append(passages, new), return_index=True)
                firsts = np.append(firsts, part[both])[kept]
            found = cls(codes, (*found.passages, passages), (*found.places, firsts))
        return found

    def numbers(self, ids: NDArray[Any], places: Integers, length: int) -> tuple[Integers, NDArray[np.bool_]]:
        """The number of the passage of `length` that begins at each of `places`, (T,), and whether there is any."""
        numbers, known = np.zeros(len(places), np.int64), np.ones(len(places), np.bool_)
        for number in range(1, length + 1):
            passages = self.passages[number - 1]
            last, inner = self._ids(ids, places, number)
            wanted = numbers * self._size + last
            numbers = np.minimum(np.searchsorted(passages, wanted), max(len(passages) - 1, 0))
            known &= inner & (passages[numbers] == wanted if len(passages) else False)
        return numbers, known

    @property
    def _size(self) -> int:
        return len(self.codes.table) * self.codes.room

    def _ids(self, ids: NDArray[Any], places: Integers, number: int) -> tuple[Integers, NDArray[np.bool_]]:
        """The `number`th id from each place on, less the first pitch of the passage, and whether it may be in a run."""
        profile = self.codes.hashing.profile
        base = np.zeros(len(places), np.int64)
        settled = np.zeros(len(places), np.bool_)
        for further in range(number):
            each = ids[np.minimum(places + further, len(ids) - 1)]
            pitched = profile.pitched[each]
            base = np.where(pitched & ~settled, self.codes.hashing.levels[each], base)
            settled |= pitched
        return self.codes.table[each] - pitched * (base - self.codes.hashing.reach), ~profile.ends[each]
