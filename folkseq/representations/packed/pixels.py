"""The tokens of pictures (the size, such as `48x32`, a colour per pixel, and `/` after each row), and their grammar."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from folkseq.errors import RequestError
from folkseq.grammar import Ids, Rows
from folkseq.representations.base import END, START
from folkseq.representations.vocabulary import Vocabulary

ROW_END = "/"
_START, _SIZE, _COLOUR, _ROW_END, _END = range(5)  # kinds of ids


def is_colour(token: str) -> bool:
    """Return whether a token is a colour."""
    return token.startswith("#")


def parse_size(text: str) -> tuple[int, int] | None:
    """Return the width and height in text such as 48x32; None for other text.

    >>> parse_size("48x32"), parse_size("#ffffff")
    ((48, 32), None)
    """
    found = re.fullmatch(r"([1-9]\d{0,3})x([1-9]\d{0,3})", text.lower(), re.ASCII)
    return (int(found[1]), int(found[2])) if found else None


class PictureGrammar:
    """A `folkseq.grammar.Grammar` of pictures whose width and height match the size token.

    The state of a row is the number of ids so far, and the width and height of its picture.
    """

    def __init__(self, vocabulary: Vocabulary, size: tuple[int, int] | None = None) -> None:
        """Build the grammar of pictures of one size with a known width, or of all sizes in the vocabulary.

        Raises:
            RequestError: the vocabulary has no size with this width.
        """
        found = enumerate(map(parse_size, vocabulary.tokens))
        self._sizes = {size_id: each for size_id, each in found if each is not None}
        self.size, sizes = size, list(self._sizes)
        if size is not None:  # the known size of this width with the closest height
            sizes = [size_id for size_id in sizes if self._sizes[size_id][0] == size[0]]
            if not sizes:
                known = ", ".join(map(str, sorted({width for width, _ in self._sizes.values()})))
                raise RequestError(f"--size: the training pictures are {known} pixels wide, not {size[0]}")
            sizes = [min(sizes, key=lambda size_id: abs(self._sizes[size_id][1] - size[1]))]
        self._kinds = np.zeros((5, len(vocabulary)), np.bool_)  # the ids of each kind
        for kind, token in ((_START, START), (_ROW_END, ROW_END), (_END, END)):
            self._kinds[kind, vocabulary.id(token)] = True
        self._kinds[_SIZE, sizes] = True
        self._kinds[_COLOUR] = list(map(is_colour, vocabulary.tokens))

    @property
    def fewest(self) -> int:
        sizes = [self.size] if self.size else self._sizes.values()
        return max((width + 1) * height for width, height in sizes) + 3

    def begin(self, rows: int) -> Rows:
        return tuple(np.zeros((3, rows), np.int64))

    def advance(self, rows: Rows, ids: Ids) -> Rows:
        count, width, height = (array.copy() for array in rows)
        for row in np.flatnonzero(count == _SIZE).tolist():
            width[row], height[row] = self._sizes[int(ids[row])]
            height[row] = self.size[1] if self.size else height[row]
        return count + 1, width, height

    def allowed(self, rows: Rows, remaining: Ids) -> NDArray[np.bool_]:
        count, width, height = rows
        pixel = count - 2
        kinds = np.where(pixel % (width + 1) < width, _COLOUR, _ROW_END)
        kinds[pixel >= (width + 1) * height] = _END
        return self._kinds[np.where(count < 2, count, kinds)]

    def given(self, rows: Rows) -> Rows:
        return rows

    def progress(self, rows: Rows) -> NDArray[np.float64]:
        count, width, _ = rows
        return np.clip((count - 2) // (width + 1) / self.size[1], 0.0, 1.0) if self.size else np.zeros(len(count))
