"""Generation in turns: a few threads take one result at a time from each job, so that no page waits for another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import suppress
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any

from folkseq.interrupts import StoppedError, stopped_when
from folkseq.studio.errors import BusyError

WORKERS = 2
MOST_JOBS = 32
"""Jobs that run or wait; more are refused."""
_END = object()


class _Job:
    """One generation: begun in a worker's thread, and stepped until it ends or is cancelled."""

    def __init__(self, begin: Callable[[], Iterator[Any]], tell: Callable[[Any], None]) -> None:
        self.begin, self.tell = begin, tell
        self.results: Iterator[Any] | None = None
        self.cancelled = False

    def step(self) -> bool:
        """Give one more result; return whether there may be another one."""
        try:
            if self.results is None and not self.cancelled:
                self.results = iter(self.begin())
            if self.cancelled:
                close = getattr(self.results, "close", None)
                if close is not None:
                    close()
                return False
            assert self.results is not None
            with stopped_when(lambda: self.cancelled):
                self.tell(next(self.results))
        except StoppedError:
            return False
        except StopIteration:
            self.tell(_END)
            return False
        except BaseException as error:  # raised again where the results are awaited
            self.tell(error)
            return False
        return True


class Jobs:
    """The jobs of a studio."""

    def __init__(self, workers: int = WORKERS, most: int = MOST_JOBS) -> None:
        self._turns: SimpleQueue[_Job | None] = SimpleQueue()
        self._lock, self._count, self._most = Lock(), 0, most
        self._threads = [Thread(target=self._work, daemon=True) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    async def results(self, begin: Callable[[], Iterator[Any]]) -> AsyncGenerator[Any]:
        """Yield the results of a job as they come; the job is cancelled when the generator is closed.

        Args:
            begin: called in a worker's thread; returns the results.

        Raises:
            BusyError: too many jobs run or wait.
        """
        loop, found = asyncio.get_running_loop(), asyncio.Queue[Any]()
        job = _Job(begin, lambda result: _tell(loop, found, result))
        with self._lock:
            if self._count >= self._most:
                raise BusyError(f"{self._most} other requests are waiting; try again when some are done")
            self._count += 1
        self._turns.put(job)
        try:
            while (result := await found.get()) is not _END:
                if isinstance(result, BaseException):
                    raise result
                yield result
        finally:
            job.cancelled = True

    def close(self) -> None:
        """End the threads after their present step."""
        for _ in self._threads:
            self._turns.put(None)

    def _work(self) -> None:
        while (job := self._turns.get()) is not None:
            if job.step():
                self._turns.put(job)
            else:
                with self._lock:
                    self._count -= 1


def _tell(loop: asyncio.AbstractEventLoop, found: asyncio.Queue[Any], result: Any) -> None:
    with suppress(RuntimeError):  # the server has ended
        loop.call_soon_threadsafe(found.put_nowait, result)
