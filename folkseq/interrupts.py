"""The early end of work: by signals to the program, and by callers that no longer want a result.

Signals are SIGINT of Ctrl-C, SIGTERM of `kill` and schedulers, and SIGHUP of a closed terminal.

A program that was started with SIGHUP ignored, as by nohup, continues to ignore it. SIGINT is handled even if it was
ignored, as it is for programs that a script starts with `&`.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType

HANGUP: signal.Signals | None = getattr(signal, "SIGHUP", None)  # Windows has none
_unwanted: ContextVar[Callable[[], bool]] = ContextVar("unwanted", default=lambda: False)


class StoppedError(Exception):
    """Work that was stopped, since nobody wants its result."""


@contextmanager
def stopped_when(unwanted: Callable[[], bool]) -> Iterator[None]:
    """Let long work in this thread stop with StoppedError as soon as a condition holds."""
    before = _unwanted.set(unwanted)
    try:
        yield
    finally:
        _unwanted.reset(before)


def stop_if_unwanted() -> None:
    """Raise StoppedError if nobody wants the result; long work calls this now and then."""
    if _unwanted.get()():
        raise StoppedError


@contextmanager
def handled(handler: Callable[[int, FrameType | None], None] = signal.default_int_handler) -> Iterator[None]:
    """Handle these signals; by default all of them raise KeyboardInterrupt. Only the main thread can handle signals."""
    before = {}
    if threading.current_thread() is threading.main_thread():
        numbers = [signal.SIGINT, signal.SIGTERM]
        if HANGUP is not None and signal.getsignal(HANGUP) != signal.SIG_IGN:
            numbers.append(HANGUP)
        before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


@contextmanager
def deferred() -> Iterator[Callable[[], bool]]:
    """Defer these signals, and yield a function that returns whether one came; a second Ctrl-C interrupts at once.

    A scheduler or a closing terminal may send its signal twice, which means no more than once.
    """
    came = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal came
        if came and number == signal.SIGINT:
            raise KeyboardInterrupt
        came = True

    with handled(note):
        yield lambda: came
