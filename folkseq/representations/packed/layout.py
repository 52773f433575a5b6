"""What the ids of a packed vocabulary stand for: columns and their labels, and how a step becomes one id or several.

With `chained` heads each field has tokens of its own, `lead=FT`, and a step is a frame of them; see `folkseq.compound`.
With a `joint` head a step is one token, `lead=FT` and the others with a tab between, and its id is `packing.pack` of
their places among their labels, after the start and end ids.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.compound import CompoundLayout
from folkseq.errors import RequestError
from folkseq.representations.base import END, START
from folkseq.representations.vocabulary import Vocabulary

Integers = NDArray[np.int64]
CHAINED, JOINT = "chained", "joint"
BETWEEN = "\t"
MOST_CODES, MOST_LABELS = 65_536, 4096
_BESIDE = 2  # ids of a joint vocabulary that are no codes


def start(first: int) -> str:
    """The start token of pieces whose frames begin with the field at a place, from 0."""
    return f"<s:{first + 1}>" if first else START


@dataclass(frozen=True)
class Layout:
    """Columns and the labels that each knows, in order."""

    columns: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    head: str

    @classmethod
    def learn(cls, tokens: Iterable[str], head: str, alike: bool) -> Layout:
        """The layout of all that occurs in `tokens`, `alike` for all columns if they are to know the same labels.

        A column of integers knows all from 0 to its highest. Raises RequestError for more than there can be.
        """
        found: dict[str, dict[str, None]] = {}
        for token in tokens:
            for part in token.split(BETWEEN):
                column, mark, label = part.partition("=")
                if mark:
                    found.setdefault(column, {})[label] = None
        if alike:
            every = {label: None for labels in found.values() for label in labels}
            found = dict.fromkeys(found, every)
        return cls(tuple(found), tuple(_in_order(column, labels) for column, labels in found.items()), head)

    @classmethod
    def of(cls, vocabulary: Vocabulary) -> Layout:
        """The layout of a vocabulary that `vocabulary` gave."""
        return _of(vocabulary)

    @property
    def radices(self) -> tuple[int, ...]:
        """How many labels each column knows."""
        return tuple(map(len, self.labels))

    @property
    def width(self) -> int:
        """How many ids a step has."""
        return len(self.columns) if self.head == CHAINED else 1

    @cached_property
    def compound(self) -> CompoundLayout:
        """The frames of chained heads."""
        return CompoundLayout(self.radices)

    @cached_property
    def weights(self) -> Integers:
        """(F,) the product of the radices before each."""
        return np.cumprod([1, *self.radices[:-1]])

    def vocabulary(self) -> Vocabulary:
        """All tokens, in the order of their ids. Raises RequestError where a joint head would have too many."""
        columns = [
            [f"{column}={label}" for label in labels] for column, labels in zip(self.columns, self.labels, strict=True)
        ]
        if self.head == CHAINED:
            starts = [start(first) for first in range(len(columns))]
            return Vocabulary((*starts, END, *(token for column in columns for token in column)))
        codes = math.prod(self.radices)
        if codes > MOST_CODES:
            shown = " x ".join(map(str, self.radices))
            raise RequestError(
                f"head=joint has one softmax over all {shown} = {codes:,} codes; it can have {MOST_CODES:,}; "
                "take head=chained, which has one a field"
            )
        joint = (BETWEEN.join(reversed(parts)) for parts in product(*reversed(columns)))  # the first varies fastest
        return Vocabulary((START, END, *joint))

    def values(self, ids: NDArray[Any]) -> Integers:
        """(N, F) the places among their labels of the cells of whole steps, whatever stood first in their frames."""
        ids = np.asarray(ids, np.int64)
        if self.head == JOINT:
            codes = ids[ids >= _BESIDE] - _BESIDE
            return codes[:, None] // self.weights % self.radices
        width = self.width
        rows = self.compound.in_order(ids[: len(ids) // width * width]).reshape(-1, width)
        return rows[rows[:, 0] > width] - self.compound.offsets[:-1]

    def ids(self, values: Integers, first: int = 0) -> Integers:
        """The ids of steps, (N, F) as `values` gives them, with one field first in each frame."""
        if self.head == JOINT:
            return values @ self.weights + _BESIDE
        return (values + self.compound.offsets[:-1])[:, self.compound.order(first)].ravel()

    def column(self, name: str | int | None) -> int:
        """The place of a column by its name or its number from 1; the first by default.

        Raises:
            RequestError: there is none.
        """
        name = self.columns[0] if name is None else str(name)
        if name in self.columns:
            return self.columns.index(name)
        if name.isdecimal() and len(name) < 6 and 1 <= int(name) <= len(self.columns):
            return int(name) - 1
        raise RequestError(
            f"there is no column {name}; there are: {', '.join(self.columns)}, or 1 to {len(self.columns)}"
        )


@lru_cache(maxsize=4)
def _of(vocabulary: Vocabulary) -> Layout:
    tokens = vocabulary.tokens
    head = JOINT if tokens[1] == END else CHAINED
    found: dict[str, dict[str, None]] = {}
    for token in tokens:
        for part in token.split(BETWEEN):
            column, mark, label = part.partition("=")
            if mark:
                found.setdefault(column, {})[label] = None
    return Layout(tuple(found), tuple(map(tuple, found.values())), head)


def _in_order(column: str, labels: Sequence[str] | dict[str, None]) -> tuple[str, ...]:
    """Labels sorted; of integers all up to the highest. Raises RequestError for more than a field can have."""
    whole = all(label.isdecimal() for label in labels)
    count = max(map(int, labels)) + 1 if whole else len(labels)
    if count > MOST_LABELS:
        what = f"holds {count - 1:,}, and integers are counted from 0" if whole else f"holds {count:,} labels"
        raise RequestError(f"column {column} {what}; a column has {MOST_LABELS:,} values at most: put some together")
    if whole:
        return tuple(map(str, range(count)))
    return tuple(sorted(labels, key=lambda label: (0, int(label), "") if label.isdecimal() else (1, 0, label)))
