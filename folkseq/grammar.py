"""Grammars and conditioning schedules: the control of a representation over the sampler.

Both follow many pieces at a time, one per row. The state of the rows is a tuple of arrays with the rows as first axis,
so a sampler can select, replace and remove rows without knowing the contents of the arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Rows = tuple[NDArray[Any], ...]
"""The state of B rows: arrays of shape (B, …)."""
Ids = NDArray[np.int64]


class Grammar(Protocol):
    """The ids that may come next in each of many pieces, given the previous ids."""

    @property
    def fewest(self) -> int:
        """Return the number of ids that a limit must leave so that every piece can end properly."""
        ...

    def begin(self, rows: int) -> Rows:
        """Return the state of `rows` pieces before their start ids."""
        ...

    def advance(self, rows: Rows, ids: Ids) -> Rows:
        """Return the state after one more allowed id per row, (B,), without changing `rows`."""
        ...

    def allowed(self, rows: Rows, remaining: Ids) -> NDArray[np.bool_]:
        """Mask the ids that may come next.

        Args:
            rows: state after all ids so far.
            remaining: (B,) number of ids, the end id included, left before the limit.

        Returns:
            (B, V) bool with at least one True per row. As `remaining` falls, it narrows to ids that end the piece.
        """
        ...

    def given(self, rows: Rows) -> Rows:
        """Return the state in which the ids so far are fixed, so that later ids do not change them."""
        ...

    def progress(self, rows: Rows) -> NDArray[np.float64]:
        """Return the estimated share of each piece that is written, (B,) from 0 to 1."""
        ...


@runtime_checkable
class TokenGrammar(Grammar, Protocol):
    """A grammar that also judges whole compound tokens, so that a network can draw them at once."""

    def settle(self, rows: Rows, ids: Ids, remaining: Ids) -> tuple[Ids, NDArray[np.bool_], Rows]:
        """Return tokens, (B, F), of which some may end their piece instead, and the state after them.

        Between both, it returns which tokens are allowed, (B,); the state of other rows is undefined.

        Args:
            rows: state before the tokens.
            ids: (B, F), one of each field, or the end id in all places.
            remaining: as for `allowed`.
        """
        ...


class Target(Protocol):
    """Weights beside the grammar's mask that make pieces resemble the corpus; one random number per piece decides how.

    Where the two exclude each other, the grammar's mask counts.
    """

    @property
    def version(self) -> int:
        """Return a number that changes whenever the same random numbers give other weights."""
        ...

    def begin(self, uniforms: NDArray[np.float64]) -> Rows:
        """Return the state of pieces before their start ids, given a number from 0 to 1 for each, (B,)."""
        ...

    def advance(self, rows: Rows, ids: Ids) -> Rows:
        """Return the state after one more id per row, (B,), without changing `rows`."""
        ...

    def weights(self, rows: Rows) -> NDArray[np.float32]:
        """Return the factors of the probabilities of the ids that may come next, (B, V); 0 excludes an id."""
        ...


class PlacedGrammar(Grammar, Protocol):
    """The grammar of a gap, which knows where in the encoder's source each piece is."""

    def at(self, rows: Rows) -> Ids:
        """Return the position in the source of each piece, (B,)."""
        ...


class Schedule(Protocol):
    """The conditioning that a model reads beside the ids over time; it follows any ids, allowed or not."""

    def begin(self, rows: int) -> Rows:
        """Return the state of `rows` pieces before their start ids."""
        ...

    def advance(self, rows: Rows, ids: Ids) -> Rows:
        """Return the state after one more id per row, (B,), or several, (B, F), without changing `rows`."""
        ...

    def conditioning(self, rows: Rows) -> NDArray[np.float32]:
        """Return the conditioning of the next id, (B, C), which the model reads beside the id before it."""
        ...


def take(rows: Rows, places: Sequence[int] | Ids) -> Rows:
    """Return the rows at `places`, in that order; a place may occur several times."""
    return tuple(array[places] for array in rows)


def put(rows: Rows, places: Sequence[int] | Ids, others: Rows) -> None:
    """Replace the rows at `places` with `others`, which are as many, or one for all."""
    for array, other in zip(rows, others, strict=True):
        array[places] = other
