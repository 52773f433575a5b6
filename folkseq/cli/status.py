"""A line on stderr that says how far a command is, once it has taken two seconds.

On a terminal, the line is rewritten each second and makes room for whatever is printed. Elsewhere, as in a log, it is
printed at growing intervals. A thread writes it, so it also appears while a command waits for one long step.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from shutil import get_terminal_size
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, Self, TypeVar

import click

FIRST_S = 2.0
_NEXT_S = 1.0
_GROWTH = 2.0
"""Factor between intervals where the line is not rewritten."""
Item = TypeVar("Item")


class Status:
    """The status of one command, shown from `__enter__` to `close`."""

    def __init__(self, text: str, shown: bool = True) -> None:
        """Set the text and whether it is shown at all."""
        self.text, self.quiet, self._shown = text, False, shown
        self._began, self._width = time.monotonic(), 0
        self._closed, self._lock = Event(), Lock()

    def __enter__(self) -> Self:
        if self._shown:
            Thread(target=self._tick, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the line, and show none again."""
        self._closed.set()
        self.clear()

    def clear(self) -> None:
        """Remove the line from a terminal, since something else is printed there."""
        if self._width:
            with self._lock:
                _write(f"\r{' ' * self._width}\r")
                self._width = 0

    def _tick(self) -> None:
        stream, interval = sys.stderr, _NEXT_S
        wait = FIRST_S
        while not self._closed.wait(wait):
            if self.quiet:
                return
            elapsed = int(time.monotonic() - self._began)
            line = f"{self.text}  {elapsed // 60}:{elapsed % 60:02d}"
            rewritten = stream.isatty()
            with self._lock:
                if self._closed.is_set() or sys.stderr is not stream:
                    return
                if rewritten:
                    line = line[: get_terminal_size().columns - 1]
                    _write(f"\r{line.ljust(self._width)}")
                    self._width = len(line)
                else:
                    _write(f"{line}\n")
            interval *= 1 if rewritten else _GROWTH
            wait = interval


def current() -> Status:
    """Return the status of the command that runs, or one that is never shown."""
    context = click.get_current_context(silent=True)
    found = None if context is None else context.find_object(Status)
    return found or Status("", shown=False)


def tracked(items: Iterable[Item], total: int | None = None) -> Iterator[Item]:
    """Yield items, and count those that are done in the status."""
    status = current()
    of = "" if total is None else f" of {total:,}"
    verb = status.text
    status.text = f"{verb}: 0{of}"
    for number, item in enumerate(items, 1):
        yield item
        status.text = f"{verb}: {number:,}{of}"


def reading() -> Callable[[int, int], None]:
    """Return a function that shows the number of files that are read, and that of all."""
    status = current()
    verb = status.text

    def show(done: int, files: int) -> None:
        status.text = f"{verb}: read {done:,} of {files:,} files" if done < files else verb

    return show


def _hush(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and (status := context.find_object(Status)) is not None:
        status.quiet = True


QUIET: Callable[[Any], Any] = click.option(
    "-q",
    "--quiet",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_hush,
    help="Print neither progress nor the names of written files.",
)


def _write(text: str) -> None:
    with suppress(OSError, ValueError):  # the terminal may be closed, which must not end the command
        sys.stderr.write(text)
        sys.stderr.flush()
