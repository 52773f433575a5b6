"""What can be said of each event of a performance: which note it begins, and what has gone before.

All of it follows from the ids up to each one, so that a network that has read them can know it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.representations.capabilities import Timing
from folkseq.representations.performance.events import Layout

MIDDLE_C = 60
"""The lowest pitch that is counted as the right hand's; MIDI does not tell hands apart."""
WINDOW_S = 1.0
"""Over how long onsets are counted."""


def labels(ids: NDArray[Any], layout: Layout, steps_per_second: int, *, drums: bool) -> dict[str, NDArray[Any]]:
    """What `Tokenizer.labels` gives of (T,) ids, (T,) each.

    Returns:
        `pitch_class`: of a note that begins, 0 (C) to 11; `hand_register`: of the same, 1 from middle C up, else 0;
        neither of drums. `pedal`: 1 while it is down, where it has tokens. `density`: onsets in the last second.
        `since_onset`: seconds since the last onset.
    """
    begins = ids < layout.note_off
    pitch = np.where(begins, ids, 0).astype(np.int64)
    now = np.cumsum(layout.steps[ids])  # (T,) steps after each id
    onsets = now[begins]
    count = np.cumsum(begins)  # (T,) onsets so far
    before = np.searchsorted(onsets, now - round(WINDOW_S * steps_per_second), side="right")
    last = np.concatenate(([np.nan], onsets))[count]
    found: dict[str, NDArray[Any]] = {}
    if not drums:
        found["pitch_class"] = np.where(begins, pitch % 12, -1)
        found["hand_register"] = np.where(begins, (pitch >= MIDDLE_C).astype(np.int64), -1)
    if layout.pedal:
        moves = np.where((ids == layout.pedal_down) | (ids == layout.pedal_up), np.arange(len(ids)), -1)
        latest = np.maximum.accumulate(moves)
        found["pedal"] = ((latest >= 0) & (ids[latest] == layout.pedal_down)).astype(np.int64)
    found["density"] = np.asarray((count - np.minimum(before, count)) / WINDOW_S)
    found["since_onset"] = (now - last) / steps_per_second
    return found


def timing(ids: NDArray[Any], layout: Layout, steps_per_second: int) -> Timing:
    """When each of (T,) ids is met, in seconds, and how long it lasts, which only a TIME_SHIFT does."""
    length = layout.steps[ids] / steps_per_second
    return Timing(np.cumsum(length) - length, length)
