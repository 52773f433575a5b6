"""The negative log likelihood of given pieces under the sampling engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.grammar import Ids, take
from folkseq.pairs import Pair
from folkseq.sampling.engine import Engine, Logits
from folkseq.sampling.memory import EncoderSession
from folkseq.sampling.tokens import TokenStepper

Score = Callable[[Logits, Ids], NDArray[np.float64]]
"""A function from (B, V) logits and (B,) ids to figures for each row, (B, …)."""


def id_nll(logits: Logits, ids: Ids) -> NDArray[np.float64]:
    """Return the nats of one id per row, (B,), under (B, V) logits."""
    top = logits.max(axis=1)
    total = np.log(np.exp(logits - top[:, None]).sum(axis=1, dtype=np.float64)) + top
    return np.asarray(total - logits[np.arange(len(ids)), ids])


def nll(engine: Engine, pieces: Sequence[NDArray[Any]], rows: int = 64) -> tuple[float, int]:
    """Return the total nats of all ids after the start ids, without conditioning, and the number of these ids."""
    total = sum(float(each.sum()) for each in scores(engine, pieces, rows=rows))
    return total, sum(len(ids) - 1 for ids in pieces)


def nll_of_pairs(
    engine: Engine, encoder: EncoderSession, pairs: Sequence[Pair], ids_per_step: int = 1
) -> tuple[float, int]:
    """Return the total nats of the unknown ids in gaps, and their number.

    Args:
        engine: of a model with an encoder.
        encoder: of the same model.
        pairs: sources and targets.
        ids_per_step: number of ids that the network reads in one step.
    """
    total, count = 0.0, 0
    for pair in pairs:
        attending = engine.with_memory(encoder.read(pair.source))
        stepper = attending.stepper(attending.begin(1))
        for place, one in enumerate(pair.ids[:-1].tolist()):
            step = max((place + 1) // ids_per_step - 1, 0)
            logits = stepper.step(np.array([one]), at=pair.at[step : step + 1])
            if pair.free[place]:
                total += float(id_nll(logits, pair.ids[place + 1 : place + 2])[0])
        count += int(pair.free.sum())
    return total, count


def scores(
    engine: Engine, pieces: Sequence[NDArray[Any]], score: Score = id_nll, rows: int = 64
) -> list[NDArray[np.float64]]:
    """Score every id after the first of each piece of T ids: (T − 1, …) per piece, nats by default."""
    found: dict[int, NDArray[np.float64]] = {}
    order = sorted(range(len(pieces)), key=lambda piece: len(pieces[piece]), reverse=True)
    for first in range(0, len(order), rows):
        batch = [pieces[piece] for piece in order[first : first + rows]]
        lengths = np.array([len(ids) for ids in batch])
        padded = np.zeros((lengths[0], len(batch)), np.int64)  # (T, B)
        for row, ids in enumerate(batch):
            padded[: len(ids), row] = ids
        stepper, steps, active = engine.stepper(engine.begin(len(batch))), [], len(batch)
        for step in range(lengths[0] - 1):
            remaining = int((lengths > step + 1).sum())  # the longest come first
            if remaining < active:
                stepper, active = engine.stepper(take(stepper.state, np.arange(remaining))), remaining
            if isinstance(stepper, TokenStepper) and step % stepper.layout.width == stepper.layout.width - 1:
                stepper.foresee(padded[step + 1 : step + 1 + stepper.layout.width, :active].T)
            logits = stepper.step(padded[step, :active])
            steps.append(score(logits, padded[step + 1, :active]))
        for row, piece in enumerate(order[first : first + rows]):
            found[piece] = np.array([each[row] for each in steps[: lengths[row] - 1]], np.float64)
    return [found[piece] for piece in range(len(pieces))]
