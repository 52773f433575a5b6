"""New pieces from a model: a batch of rows, each refilled when its piece ends, or several batches in lanes.

Piece number i is drawn from a random stream of its own, Philox keyed by (seed, i), and the network's rows do not see
each other, so a piece is the same however many are written beside it.
"""

from __future__ import annotations

import atexit
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import islice
from queue import Empty, Queue
from threading import Event, Lock, Thread

from folkseq.sampling.batch import Batch, Request, Sample
from folkseq.sampling.engine import Engine

_LOOK_S = 0.2  # between two looks at whether the user has interrupted
ROWS = 64
"""The most pieces written side by side; twice as many are written a twentieth faster."""


@dataclass(frozen=True)
class Drawn:
    """One id, as soon as it is drawn."""

    index: int
    """Of the piece."""
    place: int
    """In the piece."""
    id: int


def generate(engine: Engine, request: Request, indices: Sequence[int], lanes: int = 1) -> Iterator[Sample]:
    """Write the pieces of these indices, and give them out in the same order.

    Args:
        engine: the network; with several lanes one that takes a single thread for a step.
        request: what they are to be like.
        indices: no two the same.
        lanes: threads, each of which writes rows of its own: while one waits for the network, another draws.

    Raises:
        RequestError: the request cannot be met.
    """
    deal = _Deal(indices)
    lanes = min(lanes, len(indices))
    going_on = Event()  # never set: who asks for the pieces writes them
    samples = _in_lanes(engine, request, deal, lanes) if lanes > 1 else _write(engine, request, deal, ROWS, going_on)
    finished: dict[int, Sample] = {}
    with closing(samples):
        for index in indices:
            while index not in finished:
                sample = next(samples)
                finished[sample.index] = sample
            yield finished.pop(index)


def stream(engine: Engine, request: Request, index: int) -> Iterator[Drawn]:
    """Write one piece, and give out each id as it is drawn, after the opening's; the last ends it."""
    batch = Batch(engine, request, [index])
    for place, opened in enumerate(request.opening):
        yield Drawn(index, place, opened)
    while not len(batch.ended()):
        (drawn,) = batch.step().tolist()
        yield Drawn(index, int(batch.lengths[0]) - 1, drawn)


class _Deal:
    """Deals out the indices of pieces, to whichever lane asks first."""

    def __init__(self, indices: Sequence[int]) -> None:
        self.left = len(indices)
        self._coming, self._lock = iter(indices), Lock()

    def take(self, count: int) -> list[int]:
        """So many indices, or as many as there are left."""
        with self._lock:
            taken = list(islice(self._coming, count))
            self.left -= len(taken)
        return taken


def _write(engine: Engine, request: Request, deal: _Deal, rows: int, stopped: Event) -> Generator[Sample]:
    """Write pieces side by side while there are indices, and give each out when it has come to its end."""
    batch = Batch(engine, request, deal.take(rows))
    while len(batch) and not stopped.is_set():
        batch.step()
        ended = batch.ended()
        if not len(ended):
            continue
        samples = [batch.sample(place) for place in ended.tolist()]
        more = deal.take(len(ended))
        batch.begin(ended[: len(more)], more)
        batch.leave(ended[len(more) :])
        yield from samples


def _in_lanes(engine: Engine, request: Request, deal: _Deal, lanes: int) -> Generator[Sample]:
    """The same in several threads, of which those that are ahead of who asks for pieces wait."""
    ready: Queue[Sample | BaseException | None] = Queue(maxsize=ROWS)
    stopped = Event()
    rows = max(min(ROWS, deal.left) // lanes, 1)

    def write() -> None:
        try:
            for sample in _write(engine, request, deal, rows, stopped):
                ready.put(sample)
            ready.put(None)
        except BaseException as error:  # which is raised where the pieces are asked for
            ready.put(error)

    threads = [Thread(target=write, daemon=True) for _ in range(lanes)]
    for thread in threads:
        thread.start()

    def stop() -> None:
        stopped.set()
        while any(thread.is_alive() for thread in threads):
            with suppress(Empty):
                ready.get(timeout=0.01)

    atexit.register(stop)  # a thread that is within the network when the program ends would break it off
    going = lanes
    try:
        while going:
            try:
                found = ready.get(timeout=_LOOK_S)
            except Empty:
                continue
            if isinstance(found, BaseException):
                raise found
            if found is None:
                going -= 1
            else:
                yield found
    finally:
        stop()
        atexit.unregister(stop)
