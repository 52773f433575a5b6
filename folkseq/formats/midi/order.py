"""The order of the pedal's moves and of the ends of notes at one tick."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from folkseq.formats.midi.events import Ticks


def turns(ticks: Ticks, is_move: npt.NDArray[Any]) -> Ticks:
    """Return how often, at its tick so far, a note ended and then the pedal moved.

    Args:
        ticks: (N,) ticks of the pedal's moves and of the ends of notes, in order.
        is_move: (N,) which of them are moves.

    >>> turns(np.array([0, 5, 5, 5, 5, 5, 7]), np.array([True, False, True, False, True, True, True])).tolist()
    [0, 0, 1, 1, 2, 2, 0]
    """
    again = ticks[1:] == ticks[:-1]
    found: Ticks = np.cumsum(np.concatenate(([0], again & is_move[1:] & ~is_move[:-1])))
    heads = np.concatenate(([True], ~again))  # the first at its tick
    found -= found[heads][np.cumsum(heads) - 1]
    return found
