"""Sketches of pieces, which identify near-duplicates without the pieces themselves.

A sketch contains half of a piece's distinct figures, those with an even hash, in 16 bits each. The figures come from
the representation's fingerprint (`Transposition`) and do not depend on key or tempo. A figure of a tune is nine melodic
intervals, and a figure of a performance is twelve onsets. Two different figures have the same 16 bits with a
probability of 1 in 65,536.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from folkseq.corpora.duplicates import distinct_ngrams
from folkseq.representations.capabilities import Transposition

FEWEST = 4
"""Minimum number of figures that near-duplicates share, to exclude coincidences."""
Figures = NDArray[np.uint16]


class Resemblance(NamedTuple):
    """The piece that contains most of another piece's figures."""

    piece: int
    share: float
    """The shared part of the other piece's figures."""
    source_share: float
    """The shared part of its own figures."""
    is_twin: bool
    """Whether the two pieces are near-duplicates."""


def fingerprint_of(ids: NDArray[Any], transposition: Transposition | None) -> NDArray[np.int64]:
    """Return the fingerprint of a piece; an empty one without the capability."""
    return np.zeros(0, np.int64) if transposition is None else transposition.fingerprint(ids)


def sketch(fingerprint: NDArray[np.int64], transposition: Transposition | None) -> Figures:
    """Return the sketch of a piece with a fingerprint, sorted."""
    if transposition is None:
        return np.zeros(0, np.uint16)
    figures = distinct_ngrams(fingerprint, transposition.figure)
    return np.unique((figures[figures % 2 == 0] >> np.uint64(48)).astype(np.uint16))


@dataclass(frozen=True, eq=False)
class Sketches:
    """The sketches of many pieces, end to end."""

    figures: Figures
    counts: NDArray[np.int64]
    """(P,) number of figures of each piece."""
    twin_share: float

    @classmethod
    def of(cls, fingerprints: Sequence[NDArray[np.int64]], transposition: Transposition | None) -> Sketches:
        """Sketch pieces."""
        found = [sketch(fingerprint, transposition) for fingerprint in fingerprints]
        share = transposition.twin_share if transposition else 1.0
        return cls(np.concatenate([np.zeros(0, np.uint16), *found]), np.array(list(map(len, found)), np.int64), share)

    def __getitem__(self, piece: int) -> Figures:
        stop = int(self.counts[: piece + 1].sum())
        return self.figures[stop - int(self.counts[piece]) : stop]

    def some(self, which: NDArray[np.bool_]) -> Sketches:
        """Return the sketches of the pieces selected by a mask, (P,)."""
        return Sketches(self.figures[np.repeat(which, self.counts)], self.counts[which], self.twin_share)

    @cached_property
    def _sorted(self) -> tuple[Figures, NDArray[np.int64]]:
        order = np.argsort(self.figures, kind="stable")
        return self.figures[order], np.repeat(np.arange(len(self.counts)), self.counts)[order]

    def closest(self, own: Figures) -> Resemblance | None:
        """Return the piece that shares most figures with a sketch, preferring near-duplicates; None below a minimum."""
        figures, owners = self._sorted
        first, last = (np.searchsorted(figures, own, side=side) for side in ("left", "right"))
        places = np.arange((last - first).sum()) + np.repeat(
            first - np.cumsum(last - first) + last - first, last - first
        )
        shared = np.bincount(owners[places], minlength=len(self.counts))
        near = np.flatnonzero(shared >= FEWEST)
        if not len(near):
            return None
        shared, counts = shared[near], self.counts[near]
        twins = shared >= self.twin_share * np.minimum(counts, len(own))
        best = np.lexsort((shared, twins))[-1]
        share, source_share = (float(shared[best] / count) for count in (len(own), counts[best]))
        return Resemblance(int(near[best]), share, source_share, bool(twins[best]))
