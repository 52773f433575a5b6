"""Pictures as tokens and back: the size, such as `48x32`, then a colour a pixel, and `/` after every row."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.errors import RequestError
from folkseq.music.grid import Grid
from folkseq.representations.base import END, START
from folkseq.representations.vocabulary import Vocabulary

ROW_END = "/"
Rows = tuple[NDArray[Any], ...]
Ids = NDArray[np.int64]
_SIZE = re.compile(r"([1-9]\d{0,3})x([1-9]\d{0,3})", re.ASCII)
_UNREAD, _UNSIZED = -2, -1  # rows that are left where the start, and where the size has not been read


def tokenize(grid: Grid) -> list[str]:
    """The picture's tokens."""
    rows = [token for row in grid.rows for token in (*row, ROW_END)]
    size = [f"{len(grid.columns)}x{len(grid.rows)}"] if grid.rows else []
    return [START, *size, *rows, *([END] if grid.ends else [])]


def detokenize(tokens: Sequence[str]) -> Grid:
    """The picture that any tokens stand for, each row as wide as the first: cut, or drawn out to that."""
    rows: list[list[str]] = [[]]
    for token in tokens:
        if token == ROW_END:
            rows.append([])
        elif token.startswith("#"):
            rows[-1].append(token)
    rows = [row for row in rows if row]
    width = len(rows[0]) if rows else 0
    whole = (row[:width] + row[-1:] * (width - len(row)) for row in rows)
    return Grid(tuple(map(str, range(1, width + 1))), tuple(map(tuple, whole)), END in tokens, named=False)


def size_of(text: str) -> tuple[int, int] | None:
    """Width and height from text such as 48x32; None if it is none.

    >>> size_of("48x32"), size_of("#ffffff")
    ((48, 32), None)
    """
    found = _SIZE.fullmatch(text.lower())
    return (int(found[1]), int(found[2])) if found else None


@dataclass(frozen=True)
class RowGrammar:
    """Rows of the width, and as many, that the size says: a `folkseq.grammar.Grammar`.

    A row stands at a column of its picture, of a width, with so many rows left.
    """

    vocabulary: Vocabulary
    asked: tuple[int, int] | None = None
    """A width, one of those that the vocabulary knows, and a height; any that it knows if it is None.

    Raises:
        RequestError: the vocabulary knows no such width.
    """

    def __post_init__(self) -> None:
        if self.asked is not None and not any(width == self.asked[0] for width, _ in self.sizes.values()):
            known = ", ".join(map(str, sorted({width for width, _ in self.sizes.values()})))
            raise RequestError(f"--size: the pictures trained on are {known} pixels wide, not {self.asked[0]}")

    @cached_property
    def sizes(self) -> dict[int, tuple[int, int]]:
        """Width and height by the ids that say so."""
        found = {token: size_of(token) for token in self.vocabulary.tokens}
        return {self.vocabulary.id(token): size for token, size in found.items() if size is not None}

    @property
    def fewest(self) -> int:
        """All of a picture."""
        sizes = [self.asked] if self.asked else self.sizes.values()
        return max((width + 1) * height for width, height in sizes) + 3

    def begin(self, rows: int) -> Rows:
        """See the protocol."""
        zeros = np.zeros(rows, np.int64)
        return zeros, zeros, zeros + _UNREAD

    def advance(self, rows: Rows, ids: Ids) -> Rows:
        """See the protocol."""
        column, width, left = (array.copy() for array in rows)
        sized, inside = left == _UNSIZED, left > 0
        left[left == _UNREAD] = _UNSIZED
        for row in np.flatnonzero(sized).tolist():
            width[row], left[row] = self.sizes[int(ids[row])]
            left[row] = self.asked[1] if self.asked else left[row]
        ended = inside & (ids == self._row_end)
        column = np.where(inside & ~ended, column + 1, 0)
        return column, width, left - ended

    def allowed(self, rows: Rows, remaining: Ids) -> NDArray[np.bool_]:
        """See the protocol."""
        column, width, left = rows
        allowed = np.zeros((len(column), len(self.vocabulary)), np.bool_)
        allowed[left == _UNREAD, self.vocabulary.id(START)] = True
        allowed[left == _UNSIZED] = self._sized
        allowed[(left > 0) & (column < width)] = self._colours
        allowed[(left > 0) & (column >= width), self._row_end] = True
        allowed[left == 0, self.vocabulary.id(END)] = True
        return allowed

    def given(self, rows: Rows) -> Rows:
        """See the protocol."""
        return rows

    def progress(self, rows: Rows) -> NDArray[np.float64]:
        """See the protocol; only where a height is asked for it is known how much there will be."""
        if self.asked is None:
            return np.zeros(len(rows[2]))
        return np.asarray(np.clip(1 - rows[2] / self.asked[1], 0.0, 1.0))

    @cached_property
    def _row_end(self) -> int:
        return self.vocabulary.id(ROW_END)

    @cached_property
    def _colours(self) -> NDArray[np.bool_]:
        return np.array([token.startswith("#") for token in self.vocabulary.tokens])

    @cached_property
    def _sized(self) -> NDArray[np.bool_]:
        """Which ids may say the size: of those of the width asked for, that of the height nearest to it."""
        ids = list(self.sizes)
        if self.asked is not None:
            wide, high = self.asked
            fitting = (size_id for size_id, (width, _) in self.sizes.items() if width == wide)
            ids = [min(fitting, key=lambda size_id: abs(self.sizes[size_id][1] - high))]
        return np.isin(np.arange(len(self.vocabulary)), ids)


def baselines(trained: Sequence[Ids], pieces: Sequence[Ids], vocabulary: Vocabulary) -> dict[str, float]:
    """The nats that pixels cost where each is as the one before or above it as often as in the pictures trained on.

    The ends of rows cost nothing, and a pixel with none before or above it as much as any colour.
    """
    colours = sum(token.startswith("#") for token in vocabulary.tokens)
    found = {}
    for name, above in (("as the pixel before", False), ("as the pixel above", True)):
        same, of = np.sum([_same(ids, vocabulary, above)[:2] for ids in trained], axis=0)
        share = min(max((same + 1) / (of + 2), 1 / colours), 1 - 1e-9)
        nats = 0.0
        for ids in pieces:
            alike, known, pixels = _same(ids, vocabulary, above)
            nats -= alike * math.log(share) + (known - alike) * math.log((1 - share) / max(colours - 1, 1))
            nats += (pixels - known) * math.log(colours)
        found[name] = float(nats)
    return found


def _same(ids: Ids, vocabulary: Vocabulary, above: bool) -> tuple[int, int, int]:
    """How many pixels are as the one before or above them, how many have one, and how many there are."""
    end = vocabulary.id(ROW_END)
    drawn = np.array([token.startswith("#") or token == ROW_END for token in vocabulary.tokens])
    inner = np.asarray(ids, np.int64)
    inner = inner[drawn[inner]]
    ends = np.flatnonzero(inner == end)
    width = int(ends[0]) if len(ends) else len(inner)
    if not width or (np.diff(ends, prepend=-1) != width + 1).any():
        return 0, 0, int((inner != end).sum())
    grid = inner[: len(ends) * (width + 1)].reshape(-1, width + 1)[:, :-1] if len(ends) else inner[None]
    here, there = (grid[1:], grid[:-1]) if above else (grid[:, 1:], grid[:, :-1])
    return int((here == there).sum()), here.size, grid.size
