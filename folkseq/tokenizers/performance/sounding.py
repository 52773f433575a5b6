"""What sounds while a performance goes on: read beside the ids, so that a model need not remember what it has to end.

It follows from the ids alone, and tells a model nothing that these do not; but which of forty notes were begun, and
how long ago, is what a recurrent state forgets first. Without it notes that the model lost sight of pile up: after ten
minutes of training 23 notes sounded at once where pianists have 4.

Two numbers in [0, 1] stand for each pitch: whether it sounds, and since when, on a scale that is finer for the young.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from folkseq.tokenizers.performance.events import Integers, Layout

SIZE = 2 * 128
LONGEST_S = 10.0
"""Since when a note has sounded is told up to here."""
_FINEST_S = 0.1


class Sounding(NamedTuple):
    """What sounds at one place of a piece."""

    step: int
    on: NDArray[np.bool_]  # (128,)
    onset: Integers  # (128,) the step at which each pitch that sounds was struck


def silence() -> Sounding:
    """What sounds before a piece begins."""
    return Sounding(0, np.zeros(128, np.bool_), np.zeros(128, np.int64))


def follow(
    ids: NDArray[Any], layout: Layout, steps_per_second: int, before: Sounding
) -> tuple[NDArray[np.float32], Sounding]:
    """What sounds at each of a stretch of ids.

    Args:
        ids: (T,) any.
        layout: what they mean.
        steps_per_second: of the piece.
        before: what sounds when they begin.

    Returns:
        (T, `SIZE`) what sounds before each id, and what sounds after all of them.
    """
    count = len(ids)
    ids = np.asarray(ids, np.int64)
    is_shift = (ids >= layout.time_shift) & (ids < layout.time_shift + layout.max_shift)
    steps = np.zeros(count + 1, np.int64)  # before each id, and after all
    np.cumsum(np.where(is_shift, ids - (layout.time_shift - 1), 0), out=steps[1:])
    steps += before.step
    # What happened last to each pitch: the place of the id, from 1, and in the lowest bit whether it began a note.
    last = np.zeros((count + 1, 128), np.int32)
    last[0] = before.on
    noted = np.flatnonzero(ids < layout.time_shift)
    last[noted + 1, ids[noted] & 127] = (noted + 1) * 2 + (ids[noted] < layout.note_off)
    np.maximum.accumulate(last, axis=0, out=last)
    on, place = last & 1, last >> 1
    onset = np.where(place > 0, steps[np.maximum(place - 1, 0)], before.onset)
    beside = np.empty((count, SIZE), np.float32)
    beside[:, :128] = on[:-1]
    ages = _ages(steps_per_second)
    beside[:, 128:] = ages[np.minimum(steps[:-1, None] - onset[:-1], len(ages) - 1)] * on[:-1]
    return beside, Sounding(int(steps[-1]), on[-1].astype(np.bool_), onset[-1])


def told(step: int, onsets: Mapping[int, int], steps_per_second: int) -> NDArray[np.float32]:
    """The same at one place, (`SIZE`,), from the step and that at which each pitch that sounds was struck."""
    beside = np.zeros(SIZE, np.float32)
    ages = _ages(steps_per_second)
    for pitch, onset in onsets.items():
        beside[pitch] = 1
        beside[128 + pitch] = ages[min(step - onset, len(ages) - 1)]
    return beside


@cache
def _ages(steps_per_second: int) -> NDArray[np.float32]:
    """The number that stands for an age in steps."""
    seconds = np.arange(round(LONGEST_S * steps_per_second) + 1) / steps_per_second
    return np.asarray(np.log1p(seconds / _FINEST_S) / np.log1p(LONGEST_S / _FINEST_S), np.float32)
