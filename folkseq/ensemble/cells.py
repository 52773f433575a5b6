"""Chorales as arrays: cells of integers, and the ids of sources and targets.

The cell of a voice is the MIDI pitch of a new note, `HOLD` or `REST`. The other cells are the fermata, 0 or 1, and the
position in the bar in sixteenths. A source has three fields per step: the sounding pitch, two flags (a note begins;
there is a fermata), and the position. A target has one compound token per step: the bass, which determines the harmony,
then alto and tenor.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from folkseq.compound import CompoundLayout
from folkseq.music import chorale
from folkseq.music.chorale import COLUMNS, VOICES
from folkseq.pairs import EncoderSource, Integers
from folkseq.representations.packed.layout import GridLayout

HOLD, REST = -1, -2
WRITTEN = ("bass", "alto", "tenor")
"""The voices of a target, in the order of its fields."""
PLACES, SILENT = 64, 128
SOURCE_SIZES = (SILENT + 1, 4, PLACES)
"""Numbers of ids in the fields of a source; the pitch can be `SILENT`."""
_COLUMNS = [COLUMNS.index(voice) for voice in WRITTEN]
_BELOW = [WRITTEN.index(voice) for voice in VOICES[1:]]


def sounding(cells: Integers) -> Integers:
    """Return the pitch that a voice sounds at each step, (N,), from its cells; −1 in a rest."""
    begins = np.maximum.accumulate(np.where(cells != HOLD, np.arange(len(cells)), 0))
    return np.maximum(cells[begins], -1)


def source(cells: Integers) -> EncoderSource:
    """Return the source for a melody, from (N, …) cells with the melody first, and fermata and position last."""
    melody, fermatas, places = cells[:, 0], cells[:, -2], cells[:, -1]
    pitches = sounding(melody)
    fields = [np.where(pitches < 0, SILENT, pitches), (melody >= 0) + 2 * (fermatas > 0), places.clip(0, PLACES - 1)]
    bars = np.cumsum(np.append(0, np.diff(places) < 0))
    return EncoderSource(np.stack(fields, axis=1), np.stack([bars, places], axis=1))


class ChoraleLayout:
    """Conversions between the cells of chorales, (N, 6), the ids of chorales and the ids of targets."""

    def __init__(self, layout: GridLayout) -> None:
        self.layout = layout
        self._cells = [np.array(list(map(_cell, labels)), np.int64) for labels in layout.labels]  # by value
        self._values = list(map(_inverse, self._cells))  # by cell − REST
        self.voices = tuple(self._cells[column] for column in _COLUMNS)
        """The cells of each voice of a target, in the order of their ids."""
        self.target = CompoundLayout(tuple(map(len, self.voices)))

    def cells(self, ids: NDArray[np.generic]) -> Integers:
        """Return the cells of a chorale from its ids."""
        values = self.layout.values(ids).T  # (6, N)
        return np.stack([cells[each] for cells, each in zip(self._cells, values, strict=True)], axis=1)

    def ids(self, cells: Integers) -> Integers:
        """Return the ids of a chorale without its end ids; an empty array if a cell has no label."""
        values = self._lookup(cells, range(len(COLUMNS)))
        if values.min() < 0:
            return np.zeros(0, np.int64)
        return np.concatenate([[0] * self.layout.width, self.layout.ids(values)])

    def target_ids(self, cells: Integers) -> Integers:
        """Return the ids of the target for a chorale; an empty array if a cell has no label."""
        values = self._lookup(cells, _COLUMNS)  # (N, 3)
        if not len(values) or values.min() < 0:
            return np.zeros(0, np.int64)
        start, end = [0] * self.target.width, [self.target.end] * self.target.width
        return np.concatenate([start, (values + self.target.offsets[:-1]).ravel(), end])

    def target_cells(self, ids: NDArray[np.generic]) -> Integers:
        """Return the cells of alto, tenor and bass, (N, 3), from the ids of a target."""
        steps = np.asarray(ids[: len(ids) // self.target.width * self.target.width], np.int64)
        steps = steps.reshape(-1, self.target.width)[1:]
        values = steps[steps[:, 0] != self.target.end] - self.target.offsets[:-1]  # (N, 3)
        return np.stack([self.voices[field][values[:, field]] for field in _BELOW], axis=1)

    def _lookup(self, cells: Integers, columns: Iterable[int]) -> Integers:
        """Return the values of the cells in these columns; −1 for a cell without a label."""
        tables = [self._values[column] for column in columns]
        rows = [cells[:, column] - REST for column in columns]
        found = [table[np.minimum(row, len(table) - 1)] for table, row in zip(tables, rows, strict=True)]
        return np.stack(found, axis=1)


def _cell(label: str) -> int:
    return int(label) if label.isdecimal() else HOLD if label == chorale.HOLD else REST


def _inverse(cells: Integers) -> Integers:
    """Return a table of values indexed by cell − REST; its last entry, −1, stands for all higher cells."""
    values = np.full(int(cells.max()) - REST + 2, -1)
    values[cells - REST] = np.arange(len(cells))
    return values
