"""The draws of pieces: a piece has some candidates, and a candidate is its first draw that is not too long.

The candidates of a piece are drawn one by one until one is accepted, or all of them if none is judged. When fewer
pieces than rows are left, idle rows write the next draws of these pieces in advance, whether or not they will be
needed. Otherwise the last pieces would need several draws in a row. The result is the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import takewhile

from folkseq.sampling.batch import APART, REDRAWN, Request, Sample

MOST_WITH_CANDIDATES = 64
"""Maximum number of rows if some write candidates in advance, about half of which are needed."""
MOST_WITH_REDRAWS = 16
"""Maximum number of rows if some write redraws in advance; so few take hardly longer than one row."""

Accept = Callable[[Sequence[Sample]], Sequence[bool]]
"""Judges candidates of any pieces: if one is accepted, its piece needs no further candidates."""


class _Piece:
    """A piece in progress."""

    def __init__(self, candidates: Iterable[int]) -> None:
        self.draws: dict[int, list[Sample | bool]] = {candidate: [] for candidate in candidates}
        """State of the draws of each candidate: a sample, False if it was too long, True while it is in progress."""
        self.accepted: set[int] = set()
        self.running = 0
        """Number of draws in progress."""

    def begin(self, candidate: int) -> int:
        """Begin the next draw of a candidate, and return its index."""
        self.draws[candidate].append(True)
        self.running += 1
        return candidate + (len(self.draws[candidate]) - 1) * APART

    def end(self, index: int, candidate: int, outcome: Sample | bool) -> None:
        """Record the outcome of a draw."""
        self.draws[candidate][(index - candidate) // APART] = outcome
        self.running -= 1

    def sample(self, candidate: int) -> Sample | None:
        """Return a candidate; None if it is not known yet."""
        first = next((draw for draw in self.draws[candidate] if draw), None)
        return first if isinstance(first, Sample) else None

    def samples(self) -> list[Sample] | None:
        """Return the candidates up to the first accepted one, or else all; None if they are not known yet."""
        found = []
        for candidate in self.draws:
            if (sample := self.sample(candidate)) is None:
                return None
            found.append(sample)
            if candidate in self.accepted:
                break
        return found

    def failed(self) -> list[int]:
        """Return the candidates all of whose draws were too long."""
        return [candidate for candidate, draws in self.draws.items() if draws and not any(draws)]

    def following(self) -> list[int]:
        """Return the next candidate if no draw is in progress."""
        return [candidate for candidate, draws in self.draws.items() if not draws and not self.running][:1]

    def needs(self, candidate: int) -> bool:
        """Return whether another draw of a candidate may be needed."""
        before = takewhile(candidate.__ne__, self.draws)
        return self.accepted.isdisjoint(before) and self.sample(candidate) is None

    def unsure(self, redraws: int) -> int | None:
        """Return a candidate whose next draw may be needed, with few draws so far; None if there is none."""
        unsure = [each for each, draws in self.draws.items() if len(draws) <= redraws and self.needs(each)]
        return min(unsure, key=lambda each: len(self.draws[each]), default=None)


class Draws:
    """The draws of the pieces in progress."""

    def __init__(self, request: Request, pieces: Iterable[Sequence[int]], accept: Accept | None = None) -> None:
        """Prepare the draws of pieces.

        Args:
            request: constraints and settings.
            pieces: indices of the candidates of each piece, all distinct; each piece is consumed when a row is free.
            accept: judges each candidate; None to draw all of them.
        """
        self._request, self._left, self._accept = request, iter(pieces), accept
        self._open: dict[int, _Piece] = {}
        """The pieces in progress, by the index of each candidate."""
        self._required: deque[int] = deque()
        """Candidates that need a draw now."""

    def take(self, rows: int) -> list[int]:
        """Return the indices of the next required draws, for at most `rows` rows."""
        found: list[int] = []
        while len(found) < rows:
            if not self._required:
                if (candidates := next(self._left, None)) is None:
                    break
                self._open |= dict.fromkeys(candidates, _Piece(candidates))
                self._required.extend(candidates if self._accept is None else candidates[:1])
            found.append(self._begin(self._required.popleft()))
        return found

    def candidates_ahead(self, rows: int, running: int) -> list[int]:
        """Return the indices of candidates that may be needed later; arguments are those of `ahead`."""
        return self._ahead(min(rows, MOST_WITH_CANDIDATES - running), 0)

    def ahead(self, rows: int, running: int) -> list[int]:
        """Return the indices of draws that may be needed later.

        Args:
            rows: maximum number of draws.
            running: number of draws in progress.
        """
        # Candidates first: `following` waits for draws in progress, also for redraws that are not needed any more.
        found = self.candidates_ahead(rows, running)
        if self._request.longest is not None:
            found += self._ahead(min(rows, MOST_WITH_REDRAWS - running) - len(found), REDRAWN)
        return found

    def settle(self, too_long: Sequence[int], ended: Sequence[Sample]) -> list[list[Sample]]:
        """Record finished draws (indices of rejected ones, or samples), and return the candidates of finished pieces.

        The candidates of a piece are in order, up to the first accepted one.
        """
        changed: dict[int, _Piece] = {}
        outcomes: dict[int, Sample | bool] = dict.fromkeys(too_long, False)
        for index, outcome in (outcomes | {sample.index: sample for sample in ended}).items():
            candidate = self._request.asked(index)
            if (piece := self._open.get(candidate)) is not None:
                piece.end(index, candidate, outcome)
                changed[candidate] = piece
        self._judge(changed)
        found = []
        for piece in dict.fromkeys(changed.values()):
            if (samples := piece.samples()) is None:
                self._required.extendleft(piece.failed() or ([] if self._accept is None else piece.following()))
            else:
                found.append(samples)
                for candidate in piece.draws:
                    del self._open[candidate]
        return found

    def needs(self, index: int) -> bool:
        """Return whether the result of a draw in progress may be needed."""
        candidate = self._request.asked(index)
        return candidate in self._open and self._open[candidate].needs(candidate)

    def _ahead(self, rows: int, redraws: int) -> list[int]:
        """Begin draws of candidates with at most so many redraws, first of the pieces with the fewest in progress."""
        found: list[int] = []
        pieces = list(dict.fromkeys(self._open.values()))
        while len(found) < rows:
            pieces.sort(key=lambda piece: piece.running)
            candidate = next((each for piece in pieces if (each := piece.unsure(redraws)) is not None), None)
            if candidate is None:
                break
            found.append(self._begin(candidate))
        return found

    def _judge(self, pieces: Mapping[int, _Piece]) -> None:
        """Judge those of some candidates that are known; `pieces` has the piece of each."""
        samples = {each: sample for each, piece in pieces.items() if (sample := piece.sample(each)) is not None}
        if self._accept is not None and samples:
            for candidate, accepted in zip(samples, self._accept(list(samples.values())), strict=True):
                if accepted:
                    pieces[candidate].accepted.add(candidate)

    def _begin(self, candidate: int) -> int:
        return self._open[candidate].begin(candidate)
