"""The task of harmonising: given a melody with its fermatas and bars, write the other three voices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.ensemble.cells import HOLD, REST, SOURCE_SIZES, ChoraleLayout, sounding, source
from folkseq.ensemble.score import MelodyQuestion, read_melody
from folkseq.ensemble.voice_grammar import VoiceGrammar
from folkseq.errors import RequestError
from folkseq.music.chorale import RANGES, VOICES
from folkseq.pairs import Integers, Pair, RelativePositions
from folkseq.representations.packed.layout import GridLayout
from folkseq.representations.task import Task

WINDOW = 128
"""Steps of a chorale in a training pair: eight bars of four quarters."""
FARTHEST = 6
"""Maximum transposition of a chorale in semitones, up or down."""


class HarmoniseTask(Task):
    """The task of writing the lower three voices for a soprano."""

    outputs = (".mid", ".abc", ".musicxml")
    source_sizes = SOURCE_SIZES
    relative_positions = RelativePositions(8, 8)
    """In bars, and in sixteenths within one."""
    # Chorales are few, so the network is kept small; with this dropout 1,400 updates did not overfit.
    recipe: Mapping[str, Any] = {"batches": "pairs", "weight_decay": 0.3, "hidden": 256, "dropout": 0.2}

    def __init__(self, layout: GridLayout) -> None:
        self.layout = ChoraleLayout(layout)
        self.vocabulary_size, self.fields = self.layout.target.size, self.layout.target.fields

    def draw(self, ids: NDArray[Any], random: np.random.Generator, left_only: bool | None = None) -> Pair | None:
        """Draw a window of eight bars from a chorale, randomly transposed within the ranges of the voices."""
        cells = self.layout.cells(ids)
        intervals = _transpositions(cells)
        first = int(random.integers(max(len(cells) - WINDOW, 0) + 1))
        window = _window(cells, first)
        voices = window[:, : len(VOICES)]  # a view
        voices[voices >= 0] += int(random.choice(intervals))
        return self.pair(window)

    def hold_out(self, ids: NDArray[Any], piece: int, turn: int, left_only: bool | None = None) -> Pair | None:
        """Return the whole chorale in its own key, once."""
        return self.pair(self.layout.cells(ids)) if turn == 0 else None

    def ngram_ids(self, ids: NDArray[Any]) -> NDArray[Any]:
        """Return the target of a whole chorale."""
        return self.layout.target_ids(self.layout.cells(ids))

    def amounts(self, pair: Pair) -> dict[str, float]:
        """Return the number of steps, sixteenths."""
        return {"step": float(len(pair.source))}

    def ask(self, data: bytes, file: str, **where: Any) -> MelodyQuestion:
        """Find the melody in a file of ABC or MIDI."""
        for name in ("bars", "seconds"):
            if where.get(name) is not None:
                raise RequestError(f"--{name} is of a gap; a melody is harmonised as a whole")
        for name in ("every", "accompaniment"):
            if where.get(name) is not None:
                raise RequestError(f"--{name} is of chord symbols; this model writes voices, so leave it out")
        melody = read_melody(data, file, where.get("tune"))
        grammar = self.grammar(melody.cells)
        return MelodyQuestion(
            melody=melody,
            layout=self.layout,
            source=source(melody.cells),
            grammar=grammar,
            opening=(0,) * self.layout.target.width,
            end_id=self.layout.target.end,
            limit=grammar.limit,
            notices=melody.notices,
        )

    def pair(self, cells: Integers) -> Pair | None:
        """Return the source and target of a chorale; None if a cell of the target has no label."""
        ids, width = self.layout.target_ids(cells), self.layout.target.width
        if not len(ids):
            return None
        free = np.ones(len(ids) - 1, np.bool_)
        free[: width - 1] = free[-width:] = False  # start and end ids are given
        at = np.append(np.arange(len(cells)), len(cells) - 1)
        return Pair(source(cells), ids, at, free)

    def grammar(self, cells: Integers, strict: bool = True) -> VoiceGrammar:
        """Return the grammar of the voices below a melody, which is the first column of the cells, (N, …)."""
        return VoiceGrammar(self.layout.voices, sounding(cells[:, 0]), strict)


def _transpositions(cells: Integers) -> list[int]:
    """Return the intervals in semitones that keep all voices of a chorale in their ranges; 0 if there is none."""
    lowest, highest = -FARTHEST, FARTHEST
    for voice, (low, high) in enumerate(RANGES.values()):
        pitches = cells[cells[:, voice] >= 0, voice]
        if len(pitches):
            lowest, highest = max(lowest, low - int(pitches.min())), min(highest, high - int(pitches.max()))
    return list(range(lowest, highest + 1)) or [0]


def _window(cells: Integers, first: int) -> Integers:
    """Return the window of a chorale from step `first` on; notes held into the window begin in its first step."""
    window = cells[first : first + WINDOW].copy()
    for voice in range(len(VOICES)):
        if window[0, voice] == HOLD:
            begins = np.flatnonzero(cells[:first, voice] != HOLD)
            window[0, voice] = cells[begins[-1], voice] if len(begins) else REST
    return window
