"""Runs that two texts share: how far one goes from a place in each, compared id by id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from folkseq.novelty.passages import Hashing, Integers, last_pitch, next_pitch

_WIDTHS = (4, 16, 64, 256)  # ids that are compared at once: few at first, since most runs are short
_CELLS = 1 << 20  # comparisons at once
_NO_SHIFT = 1 << 40  # of a pitch whose counterpart has none, or another kind: whatever moves so far matches nothing
_BETWEEN, _ENDS = -(1 << 50), -(1 << 51)  # codes of what belongs to no run in the one text and in the other


class Runs(NamedTuple):
    """One run for each of P pieces, (P,) int64 each."""

    length: Integers
    """How many ids; 0 if not one occurs in the training set."""
    start: Integers
    """Where in the piece it begins."""
    piece: Integers
    """In which piece of the store it occurs first; −1 if in none."""
    place: Integers
    """Where in that piece it begins."""


class Best:
    """The best run found so far for each of P pieces: the longest, then the first in the piece, then in the store."""

    def __init__(self, pieces: int) -> None:
        self.length = np.zeros(pieces, np.int64)
        self.start = np.zeros(pieces, np.int64)
        self.place = np.full(pieces, -1, np.int64)

    def take(self, piece: Integers, start: Integers, place: Integers, length: Integers) -> None:
        """Take what is better of K runs: (K,) of which piece, where in the text, where in the store, and how long."""
        longest = self.length.copy()
        np.maximum.at(longest, piece, length)
        kept = np.flatnonzero((length == longest[piece]) & (length > 0))
        kept = kept[np.lexsort((place[kept], start[kept], piece[kept]))]
        kept = kept[np.diff(piece[kept], prepend=-1) > 0]
        piece, start, place, length = piece[kept], start[kept], place[kept], length[kept]
        sooner = (start < self.start[piece]) | (start == self.start[piece]) & (place < self.place[piece])
        better = (length > self.length[piece]) | sooner
        self.length[piece[better]] = length[better]
        self.start[piece[better]] = start[better]
        self.place[piece[better]] = place[better]

    def runs(self, starts: Integers, offsets: Integers) -> Runs:
        """The same with places counted from where each piece begins, in the text (P,) and in the store."""
        found = self.length > 0
        piece = np.where(found, np.searchsorted(offsets, self.place, side="right") - 1, -1)
        place = np.where(found, self.place - offsets[piece], 0)
        return Runs(self.length, np.where(found, self.start - starts, 0), piece, place)


@dataclass(frozen=True, eq=False)
class Codes:
    """A number for each id: that of its kind, with room for any height after any shift."""

    hashing: Hashing

    @cached_property
    def room(self) -> int:
        """How far apart the codes of two kinds are."""
        return 3 * self.hashing.reach + 1

    @cached_property
    def table(self) -> Integers:
        """(V,)."""
        return np.where(self.hashing.profile.ends, _ENDS, self.hashing.kinds * self.room + self.hashing.levels)


@dataclass(frozen=True, eq=False)
class Text:
    """Pieces one after another, with a place that belongs to none before, between and after them."""

    ids: NDArray[Any]
    """(Q,); anything between the pieces."""
    codes: Integers
    """(Q,)."""
    inner: NDArray[np.bool_]
    """(Q,) whether an id may be part of a run."""
    pitched: NDArray[np.bool_]
    """(Q,)."""
    piece: Integers
    """(Q,) the number of the piece."""
    starts: Integers
    """(P,) where each piece begins."""

    @classmethod
    def of(cls, pieces: Sequence[NDArray[Any]], codes: Codes) -> Text:
        """The text of arrays of ids."""
        profile = codes.hashing.profile
        gap = np.zeros(1, np.int64)
        ids = np.concatenate([gap, *(part for piece in pieces for part in (np.asarray(piece, np.int64), gap))])
        lengths = np.array([len(piece) + 1 for piece in pieces], np.int64)
        starts = np.cumsum(lengths) - lengths + 1
        inner = ~profile.ends[ids]
        inner[0] = inner[starts + lengths - 1] = False
        return cls(
            ids,
            np.where(inner, codes.table[ids], _BETWEEN),
            inner,
            profile.pitched[ids] & inner,
            np.r_[0, np.repeat(np.arange(len(pieces)), lengths)],
            starts,
        )


@dataclass(frozen=True, eq=False)
class Comparison:
    """A text, and the flat ids of a store."""

    text: Text
    ids: NDArray[Any]
    codes: Codes

    def promising(self, here: Integers, there: Integers, length: Integers, aim: Integers) -> NDArray[np.bool_]:
        """Whether runs over pairs of places could be as long as `aim`, (K,), if what is said were so; see `grown`."""
        after = self._next[here]
        shift = self._shift(here, there, after)
        reach = self._reach(here + length, there + length, shift, 1)
        rest = np.flatnonzero(reach + length < aim)
        reach[rest] += self._reach(here[rest] - 1, there[rest] - 1, shift[rest], -1)
        return (reach + length >= aim) | (after >= here + length)

    def grown(self, here: Integers, there: Integers, length: Integers) -> tuple[Integers, Integers, Integers]:
        """The longest runs over pairs of places.

        Args:
            here: (K,) in the text.
            there: (K,) in the store.
            length: (K,) how many ids from there on are said to be the same.

        Returns:
            (K or more,) where each run begins in the text, where in the store, and how long it is. There are two for a
            pair whose said ids have no pitch, if those on either side want different transpositions.
        """
        after = self._next[here]
        shift = self._shift(here, there, after)
        unsettled = np.flatnonzero(after >= here + length)
        if len(unsettled):
            other = self._shift(here[unsettled], there[unsettled], self._last[here[unsettled]])
            differs = other != shift[unsettled]
            unsettled = unsettled[differs]
            here, there = np.append(here, here[unsettled]), np.append(there, there[unsettled])
            shift = np.append(shift, other[differs])
        right = self._reach(here, there, shift, 1)
        left = self._reach(here - 1, there - 1, shift, -1)
        return here - left, there - left, left + right

    @cached_property
    def _next(self) -> Integers:
        return next_pitch(self.text.pitched)

    @cached_property
    def _last(self) -> Integers:
        return last_pitch(self.text.pitched)

    def _shift(self, here: Integers, there: Integers, at: Integers) -> Integers:
        """By how much the pitch at `at` in the text lies above its counterpart, (K,)."""
        counterpart = there + at - here
        inside = (at >= 0) & (at < len(self.text.ids)) & (counterpart >= 0) & (counterpart < len(self.ids))
        at, counterpart = np.where(inside, at, 0), np.where(inside, counterpart, 0)
        shift = self.text.codes[at] - self.codes.table[self.ids[counterpart]]
        return np.where(inside & (np.abs(shift) <= self.codes.hashing.reach), shift, _NO_SHIFT)

    def _reach(self, here: Integers, there: Integers, shift: Integers, step: int) -> Integers:
        """How many ids are the same from each pair of places on, in steps of 1 or −1, (K,)."""
        reach = np.zeros(len(here), np.int64)
        going = np.arange(len(here))
        widths = iter(_WIDTHS)
        width = 0
        while len(going):
            width = next(widths, width)
            cells = max(_CELLS // width, 1)
            goes_on = [
                self._compare(here, there, shift, step, reach, going[first : first + cells], width)
                for first in range(0, len(going), cells)
            ]
            going = going[np.concatenate(goes_on)]
        return reach

    def _compare(
        self,
        here: Integers,
        there: Integers,
        shift: Integers,
        step: int,
        reach: Integers,
        going: Integers,
        width: int,
    ) -> NDArray[np.bool_]:
        """Compare the next `width` ids of the pairs `going`, (K,), add to `reach`, and say which are all the same."""
        far = (reach[going, None] + np.arange(width)) * step  # (K, width)
        places = np.clip(here[going, None] + far, 0, len(self.text.ids) - 1)
        others = np.clip(there[going, None] + far, 0, len(self.ids) - 1)
        moved = self.text.codes[places] - shift[going, None] * self.text.pitched[places]
        differs = moved != self.codes.table[self.ids[others]]
        count = np.where(whole := ~differs.any(axis=1), width, differs.argmax(axis=1))
        reach[going] += count
        return np.asarray(whole)
