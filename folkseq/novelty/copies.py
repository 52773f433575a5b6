"""Keeps sampled pieces from sharing more than so many ids in a row with any piece trained on, in whatever key.

At each place of the training set where a free id stands, that id may not follow what came before it there once the run
would grow too long: with the id itself, and with all ids that are not free after it, on which a grammar might insist.
So where q ids follow that are not free, the last `most` − q ids decide. At each step a hash of the last `most` ids is
looked up, one of the last `most` − 1, and so on, for a few q only, of which the next above stands for those between. In
folk.abc q is 0 to 2 at 99 places in a hundred, and 11 at most.

Deviation: no fewer than four ids decide. Where more than `most` − 4 ids in a row are not free, as where a pianist lifts
the pedal, a run of these and four ids more can still come (`CopyLimit.longest` says how long it can be). Were it one
id, every sixth id of a held-out performance would be forbidden, most of them for runs that would never have come; with
four it is one in ten thousand. A run that holds no free id, such as a header, is never cut short.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.corpus import TokenStore
from folkseq.errors import RequestError
from folkseq.grammar import Ids, Rows
from folkseq.novelty.passages import (
    BASE,
    RISE,
    Hashes,
    Hashing,
    Integers,
    inverse_powers,
    last_pitch,
    mixed,
    next_pitch,
    parts,
    powers,
)
from folkseq.representations.capabilities import Profile

FEWEST = 8
_DECIDE = 4  # ids at least; with one or two, much of what anybody would write is forbidden
_FOLLOWING = np.array([0, 1, 2, 4, 8, 16, 32, 64, 1 << 30])  # the q that are told apart
_SPARSE = 32  # bits of the filter for each entry, so that few needles pass it by chance
_BYTE, _BIT = np.uint64(3), np.uint64(7)  # how far to shift a bit's number for its byte's, and what is left of it


class CopyLimit:
    """The ids that would make too long a run, for many pieces at a time.

    It takes some 16 bytes for each free id of the training set.
    """

    def __init__(self, store: TokenStore, pieces: Sequence[int], profile: Profile, most: int) -> None:
        """Learn what follows what in the pieces that are trained on; of more than 20 million ids in their beginnings.

        Args:
            store: their ids.
            pieces: their numbers.
            profile: of the vocabulary, (V,) each.
            most: ids of the longest run that may be shared, at least 8.

        Raises:
            RequestError: if `most` is less.
        """
        if most < FEWEST:
            raise RequestError(f"copies of at most {most} tokens cannot be asked for; ask for {FEWEST} or more")
        self.most, self._profile, self._hashing = most, profile, Hashing(profile)
        self._terms = np.stack((self._hashing.values, self._hashing.pitches))  # (2, V)
        self._lay_out()
        found = [self._learn(part.ids) for part in parts(store, pieces)]
        entries = np.sort(np.concatenate([entries for entries, _, _ in found]))
        self._entries = entries[np.diff(entries, prepend=entries[:1] ^ np.uint64(1)) > 0]
        """(E,) the hash of what came before, and in its lowest bits the code of what followed; sorted, and distinct."""
        self.longest = max(most, *(longest for _, _, longest in found))
        """Of the runs that there can be: more than `most` if more ids in a row are not free."""
        bits = max(len(self._entries) * _SPARSE, 8).bit_length()
        self._away = np.uint64(64 - bits)
        self._filter = np.zeros(1 << bits - 3, np.uint8)  # a bit for all entries that begin with the bit's number
        begun = self._entries >> self._away
        np.bitwise_or.at(self._filter, begun >> _BYTE, np.uint8(1) << (begun & _BIT).astype(np.uint8))
        self._decide = np.unique(np.concatenate([lengths for _, lengths, _ in found]))  # (C,) how many ids
        self._powers = powers(most + 1)[self._decide, None, None]
        self._before = mixed(np.arange(2 * (most + 1))).reshape(most + 1, 2, 1)

    def begin(self, rows: int) -> Rows:
        """Where `rows` pieces stand before their start ids have been read."""
        # What stands for the ids before the first is like nothing in the training set.
        return np.repeat(self._before, rows, axis=2).transpose(2, 1, 0), np.full(rows, self._hashing.lowest)

    def advance(self, rows: Rows, ids: Ids) -> Rows:
        """Where they stand after one more id in each, (B,). `rows` stay as they were."""
        history, height = rows  # (B, 2, most + 1) sums over all ids so far, over all but the last, …; (B,)
        history = history.transpose(2, 1, 0)  # the rows last, since what comes last is worked on fastest
        after = np.empty(history.shape, np.uint64)
        after[1:] = history[:-1]
        after[0] = history[0] * np.uint64(BASE) + self._terms[:, ids]
        return after.transpose(2, 1, 0), np.where(self._profile.pitched[ids], self._profile.heights[ids], height)

    def allowed(self, rows: Rows) -> NDArray[np.bool_] | None:
        """Which ids make no run longer than `most`, (B, V); None where all do in every row."""
        history, height = rows
        history = history.transpose(2, 1, 0)
        sums = history[0] - history[self._decide] * self._powers  # (C, 2, B)
        hashes = sums[:, 0] - height.astype(np.uint64) * RISE * sums[:, 1]  # (C, B)
        begun = hashes >> self._away
        bits = self._filter[(begun >> _BYTE).view(np.int64)] >> (begun & _BIT).astype(np.uint8)
        passed = np.flatnonzero((bits & 1).view(np.bool_))
        if not len(passed):
            return None
        wanted = hashes.ravel()[passed] & ~self._low
        first = np.searchsorted(self._entries, wanted)
        first[first == len(self._entries)] = 0
        found = np.flatnonzero((self._entries[first] ^ wanted) <= self._low)
        if not len(found):
            return None
        first, row = first[found], passed[found] % len(height)
        count = np.searchsorted(self._entries, wanted[found] | self._low, side="right") - first
        places = np.arange(count.sum()) + np.repeat(first - np.cumsum(count) + count, count)
        return self._without(height, np.repeat(row, count), (self._entries[places] & self._low).view(np.int64))

    def _without(self, height: Integers, row: Integers, code: Integers) -> NDArray[np.bool_]:
        """(B, V) all True but for what `code` means in `row`, (K,) each, where `height`, (B,), is its last pitch's."""
        allowed = np.ones((len(height), self._hashing.size + 1), np.bool_)
        target = self._target[code] + self._moves[code] * (height[row] - self._hashing.lowest)
        allowed[row, self._ids[target]] = False
        for which in np.flatnonzero(self._at_any_height[code]):
            kind = code[which] // self._slots
            allowed[row[which], np.flatnonzero((self._hashing.kinds == kind) & self._profile.free)] = False
        return allowed[:, :-1]

    def _lay_out(self) -> None:
        """Number what can follow: of each kind how far above the last pitch, or that it may be at any height.

        A code leads to a place among the ids of all kinds, which stand by their height, with room for what is none.
        """
        hashing, profile = self._hashing, self._profile
        kinds, reach = int(hashing.kinds.max()) + 1, hashing.reach
        self._slots = 2 * reach + 2
        self._low = np.uint64((1 << (kinds * self._slots - 1).bit_length()) - 1)
        kind, slot = np.divmod(np.arange(kinds * self._slots), self._slots)
        self._at_any_height = slot == self._slots - 1
        self._moves = np.isin(kind, hashing.kinds[profile.pitched]) & ~self._at_any_height
        room = 3 * reach + 1
        self._target = np.where(self._at_any_height, kinds * room, kind * room + slot)
        self._ids = np.full(kinds * room + 1, hashing.size)
        free = np.flatnonzero(profile.free)
        places = hashing.kinds * room + hashing.levels + np.where(profile.pitched, reach, 0)
        self._ids[places[free]] = free

    def _learn(self, ids: NDArray[Any]) -> tuple[Hashes, Integers, int]:
        """The entries of whole pieces, (T,), how many ids decide in them, and the longest run that can be."""
        profile, place = self._profile, np.arange(len(ids))
        ends, pitched = profile.ends[ids], profile.pitched[ids]
        by_id = profile.free[ids] & ~ends
        bound = np.r_[False, (last_pitch(profile.binding[ids]) > last_pitch(by_id | ends))[:-1]]
        free = by_id & ~bound
        following = np.append(next_pitch(free | ends), len(ids))[1:] - place - 1  # (T,) q
        length = np.maximum(self.most - _FOLLOWING[np.searchsorted(_FOLLOWING, following)], _DECIDE)
        known = place - last_pitch(ends) - 1  # (T,) ids before each in its piece
        at = np.flatnonzero(free & (known >= length))
        decides = length[at]
        terms = self._terms[:, ids] * inverse_powers(len(ids))  # (2, T)
        sums = np.concatenate((np.zeros((2, 1), np.uint64), np.cumsum(terms, axis=1, dtype=np.uint64)), axis=1)
        window = (sums[:, at] - sums[:, at - decides]) * powers(len(ids))[at - 1]  # (2, K)
        before = last_pitch(pitched)[at - 1]
        height = np.where(before >= 0, profile.heights[ids[before]], 0)
        hashes = window[0] - height.astype(np.uint64) * RISE * window[1]
        above = profile.heights[ids[at]] - height + self._hashing.reach
        slot = np.where(pitched[at], np.where(before >= at - decides, above, self._slots - 1), 0)
        code = (self._hashing.kinds[ids[at]] * self._slots + slot).astype(np.uint64)
        longest = np.where(free, following + length, np.where(ends, following, 0)).max()
        return hashes & ~self._low | code, np.unique(decides), int(longest)
