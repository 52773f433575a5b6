"""Marks: a compact description of the training set that a model stores instead of the ids.

A mark is one byte for four consecutive ids: a transposition-invariant hash, and whether the last id is free. A piece of
n ids has n − 3 marks, and a run of n ids is a run of n − 3 marks. The index and the limit of ids thus also work for
marks, with a vocabulary without pitches. A mark takes one byte; the index of ids takes twelve bytes per id, in addition
to the ids.

Deviations: two different passages of four ids have the same mark with a probability of 1 in 127. A run may thus be
reported one id too long, rarely more, and a run of fewer than eight ids may be a coincidence. The context of a
forbidden id has at least five ids instead of four.
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
"""Number of ids that a mark covers."""
SURE = 8
"""Length in ids of the shortest run of marks that is unlikely to be a coincidence."""
NONE = 0
"""Stands for a missing mark, where a piece begins or ends."""
_HASHES, _SIZE = 127, 256
Marks = NDArray[np.uint8]


def _profile() -> Profile:
    """Return the profile of marks; positive even marks stand for free ids."""
    marks, none = np.arange(_SIZE), np.zeros(_SIZE, np.bool_)
    return Profile(np.zeros(_SIZE, np.int64), marks, none, (marks % 2 == 0) & (marks > NONE), none, marks == NONE)


def mark(windows: NDArray[Any], hashing: Hashing) -> Marks:
    """Return the marks of windows of ids, (4, …); `NONE` for windows with an id that begins or ends a piece."""
    pitched, ends = hashing.pitched[windows], hashing.ends[windows].any(axis=0)
    first = np.take_along_axis(windows, pitched.argmax(axis=0)[None], axis=0)[0]
    sums = sum(hashing.terms[:, ids] * power for ids, power in zip(windows, powers(WINDOW), strict=True))
    # See `hashing` for the proof that this is the same in every key.
    hashes = sums[0] - hashing.levels[first].astype(np.uint64) * RISE * sums[1]
    bound = np.zeros(ends.shape, np.bool_)
    for ids in windows[:-1]:
        bound = hashing.binding[ids] | (bound & ~hashing.free[ids])
    could_differ = hashing.free[windows[-1]] & ~bound
    number = (hashes >> np.uint64(40)) % np.uint64(_HASHES)
    return np.where(ends, NONE, 1 + 2 * number + could_differ).astype(np.uint8)


def marks_of(ids: NDArray[Any], hashing: Hashing) -> Marks:
    """Return the mark of the window at each position of a piece, (T,); `NONE` where there is no whole window."""
    found = np.full(len(ids), NONE, np.uint8)
    if len(ids) >= WINDOW:
        found[: len(ids) - WINDOW + 1] = mark(sliding_window_view(ids, WINDOW).T, hashing)
    return found


class MarkedOverlap:
    """The marks of a training set, for comparison with pieces of ids."""

    def __init__(
        self, marks: Marks, lengths: NDArray[np.int64], numbers: Sequence[int], profile: Profile, lead: int = 1
    ) -> None:
        """Build the index.

        Args:
            marks: marks of all pieces end to end, without `NONE`.
            lengths: (P,) length of each piece in ids, without the ids that begin and end it.
            numbers: (P,) number of each piece in the run's store.
            profile: profile of the ids.
            lead: number of ids that begin a piece.
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
        """Return a constraint that limits shared runs to `most` ids, at least 8."""
        most = min(most, max(int(self._lengths.max(initial=0)), FEWEST))
        overlap = self._overlap
        return MarkedLimit(CopyLimit(overlap.training_set, overlap.hashing, most, WINDOW), self.hashing)


class MarkedLimit:
    """A mask of the ids whose marks are forbidden by a limit of marks."""

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
        """Return the mask of ids that keep runs within the limit, (B, V); None if all ids are allowed in every row."""
        history, *marked = rows
        allowed = self._limit.allowed(tuple(marked))
        if allowed is None:
            return None
        size = len(self._hashing.free)
        windows = np.empty((WINDOW, len(history), size), np.int64)
        windows[:-1], windows[-1] = history.T[:, :, None], np.arange(size)
        return np.take_along_axis(allowed, mark(windows, self._hashing).astype(np.int64), axis=1)
