"""Grids as tokens, step by step, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.music.grid import Grid
from folkseq.representations.base import END, START
from folkseq.representations.packed.layout import BETWEEN, JOINT, Layout, start

Values = NDArray[np.int64]


def tokenize(grid: Grid, head: str) -> list[str]:
    """The grid's tokens, its columns in their order."""
    cells = [[f"{column}={cell}" for column, cell in zip(grid.columns, row, strict=True)] for row in grid.rows]
    if head == JOINT:
        return [START, *map(BETWEEN.join, cells), *([END] if grid.ends else [])]
    width = max(len(grid.columns), 1)
    return [START] * width + [token for row in cells for token in row] + ([END] * width if grid.ends else [])


def detokenize(tokens: Sequence[str]) -> Grid:
    """The grid that any tokens stand for; a step that breaks off is left out, one with gaps goes on as before."""
    rows: list[dict[str, str]] = []
    open_row: dict[str, str] = {}
    columns: dict[str, str] = {}  # with the first label of each
    for token in tokens:
        for part in token.split(BETWEEN):
            column, mark, label = part.partition("=")
            if not mark:
                continue
            if column in open_row:
                rows.append(open_row)
                open_row = {}
            open_row[column] = label
            columns.setdefault(column, label)
    if len(open_row) == len(columns) and open_row:
        rows.append(open_row)
    names = list(columns)
    first = _first(tokens)
    if names and 0 < first < len(names):
        names.insert(first, names.pop(0))
    last = dict(columns)
    filled = []
    for row in rows:
        last |= row
        filled.append(tuple(last[name] for name in names))
    numbered = names == list(map(str, range(1, len(names) + 1)))
    return Grid(tuple(names), tuple(filled), END in tokens, named=not numbered)


def excerpt(
    ids: NDArray[Any], length: int, layout: Layout, random: np.random.Generator, leads: bool, permutes: bool
) -> NDArray[Any]:
    """A passage of whole steps, from whichever field is drawn to come first, with the players drawn to change places.

    A chained one begins with its start, wherever in the piece it is from, since that says which field comes first.
    """
    whole = ids[: len(ids) // layout.width * layout.width]
    if layout.head == JOINT:
        if not permutes:
            return whole[: length + 1]
        codes = whole >= 2
        moved = whole.astype(np.int64)
        moved[codes] = layout.ids(layout.values(whole)[:, random.permutation(len(layout.columns))])
        return moved[: length + 1]
    values = layout.values(whole)
    if permutes:
        values = values[:, random.permutation(len(layout.columns))]
    first = int(random.integers(layout.width)) if leads else 0
    ended = whole[-1:] == layout.compound.end
    parts = [np.full(layout.width, first), layout.ids(values, first)]
    parts += [np.full(layout.width, layout.compound.end)] if ended.any() else []
    if not len(values) and not ended.any():
        return whole[:0]
    return np.concatenate(parts)[: length + 1]


def opening(first: int, width: int) -> tuple[str, ...]:
    """The start tokens of frames in which a field comes first."""
    return (start(first),) * width


def _first(tokens: Sequence[str]) -> int:
    """Which field comes first in every frame, from 0."""
    head = tokens[0] if tokens else START
    number = head.removeprefix("<s:").removesuffix(">")
    return int(number) - 1 if head.startswith("<s:") and number.isdecimal() else 0
