"""What a sampler asks of a representation: which ids may come next, and what the model is to read beside them.

Both follow many pieces at a time, one a row. Where the rows stand is a tuple of arrays, the first axis of each of which
is the rows; so a sampler may pick rows out, put others in their place, and go on with fewer, without knowing what the
arrays hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Rows = tuple[NDArray[Any], ...]
"""Where B rows stand: arrays of (B, …)."""
Ids = NDArray[np.int64]


class Grammar(Protocol):
    """Which ids may come next in each of many pieces, given those so far."""

    @property
    def fewest(self) -> int:
        """How many ids a limit must leave room for, so that a piece can be led to its end."""
        ...

    def begin(self, rows: int) -> Rows:
        """Where `rows` pieces stand before their start ids have been read."""
        ...

    def advance(self, rows: Rows, ids: Ids) -> Rows:
        """Where they stand after one more id in each, (B,), which `allowed` had allowed. `rows` stay as they were."""
        ...

    def allowed(self, rows: Rows, remaining: Ids) -> NDArray[np.bool_]:
        """Which ids may come next.

        Args:
            rows: after everything read so far.
            remaining: (B,) how many ids, the end id among them, may still be written before the limit.

        Returns:
            (B, V) bool, no row all False. As `remaining` falls it narrows to what ends the piece in time.
        """
        ...

    def given(self, rows: Rows) -> Rows:
        """Where they stand if what was read so far was given, and is not to be changed by what follows."""
        ...

    def progress(self, rows: Rows) -> NDArray[np.float64]:
        """How much of each piece is written, (B,) from 0 to 1, as far as that can be foreseen."""
        ...


class Placed(Grammar, Protocol):
    """A grammar of what is written where the rest of a piece is known."""

    def at(self, rows: Rows) -> Ids:
        """Where in what is known each piece is, (B,)."""
        ...


class Constraint(Protocol):
    """Ids that must not come next although the grammar allows them; it gives way where nothing else would be left."""

    def begin(self, rows: int) -> Rows:
        """Return the state of `rows` pieces before their start ids have been read."""
        ...

    def advance(self, rows: Rows, ids: Ids) -> Rows:
        """Return the state after one more id in each piece, (B,), without changing `rows`."""
        ...

    def allowed(self, rows: Rows) -> NDArray[np.bool_] | None:
        """Return which ids may come next, (B, V); None if all may in every row."""
        ...


class Schedule(Protocol):
    """The controls that a model reads beside the ids, as they are asked for over time.

    It follows any ids, allowed or not.
    """

    def begin(self, rows: int) -> Rows:
        """Where `rows` pieces stand before their start ids have been read."""
        ...

    def advance(self, rows: Rows, ids: Ids) -> Rows:
        """Where they stand after one more id in each, (B,). `rows` stay as they were."""
        ...

    def conditioning(self, rows: Rows) -> NDArray[np.float32]:
        """What is asked of the id that comes next, (B, C); the model reads it beside the id before that."""
        ...


def take(rows: Rows, places: Sequence[int] | Ids) -> Rows:
    """The rows at `places`, in that order; a place may come several times."""
    return tuple(array[places] for array in rows)


def put(rows: Rows, places: Sequence[int] | Ids, others: Rows) -> None:
    """Replace the rows at `places` by `others`, of which there are as many, or one for all."""
    for array, other in zip(rows, others, strict=True):
        array[places] = other
