"""Pictures: rows of pixels, from top to bottom, as one sequence. Any grid of symbols can be read as a picture.

The last tenth of a large picture is a separate piece, so that it can be held out if there is only one picture.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.errors import RequestError
from folkseq.formats import picture
from folkseq.formats.picture import HIGHEST, WIDEST
from folkseq.music.grid import Grid
from folkseq.representations.base import END, START, Parsed
from folkseq.representations.capabilities import Analysis, Features, Plan, Prime
from folkseq.representations.packed.generation import GridGeneration
from folkseq.representations.packed.medium import GridCodec, Medium, split_end
from folkseq.representations.packed.options import PackedOptions
from folkseq.representations.packed.pixels import ROW_END, PictureGrammar, is_colour, parse_size
from folkseq.representations.vocabulary import Vocabulary

FEWEST_ROWS = 64
"""Minimum number of rows of a picture whose end becomes a separate piece."""


class PictureGeneration(GridGeneration):
    """The sampling of pictures."""

    def plan(self, options: PackedOptions, prime: Prime[Grid] | None = None) -> Plan:
        """Return the grammar of pictures of the requested size."""
        self.check(options)
        size = parse_size(options.size or "")
        if options.size and size is None:
            raise RequestError(f"--size {options.size}: is not a width and a height as in 48x32")
        grammar = PictureGrammar(self.vocabulary, size)
        return Plan((self.vocabulary.id(START),), (WIDEST + 1) * (HIGHEST + 1), grammar)

    def prime_file(self, data: bytes, file: str, options: PackedOptions) -> Prime[Grid]:
        """Raise RequestError, since a picture begins with its size."""
        raise RequestError(f"{file}: pictures take no prime; leave out --prime")

    def stream_formatter(self) -> Callable[[str], str]:
        """Return a function that prints each row on a line."""
        return lambda token: "\n" if token == ROW_END else f"{token} "


class PictureAnalysis(Analysis):
    """The analysis of pixels."""

    unit = "row"

    @cached_property
    def _colours(self) -> NDArray[np.bool_]:
        return np.array(list(map(is_colour, self.vocabulary.tokens)))

    def features(self, ids: NDArray[Any]) -> Features:
        """Count the colours."""
        return Features(values={"colour": np.asarray(ids, np.int64)[self._colours[ids]]})

    def amounts(self, ids: NDArray[Any]) -> dict[str, float]:
        """Return the number of pixels."""
        return {"pixel": float(np.count_nonzero(self._colours[ids]))}

    def places(self, tokens: Sequence[str]) -> NDArray[np.int64]:
        """Return the row of each token, from 1."""
        ends = np.array([token == ROW_END for token in tokens], np.int64)
        return 1 + np.cumsum(ends) - ends

    def baselines(self, train: Sequence[NDArray[Any]], pieces: Sequence[NDArray[Any]]) -> dict[str, float]:
        """Return the nats of `pieces` if a pixel equals its left or upper neighbour as often as in `train`.

        Row ends cost nothing. For a pixel without this neighbour, all colours are equally likely.
        """
        colours = np.count_nonzero(self._colours)
        found = {}
        for name, above in (("as the pixel before", False), ("as the pixel above", True)):
            equal, compared = np.sum([self._compare(ids, above)[:2] for ids in train], axis=0)
            share = min(max((equal + 1) / (compared + 2), 1 / colours), 1 - 1e-9)
            nats = 0.0
            for ids in pieces:
                equal, compared, count = self._compare(ids, above)
                nats -= equal * math.log(share)
                nats -= (compared - equal) * math.log((1 - share) / max(colours - 1, 1))
                nats += (count - compared) * math.log(colours)
            found[name] = nats
        return found

    def _compare(self, ids: NDArray[Any], above: bool) -> tuple[int, int, int]:
        """Return the number of pixels that equal their left or upper neighbour, that have one, and of all pixels."""
        row_end = self.vocabulary.id(ROW_END)
        drawn = np.asarray(ids, np.int64)
        drawn = drawn[self._colours[drawn] | (drawn == row_end)]
        ends = np.flatnonzero(drawn == row_end)
        width = int(ends[0]) if len(ends) else len(drawn)
        rows = drawn[: len(ends) * (width + 1)].reshape(-1, width + 1)[:, :-1] if len(ends) else drawn[None]  # (H, W)
        here, there = (rows[1:], rows[:-1]) if above else (rows[:, 1:], rows[:, :-1])
        return int((here == there).sum()), here.size, rows.size


class PictureCodec(GridCodec):
    """Pictures to ids and back, pixel by pixel and row by row."""

    @cached_property
    def recipe(self) -> Mapping[str, Any]:
        """Return settings for whole pictures, with lookback to the pixels above and to the column.

        A row ends with its mark. The size also ends a row, since the first row begins after it.
        """
        tokens = self.vocabulary.tokens
        ends = [token == ROW_END or parse_size(token) is not None for token in tokens]
        return {
            "lookback_bars": (1, 2, 3, 4),
            "lookback_bar_length": WIDEST,
            "lookback_position": True,
            "bar_ends": tuple(np.flatnonzero(ends).tolist()),
        }

    @cached_property
    def analysis(self) -> Analysis:
        """Return the analysis of pixels."""
        return PictureAnalysis(self.vocabulary)

    @cached_property
    def generation(self) -> GridGeneration:
        """Return the sampling of pictures."""
        return PictureGeneration(self.vocabulary, self.medium)


class PictureMedium(Medium):
    """Pixels, in PNG or NumPy files."""

    name = "picture"
    suffixes = (".png", ".npy")
    outputs = (".png",)
    option_names = ("size",)
    codec_type = PictureCodec

    def parse(self, data: bytes, file: str) -> Parsed[Grid]:
        """Parse the picture in a file. Raises ParseError if it is too wide."""
        rows, lost = picture.parse(BytesIO(data), file, self.colours)
        columns = tuple(map(str, range(1, len(rows[0]) + 1)))
        pieces = split_end(Grid(columns, rows, named=False), FEWEST_ROWS)
        return Parsed(pieces, [+Counter(colour=lost), *[{}] * (len(pieces) - 1)])

    def format(self, piece: Grid, suffix: str, comments: Sequence[str] = (), options: Any = None) -> bytes:
        """Format the picture as PNG."""
        return picture.format(piece.rows, comments)

    def tokenize(self, grid: Grid) -> list[str]:
        """Return the tokens of a picture."""
        size = [f"{len(grid.columns)}x{len(grid.rows)}"] if grid.rows else []
        rows = [token for row in grid.rows for token in (*row, ROW_END)]
        return [START, *size, *rows, *([END] if grid.ends else [])]

    def detokenize(self, tokens: Sequence[str]) -> Grid:
        """Return the picture for any tokens. Rows are cut, or extended with their last colour, to the first width."""
        rows: list[list[str]] = [[]]
        for token in tokens:
            if token == ROW_END:
                rows.append([])
            elif is_colour(token):
                rows[-1].append(token)
        rows = [row for row in rows if row]
        width = len(rows[0]) if rows else 0
        equal = tuple(tuple(row[:width] + row[-1:] * (width - len(row))) for row in rows)
        return Grid(tuple(map(str, range(1, width + 1))), equal, END in tokens, named=False)

    def vocabulary(self, tokens: Iterable[str]) -> Vocabulary:
        """Return the vocabulary of the sizes and colours that occur."""
        return Vocabulary.learn([tuple(tokens), (START, END, ROW_END)])
