"""Steps as tokens and ids: columns, the labels of each, and the ids of a step.

With a chained head, each field of a step has a separate token, such as `lead=FT`, and a step is a compound token; see
`folkseq.compound`. With a joint head, a step is one token with its fields separated by tabs. Its id is the
`packing.pack` code of its values plus `FIRST_CODE`. The value of a cell is the index of its label in its column.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.compound import CompoundLayout
from folkseq.errors import RequestError
from folkseq.representations.base import END, START
from folkseq.representations.vocabulary import Vocabulary

Values = NDArray[np.int64]
CHAINED, JOINT = HEADS = ("chained", "joint")
SEPARATOR = "\t"
POSITION = "position"
"""The column of a step's position in its bar, in steps from 0; it comes first."""
FIRST_CODE = 2  # the start and end ids of a joint vocabulary come before its codes
MOST_CODES, MOST_LABELS = 65_536, 4096
_INTEGER = re.compile("0|[1-9][0-9]{0,8}")  # as `str` writes it: 007 and digits of other scripts are labels


def fields_of(token: str) -> Iterator[tuple[str, str]]:
    """Yield the column and label of each field in a token; start and end tokens have none."""
    for field in token.split(SEPARATOR):
        column, equals, label = field.partition("=")
        if equals:
            yield column, label


@dataclass(frozen=True)
class GridLayout:
    """The columns and their labels, in order."""

    columns: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    head: str

    @classmethod
    def learn(cls, tokens: Iterable[str], head: str, alike: bool) -> GridLayout:
        """Return the layout of all columns and labels in tokens.

        Args:
            tokens: tokens of several pieces; a column of integers gets all labels from 0 to the highest.
            head: `CHAINED` or `JOINT`.
            alike: give all columns the same labels.

        Raises:
            RequestError: a column has too many labels.
        """
        found = _labels_by_column(tokens)
        if alike:
            every = {label: None for labels in found.values() for label in labels}
            found = dict.fromkeys(found, every)
        return cls(tuple(found), tuple(_complete(column, labels) for column, labels in found.items()), head)

    @classmethod
    def of(cls, vocabulary: Vocabulary) -> GridLayout:
        """Return the layout of a result of `vocabulary`."""
        found = _labels_by_column(vocabulary.tokens)
        return cls(tuple(found), tuple(map(tuple, found.values())), JOINT if vocabulary.tokens[1] == END else CHAINED)

    @cached_property
    def radices(self) -> tuple[int, ...]:
        """Return the number of labels of each column, (F,)."""
        return tuple(map(len, self.labels))

    @property
    def width(self) -> int:
        """Return the number of ids in a step, which also equals the end id."""
        return len(self.columns) if self.head == CHAINED else 1

    @cached_property
    def size(self) -> int:
        """Return V, the number of ids."""
        return self.compound.size if self.head == CHAINED else FIRST_CODE + math.prod(self.radices)

    @cached_property
    def compound(self) -> CompoundLayout:
        """Return the compound tokens of a chained head."""
        return CompoundLayout(self.radices)

    @cached_property
    def weights(self) -> Values:
        """Return the weight of each column in the code of a joint head, (F,)."""
        return np.cumprod([1, *self.radices[:-1]])

    def vocabulary(self) -> Vocabulary:
        """Return all tokens, in the order of their ids. Raises RequestError if a joint head has too many."""
        columns = [
            [f"{column}={label}" for label in labels] for column, labels in zip(self.columns, self.labels, strict=True)
        ]
        if self.head == CHAINED:
            starts = (f"<s:{first}>" for first in range(2, len(columns) + 1))  # that column comes first in each step
            return Vocabulary((START, *starts, END, *(token for column in columns for token in column)))
        codes = f"{' x '.join(map(str, self.radices))} = {self.size - FIRST_CODE:,} codes"
        if self.size - FIRST_CODE > MOST_CODES:
            raise RequestError(f"head=joint: has {codes}, and the limit is {MOST_CODES:,}; use head=chained")
        steps = (SEPARATOR.join(reversed(fields)) for fields in product(*reversed(columns)))  # the first varies fastest
        return Vocabulary((START, END, *steps))

    def values(self, ids: NDArray[Any]) -> Values:
        """Return the values of the complete steps among ids, (N, F), regardless of the first field."""
        ids = np.asarray(ids, np.int64)
        if self.head == JOINT:
            codes = ids[ids >= FIRST_CODE] - FIRST_CODE
            return codes[:, None] // self.weights % self.radices
        steps = self.compound.in_order(ids[: len(ids) // self.width * self.width]).reshape(-1, self.width)  # (N, F)
        values = steps - self.compound.offsets[:-1]
        return values[((values >= 0) & (values < self.radices)).all(axis=1)]

    def ids(self, values: Values, first: int = 0) -> Values:
        """Return the ids of steps with values (N, F); the field with index `first` comes first in each step."""
        if self.head == JOINT:
            return values @ self.weights + FIRST_CODE
        return (values + self.compound.offsets[:-1])[:, self.compound.order(first)].ravel()

    def having(self, column: int, value: int) -> NDArray[np.bool_]:
        """Return the mask of ids in which a column has a value, (V,)."""
        if self.head == CHAINED:
            return np.asarray(np.arange(self.size) == self.compound.offsets[column] + value)
        codes = np.arange(self.size) - FIRST_CODE
        return np.asarray((codes >= 0) & (codes // self.weights[column] % self.radices[column] == value))

    def column(self, name: str | int | None) -> int:
        """Return the index of a column from its name or its number from 1; by default, of the first.

        Raises:
            RequestError: there is no such column.
        """
        name = self.columns[0] if name is None else str(name)
        if name in self.columns:
            return self.columns.index(name)
        if _INTEGER.fullmatch(name) and 1 <= int(name) <= len(self.columns):
            return int(name) - 1
        raise RequestError(f"there is no column {name}; choose from {', '.join(self.columns)}, or by number")


def _labels_by_column(tokens: Iterable[str]) -> dict[str, dict[str, None]]:
    found: dict[str, dict[str, None]] = {}
    for token in dict.fromkeys(tokens):
        for column, label in fields_of(token):
            found.setdefault(column, {})[label] = None
    return found


def _complete(column: str, labels: Collection[str]) -> tuple[str, ...]:
    """Return the labels sorted; if all are integers, all from 0 to the highest."""
    integers = all(map(_INTEGER.fullmatch, labels))
    count = max(map(int, labels)) + 1 if integers else len(labels)
    if count > MOST_LABELS:
        what = f"integers up to {count - 1:,}" if integers else f"{count:,} labels"
        raise RequestError(f"column {column}: has {what}, and the limit is {MOST_LABELS:,} labels; merge some")
    if integers:
        return tuple(map(str, range(count)))
    return tuple(sorted(labels, key=lambda label: (0, int(label), "") if _INTEGER.fullmatch(label) else (1, 0, label)))
