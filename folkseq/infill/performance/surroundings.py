"""What is known around a gap in a performance, one element for each note, so that many seconds are few elements.

An element has four fields: the pitch, how loud, how long, and how long after the element before it. Both times are told
in thirds of an octave, as fine as a step where they are short. The gap is opened and closed by marks, and between those
stands a mark for every stretch of it, so that the writer is somewhere at every moment.
"""

from __future__ import annotations

import numpy as np

from folkseq.pairs import EncoderSource, Integers
from folkseq.representations.performance.decoding import Notes
from folkseq.representations.performance.events import Layout

PITCHES = 128
OPENS, GOES_ON, CLOSES, ENDS = range(PITCHES, PITCHES + 4)
"""What stands in a pitch's place: the gap's beginning, a stretch of it, its end, and the end of what is known."""
STRETCH = 0.5
"""Seconds that are one place."""
_EDGES = 0.01 * 2 ** (np.arange(31) / 3) - 1e-6  # s, up to 10


def fields(layout: Layout) -> tuple[int, ...]:
    """How many values each field of an element has."""
    return (ENDS + 1, layout.velocity_bins + 1, len(_EDGES) + 1, len(_EDGES) + 1)


def source(kept: Notes, first: int, last: int, steps_per_second: int, left_only: bool = False) -> EncoderSource:
    """Notes around a gap from step `first` up to `last`; nothing that comes after it, if `left_only`."""
    within = np.arange(first + _stretch(steps_per_second), last, _stretch(steps_per_second))
    final = max(int(kept.offset.max(initial=0)), last)
    marks = np.concatenate([[OPENS], np.full(len(within), GOES_ON), [CLOSES, ENDS]])
    none = np.zeros_like(marks)
    step = np.concatenate([[first], within, [last, final], kept.onset])
    pitch = np.concatenate([marks, kept.pitch])
    loud = np.concatenate([none, kept.velocity])
    lasts = np.concatenate([np.where(marks == OPENS, last - first, none), kept.offset - kept.onset])
    turn = np.concatenate([np.where(marks == ENDS, 1, -1), np.zeros_like(kept.onset)])  # a mark, then its step's notes
    order = np.lexsort((pitch, turn, step))
    if left_only:
        order = order[: int(np.flatnonzero(pitch[order] == CLOSES)[0]) + 1]
    step = step[order]
    since = np.diff(step, prepend=step[:1])
    told = (np.searchsorted(_EDGES, each / steps_per_second, side="right") for each in (lasts[order], since))
    along = (step - first) // _stretch(steps_per_second)
    places = np.stack([along, np.zeros_like(along)], axis=1)
    return EncoderSource(np.stack([pitch[order], loud[order], *told], axis=1).astype(np.int64), places)


def times(known: EncoderSource, steps: int, steps_per_second: int) -> tuple[int, Integers]:
    """Where in its source a gap of so many steps opens, and the steps of the elements from there to its close."""
    opens, closes = (int(np.flatnonzero(known.ids[:, 0] == mark)[0]) for mark in (OPENS, CLOSES))
    return opens, np.append(np.arange(closes - opens) * _stretch(steps_per_second), steps)


def _stretch(steps_per_second: int) -> int:
    """How many steps are one place."""
    return max(round(STRETCH * steps_per_second), 1)
