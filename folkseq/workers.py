"""Parallel work in processes, since Python threads cannot run in parallel.

Each process requests items when it has room for them and returns their results in any order; the caller gets the
results in the order of the items. A process requests each item and waits for it, so neither side writes to a pipe that
nobody reads, whatever the size of items and results. If the consumer is slow, processes do not work ahead of it by more
than the items in progress.

Processes are forked: they start within milliseconds and share everything that is loaded. A fork copies all locks but
only the forking thread, so only the main thread of a program forks, and only on Linux, where the system libraries allow
it. Otherwise, the calling process does the work.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from multiprocessing.connection import Connection, Pipe, wait
from threading import current_thread, main_thread
from typing import Any, TypeVar

from folkseq.errors import FolkseqError
from folkseq.interrupts import HANGUP, stop_if_unwanted, stopped_when
from folkseq.machine import cores

Item = TypeVar("Item")
Result = TypeVar("Result")
Work = Callable[[Iterator[tuple[int, Item]]], Generator[tuple[int, Result]]]
"""A function that consumes numbered items and yields the result of each with its number, in any order."""

MOST = 16
"""Maximum number of processes; more would wait for the process that collects the results."""
_ITEM = "an item, please"  # what a process sends to get one
_UNEVEN = 1.25  # times as many items as another that a process may have had when it gets one more
_POLL_S = 0.2  # seconds between two checks for an interrupt by the user
_SIGNALS = {signal.SIGINT, signal.SIGTERM, *([] if HANGUP is None else [HANGUP])}


def processes() -> int:
    """Return the number of processes available to this thread; 1 if it has to do the work itself."""
    may_have_children = not multiprocessing.current_process().daemon
    forks = sys.platform == "linux" and current_thread() is main_thread() and may_have_children
    return min(cores(), MOST) if forks else 1


def spread(work: Work[Item, Result], items: Iterable[Item], count: int) -> Iterator[Result]:
    """Yield the results of items in their order.

    Args:
        work: what each process does.
        items: taken as the processes need them.
        count: number of processes; 1 for this one.

    Raises:
        FolkseqError: a process was killed.
        Exception: what the work raised.
    """
    numbered, finished, following = enumerate(items), dict[int, Result](), 0
    with closing(work(numbered) if count < 2 else _in_processes(work, numbered, count)) as results:
        for number, result in results:
            finished[number] = result
            while following in finished:
                yield finished.pop(following)
                following += 1


def _in_processes(
    work: Work[Item, Result], items: Iterator[tuple[int, Item]], count: int
) -> Generator[tuple[int, Result]]:
    """Yield results as they come, and leave no process behind."""
    running: dict[Connection, multiprocessing.process.BaseProcess] = {}
    given, asking, team = dict[Connection, int](), list[Connection](), []

    def give() -> None:
        """Give an item to each process that asks for one, unless another has had too few: of two, both get one."""
        for connection in list(asking):
            if given[connection] <= _UNEVEN * min(given[each] for each in running):
                asking.remove(connection)
                given[connection] += 1
                with suppress(OSError):  # it has ended, which is noticed below
                    connection.send(next(items, None))

    try:
        for _ in range(count):
            connection, process = _start(work, list(running))
            running[connection], given[connection] = process, 0
            team.append(process)
        while running:
            stop_if_unwanted()
            ready = set(wait(list(running), timeout=_POLL_S))
            for connection in [each for each in running if each in ready]:
                try:
                    message = connection.recv()
                except (EOFError, OSError):
                    running[connection].join()
                    raise FolkseqError(_killed(running[connection].exitcode)) from None
                if isinstance(message, BaseException):
                    raise message
                if message is None:
                    del running[connection]
                elif message == _ITEM:
                    asking.append(connection)
                else:
                    yield message
            give()
    finally:
        for process in team:
            process.terminate()
        for process in team:
            process.join()


def _start(
    work: Work[Item, Result], others: Sequence[Connection]
) -> tuple[Connection, multiprocessing.process.BaseProcess]:
    """Start a process, and return this side of its connection."""
    ours, theirs = Pipe()
    target = multiprocessing.get_context("fork").Process(
        target=_serve, args=(work, theirs, [*others, ours], os.getpid()), daemon=True
    )
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # until it handles them in its own way
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of other threads, such as that of the status line
            target.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    theirs.close()
    return ours, target


def _serve(work: Work[Item, Result], connection: Connection, others: Sequence[Connection], parent: int) -> None:
    """Do the work of a process, until there is no more or the parent is gone."""
    gc.freeze()  # the parent's objects: to free a network here would wait for threads that only the parent has
    for number in _SIGNALS:  # the parent decides what ends its processes
        signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    for other in others:  # or they would stay open when the parent is gone
        other.close()
    with suppress(OSError), stopped_when(lambda: os.getppid() != parent):
        try:
            with closing(work(_ask(connection))) as results:
                for result in results:
                    connection.send(result)
            connection.send(None)
        except BaseException as error:
            if not isinstance(error, FolkseqError):
                error.add_note(traceback.format_exc())
            connection.send(error)


def _ask(connection: Connection) -> Iterator[Any]:
    """Yield items as long as there are any, each when it is asked for."""
    while True:
        connection.send(_ITEM)
        item = connection.recv()
        if item is None:
            return
        yield item


def _killed(code: int | None) -> str:
    how = f"by signal {-code}" if code is not None and code < 0 else f"with status {code}"
    return f"a worker process ended early {how}; if memory is short, close other programs or ask for fewer pieces"
