"""How many threads work on an update: every core, or one while something else keeps a core busy.

PyTorch's threads wait for each other by spinning. On two quiet cores two threads make an update in 0.6 of the time
that one takes; with another program on one of the cores they take seven times as long as one does. So both are
tried at the start and again every minute, a few updates each, and the faster stays.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

TRIED = 4
"""Updates with each number of threads; the fastest of them counts."""
EVERY_S = 60.0


class Threads:
    """Sets PyTorch's number of threads, update by update."""

    def __init__(self, choose: bool) -> None:
        """With `choose` false the number stays as it is, so that a run can be repeated to the bit."""
        most = torch.get_num_threads()
        self.choices = (most, 1) if choose and most > 1 else (most,)
        self.best = most
        self._due = 0.0
        self._trials: list[int] = []
        self._seconds: dict[int, list[float]] = {}

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
        torch.set_num_threads(self.choices[0])
