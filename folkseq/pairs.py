"""Pairs of what is known and what is to be written: the source that an encoder reads, and the target of a decoder.

The writer is at some place of the source at every step: in the bar that it fills, at the note that it harmonises. How
near each element of the source is to that place is known, in two directions that the representation gives a meaning
(bars, and eighths within a bar), so that attention can learn to look at the same place two bars before or after.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
UNSEEN = 0
"""How near an element is that the writer is not to see."""


@dataclass(frozen=True, eq=False)
class Source:
    """What is known."""

    ids: Integers
    """(S, F) of F fields that are read together."""
    places: Integers
    """(S, 2) where each element stands, in both directions."""

    def __post_init__(self) -> None:
        if self.ids.ndim != 2 or self.places.shape != (len(self.ids), 2):
            raise ValueError(f"ids are (S, F) and places (S, 2), got {self.ids.shape} and {self.places.shape}")

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, eq=False)
class Pair:
    """What is known, and what was written there."""

    source: Source
    ids: Integers
    """(T + 1,) from the start id to the end id."""
    at: Integers
    """(T,) where in the source the writer is when it has read each id but the last; or a step, where ids come in
    frames."""
    free: NDArray[np.bool_]
    """(T,) whether the id that follows was for the writer to choose, and not given."""
    before: Integers | None = None
    """The piece's ids before what was written, from its start id on, where they lead into it."""

    def __post_init__(self) -> None:
        if len(self.free) != len(self.ids) - 1:
            raise ValueError(f"{len(self.ids)} ids have {len(self.ids) - 1} to follow, got {len(self.free)}")


@dataclass(frozen=True)
class Reach:
    """How far apart places are told from one another, in both directions; farther ones are as near as the farthest.

    >>> reach = Reach(1, 0)
    >>> reach.near(np.array([[0, 0], [1, 0], [7, 0]]), np.array([0])).tolist()
    [[2, 3, 3]]
    """

    along: int
    within: int

    @property
    def size(self) -> int:
        """How many ways of being near there are, `UNSEEN` among them."""
        return 1 + (2 * self.along + 1) * (2 * self.within + 1)

    @property
    def level(self) -> NDArray[np.float32]:
        """(size,) 1 where an element is at the same place in another stretch along the way, or here; else 0."""
        table = np.zeros((2 * self.along + 1, 2 * self.within + 1), np.float32)
        table[:, self.within] = 1
        return np.concatenate([np.zeros(1, np.float32), table.ravel()])

    def near(self, places: Integers, at: Integers, onward: bool = True) -> Integers:
        """How near each element is to each of some places.

        Args:
            places: (S, 2).
            at: (T,) the elements that stand at those.
            onward: whether the writer sees what comes after its place.

        Returns:
            (T, S) below `size`.
        """
        apart = places[None] - places[at][:, None]  # (T, S, 2)
        along = np.clip(apart[..., 0], -self.along, self.along) + self.along
        within = np.clip(apart[..., 1], -self.within, self.within) + self.within
        found: Any = 1 + along * (2 * self.within + 1) + within
        if not onward:
            found[np.arange(len(places)) > at[:, None]] = UNSEEN
        return np.asarray(found, np.int64)
