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
from folkseq.sampling.draws import MOST_WITH_CANDIDATES, Accept, Draws
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
    with closing(write(engine, request, ([index] for index in indices))) as pieces:
        for index in indices:
            while index not in finished:
                (sample,) = next(pieces)
                finished[request.asked(sample.index)] = sample
            yield finished.pop(index)


def write(
    engine: Engine, request: Request, pieces: Iterable[Sequence[int]], accept: Accept | None = None
) -> Generator[list[Sample]]:
    """Write pieces in parallel, and yield the candidates of each when they end, up to the first accepted one.

    Args:
        engine: the network.
        request: constraints and settings.
        pieces: indices of the candidates of each piece, all distinct; each piece is consumed when a row is free.
        accept: judges each candidate; None to write all of them.

    Raises:
        RequestError: the request cannot be met.
    """
    draws = Draws(request, pieces, accept)
    begun = draws.take(ROWS)
    batch = batch_of(engine, request, begun + draws.candidates_ahead(ROWS, len(begun)))
    while len(batch):
        stop_if_unwanted()
        batch.step()
        too_long, ended = batch.too_long(), batch.ended()
        if not len(too_long) and not len(ended):
            continue
        samples = [batch.sample(place) for place in ended.tolist() if place not in too_long]
        # Before pieces are taken, since there may be no more of them until the caller has these pieces.
        yield from draws.settle(batch.indices[too_long].tolist(), samples)
        free = {*too_long.tolist(), *ended.tolist()}
        if len(batch) <= MOST_WITH_CANDIDATES:
            free |= {place for place, index in enumerate(batch.indices.tolist()) if not draws.needs(index)}
        more = draws.take(len(free))
        going = len(batch) - len(free) + len(more)
        more += draws.ahead(len(free) - len(more), going)
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
