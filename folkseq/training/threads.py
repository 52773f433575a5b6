"""How many threads work on an update: every core, or one while something else keeps a core busy.

PyTorch's threads wait for each other by spinning. On two quiet cores two threads make an update in 0.6 of the time
that one takes; with another program on one of the cores they take seven times as long as one does. So where all
numbers of threads give the same weights and figures to the bit, as `plan.measure` finds out, they are tried again every
minute, a few updates each, and the fastest stays.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

TRIED = 4
"""Updates with each number of threads; the fastest of them counts."""
EVERY_S = 60.0


def choices() -> tuple[int, ...]:
    """The numbers of threads that are worth trying: as many as PyTorch has now, and one."""
    most = torch.get_num_threads()
    return (most, 1) if most > 1 else (most,)


class Threads:
    """Sets PyTorch's number of threads, update by update."""

    def __init__(self, choices: tuple[int, ...]) -> None:
        """Those of `choices`, which is one number where a run could not be repeated to the bit otherwise."""
        self.before = torch.get_num_threads()
        self.choices = choices
        self.best = self.choices[0]
        self._due = 0.0
        self._trials: list[int] = []
        self._seconds: dict[int, list[float]] = {}
        if self.best != self.before:
            torch.set_num_threads(self.best)

    @contextmanager
    def update(self) -> Iterator[None]:
        """Around one update: sets the threads that it is to use, and learns from its time."""
        if len(self.choices) == 1:
            yield
            return
        start = time.monotonic()
        if not self._trials and start >= self._due:
            self._trials = [threads for threads in self.choices for _ in range(TRIED)]
            self._seconds = {threads: [] for threads in self.choices}
            self._due = start + EVERY_S
        trial = self._trials.pop() if self._trials else None
        torch.set_num_threads(trial or self.best)
        yield
        if trial is not None:
            self._seconds[trial].append(time.monotonic() - start)
            if not self._trials:
                self.best = min(self.choices, key=lambda threads: min(self._seconds[threads]))

    def restore(self) -> None:
        """Gives PyTorch the number of threads back that it had."""
        torch.set_num_threads(self.before)
