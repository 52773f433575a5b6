"""Optional packages, found through entry points, so that the core never imports them.

folkseq.representations   name = "module:Class"     a `representations.base.Representation`
folkseq.tasks             name = "module:function"  a function from a codec to a `representations.task.Task`, or None
folkseq.verbs             name = "module:command"   a click command of the program
folkseq.extensions        novelty                   compares new pieces with the training set, see `sampling.overlaps`
                          again                     reproduces an answer of `fill` from the record in its file
                          display                   shows a piece in a notebook
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any


@cache
def installed(group: str) -> dict[str, EntryPoint]:
    """Return the entry points of a group such as `tasks`, by name."""
    return {point.name: point for point in sorted(_every().select(group=f"folkseq.{group}"))}


@cache
def _every() -> Any:
    """Return the entry points of all groups, which are read from a file of each installed package."""
    return entry_points()


def extension(name: str) -> Any | None:
    """Return the extension with a name, or None if it is not installed."""
    point = installed("extensions").get(name)
    return None if point is None else point.load()
