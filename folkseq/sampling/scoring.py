"""How surprised the step that samples is by whole pieces: as much as the trained weights, if all is well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.sampling.engine import Engine, Logits
from folkseq.sampling.grammar import Ids, take


def nll(engine: Engine, pieces: Sequence[NDArray[Any]], rows: int = 64) -> tuple[float, int]:
    """How surprised the engine is by every id of `pieces` after the start ids, with its controls off.

    Returns:
        The total in nats, and the number of ids that were foretold.
    """
    total = 0.0
    by_length = sorted(pieces, key=len, reverse=True)
    for first in range(0, len(by_length), rows):
        batch = by_length[first : first + rows]
        lengths = np.array([len(ids) for ids in batch])
        padded = np.zeros((lengths[0], len(batch)), np.int64)  # (T, B), a step's ids side by side
        for row, ids in enumerate(batch):
            padded[: len(ids), row] = ids
        state = engine.begin(len(batch))
        for step in range(lengths[0] - 1):
            going = int((lengths > step + 1).sum())  # the longest come first
            if going < len(state[0]):
                state = take(state, np.arange(going))
            logits, state = engine.step(state, padded[step, :going])
            total += float(_costs(logits, padded[step + 1, :going]).sum())
    return total, sum(len(ids) - 1 for ids in pieces)


def _costs(logits: Logits, ids: Ids) -> NDArray[np.float64]:
    """What an id costs in each row in nats, (B,) of (B, V) scores and (B,) ids."""
    top = logits.max(axis=1)
    total = np.log(np.exp(logits - top[:, None]).sum(axis=1, dtype=np.float64)) + top
    return np.asarray(total - logits[np.arange(len(ids)), ids])
