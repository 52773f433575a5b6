"""The comparison of new pieces with the training set, as the sampler sees it; the novelty package implements it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from folkseq.grammar import Ids, Rows
from folkseq.run import Run


class SharedPassage(NamedTuple):
    """The longest passage that a piece shares with the training set, in any key."""

    length: int = 0
    """Number of ids; 0 if it shares nothing."""
    start: int = 0
    """Position in the piece."""
    source: int = 0
    """Number of the piece in the run's store."""
    source_start: int = 0
    """Position in that piece."""
    source_ids: NDArray[Any] = np.zeros(0, np.int64)
    """The ids of that piece up to the end of the passage."""


class CopyLimiter(Protocol):
    """A mask against ids that would make too long a copy; `folkseq.grammar.Grammar` documents its methods."""

    def begin(self, rows: int) -> Rows: ...  # noqa: D102 - see Grammar

    def advance(self, rows: Rows, ids: Ids) -> Rows: ...  # noqa: D102 - see Grammar

    def allowed(self, rows: Rows) -> NDArray[np.bool_] | None: ...  # noqa: D102 - see Grammar


class Overlaps(Protocol):
    """Compares pieces with the training set of a run."""

    @classmethod
    def build(cls, run: Run) -> None:
        """Write the index into the run folder."""
        ...

    @classmethod
    def open(cls, run: Run) -> Overlaps:
        """Open the index of a run."""
        ...

    def longest(self, pieces: Sequence[NDArray[Any]]) -> list[SharedPassage]:
        """Return the longest shared passage of each piece."""
        ...

    def limit(self, most: int) -> CopyLimiter:
        """Return the mask that limits copies to so many ids."""
        ...
