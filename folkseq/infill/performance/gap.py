"""A gap of some seconds in a performance, for which a model writes new notes.

A note is in the gap if it begins there; a note that begins earlier and sounds into the gap is kept. The target consists
of the notes in the gap, from the start id on, and no new note sounds after the gap.

The source has one element for each kept note, so that a long context has few elements. An element has four fields:
pitch, velocity bin, duration, and time since the previous element. Times have logarithmic bins, three per octave, and
short times are exact to a step. Marks open and close the gap, and there is one after every half second of it, so that
the decoder has a current element at every step.
"""

from __future__ import annotations

import numpy as np

from folkseq.grammar import Rows
from folkseq.pairs import EncoderSource, Integers, Pair
from folkseq.representations.performance.config import Ids, PerformanceConfig
from folkseq.representations.performance.events import Mask, Notes, decode, encode, pair
from folkseq.representations.performance.generation import LONGEST_NOTE_S, MOST_NOTES
from folkseq.representations.performance.grammar import STEP, PerformanceGrammar

OPEN, CONTINUE, CLOSE, END = range(128, 132)
"""Marks instead of a pitch: beginning of the gap, next half second of it, its end, and the end of the source."""
UNIT_S = 0.5  # time between two marks, and unit of positions
CONTEXT_S = 10.0  # length of the context before and after a gap
_EDGES = 0.01 * 2 ** (np.arange(31) / 3) - 1e-6  # seconds, up to 10
IDS_PER_STEP, MIN_IDS = 4, 64
"""The maximum number of ids in a gap is `IDS_PER_STEP` times its steps, plus `MIN_IDS`."""


def source_sizes(config: PerformanceConfig) -> tuple[int, ...]:
    """Return the number of values of each field."""
    return (END + 1, config.velocity_bins + 1, len(_EDGES) + 1, len(_EDGES) + 1)


def unit(config: PerformanceConfig) -> int:
    """Return the number of steps between two marks."""
    return max(round(UNIT_S * config.steps_per_second), 1)


def crop(notes: Notes, first: int, last: int, config: PerformanceConfig) -> tuple[Notes, int]:
    """Return the notes from `CONTEXT_S` before a gap to `CONTEXT_S` after it, and the new step at which it begins."""
    context = round(CONTEXT_S * config.steps_per_second)
    begin, end = max(first - context, 0), last + context
    near = notes.where((notes.offset > begin) & (notes.onset < end))
    onset, offset = np.maximum(near.onset - begin, 0), np.minimum(near.offset, end) - begin
    return near._replace(onset=onset, offset=offset), first - begin


def source_of(kept: Notes, first: int, last: int, config: PerformanceConfig, left_only: bool = False) -> EncoderSource:
    """Return the source for a gap from step `first` up to `last`; with `left_only`, the source ends with the gap."""
    within = np.arange(first + unit(config), last, unit(config))
    marks = np.concatenate([[OPEN], np.full(len(within), CONTINUE), [CLOSE, END]])
    zeros = np.zeros_like(marks)
    step = np.concatenate([[first], within, [last, max(int(kept.offset.max(initial=0)), last)], kept.onset])
    pitch = np.concatenate([marks, kept.pitch])
    velocity = np.concatenate([zeros, kept.velocity])
    duration = np.concatenate([np.where(marks == OPEN, last - first, zeros), kept.offset - kept.onset])
    turn = np.concatenate([np.where(marks == END, 1, -1), np.zeros_like(kept.onset)])  # within a step, marks come first
    order = np.lexsort((pitch, turn, step))
    if left_only:
        order = order[: int(np.flatnonzero(pitch[order] == CLOSE)[0]) + 1]
    step = step[order]
    since = np.diff(step, prepend=step[:1])
    times = [np.searchsorted(_EDGES, each / config.steps_per_second, side="right") for each in (duration[order], since)]
    position = (step - first) // unit(config)
    positions = np.stack([position, np.zeros_like(position)], axis=1)
    return EncoderSource(np.stack([pitch[order], velocity[order], *times], axis=1).astype(np.int64), positions)


def locate(source: EncoderSource, step: Integers, steps: int, config: PerformanceConfig) -> Integers:
    """Return the decoder's current element of the source at each of some steps in a gap of `steps` steps."""
    opens, closes = (int(np.flatnonzero(source.ids[:, 0] == mark)[0]) for mark in (OPEN, CLOSE))
    return np.where(step < steps, opens + step // unit(config), closes)


class PerformanceGapGrammar(PerformanceGrammar):
    """The grammar of notes in a gap (a `folkseq.grammar.PlacedGrammar`), without the pitches that kept notes hold."""

    def __init__(self, source: EncoderSource, held: Integers, steps: int, config: PerformanceConfig) -> None:
        """Build the grammar for a gap of `steps` steps; `held` is the result of `held_until`."""
        longest = max(round(LONGEST_NOTE_S * config.steps_per_second), 1)
        super().__init__(config, end=steps, longest=longest, most=MOST_NOTES, opening_rest=True)
        self.limit = IDS_PER_STEP * steps + MIN_IDS
        self._held, self._elements = held, locate(source, np.arange(steps + 1), steps, config)

    def allowed(self, rows: Rows, remaining: Integers) -> Mask:
        """Mask the ids that may come next, (B, V)."""
        mask = super().allowed(rows, remaining)
        free = mask.copy()
        free[:, self._onsets] &= rows[0][:, STEP, None] >= self._held
        # A note must follow a velocity, so if kept notes hold all possible pitches, one of them begins nevertheless.
        return np.where(free.any(axis=1, keepdims=True), free, mask)

    def at(self, rows: Rows) -> Integers:
        """Return the index of each row's current element of the source, (B,)."""
        step: Integers = rows[0][:, STEP]
        return self._elements[step]


def notes_of(ids: Ids, config: PerformanceConfig) -> Notes:
    """Return the notes of a slice of a performance, with velocity bins; the lowest bin before the first VELOCITY."""
    notes = pair(decode(ids, config.layout), config.layout.duration(ids), canonical=True)
    return notes._replace(velocity=np.maximum(notes.velocity, min(config.velocity_bins, 1)))


def held_until(kept: Notes, first: int) -> Integers:
    """Return the step of the gap at `first` up to which kept notes hold each pitch, (128,); 0 for free pitches."""
    until = np.zeros(128, np.int64)
    before = kept.onset < first
    np.maximum.at(until, kept.pitch[before], kept.offset[before] - first)
    return until


def training_pair(notes: Notes, first: int, last: int, config: PerformanceConfig, left_only: bool) -> Pair:
    """Return the pair of a gap with at least one note, given the notes in and around it."""
    inside = (notes.onset >= first) & (notes.onset < last)
    source, own = source_of(notes.where(~inside), first, last, config, left_only), notes.where(inside)
    own = own._replace(onset=own.onset - first, offset=np.minimum(own.offset, last) - first)
    ids = encode(own.events(np.zeros(0, np.int64)), config.layout).astype(np.int64)
    at = locate(source, np.cumsum(config.layout.steps[ids])[:-1], last - first, config)
    return Pair(source, ids, at, np.ones(len(ids) - 1, np.bool_))
