"""Fair generation: a few threads take one result at a time from each job, so that no page blocks another."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from threading import Event, Lock
from typing import Any

from anyio import CancelScope, CapacityLimiter
from anyio.to_thread import run_sync

from folkseq.interrupts import stopped_when
from folkseq.studio.errors import BusyError

WORKERS = 2
MOST_JOBS = 32
"""Maximum number of running and waiting jobs; more are refused."""
_END = object()


class Jobs:
    """The jobs of a studio."""

    def __init__(self, workers: int = WORKERS, most: int = MOST_JOBS) -> None:
        self._workers, self._count, self._most = CapacityLimiter(workers), 0, most

    async def results(self, begin: Callable[[], Iterator[Any]]) -> AsyncGenerator[Any]:
        """Yield the results of a job as they come; the job is cancelled when the generator is closed.

        Args:
            begin: called in a worker thread; returns the results.

        Raises:
            BusyError: too many jobs run or wait.
        """
        if self._count >= self._most:
            raise BusyError(f"{self._most} other requests are waiting; try again when some are done")

        def run() -> Generator[Any]:
            yield from begin()

        def step() -> Any:
            with stepping, stopped_when(gone.is_set):
                return next(job, _END)

        def close() -> None:
            with stepping:  # a running step has to end first
                job.close()

        job, stepping, gone = run(), Lock(), Event()

        self._count += 1
        try:
            while (result := await run_sync(step, abandon_on_cancel=True, limiter=self._workers)) is not _END:
                yield result
        finally:
            gone.set()
            self._count -= 1
            with CancelScope(shield=True):
                await run_sync(close)
