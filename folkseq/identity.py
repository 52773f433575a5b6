"""Results that are kept by identity: for immutable objects whose hash takes longer than what is wanted of them.

The pieces of a corpus, or of a model, share most of their sounds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

Thing = TypeVar("Thing")
Result = TypeVar("Result")
_MOST = 1024


class ByIdentity(Generic[Thing, Result]):
    """A function that keeps its results for the objects that it has met."""

    def __init__(self, function: Callable[[Thing], Result]) -> None:
        self._function = function
        self._found: dict[int, tuple[Thing, Result]] = {}  # holding an object keeps its id valid

    def __call__(self, thing: Thing) -> Result:
        """Return what the function returns."""
        found = self._found.get(id(thing))
        if found is None:
            if len(self._found) >= _MOST:
                self._found.clear()
            found = self._found[id(thing)] = thing, self._function(thing)
        return found[1]
