"""The interface for comparing new pieces with the training set; the novelty package implements it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
    """The ids of that piece up to the end of the passage; none if the run does not have them."""


@dataclass(frozen=True)
class Copied:
    """The longest passage that a piece shares with the training set, in any key."""

    tokens: int
    bars: int
    """Number of bar lines in it."""
    at: str
    """Its beginning in the piece; empty if only a part of the piece is new."""
    source: str
    """File, number and title of the piece in the training set; empty if nothing is shared."""
    source_at: str
    """Its beginning in that piece."""
    span: str = ""
    """Its extent in the piece: `bars 3-7`."""
    source_span: str = ""
    """Its extent in the piece of the training set."""


@dataclass(frozen=True)
class Verdict:
    """The verdict whether a piece is a copy; see `folkseq.novelty.verdict` for the rules."""

    kind: str
    """`new`, `usual`, `long`, `variant`, `copy`, or `unknown` if the corpus is too small to tell what is usual."""
    words: str
    """The verdict as a sentence without a full stop."""
    source: str
    """The training piece with the largest overlap, as in `Copied`; empty if nothing is shared."""
    corpus_share: float | None
    """The share of corpus pieces that share as much with another; None if unknown."""
    source_share: float | None
    """The share of the piece that is in `source`, by its figures or by the passage; None if there is no source."""


class CopyLimiter(Protocol):
    """A mask of ids that would make a copy too long; `folkseq.grammar.Grammar` documents its methods."""

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
        """Return the mask that limits copies to a number of ids."""
        ...

    def describe(self, tokens: Sequence[str], shared: SharedPassage) -> Copied:
        """Describe a passage of tokens that also occurs in the training set."""
        ...

    def judge(self, ids: NDArray[Any], copied: Copied) -> Verdict:
        """Return the verdict on a piece, given its longest shared passage."""
        ...
