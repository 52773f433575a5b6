"""Harmonising: a melody is known, with its fermatas and its bars, and the other voices are written to it.

The source has three fields a step: the pitch that sounds, whether it begins there and bears a fermata, and the place in
the bar. The target has a frame of three fields a step: the bass, which the harmony stands on, then alto and tenor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.compound import CompoundLayout
from folkseq.ensemble.grammar import Choir
from folkseq.ensemble.melody import Melody
from folkseq.ensemble.question import MelodyQuestion, ask
from folkseq.errors import RequestError
from folkseq.music.chorale import FERMATA, HOLD, PLACE, RANGES, REST, VOICES
from folkseq.pairs import EncoderSource, Integers, Pair, RelativePositions
from folkseq.representations.base import START
from folkseq.representations.packed.layout import Layout
from folkseq.representations.task import Task
from folkseq.representations.vocabulary import Vocabulary

WRITTEN = ("bass", "alto", "tenor")
"""The voices that are written, in the order in which they are foretold."""
WINDOW = 128
"""Steps of a chorale that are learnt from at once: eight bars of four quarters."""
FARTHEST = 6
"""Semitones by which a chorale is moved at most, up or down."""
PLACES = 64
"""Places in a bar that are told apart."""
SILENT = 128
"""In place of the pitch that sounds."""
_HOLD, _REST = -1, -2


class HarmoniseTask(Task):
    """Writing the other three voices to a soprano."""

    outputs = (".mid", ".abc", ".musicxml")
    source_sizes = (SILENT + 1, 4, PLACES)
    """Pitch or silence; whether it begins, and a fermata; the place in the bar."""
    relative_positions = RelativePositions(8, 8)
    """In bars, and in sixteenths within one."""
    # Chorales are few, so the network is kept small; with this dropout 1,400 updates did not overfit.
    recipe: Mapping[str, Any] = {"batches": "pairs", "weight_decay": 0.3, "hidden": 256, "dropout": 0.2}
    HOLDS = -1
    """The number of a hold among cells."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.layout = layout = Layout.of(vocabulary)
        self.labels = tuple(layout.labels[layout.columns.index(voice)] for voice in WRITTEN)
        """The labels of each voice that is written."""
        self.compound = CompoundLayout(tuple(map(len, self.labels)))
        """The layout of a target."""
        self.vocabulary_size, self.fields = self.compound.size, self.compound.fields

    def draw(self, ids: NDArray[Any], random: np.random.Generator, left_only: bool | None = None) -> Pair | None:
        """Draw eight bars' worth of a chorale, moved to another key within the voices' ranges."""
        cells = self.cells(ids)
        moves = [move for move in range(-FARTHEST, FARTHEST + 1) if self._fits(cells, move)] or [0]
        first = int(random.integers(max(len(cells) - WINDOW, 0) + 1))
        return self.pair(_moved(_cut(cells, first, first + WINDOW), int(random.choice(moves))))

    def hold_out(self, ids: NDArray[Any], piece: int, turn: int, left_only: bool | None = None) -> Pair | None:
        """Return the whole chorale as it is, once."""
        return self.pair(self.cells(ids)) if turn == 0 else None

    def ngram_ids(self, ids: NDArray[Any]) -> NDArray[Any]:
        """Return the ids of the three voices that are written."""
        pair = self.hold_out(ids, 0, 0)
        return np.zeros(0, np.int64) if pair is None else pair.ids

    def amounts(self, pair: Pair) -> dict[str, float]:
        """Return the number of steps, sixteenths."""
        return {"step": float(len(pair.source))}

    def ask(self, data: bytes, file: str, **where: Any) -> MelodyQuestion:
        """Find the melody in a file of ABC or MIDI."""
        for name in ("bars", "seconds"):
            if where.get(name) is not None:
                raise RequestError(f"--{name} is of a gap; a melody is harmonised as a whole")
        return ask(self, data, file, where.get("tune"))

    def cells(self, ids: NDArray[Any]) -> Integers:
        """(N, 6) of whole steps: of each voice a pitch, −1 for a hold or −2 for a rest; the fermata; the place."""
        values = self.layout.values(ids)
        return np.stack([numbers[values[:, column]] for column, numbers in enumerate(self._numbers)], axis=1)

    def pair(self, cells: Integers) -> Pair | None:
        """What is known of a chorale's cells, and what is written."""
        places = [self.layout.columns.index(voice) for voice in WRITTEN]
        values = np.stack([self._values[field][cells[:, place]] for field, place in enumerate(places)], axis=1)
        if not len(values) or values.min() < 0:
            return None
        soprano, fermata, place = (cells[:, self.layout.columns.index(name)] for name in (VOICES[0], FERMATA, PLACE))
        width = self.compound.width
        start, end = np.zeros(width, np.int64), np.full(width, self.compound.end)
        ids = np.concatenate([start, (values + self.compound.offsets[:-1]).ravel(), end])
        free = np.ones(len(ids) - 1, np.bool_)
        free[: width - 1] = free[-width:] = False
        at = np.append(np.arange(len(values)), len(values) - 1)
        return Pair(self.known(soprano, fermata, place), ids, at, free)

    @staticmethod
    def number(cell: str) -> int:
        """A cell as `cells` has it."""
        return _number(cell)

    def known(self, soprano: Integers, fermata: Integers, place: Integers) -> EncoderSource:
        """The source of a melody's cells, (N,) each."""
        begins = soprano >= 0
        sounding = np.where(soprano == _REST, SILENT, soprano)
        last = np.maximum.accumulate(np.where(soprano != _HOLD, np.arange(len(soprano)), 0))
        fields = [sounding[last].clip(0), begins + 2 * (fermata > 0), np.clip(place, 0, PLACES - 1)]
        bars = np.cumsum(np.append(0, np.diff(place) < 0))
        return EncoderSource(np.stack(fields, axis=1), np.stack([bars, place], axis=1))

    def choir(self, soprano: Integers, strict: bool = True) -> Choir:
        """What may be written to a melody's cells; with parallels, if not `strict`."""
        last = np.maximum.accumulate(np.where(soprano != _HOLD, np.arange(len(soprano)), 0))
        return Choir(WRITTEN, self.labels, np.maximum(soprano[last], -1), strict)

    def written(self, ids: NDArray[Any]) -> dict[str, list[str]]:
        """The cells of each voice in what was written, by its name."""
        width = self.compound.width
        rows = np.asarray(ids)[width:]
        rows = rows[: len(rows) // width * width].reshape(-1, width)
        rows = rows[rows[:, 0] != self.compound.end] - self.compound.offsets[:-1]
        labels = [[self.labels[field][value] for value in rows[:, field].tolist()] for field in range(width)]
        return dict(zip(WRITTEN, labels, strict=True))

    def whole(self, melody: Melody, cells: Mapping[str, Sequence[str]]) -> Integers:
        """The ids of a chorale with all its columns, as those trained on have them; none where it has others."""
        soprano = [HOLD if pitch == _HOLD else REST if pitch == _REST else str(pitch) for pitch in melody.pitches]
        beside = {FERMATA: map(str, melody.fermatas), PLACE: map(str, melody.places)}
        columns = {VOICES[0]: soprano, **cells, **beside}
        rows = zip(*(columns[name] for name in self.layout.columns), strict=True)
        tokens = [START] * self.layout.width
        tokens += [f"{name}={cell}" for row in rows for name, cell in zip(self.layout.columns, row, strict=True)]
        known = all(token in self.vocabulary for token in tokens)
        return np.array(self.vocabulary.encode(tokens) if known else [], np.int64)

    @cached_property
    def _numbers(self) -> list[Integers]:
        """Of each column, what its values stand for."""
        return [np.array([_number(label) for label in labels], np.int64) for labels in self.layout.labels]

    @cached_property
    def _values(self) -> list[Integers]:
        """Of each voice that is written, the value of each cell, holds and rests counted from the end; −1 for none."""
        found = []
        for labels in self.labels:
            table = np.full(SILENT + 2, -1)
            for value, label in enumerate(labels):
                table[_number(label)] = value
            found.append(table)
        return found

    def _fits(self, cells: Integers, move: int) -> bool:
        for voice in VOICES:
            own = cells[:, self.layout.columns.index(voice)]
            own = own[own >= 0]
            low, high = RANGES[voice]
            if len(own) and not (low <= own.min() + move and own.max() + move <= high):
                return False
        return True


def _number(label: str) -> int:
    return int(label) if label.isdecimal() else _HOLD if label == HOLD else _REST


def _cut(cells: Integers, first: int, last: int) -> Integers:
    """Some steps, in which a voice that holds what began before begins it anew."""
    found = cells[first:last].copy()
    for voice in range(len(VOICES)):
        if found[0, voice] == _HOLD:
            before = cells[:first, voice]
            found[0, voice] = before[np.flatnonzero(before != _HOLD)[-1]] if (before != _HOLD).any() else _REST
    return found


def _moved(cells: Integers, move: int) -> Integers:
    found = cells.copy()
    voices = found[:, : len(VOICES)]
    voices[voices >= 0] += move
    return found
