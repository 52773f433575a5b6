"""The task of filling gaps of some seconds in performances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from folkseq.errors import RequestError
from folkseq.infill.performance.gap import CONTEXT_S, UNIT_S, crop, notes_of, source_sizes, training_pair
from folkseq.infill.performance.question import LONGEST_S, GapInPerformance, ask
from folkseq.pairs import Pair, RelativePositions
from folkseq.representations.performance.augmentation import SEMITONES, draw_interval
from folkseq.representations.performance.codec import PerformanceCodec
from folkseq.representations.performance.config import Ids
from folkseq.representations.task import Task

SHORTEST_S = 0.5  # minimum length of a gap in training
MOST_NOTES = 100  # maximum number of notes of a gap in training; a longer gap ends before the next note
LEFT_ONLY = 0.1  # share of training pairs whose source ends with the gap
PASSAGE = 4096  # length in ids of the passage from which a gap and its context are drawn
HELD_OUT_GAPS = 8  # number of gaps of a held-out performance


class FillPerformance(Task):
    """The task of filling a gap of some seconds in a performance."""

    outputs = (".mid",)
    relative_positions = RelativePositions(int((CONTEXT_S + LONGEST_S) / UNIT_S), 0)
    recipe: Mapping[str, Any] = {"batches": "pairs", "learning_rate": 2e-3, "weight_decay": 0.3, "dropout": 0.0}

    def __init__(self, codec: PerformanceCodec) -> None:
        """Raise RequestError for a configuration in which gaps cannot be filled."""
        self.codec, self.config = codec, codec.config
        if self.config.sustain != "baked" or not self.config.canonical:
            raise RequestError("gaps are filled in canonical order with the pedal in the notes; leave out those fields")
        self.vocabulary_size = len(codec.vocabulary)
        self.source_sizes = source_sizes(self.config)

    def draw(self, ids: Ids, random: np.random.Generator, left_only: bool | None = None) -> Pair | None:
        """Draw a gap of 0.5 to 16 seconds with a log-uniform length, in a random key."""
        left_only = random.random() < LEFT_ONLY if left_only is None else left_only
        return self._draw(ids, random, left_only, 0 if self.config.drums else SEMITONES)

    def hold_out(self, ids: Ids, piece: int, turn: int, left_only: bool | None = None) -> Pair | None:
        """Return one of several gaps of a performance, without transposition."""
        return (
            self._draw(ids, np.random.default_rng([piece, turn]), bool(left_only), 0) if turn < HELD_OUT_GAPS else None
        )

    def amounts(self, pair: Pair) -> dict[str, float]:
        """Return the number of notes, and of seconds up to the last event."""
        return self.codec.analysis.amounts(pair.ids)

    def ask(self, data: bytes, file: str, **where: Any) -> GapInPerformance:
        """Find the gap in a MIDI file from its `seconds`, as in 12-20."""
        return ask(self.codec, data, file, **where)

    def _draw(self, ids: Ids, random: np.random.Generator, left_only: bool, semitones: int) -> Pair | None:
        layout, rate = self.config.layout, self.config.steps_per_second
        start = int(random.integers(max(len(ids) - PASSAGE, 0) + 1))
        velocities = np.flatnonzero((ids[:start] >= layout.velocity) & (ids[:start] < layout.start))
        passage = np.concatenate([ids[velocities[-1:]], ids[start : start + PASSAGE]])
        notes = notes_of(passage, self.config)
        if not len(notes.onset):
            return None
        length = round(2 ** random.uniform(np.log2(SHORTEST_S), np.log2(LONGEST_S)) * rate)
        first = int(random.choice(notes.onset))
        inside = np.sort(notes.onset[(notes.onset >= first) & (notes.onset < first + length)])
        last = int(inside[MOST_NOTES]) if len(inside) > MOST_NOTES else first + length
        notes, begin = crop(notes, first, last, self.config)
        span = int(notes.pitch.min()), int(notes.pitch.max())
        notes = notes._replace(pitch=notes.pitch + draw_interval(span, semitones, random))
        return training_pair(notes, begin, begin + last - first, self.config, left_only)
