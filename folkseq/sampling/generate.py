"""Generation of pieces: a batch of rows, each refilled when its piece ends.

Piece number i has its own random stream, Philox keyed by (seed, i), and the rows of the network are independent. A
piece therefore does not depend on the number of other pieces in the batch.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from folkseq.interrupts import stop_if_unwanted
from folkseq.sampling.batch import Request, Sample, SamplingBatch
from folkseq.sampling.draws import MOST_BESIDE, Draws
from folkseq.sampling.engine import Engine
from folkseq.sampling.token_batch import TokenBatch, draws_tokens

ROWS = 256
"""Maximum number of pieces in parallel; with half as many, each piece takes a tenth longer."""


@dataclass(frozen=True)
class Drawn:
    """One id, as soon as it is drawn."""

    index: int
    """Number of the piece."""
    place: int
    """Position in the piece."""
    id: int


def generate(engine: Engine, request: Request, indices: Sequence[int]) -> Iterator[Sample]:
    """Write pieces and return them in the order of their indices; redraw pieces that are too long.

    Args:
        engine: the network.
        request: constraints and settings.
        indices: distinct numbers of pieces.

    Raises:
        RequestError: the request cannot be met.
    """
    finished: dict[int, Sample] = {}
    with closing(write(engine, request, indices)) as samples:
        for index in indices:
            while index not in finished:
                sample = next(samples)
                finished[request.asked(sample.index)] = sample
            yield finished.pop(index)


def write(engine: Engine, request: Request, indices: Iterable[int]) -> Generator[Sample]:
    """Write pieces in parallel and yield each when it ends; arguments and errors are those of `generate`.

    Each index is consumed when a row is free.
    """
    draws = Draws(request, indices)
    batch = batch_of(engine, request, draws.take(ROWS))
    while len(batch):
        stop_if_unwanted()
        batch.step()
        too_long, ended = batch.too_long(), batch.ended()
        if not len(too_long) and not len(ended):
            continue
        samples = [batch.sample(place) for place in np.setdiff1d(ended, too_long).tolist()]
        # Before indices are taken, since there may be no more of them until the caller has these pieces.
        yield from draws.settle(batch.indices[too_long].tolist(), samples)
        free = {*too_long.tolist(), *ended.tolist()}
        if len(batch) <= MOST_BESIDE:
            free |= {place for place, index in enumerate(batch.indices.tolist()) if not draws.needs(index)}
        more = draws.take(len(free))
        going = len(batch) - len(free) + len(more)
        more += draws.beside(min(len(free) - len(more), MOST_BESIDE - going))
        places = np.array(sorted(free))
        batch.begin(places[: len(more)], more)
        batch.leave(places[len(more) :])


def stream(engine: Engine, request: Request, index: int) -> Iterator[Drawn]:
    """Write one piece and yield each id after the opening as it is drawn."""
    batch = batch_of(engine, request, [index])
    for place, given in enumerate(request.opening):
        yield Drawn(index, place, given)
    while not len(batch.ended()):
        before = int(batch.lengths[0])
        batch.step()
        for place in range(before, int(batch.lengths[0])):
            yield Drawn(index, place, int(batch.ids[0, place]))


def batch_of(engine: Engine, request: Request, indices: Sequence[int]) -> SamplingBatch:
    """Return an empty batch, which draws whole compound tokens if the request allows it."""
    return (TokenBatch if draws_tokens(engine, request) else SamplingBatch)(engine, request, indices)
