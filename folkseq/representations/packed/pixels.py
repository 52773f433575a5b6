"""The tokens of pictures: the size, such as `48x32`, a colour per pixel, and `/` after each row. And their grammar."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

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


@dataclass(frozen=True)
class PictureGrammar:
    """A `folkseq.grammar.Grammar` of rows of the width, and as many rows, as the size says.

    The state of a row is the number of ids so far, and the width and height of its picture.

    Attributes:
        vocabulary: Of pictures.
        size: A width that the vocabulary knows, and any height; None for any size that it knows.

    Raises:
        RequestError: the vocabulary does not know the width.
    """

    vocabulary: Vocabulary
    size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        widths = sorted({width for width, _ in self._sizes.values()})
        if self.size is not None and self.size[0] not in widths:
            known = ", ".join(map(str, widths))
            raise RequestError(f"--size: the training pictures are {known} pixels wide, not {self.size[0]}")

    @property
    def fewest(self) -> int:
        """See the protocol."""
        sizes = [self.size] if self.size else self._sizes.values()
        return max((width + 1) * height for width, height in sizes) + 3

    def begin(self, rows: int) -> Rows:
        """See the protocol."""
        return tuple(np.zeros((3, rows), np.int64))

    def advance(self, rows: Rows, ids: Ids) -> Rows:
        """See the protocol."""
        count, width, height = (array.copy() for array in rows)
        for row in np.flatnonzero(count == _SIZE).tolist():
            width[row], height[row] = self._sizes[int(ids[row])]
            height[row] = self.size[1] if self.size else height[row]
        return count + 1, width, height

    def allowed(self, rows: Rows, remaining: Ids) -> NDArray[np.bool_]:
        """See the protocol."""
        count, width, height = rows
        pixel = count - 2
        kinds = np.where(pixel % (width + 1) < width, _COLOUR, _ROW_END)
        kinds[pixel >= (width + 1) * height] = _END
        return self._ids_of_kinds[np.where(count < 2, count, kinds)]

    def given(self, rows: Rows) -> Rows:
        """See the protocol."""
        return rows

    def progress(self, rows: Rows) -> NDArray[np.float64]:
        """See the protocol; 0 if the model decides on the height."""
        count, width, _ = rows
        return np.clip((count - 2) // (width + 1) / self.size[1], 0.0, 1.0) if self.size else np.zeros(len(count))

    @cached_property
    def _sizes(self) -> dict[int, tuple[int, int]]:
        """Return the width and height that each size id stands for."""
        found = enumerate(map(parse_size, self.vocabulary.tokens))
        return {size_id: size for size_id, size in found if size is not None}

    @cached_property
    def _ids_of_kinds(self) -> NDArray[np.bool_]:
        """Return which ids are of each kind, (5, V)."""
        kinds = np.zeros((5, len(self.vocabulary)), np.bool_)
        for kind, token in ((_START, START), (_ROW_END, ROW_END), (_END, END)):
            kinds[kind, self.vocabulary.id(token)] = True
        kinds[_COLOUR] = list(map(is_colour, self.vocabulary.tokens))
        sizes = list(self._sizes)
        if self.size is not None:  # the id of that width whose height is nearest
            width, height = self.size
            fitting = [size_id for size_id in sizes if self._sizes[size_id][0] == width]
            sizes = [min(fitting, key=lambda size_id: abs(self._sizes[size_id][1] - height))]
        kinds[_SIZE, sizes] = True
        return kinds
