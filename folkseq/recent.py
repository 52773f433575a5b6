"""The recent compound tokens that the outputs see: which of them sound, and the one that is most like the next.

Tokens are events in time: two fields tell the wait since the token before, two the length, and one is a key, such as a
pitch. Each part of a time is a table lookup, and the two add up. A network that reads token after token has to learn
what still sounds when the next one begins. Here the outputs are told, as soon as the fields that decide it are known:

    before the key      the set of keys that sound when the token begins, and the last `RECALLED` keys
    after the key       of the recent token whose key is nearest: the values of some fields, its distance and its age;
                        and the length with which the token would end as most of those that sound, or as the last

Tokens often end together, as the notes under a pedal do. So the values of these lengths also get logits of their own.
All of it follows from the ids so far, so the network still gives the distribution of the next id. Nothing here knows
music.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from folkseq.settings import setting, validate

if TYPE_CHECKING:
    from folkseq.compound import CompoundLayout

Integers = NDArray[np.int64]

RECALLED = 4
"""Number of the last keys that are shown in their order."""
FARTHEST = 12
"""Distances between keys are told apart up to here."""
AGES = tuple(2**octave - 1 for octave in range(1, 13))
"""Steps from which an age counts as older."""
ENDING = 12
"""Number of the recent tokens among which the end of most is looked for."""
TOGETHER = 6
"""As many tokens that end together are told apart."""
ENDS = 2
"""Number of ends."""
APART = 1000
"""Added to the distance of tokens of another group."""


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
    count: int = setting(24, "Number of recent tokens.", low=RECALLED)

    def __post_init__(self) -> None:
        validate(self)

    def before(self) -> int:
        """Return the number of columns that are known before the key."""
        return self.count + RECALLED

    def sizes(self, fields: tuple[int, ...]) -> tuple[int, ...]:
        """Return the number of rows of the table for the set of keys, each recalled key, and what is shown after."""
        length = fields[self.lengths[0]]
        shown = (*(fields[field] for field in self.copied), 2 * FARTHEST + 1, len(AGES) + 1, TOGETHER, length, length)
        return (self.keys, *[self.keys] * RECALLED, *shown)

    def size(self, fields: tuple[int, ...]) -> int:
        """Return the number of rows of the table; the last is for nothing."""
        return sum(self.sizes(fields)) + 1

    def offsets(self, fields: tuple[int, ...]) -> Integers:
        """Return the first row of the table for each of `sizes`."""
        return np.cumsum((0, *self.sizes(fields)[:-1]))


@dataclass(frozen=True)
class RecentTokens:
    """What is shown of the recent tokens of pieces of a layout."""

    layout: CompoundLayout
    recent: Recent

    @cached_property
    def _offsets(self) -> Integers:
        return self.recent.offsets(self.layout.fields)

    @property
    def nothing(self) -> int:
        """Return the row of the table that shows nothing."""
        return self.recent.size(self.layout.fields) - 1

    @property
    def blank(self) -> Integers:
        """Return what is shown where there is nothing, (W,)."""
        width = self.recent.before() + len(self.recent.copied) + 3 + ENDS
        return np.append(np.full(width, self.nothing), np.full(2 * ENDS, -1))

    def indices(self, ids: NDArray[Any]) -> Integers:
        """Return what is shown for each token of a piece or a passage, (T,) to (G, W).

        The last `2 · ENDS` columns are the values of both lengths for each end, −1 for none; the others are rows of the
        table.
        """
        recent, width = self.recent, self.layout.width
        padded = np.zeros(-(-len(ids) // width) * width, np.int64)
        padded[: len(ids)] = ids
        values = padded.reshape(-1, width) - self.layout.offsets[:-1]  # (G, F)
        whole = np.logical_and.reduce((values >= 0) & (values < np.array(self.layout.fields)), axis=1)
        values = np.where(whole[:, None], values, 0)
        steps = [np.array(table)[values[:, field]] for field, table in zip(self._timed, recent.steps, strict=True)]
        wait, length = sum(steps[: len(recent.waits)]), sum(steps[len(recent.waits) :])
        key = values[:, recent.key]
        onset = np.cumsum(np.where(whole, wait, 0))
        real = np.flatnonzero(whole & (key < recent.keys))
        before = np.searchsorted(real, np.arange(len(values)))  # (G,) number of events before each token
        turn = before[:, None] - 1 - np.arange(recent.count)  # (G, K) the last first
        known = turn >= 0
        if not len(real):
            return np.tile(self.blank, (len(values), 1))
        at = real[np.maximum(turn, 0)]
        keys = key[at]
        sounding = known & ((onset + length)[at] > onset[:, None])
        repeats = (keys[:, :, None] == keys[:, None, :]) & sounding[:, None, :]  # (G, K, K)
        sounds = sounding & ~np.tril(repeats, -1).any(axis=2)
        shown = [np.where(sounds, keys, self.nothing)]
        recalled = keys[:, :RECALLED] + self._offsets[1 : RECALLED + 1]
        shown.append(np.where(known[:, :RECALLED], recalled, self.nothing))

        distance = np.abs(keys - key[:, None])
        if recent.group is not None:
            distance = distance + APART * (values[at, recent.group] != values[:, recent.group, None])
        score = np.where(known, 4 * distance + np.arange(recent.count), np.iinfo(np.int64).max)
        row = np.arange(len(values))
        nearest = at[row, score.argmin(axis=1)]
        age = np.searchsorted(AGES, onset - onset[nearest], side="right")
        interval = np.clip(key[nearest] - key, -FARTHEST, FARTHEST) + FARTHEST
        after = np.stack([*(values[nearest, field] for field in recent.copied), interval, age], axis=1)
        usable = whole & (key < recent.keys)
        offsets = self._offsets[RECALLED + 1 :]
        near, ending = offsets[: after.shape[1]], offsets[after.shape[1] :]
        shown.append(np.where((usable & (before > 0))[:, None], after + near, self.nothing))
        left = np.where(sounding, (onset + length)[at] - onset[:, None], 0)[:, :ENDING]
        together, ends = self._ends(left)
        together = np.where(usable & (together > 0), together - 1 + ending[0], self.nothing)
        lengths = np.where(usable[:, None] & (ends[:, :, 0] >= 0), ends[:, :, 0] + ending[1:], self.nothing)
        shown += [together[:, None], lengths]
        return np.concatenate([*shown, ends.reshape(len(values), 2 * ENDS)], axis=1)

    def _ends(self, left: Integers) -> tuple[Integers, Integers]:
        """Return how many tokens end with most, (G,), and the values of both lengths, (G, ENDS, 2), or −1.

        Args:
            left: (G, ENDING) steps to the end of recent tokens, the last one first; 0 for those that do not sound.
        """
        sounds, row = left > 0, np.arange(len(left))
        counts = (left[:, :, None] == left[:, None, :]).sum(axis=2) * sounds
        most, last = counts.argmax(axis=1), sounds.argmax(axis=1)
        steps = np.stack([left[row, most], left[row, last]], axis=1)  # (G, ENDS)
        coarse_steps, fine_steps = map(np.array, self.recent.steps[len(self.recent.waits) :])
        coarse = np.searchsorted(coarse_steps, steps, side="right") - 1
        fine = steps - coarse_steps[np.maximum(coarse, 0)]
        found = np.stack([coarse, fine], axis=2)
        found[(coarse < 0) | (fine >= len(fine_steps))] = -1
        return np.minimum(counts[row, most], TOGETHER), found

    @property
    def _timed(self) -> tuple[int, ...]:
        return (*self.recent.waits, *self.recent.lengths)
