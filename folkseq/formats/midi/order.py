"""The order of pedal moves and note ends at the same tick."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from folkseq.formats.midi.events import Ticks


def turns(ticks: Ticks, is_move: npt.NDArray[Any]) -> Ticks:
    """Return for each event how often, so far at its tick, a note ended and then the pedal moved.

    Args:
        ticks: (N,) The ticks of pedal moves and note ends, in order.
        is_move: (N,) Whether each is a pedal move.

    >>> turns(np.array([0, 5, 5, 5, 5, 5, 7]), np.array([True, False, True, False, True, True, True])).tolist()
    [0, 0, 1, 1, 2, 2, 0]
    """
    again = ticks[1:] == ticks[:-1]
    found: Ticks = np.cumsum(np.concatenate(([0], again & is_move[1:] & ~is_move[:-1])))
    heads = np.concatenate(([True], ~again))  # the first event at its tick
    found -= found[heads][np.cumsum(heads) - 1]
    return found
