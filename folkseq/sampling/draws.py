"""The draws of pieces: a piece is its first draw that is not too long, or its last draw.

When fewer pieces than rows are left, idle rows write the next draws of these pieces in advance, whether or not they
will be needed. Otherwise the last pieces would need several draws in a row. The result is the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from folkseq.sampling.batch import APART, REDRAWN, Request, Sample

MOST_BESIDE = 16
"""Maximum number of rows with draws in advance; so few take hardly longer than one row."""


class Draws:
    """The draws of the pieces in progress."""

    def __init__(self, request: Request, pieces: Iterable[int]) -> None:
        """Prepare the draws of pieces, by index; each index is consumed when a row is free."""
        self._request, self._left = request, iter(pieces)
        self._failed: list[int] = []
        """Pieces all of whose draws were too long."""
        self._open: dict[int, list[Sample | bool]] = {}
        """State of the draws of each piece: a sample, False if it was too long, True while it is in progress."""

    def take(self, rows: int) -> list[int]:
        """Return the indices of the next required draws, for at most `rows` rows."""
        again, self._failed = self._failed[:rows], self._failed[rows:]
        new = list(islice(self._left, rows - len(again)))
        self._open |= {piece: [] for piece in new}
        return [self._begin(piece) for piece in again + new]

    def beside(self, rows: int) -> list[int]:
        """Return the indices of draws that may be needed later, for at most `rows` rows."""
        found: list[int] = []
        while len(found) < rows and self._request.longest is not None:
            unsure = [piece for piece, draws in self._open.items() if len(draws) <= REDRAWN]
            if not unsure:
                break
            found.append(self._begin(min(unsure, key=lambda piece: self._open[piece].count(True))))
        return found

    def settle(self, too_long: Sequence[int], ended: Sequence[Sample]) -> list[Sample]:
        """Record finished draws (indices of rejected ones, or samples), and return the pieces that are now final."""
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
        """Return whether the piece of a draw is not final yet."""
        return self._request.asked(index) in self._open

    def _begin(self, piece: int) -> int:
        self._open[piece].append(True)
        return piece + (len(self._open[piece]) - 1) * APART
