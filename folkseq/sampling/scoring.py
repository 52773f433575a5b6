"""How surprised the step that samples is by whole pieces: as much as the trained weights, if all is well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.grammar import Ids, take
from folkseq.pairs import Pair
from folkseq.sampling.engine import Engine, Logits
from folkseq.sampling.memory import Encoder

Cost = Callable[[Logits, Ids], NDArray[np.float64]]
"""From (B, V) scores and (B,) ids to what is to be known of each, (B, …)."""


def costs_of(logits: Logits, ids: Ids) -> NDArray[np.float64]:
    """What an id costs in each row in nats, (B,) of (B, V) scores and (B,) ids."""
    top = logits.max(axis=1)
    total = np.log(np.exp(logits - top[:, None]).sum(axis=1, dtype=np.float64)) + top
    return np.asarray(total - logits[np.arange(len(ids)), ids])


def nll(engine: Engine, pieces: Sequence[NDArray[Any]], rows: int = 64) -> tuple[float, int]:
    """How surprised the engine is by every id of `pieces` after the start ids, with its controls off.

    Returns:
        The total in nats, and the number of ids that were foretold.
    """
    total = sum(float(each.sum()) for each in costs(engine, pieces, rows=rows))
    return total, sum(len(ids) - 1 for ids in pieces)


def nll_of_pairs(engine: Engine, encoder: Encoder, pairs: Sequence[Pair], frame: int = 1) -> tuple[float, int]:
    """How surprised the engine is by what stands in gaps, of which it foretells every id that was not given.

    Args:
        engine: of a model with an encoder.
        encoder: of the same.
        pairs: what is known, and what was written.
        frame: how many ids a step of the cells has.

    Returns:
        The total in nats, and the number of ids that were foretold.
    """
    total, count = 0.0, 0
    for pair in pairs:
        knowing = engine.knowing(encoder.read(pair.source))
        walk = knowing.walk(knowing.begin(1))
        for place, one in enumerate(pair.ids[:-1].tolist()):
            step = max((place + 1) // frame - 1, 0)
            logits = walk.step(np.array([one]), at=pair.at[step : step + 1])
            if pair.free[place]:
                total += float(costs_of(logits, pair.ids[place + 1 : place + 2])[0])
        count += int(pair.free.sum())
    return total, count


def costs(
    engine: Engine, pieces: Sequence[NDArray[Any]], cost: Cost = costs_of, rows: int = 64
) -> list[NDArray[np.float64]]:
    """The same id by id, (T − 1, …) of each piece of T ids, in nats or in what else `cost` gives."""
    found: dict[int, NDArray[np.float64]] = {}
    order = sorted(range(len(pieces)), key=lambda piece: len(pieces[piece]), reverse=True)
    for first in range(0, len(order), rows):
        batch = [pieces[piece] for piece in order[first : first + rows]]
        steps = []
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
            steps.append(cost(logits, padded[step + 1, :going]))
        for row, piece in enumerate(order[first : first + rows]):
            found[piece] = np.array([each[row] for each in steps[: lengths[row] - 1]], np.float64)
    return [found[piece] for piece in range(len(pieces))]
