"""Features of a piece, computed from its ids alone.

The features describe the melody (intervals, repetitions of figures, range), the rhythm and scale (shares of ids and of
figures of ids), the structure (bars and sections, and their repetitions), and the beginning and ends. They need no
decoding, since every candidate is described before one is chosen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Self
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from folkseq.representations.capabilities import Profile

Ids = NDArray[np.int64]
Values = NDArray[np.float64]
_WIDEST = 12  # maximum interval; wider ones are clipped
_LONGEST = 4  # maximum number of intervals in a figure
_COMMON = 0.03  # a figure is a feature if it occurs in at least this share of the pieces
_MOST = 150  # maximum number of features from each family of figures
_FAMILY = 1 << 40  # distance between the codes of two families of figures
_PAIRS = ((0, 1), (0, 2), (1, 3), (0, 4), (1, 5), (2, 6), (3, 7), (0, 8), (4, 12))
"""Pairs of bars to compare."""
_SECTIONS = 3  # number of sections, from the first on, with separate features
_ENDING = 2  # maximum number of bars of a second ending, which is not a section
_OF_MELODY, _OF_FORM = 16 + 2 * _LONGEST, 18 + len(_PAIRS) + 2 * _SECTIONS  # numbers of features
_WIDE_LEAP, _VARIETY = 12, (16, 18, 20, 22)  # indices among the features of the melody
_BARS, _REPEATED, _NO_REPEATS = 0, 2, 12  # indices among the features of the form, and the next line also
_SECTION_COUNT, _ONE_SECTION, _SECOND_ENDING, _SPREAD = 7, 13, 14, 15


class Describer:
    """The F features of pieces over one vocabulary."""

    def __init__(self, profile: Profile, bar_ends: Sequence[int], section_ends: Sequence[int], figures: Ids) -> None:
        """Store the ids that end bars and sections, and the sorted codes of the figures that are features."""
        self.figures = figures
        self._size = len(profile.kinds)
        self._heights, self._pitched = profile.heights, profile.pitched
        self._marks = np.zeros(self._size, np.int64)  # 1 where an id ends a bar, 2 a section, 3 the piece
        self._marks[list(bar_ends)], self._marks[list(section_ends)], self._marks[profile.ends] = 1, 2, 3
        self._rhythm = np.where(profile.pitched, self._size, np.arange(self._size))  # one value for all pitches

    @classmethod
    def fit(cls, profile: Profile, bar_ends: Sequence[int], section_ends: Sequence[int], pieces: Sequence[Ids]) -> Self:
        """Return a describer with the common figures of some pieces."""
        empty = cls(profile, bar_ends, section_ends, np.zeros(0, np.int64))
        counts = Counter[int]()
        for ids in pieces:
            counts.update(np.unique(np.concatenate([codes for codes, _ in empty._codes(ids)])).tolist())
        common: dict[int, list[int]] = {}
        for code, count in counts.most_common():
            if count >= _COMMON * len(pieces):
                common.setdefault(code // _FAMILY, []).append(code)
        kept = sorted(code for codes in common.values() for code in codes[:_MOST])
        return cls(profile, bar_ends, section_ends, np.array(kept, np.int64))

    def describe(self, pieces: Sequence[Ids]) -> Values:
        """Return the features of pieces, (P, F)."""
        return np.array([np.concatenate([self._shares(ids), self._melody(ids), self._form(ids)]) for ids in pieces])

    @property
    def noticed(self) -> Ids:
        """Return the indices of features that a listener notices in a single piece.

        They are wide leaps, the variety of figures, the number of bars and their repetitions, and the sections.
        """
        melody = len(self.figures) + np.array([_WIDE_LEAP, *_VARIETY])
        bars, sections = (_BARS, _REPEATED, _NO_REPEATS), (_SECTION_COUNT, _ONE_SECTION, _SECOND_ENDING, _SPREAD)
        return np.concatenate([melody, len(self.figures) + _OF_MELODY + np.array([*bars, *sections])])

    def _shares(self, ids: Ids) -> Values:
        """Return the share of each figure within its family; for ids, 1 for each id that occurs."""
        found = [(codes, np.full(len(codes), share)) for codes, share in self._codes(ids)]
        codes, shares = (np.concatenate(parts) for parts in zip(*found, strict=True))
        at = self.figures.searchsorted(codes)
        known = at < len(self.figures)
        known[known] = self.figures[at[known]] == codes[known]
        return np.bincount(at[known], shares[known], len(self.figures)).astype(np.float64)

    def _codes(self, ids: Ids) -> Iterator[tuple[Ids, float]]:
        """Yield the codes of the figures of each family in a piece, and their weight."""
        intervals = self._intervals(ids) + _WIDEST
        rhythm, base = self._rhythm[ids], self._size + 1
        last = self._last_notes(ids)
        families = [_windows(intervals, length, 2 * _WIDEST + 1) for length in range(1, _LONGEST)]
        families += [_windows(ids, length, base) for length in (1, 2)] + [_windows(rhythm, 3, base)]
        families += [last, last[-1:], ids[self._pitched[ids]][:1]]
        for family, codes in enumerate(families):
            yield codes + family * _FAMILY, 1 / max(len(codes), 1)
        yield np.unique(ids) + len(families) * _FAMILY, 1.0
        starts, ends = self._bars(ids)
        rhythms = _hashes(rhythm, starts, ends)
        yield rhythms + (len(families) + 1) * _FAMILY, 1 / max(len(rhythms), 1)

    def _intervals(self, ids: Ids) -> Ids:
        return np.clip(np.diff(self._heights[ids[self._pitched[ids]]]), -_WIDEST, _WIDEST)

    def _last_notes(self, ids: Ids) -> Ids:
        """Return the last pitched id of each section."""
        pitched = np.flatnonzero(self._pitched[ids])
        ends = np.flatnonzero(self._marks[ids] >= 2)
        before = pitched.searchsorted(ends) - 1
        return ids[pitched[np.unique(before[before >= 0])]]

    def _melody(self, ids: Ids) -> Values:
        """Return the features of the heights and intervals."""
        heights, intervals = self._heights[ids[self._pitched[ids]]], self._intervals(ids)
        if len(intervals) < _LONGEST:
            return np.zeros(_OF_MELODY)
        sizes, wide = np.abs(intervals), np.abs(np.diff(heights))
        turns = (np.sign(intervals[1:]) * np.sign(intervals[:-1]) < 0).mean()
        counts = np.bincount(heights - heights.min()) / len(heights)
        found = [np.ptp(heights), heights.min(), heights.max(), heights.mean(), heights.std(), heights[0], heights[-1]]
        found += [
            (sizes == 0).mean(),
            (sizes == 1).mean(),
            (sizes > 3).mean(),
            wide.max(),
            (wide > 7).sum(),
            wide.max() > 7,
            turns,
        ]
        found += [len(heights), -(counts[counts > 0] * np.log(counts[counts > 0])).sum()]
        for length in range(1, _LONGEST + 1):
            _, times = np.unique(_windows(intervals, length, 2 * _WIDEST + 1), return_counts=True)
            found += [len(times) / times.sum(), times.max() / times.sum()]
        return np.array(found, np.float64)

    def _form(self, ids: Ids) -> Values:
        """Return the features of bars and sections, and of their repetitions."""
        marks, (starts, ends) = self._marks[ids], self._bars(ids)
        if not len(starts):
            return np.zeros(_OF_FORM)
        bars, rhythms = _hashes(ids, starts, ends), _hashes(self._rhythm[ids], starts, ends)
        count = len(bars)
        closes = np.flatnonzero(marks[ends] >= 2)  # (S,) last bar of each section
        closes = closes if len(closes) else np.array([count - 1])
        opens = np.concatenate([[0], closes[:-1] + 1])
        opens, closes = opens[opens < count], closes[: len(opens[opens < count])]
        lengths = closes - opens + 1
        _, first, times = np.unique(bars, return_index=True, return_counts=True)
        found = [count, len(ids), 1 - len(first) / count, times[times > 1].sum() / count, times.max() / count]
        found += [1 - len(np.unique(rhythms)) / count, np.unique(rhythms, return_counts=True)[1].max() / count]
        whole = lengths[lengths > _ENDING]
        found += [len(whole), lengths.max(), lengths.mean(), (lengths % 4 == 0).mean(), (lengths == 8).mean()]
        found += [len(first) == count, len(whole) <= 1]
        found += [(lengths[1:] <= _ENDING).any(), whole.std() if len(whole) else 0.0]
        found += [_alike(bars, opens), _alike(bars, closes)]
        found += [(bars[one] == bars[other]) if other < count else 0.5 for one, other in _PAIRS]
        padded = np.concatenate([lengths, np.zeros(_SECTIONS, np.int64)])[:_SECTIONS]
        again = np.ones(count)
        again[first] = 0
        shares = [again[begin : end + 1].mean() for begin, end in zip(opens, closes, strict=True)][:_SECTIONS]
        return np.array([*found, *padded, *shares, *[0.0] * (_SECTIONS - len(shares))], np.float64)

    def _bars(self, ids: Ids) -> tuple[Ids, Ids]:
        """Return the first id of each non-empty bar, and the id that ends it."""
        ends = np.flatnonzero(self._marks[ids])
        starts = np.append(0, ends + 1)[:-1]
        return starts[ends > starts], ends[ends > starts]


def _hashes(ids: Ids, starts: Ids, ends: Ids) -> Ids:
    """Return a hash from 0 to 2³² − 1 of each stretch of ids."""
    stretches = zip(starts.tolist(), ends.tolist(), strict=True)
    return np.array([crc32(ids[start:end].tobytes()) for start, end in stretches], np.int64)


def _windows(values: Ids, length: int, base: int) -> Ids:
    """Return a number for each `length` successive values from 0 to `base` − 1."""
    codes = values[: len(values) - length + 1].astype(np.int64)
    for offset in range(1, length):
        codes = codes * base + values[offset : len(values) - length + 1 + offset]
    return codes


def _alike(bars: Ids, places: Ids) -> float:
    """Return the share of the bars at these indices, except the first, that equal the first."""
    return float((bars[places[1:]] == bars[places[0]]).mean()) if len(places) > 1 else 0.5
