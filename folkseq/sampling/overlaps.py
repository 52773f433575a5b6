"""The comparison of new pieces with the training set, as the sampler sees it; the novelty package implements it."""

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
    """Where in the piece it begins; empty if only a part of the piece is new."""
    source: str
    """File, number and title of the piece in the training set; empty if nothing is shared."""
    source_at: str
    """Where in that piece it begins."""
    span: str = ""
    """What it takes up in the piece, as in `bars 3-7`."""
    source_span: str = ""
    """What it takes up in that piece."""


@dataclass(frozen=True)
class Verdict:
    """An answer to the question whether a piece is a copy; `folkseq.novelty.verdict` has the rules."""

    kind: str
    """`new`, `usual`, `long`, `variant`, `copy`, or `unknown` if the corpus is too small to tell what is usual."""
    words: str
    """The answer as a sentence without a full stop."""
    source: str
    """The piece that it shares most with, as in `Copied`; empty if nothing is shared."""
    corpus_share: float | None
    """The share of the corpus's pieces that share as much with another; None if unknown."""
    source_share: float | None
    """The share of the piece that is in `source`, by its figures or by the passage; None if there is no source."""


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

    def describe(self, tokens: Sequence[str], shared: SharedPassage) -> Copied:
        """Describe a passage of tokens that the training set holds, too."""
        ...

    def judge(self, ids: NDArray[Any], copied: Copied) -> Verdict:
        """Say whether a piece, whose longest shared passage is known, is a copy."""
        ...
