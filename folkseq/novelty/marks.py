"""Marks: what a model keeps of its training set in place of the ids.

A mark is a byte for four ids in a row: a hash of them, which no transposition changes, and whether the last of them
could have been another. A piece of n ids has n − 3 marks, and a run of n ids is a run of n − 3 marks; so the index and
the limit of ids are also those of marks, with a vocabulary in which nothing has a pitch. A mark takes one byte where
the index of ids takes twelve, besides the ids.

Deviations: two passages of four ids have the same mark once in 127 times. So a run may be found one id longer than it
is, seldom more, and a run of fewer than eight ids may be none. At least five ids decide what may not follow, in place
of four.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from folkseq.corpora import TokenStore
from folkseq.corpora.hashing import RISE, powers
from folkseq.grammar import Ids, Rows
from folkseq.novelty.hashing import Flags, Hashing
from folkseq.novelty.limit import FEWEST, CopyLimit
from folkseq.novelty.overlap import Overlap
from folkseq.representations.capabilities import Profile
from folkseq.sampling.overlaps import SharedPassage

WINDOW = 4
"""Ids that a mark tells of."""
SURE = 8
"""Ids of the shortest run that is hardly a coincidence of marks."""
NONE = 0
"""In place of a mark, where a piece begins or ends."""
_HASHES, _SIZE = 127, 256
Marks = NDArray[np.uint8]


def _profile() -> Profile:
    """Return the profile of marks: above 0, even ones stand for ids that could have been others."""
    marks, none = np.arange(_SIZE), np.zeros(_SIZE, np.bool_)
    return Profile(np.zeros(_SIZE, np.int64), marks, none, (marks % 2 == 0) & (marks > NONE), none, marks == NONE)


def mark(windows: NDArray[Any], hashing: Hashing) -> Marks:
    """Return the marks of windows of ids, (4, …); `NONE` for one that holds an id that begins or ends a piece."""
    pitched, ends = hashing.pitched[windows], hashing.ends[windows].any(axis=0)
    first = np.take_along_axis(windows, pitched.argmax(axis=0)[None], axis=0)[0]
    sums = sum(hashing.terms[:, ids] * power for ids, power in zip(windows, powers(WINDOW), strict=True))
    # Hashing says why this is the same in every key.
    hashes = sums[0] - hashing.levels[first].astype(np.uint64) * RISE * sums[1]
    bound = np.zeros(ends.shape, np.bool_)
    for ids in windows[:-1]:
        bound = hashing.binding[ids] | (bound & ~hashing.free[ids])
    could_differ = hashing.free[windows[-1]] & ~bound
    number = (hashes >> np.uint64(40)) % np.uint64(_HASHES)
    return np.where(ends, NONE, 1 + 2 * number + could_differ).astype(np.uint8)


def marks_of(ids: NDArray[Any], hashing: Hashing) -> Marks:
    """Return the marks of the windows that begin at each place of a piece, (T,); `NONE` where none does."""
    found = np.full(len(ids), NONE, np.uint8)
    if len(ids) >= WINDOW:
        found[: len(ids) - WINDOW + 1] = mark(sliding_window_view(ids, WINDOW).T, hashing)
    return found


class MarkedOverlap:
    """A training set of marks, to compare pieces of ids with."""

    def __init__(
        self, marks: Marks, lengths: NDArray[np.int64], numbers: Sequence[int], profile: Profile, lead: int = 1
    ) -> None:
        """Prepare to compare.

        Args:
            marks: of all pieces end to end, without `NONE`.
            lengths: (P,) the number of ids of each piece, without those that begin and end it.
            numbers: (P,) the number of each piece in the run's store.
            profile: of the ids.
            lead: ids that begin a piece.
        """
        self.hashing, self._lengths, self._lead = Hashing(profile), lengths, lead
        counts = np.maximum(lengths - WINDOW + 1, 0)
        if counts.sum() != len(marks):
            raise ValueError(f"expected {counts.sum()} marks of {len(lengths)} pieces, got {len(marks)}")
        stops = np.cumsum(counts)
        flat = np.insert(marks, np.stack((stops - counts, stops), axis=1).ravel(), NONE)
        store = TokenStore(flat, np.append(0, np.cumsum(counts + 2)))
        self._overlap, self._numbers = Overlap(store, range(len(store)), _profile()), numbers

    def longest(self, pieces: Sequence[NDArray[Any]]) -> list[SharedPassage]:
        """Find the longest run of each piece, as `Overlap` does."""
        runs = self._overlap.longest([marks_of(np.asarray(piece), self.hashing) for piece in pieces])
        more = WINDOW - 1
        return [
            SharedPassage(run.length + more, run.start, self._numbers[run.source], run.source_start + self._lead - 1)
            if run.length + more >= SURE
            else SharedPassage()
            for run in runs
        ]

    def limit(self, most: int) -> MarkedLimit:
        """Return a constraint that keeps shared runs to `most` ids, which are 8 at least."""
        most = min(most, max(int(self._lengths.max(initial=0)), FEWEST))
        overlap = self._overlap
        return MarkedLimit(CopyLimit(overlap.training_set, overlap.hashing, most, WINDOW), self.hashing)


class MarkedLimit:
    """Masks the ids whose marks a limit of marks forbids."""

    def __init__(self, limit: CopyLimit, hashing: Hashing) -> None:
        self._limit, self._hashing = limit, hashing
        self._end = int(np.flatnonzero(hashing.ends)[0])

    def begin(self, rows: int) -> Rows:
        """Return the state of `rows` pieces before their start ids."""
        return np.full((rows, WINDOW - 1), self._end, np.int64), *self._limit.begin(rows)

    def advance(self, rows: Rows, ids: Ids) -> Rows:
        """Return the state after one more id in each piece, (B,), without changing `rows`."""
        history, *marked = rows  # (B, 3) the last ids
        windows = np.concatenate((history, ids[:, None]), axis=1)  # (B, 4)
        return windows[:, 1:], *self._limit.advance(tuple(marked), mark(windows.T, self._hashing).astype(np.int64))

    def allowed(self, rows: Rows) -> Flags | None:
        """Return which ids make no run longer than the limit, (B, V); None if all are allowed in every row."""
        history, *marked = rows
        allowed = self._limit.allowed(tuple(marked))
        if allowed is None:
            return None
        size = len(self._hashing.free)
        windows = np.empty((WINDOW, len(history), size), np.int64)
        windows[:-1], windows[-1] = history.T[:, :, None], np.arange(size)
        return np.take_along_axis(allowed, mark(windows, self._hashing).astype(np.int64), axis=1)
