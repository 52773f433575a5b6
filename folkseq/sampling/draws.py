"""The draws of pieces: a piece is the first of its draws that is not too long, or the last one.

When there are fewer pieces left than rows, free rows write their next draws before anyone knows whether these are
needed. Otherwise the last pieces would be written alone, one draw after another. No piece depends on that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from folkseq.sampling.batch import APART, REDRAWN, Request, Sample

MOST_BESIDE = 16
"""Rows among which next draws are written; so few take hardly longer than one."""


class Draws:
    """The draws of the pieces that are being written."""

    def __init__(self, request: Request, pieces: Iterable[int]) -> None:
        """Draw pieces of a request by their indices; each is taken when there is a row for it."""
        self._request, self._left = request, iter(pieces)
        self._failed: list[int] = []
        """Pieces all of whose draws were too long."""
        self._open: dict[int, list[Sample | bool]] = {}
        """What became of the draws of each piece: a sample, False if it was too long, True while it is written."""

    def take(self, rows: int) -> list[int]:
        """Return the indices of draws that have to be written, for at most so many rows."""
        again, self._failed = self._failed[:rows], self._failed[rows:]
        new = list(islice(self._left, rows - len(again)))
        self._open |= {piece: [] for piece in new}
        return [self._begin(piece) for piece in again + new]

    def beside(self, rows: int) -> list[int]:
        """Return the indices of draws that may turn out to be needed, for at most so many rows."""
        found: list[int] = []
        while len(found) < rows and self._request.longest is not None:
            unsure = [piece for piece, draws in self._open.items() if len(draws) <= REDRAWN]
            if not unsure:
                break
            found.append(self._begin(min(unsure, key=lambda piece: self._open[piece].count(True))))
        return found

    def settle(self, too_long: Sequence[int], ended: Sequence[Sample]) -> list[Sample]:
        """Note what became of some draws, by index or as a sample, and return the pieces that are now decided."""
        outcomes: dict[int, Sample | bool] = dict.fromkeys(too_long, False)
        outcomes |= {sample.index: sample for sample in ended}
        found: list[Sample] = []
        for index, outcome in outcomes.items():
            piece = self._request.asked(index)
            if (draws := self._open.get(piece)) is None:
                continue
            draws[(index - piece) // APART] = outcome
            first = next((each for each in draws if each), None)
            if first is None:
                self._failed.append(piece)
            elif isinstance(first, Sample):
                found.append(first)
                del self._open[piece]
        return found

    def needs(self, index: int) -> bool:
        """Return whether the piece of a draw is not decided yet."""
        return self._request.asked(index) in self._open

    def _begin(self, piece: int) -> int:
        self._open[piece].append(True)
        return piece + (len(self._open[piece]) - 1) * APART
