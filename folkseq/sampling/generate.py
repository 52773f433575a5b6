"""New pieces from a model: a batch of rows, each refilled when its piece ends, or several batches in threads.

Piece number i is drawn from its own random stream, Philox keyed by (seed, i), and the rows of the network are
independent, so a piece is the same however many are written beside it.
"""

from __future__ import annotations

import atexit
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import islice
from queue import Empty, Queue
from threading import Event, Lock, Thread

from folkseq.interrupts import stop_if_unwanted
from folkseq.sampling.batch import APART, Request, Sample, SamplingBatch
from folkseq.sampling.engine import Engine

_POLL_S = 0.2  # seconds between two checks for an interrupt by the user
ROWS = 64
"""Most pieces written side by side; twice as many are written only a twentieth faster."""


@dataclass(frozen=True)
class Drawn:
    """One id, as soon as it is drawn."""

    index: int
    """Number of the piece."""
    place: int
    """Position in the piece."""
    id: int


def generate(engine: Engine, request: Request, indices: Sequence[int], lanes: int = 1) -> Iterator[Sample]:
    """Write pieces and return them in the order of their indices; those that are too long are redrawn.

    Args:
        engine: the network; with several lanes, one that takes a single thread per step.
        request: constraints and settings.
        indices: distinct numbers of pieces.
        lanes: threads with rows of their own: while one waits for the network, another draws.

    Raises:
        RequestError: the request cannot be met.
    """
    deal = _Deal(indices)
    lanes = min(lanes, len(indices))
    samples = _in_lanes(engine, request, deal, lanes) if lanes > 1 else _write(engine, request, deal, ROWS, Event())
    finished: dict[int, Sample] = {}
    with closing(samples):
        for index in indices:
            while index not in finished:
                sample = next(samples)
                finished[sample.index if request.longest is None else sample.index % APART] = sample
            yield finished.pop(index)


def stream(engine: Engine, request: Request, index: int) -> Iterator[Drawn]:
    """Write one piece and give each id as it is drawn, after those of the opening."""
    batch = SamplingBatch(engine, request, [index])
    for place, given in enumerate(request.opening):
        yield Drawn(index, place, given)
    while not len(batch.ended()):
        (drawn,) = batch.step().tolist()
        yield Drawn(index, int(batch.lengths[0]) - 1, drawn)


class _Deal:
    """Deals the indices of pieces to whichever lane asks first."""

    def __init__(self, indices: Sequence[int]) -> None:
        self.left = len(indices)
        self._indices, self._lock = iter(indices), Lock()

    def take(self, count: int) -> list[int]:
        """Return `count` indices, or as many as are left."""
        with self._lock:
            taken = list(islice(self._indices, count))
            self.left -= len(taken)
        return taken


def _write(engine: Engine, request: Request, deal: _Deal, rows: int, stopped: Event) -> Generator[Sample]:
    """Write pieces side by side while there are indices, and give each piece when it ends."""
    batch = SamplingBatch(engine, request, deal.take(rows))
    while len(batch) and not stopped.is_set():
        stop_if_unwanted()
        batch.step()
        batch.redraw()
        ended = batch.ended()
        if not len(ended):
            continue
        samples = [batch.sample(place) for place in ended.tolist()]
        more = deal.take(len(ended))
        batch.begin(ended[: len(more)], more)
        batch.leave(ended[len(more) :])
        yield from samples


def _in_lanes(engine: Engine, request: Request, deal: _Deal, lanes: int) -> Generator[Sample]:
    """Write pieces in several threads; those that are ahead of the consumer wait."""
    ready: Queue[Sample | BaseException | None] = Queue(maxsize=ROWS)
    stopped = Event()
    rows = max(min(ROWS, deal.left) // lanes, 1)

    def write() -> None:
        try:
            for sample in _write(engine, request, deal, rows, stopped):
                ready.put(sample)
            ready.put(None)
        except BaseException as error:  # raised again in the consumer's thread
            ready.put(error)

    threads = [Thread(target=write, daemon=True) for _ in range(lanes)]
    for thread in threads:
        thread.start()

    def stop() -> None:
        stopped.set()
        while any(thread.is_alive() for thread in threads):
            with suppress(Empty):
                ready.get(timeout=0.01)

    atexit.register(stop)  # a thread inside the network when the interpreter ends would abort the process
    running = lanes
    try:
        while running:
            stop_if_unwanted()
            try:
                result = ready.get(timeout=_POLL_S)
            except Empty:
                continue
            if isinstance(result, BaseException):
                raise result
            if result is None:
                running -= 1
            else:
                yield result
    finally:
        stop()
        atexit.unregister(stop)
