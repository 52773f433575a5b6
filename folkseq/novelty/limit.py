"""A limit on the run of ids that a sampled piece may share, in any key, with a piece of the training set.

Each free id of the training set (`Profile.free`) is forbidden after its own context if the run would become too long.
The run includes all non-free ids after it, because a grammar may force these. Thus if q non-free ids follow, the
context consists of the last `most` − q ids. Each step looks up hashes of the last `most` ids, of the last `most` − 1
ids, and so on, for only a few values of q; other values are rounded down to one of these. In folk.abc, q is 0 to 2 at
99 % of positions, and 11 at most.

Deviation: a context has at least four ids. So if more than `most` − 4 consecutive ids are not free, for example where a
pianist lifts the pedal, these and four more ids can still form a longer run. With a context of one id, every sixth id
of a held-out performance would be forbidden, mostly because of runs that would never have occurred; with four, it is
one in ten thousand. A run without a free id, such as a header, is never interrupted.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.corpora.hashing import BASE, RISE, Hashes, inverse_powers, mixed, powers
from folkseq.errors import RequestError
from folkseq.grammar import Ids, Rows
from folkseq.novelty.hashing import Flags, Hashing, Integers, last_true, matches, next_true
from folkseq.novelty.training_set import TrainingSet

FEWEST = 8
_DECIDE = 4  # minimum length of a context; one or two ids would forbid many common continuations
_FOLLOWING = np.array([0, 1, 2, 4, 8, 16, 32, 64, 1 << 30])  # the distinct values of q
_SPARSE = 32  # filter bits per entry, so that few hashes pass by chance
_BYTE, _BIT = np.uint64(3), np.uint64(7)  # shift and mask that split a bit number into byte and bit


class CopyLimit:
    """A mask of the ids that would make a shared run too long, for many pieces at a time.

    It takes about 16 bytes per free id of the training set.
    """

    def __init__(self, training_set: TrainingSet, hashing: Hashing, most: int, window: int = 1) -> None:
        """Index the contexts of all free ids of a training set.

        Args:
            training_set: the pieces.
            hashing: hashing tables of their vocabulary.
            most: maximum length of a shared run in ids, at least 8.
            window: number of ids that one id of the training set stands for; see `marks`.

        Raises:
            RequestError: `most` is too small.
        """
        if most < FEWEST:
            raise RequestError(f"--max-copy {most}: the limit must be {FEWEST} tokens or more")
        self._most, self._hashing = most - window + 1, hashing
        self._fewest = max(_DECIDE - window + 1, 2)
        self._lay_out()
        learnt = [self._learn(training_set.ids[places]) for places in training_set.places()]
        entries = np.sort(np.concatenate([entries for entries, _ in learnt]))
        self._entries = entries[np.diff(entries, prepend=~entries[:1]) > 0]  # much faster than np.unique
        """(E,) hashes of contexts, with the code of the following id in the lowest bits; sorted."""
        self._decide = np.unique(np.concatenate([lengths for _, lengths in learnt]))  # (C,) lengths of contexts
        bits = max(len(self._entries) * _SPARSE, 8).bit_length()
        self._away = np.uint64(64 - bits)
        self._filter = np.zeros(1 << bits - 3, np.uint8)  # a bit is set if an entry begins with its number
        first = self._entries >> self._away
        np.bitwise_or.at(self._filter, first >> _BYTE, np.uint8(1) << (first & _BIT).astype(np.uint8))
        self._powers = powers(self._most + 1)[self._decide, None, None]

    def begin(self, rows: int) -> Rows:
        """Return the state of `rows` pieces before their start ids."""
        before = mixed(np.arange(2 * (self._most + 1))).reshape(self._most + 1, 2)  # unlike the training set
        return np.repeat(before.T[None], rows, axis=0), np.zeros(rows, np.int64)

    def advance(self, rows: Rows, ids: Ids) -> Rows:
        """Return the state after one more id in each piece, (B,), without changing `rows`."""
        history, level = rows  # (B, 2, most + 1) sums over all ids so far, over all but the last, …; (B,)
        history = history.transpose(2, 1, 0)  # the rows last, since NumPy is fastest along the last axis
        after = np.empty(history.shape, np.uint64)
        after[1:] = history[:-1]
        after[0] = history[0] * np.uint64(BASE) + self._hashing.terms[:, ids]
        return after.transpose(2, 1, 0), np.where(self._hashing.pitched[ids], self._hashing.levels[ids], level)

    def allowed(self, rows: Rows) -> Flags | None:
        """Return the mask of ids that keep runs within `most` ids, (B, V); None if all ids are allowed in every row."""
        history, level = rows
        history = history.transpose(2, 1, 0)
        sums = history[0] - history[self._decide] * self._powers  # (C, 2, B)
        hashes = sums[:, 0] - level.astype(np.uint64) * RISE * sums[:, 1]  # (C, B)
        first = hashes >> self._away
        bits = self._filter[(first >> _BYTE).view(np.int64)] >> (first & _BIT).astype(np.uint8)
        passed = np.flatnonzero((bits & 1).view(np.bool_))
        if not len(passed):
            return None
        wanted, allowed = hashes.ravel()[passed] & ~self._low, None
        for which, entry in matches(self._entries, wanted, wanted | self._low):
            if allowed is None:
                allowed = np.ones((len(level), len(self._hashing.free) + 1), np.bool_)  # plus a dummy column
            row, code = passed[which] % len(level), (self._entries[entry] & self._low).view(np.int64)
            allowed[row, self._ids[code + self._moves[code] * level[row]]] = False
            for place in np.flatnonzero(self._any_level[code]):
                kind = self._hashing.kinds == code[place] // self._hashing.room
                allowed[row[place], np.flatnonzero(kind & self._hashing.free)] = False
        return None if allowed is None else allowed[:, :-1]

    def _lay_out(self) -> None:
        """Define codes of following ids, like `Hashing.codes`, but with levels relative to the last pitch.

        The last code of each pitched kind stands for any level.
        """
        hashing = self._hashing
        count = (int(hashing.kinds.max()) + 1) * hashing.room
        kind, slot = np.divmod(np.arange(count), hashing.room)
        pitched = np.isin(kind, hashing.kinds[hashing.pitched])
        self._any_level = pitched & (slot == hashing.room - 1)
        self._moves = pitched & ~self._any_level
        self._ids = np.full(count, len(hashing.free))  # the dummy column
        self._ids[hashing.codes[hashing.free]] = np.flatnonzero(hashing.free)
        self._low = np.uint64((1 << (count - 1).bit_length()) - 1)
        """The bits of an entry that hold a code."""

    def _learn(self, ids: NDArray[Any]) -> tuple[Hashes, Integers]:
        """Return the entries of whole pieces, (E,), and the lengths of their contexts."""
        hashing, place = self._hashing, np.arange(len(ids))
        ends, pitched, levels = hashing.ends[ids], hashing.pitched[ids], hashing.levels[ids]
        by_id = hashing.free[ids] & ~ends
        bound = np.r_[False, (last_true(hashing.binding[ids]) > last_true(by_id | ends))[:-1]]
        free = by_id & ~bound
        following = np.append(next_true(free | ends), len(ids))[1:] - place - 1  # (T,) q
        length = np.maximum(self._most - _FOLLOWING[np.searchsorted(_FOLLOWING, following)], self._fewest)
        at = np.flatnonzero(free & (place - last_true(ends) - 1 >= length))  # (K,) with a complete context in the piece
        decides = length[at]
        terms = hashing.terms[:, ids] * inverse_powers(len(ids))  # (2, T)
        sums = np.concatenate((np.zeros((2, 1), np.uint64), np.cumsum(terms, axis=1, dtype=np.uint64)), axis=1)
        window = (sums[:, at] - sums[:, at - decides]) * powers(len(ids))[at - 1]  # (2, K)
        before = last_true(pitched)[at - 1]
        level = np.where(before >= 0, levels[before], 0)
        hashes = window[0] - level.astype(np.uint64) * RISE * window[1]
        above = np.where(before >= at - decides, levels[at] - level, 2 * hashing.reach)
        slot = hashing.reach + np.where(pitched[at], above, 0)
        code = (hashing.kinds[ids[at]] * hashing.room + slot).astype(np.uint64)
        return hashes & ~self._low | code, np.unique(decides)
