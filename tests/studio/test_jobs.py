import asyncio
from threading import Event
from time import sleep

import pytest

from folkseq.interrupts import stop_if_unwanted
from folkseq.studio.errors import BusyError
from folkseq.studio.jobs import Jobs


async def _all(results):
    return [each async for each in results]


@pytest.fixture
def jobs():
    return Jobs(workers=1, most=3)


def test_a_job_gives_its_results_in_order(jobs):
    assert asyncio.run(_all(jobs.results(lambda: iter(range(5))))) == [0, 1, 2, 3, 4]


def test_an_error_reaches_who_waits(jobs):
    def fails():
        yield 1
        raise ValueError("later")

    async def run():
        results = jobs.results(fails)
        assert await anext(results) == 1
        with pytest.raises(ValueError, match="later"):
            await anext(results)

    asyncio.run(run())


def test_jobs_take_turns(jobs):
    taken, ready = [], Event()

    def job(name):
        ready.wait()
        for number in range(3):
            taken.append(f"{name}{number}")
            yield number

    async def run():
        both = [asyncio.create_task(_all(jobs.results(lambda name=name: job(name)))) for name in "ab"]
        await asyncio.sleep(0.05)
        ready.set()
        await asyncio.gather(*both)

    asyncio.run(run())
    assert taken == ["a0", "b0", "a1", "b1", "a2", "b2"]


def test_a_job_whose_page_has_gone_is_closed(jobs):
    closed = Event()

    def endless():
        try:
            while True:
                yield 0
        finally:
            closed.set()

    async def run():
        results = jobs.results(endless)
        await anext(results)
        await results.aclose()

    asyncio.run(run())
    assert closed.wait(5)


def test_a_long_step_stops_when_its_page_goes(jobs):
    begun, stopped = Event(), Event()

    def long_step():
        begun.set()
        try:
            while True:
                sleep(0.001)
                stop_if_unwanted()
        finally:
            stopped.set()
        yield 0

    async def run():
        waiting = asyncio.create_task(_all(jobs.results(long_step)))
        await asyncio.to_thread(begun.wait)
        waiting.cancel()
        assert await asyncio.to_thread(stopped.wait, 5)
        assert await _all(jobs.results(lambda: iter([1]))) == [1]  # the worker is free

    asyncio.run(run())


def test_too_many_jobs_are_refused(jobs):
    wait = Event()

    def waits():
        wait.wait()
        yield 0

    async def run():
        waiting = [asyncio.create_task(_all(jobs.results(waits))) for _ in range(3)]
        await asyncio.sleep(0.05)
        with pytest.raises(BusyError, match="3 other requests"):
            await _all(jobs.results(waits))
        wait.set()
        await asyncio.gather(*waiting)
        return await _all(jobs.results(lambda: iter([1])))

    assert asyncio.run(run()) == [1]
