"""What a model reads at once, wherever it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

IGNORED = -100
"""The target that is not to be predicted; PyTorch's cross entropy leaves it out."""


class SourceBatch(NamedTuple):
    """What is known of each row, where the rest of a piece is."""

    ids: NDArray[np.int64]
    """(B, S, F) ids."""
    lengths: NDArray[np.int64]
    """(B,) how many elements of each row are of it."""
    at: NDArray[np.int64]
    """(B, T) the element where the writer is at each step."""
    relative: NDArray[np.int64]
    """(B, T, S) the relative position of each element, as `folkseq.pairs.RelativePositions` counts."""


class Batch(NamedTuple):
    """Ids, those that follow them, and what goes with them."""

    x: NDArray[np.int64]
    """(B, T) ids."""
    y: NDArray[np.int64]
    """(B, T) the ids that follow them, or `IGNORED`."""
    fresh: NDArray[np.bool_]
    """(B,) whether a row's state is to begin at zero, and not where the row before it ended."""
    conditioning: NDArray[np.float32] | None = None
    """(B, T, C) what is said of each id of `y` beforehand, if anything is."""
    lookback: NDArray[np.int64] | None = None
    """(B, T, W) what `Lookback` gives beside each id of `x`, if anything."""
    source: SourceBatch | None = None
    """What is known besides, where ids are those of a part of a piece."""


class Batches(Protocol):
    """Endless batches, with a cursor to go on from."""

    @property
    def epoch(self) -> float:
        """How often the corpus has been dealt out, with the part of the epoch that is under way."""
        ...

    def __next__(self) -> Batch:
        """Read one batch."""
        ...

    def __iter__(self) -> Iterator[Batch]: ...

    def state(self) -> dict[str, Any]:
        """Where the batches stand, as values that JSON can hold exactly."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to where `state` was taken."""
        ...
