"""Work in several processes gives what it gives in one, and leaves no process behind, whatever happens."""

import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from random import Random

import pytest

from folkseq import pretrained, workers
from folkseq.errors import FolkseqError, RequestError
from folkseq.interrupts import StoppedError, handled, stopped_when
from folkseq.sampling.engine import Engine
from folkseq.workers import processes, spread

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="work is spread by forks, on Linux")


@pytest.fixture(autouse=True)
def no_orphans():
    yield
    assert multiprocessing.active_children() == []


def shuffled(items, room=5):
    """Square numbers, up to `room` of which are kept for a while."""
    random, kept = Random(1), []
    for item in items:
        kept.append(item)
        if len(kept) == room:
            place, number = kept.pop(random.randrange(room))
            yield place, (number**2, os.getpid())
    for place, number in kept:
        yield place, (number**2, os.getpid())


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("items", [0, 1, 3, 500])
def test_results_come_in_the_order_of_the_items(count, items):
    found = list(spread(shuffled, range(items), count))
    assert [square for square, _ in found] == [number**2 for number in range(items)]
    at_work = {process for _, process in found}
    if count == 1:
        assert at_work <= {os.getpid()}
    else:
        assert os.getpid() not in at_work
        assert len(at_work) == min(count, items)


def test_large_results_and_items_that_nobody_reads_yet_block_no_one():
    def large(items):
        for place, item in items:
            yield place, bytes(5_000_000) + item

    assert [result[-1] for result in spread(large, (bytes([n]) * 300_000 for n in range(6)), 2)] == list(range(6))


def test_a_slow_consumer_is_waited_for():
    taken = []
    results = spread(shuffled, (taken.append(item) or item for item in range(10_000)), 2)
    assert next(results)[0] == 0
    assert len(taken) < 1000
    results.close()


def test_errors_come_as_they_are_and_end_the_others():
    def faulty(items):
        for place, item in items:
            if item == 30:
                raise RequestError("-n 30: is too many")
            if item == 60:
                raise ZeroDivisionError("bug")
            yield place, item

    with pytest.raises(RequestError, match=r"^-n 30: is too many$"):
        list(spread(faulty, range(100), 2))
    with pytest.raises(ZeroDivisionError) as caught:
        list(spread(faulty, range(40, 100), 2))
    assert "in faulty" in caught.value.__notes__[0]  # where it was raised


def test_a_process_that_is_killed_is_an_error_of_one_line():
    def killed(items):
        for place, item in items:
            if item == 10:
                os.kill(os.getpid(), signal.SIGKILL)
            yield place, item

    with pytest.raises(FolkseqError, match=r"^a worker process ended early by signal 9; if memory is short, .*$"):
        list(spread(killed, range(20), 2))


def endless(items):
    for place, item in items:
        while item:
            time.sleep(0.01)
            workers.stop_if_unwanted()
        yield place, item


def test_an_interrupt_or_a_caller_ends_all_processes():
    with handled(), closing(spread(endless, range(4), 2)) as results:
        assert next(results) == 0
        timer = threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGINT])
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            next(results)
        timer.join()
    until = time.monotonic() + 0.2
    with stopped_when(lambda: time.monotonic() > until), pytest.raises(StoppedError):
        list(spread(endless, range(4), 2))


PROGRAM = """
import os, sys
sys.path.insert(0, {folder!r})
from test_workers import endless, spread
def work(items):
    os.write(1, b"%d\\n" % os.getpid())
    yield from endless(items)
list(spread(work, [1, 1], 2))
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_process_outlives_the_program(number):
    program = PROGRAM.format(folder=os.path.dirname(__file__))
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        try:
            children = [int(process.stdout.readline()) for _ in range(2)]
            process.send_signal(number)
            process.wait()
        finally:
            process.kill()
        until = time.monotonic() + 10
        while any(map(_runs, children)):
            assert time.monotonic() < until
            time.sleep(0.05)


def _runs(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{process}/stat") as file:  # one that nobody has asked for is not running
        return file.read().rpartition(")")[2].split()[0] != "Z"


def test_only_the_main_thread_of_a_program_forks(monkeypatch):
    monkeypatch.setattr(workers, "cores", lambda: 100)
    assert processes() == workers.MOST
    found = []
    thread = threading.Thread(target=lambda: found.append(processes()))
    thread.start()
    thread.join()
    assert found == [1]
    monkeypatch.setattr(workers, "cores", lambda: 1)
    assert processes() == 1


def test_a_process_leaves_the_networks_of_its_parent_alone():
    """To free one waits for its threads, which the process does not have."""
    gc.disable()
    try:
        unused: list[object] = [Engine(pretrained.folders()[0] / "model.onnx", 4)]
        unused.append(unused)
        del unused

        def work(items):
            gc.collect()
            yield from shuffled(items)

        assert [number for number, _ in spread(work, range(9), 2)] == [0, 1, 4, 9, 16, 25, 36, 49, 64]
    finally:
        gc.enable()
