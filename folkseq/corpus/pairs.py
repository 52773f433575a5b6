"""Batches of pairs: of each piece a part is to be written, and the rest is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from folkseq.corpus.batch import IGNORED, Batch, SourceBatch
from folkseq.corpus.store import TokenStore
from folkseq.errors import CorpusError
from folkseq.pairs import MASKED, Pair, RelativePositions

POOL = 8
"""Batches' worth of pairs that are drawn together and dealt by length, so that little of a batch is filled up."""
TRIES = 1_000
"""How often a piece is asked for a pair, which chance may refuse, before it is said that there are none."""


class Draw(Protocol):
    """Makes pairs of pieces."""

    def __call__(self, ids: NDArray[Any], piece: int, random: np.random.Generator) -> Pair | None:
        """A pair of a whole piece, as `random` has it; None where nothing of it can be asked for."""
        ...

    def hold_out(self, ids: NDArray[Any], piece: int, turn: int) -> Pair | None:
        """Pair number `turn` of a piece to judge by, always the same; None where there is none."""
        ...


class Pairs:
    """Endless batches of pairs, one of each piece an epoch."""

    def __init__(
        self,
        store: TokenStore,
        pieces: ArrayLike,
        rows: int,
        generator: np.random.Generator,
        draw: Draw,
        relative_positions: RelativePositions,
        ids_per_step: int = 1,
    ) -> None:
        """Begin at the start of the first epoch.

        Args:
            store: the pieces' ids.
            pieces: which of them to read.
            rows: B.
            generator: draws each epoch's order and the pairs; over a bit generator whose state is plain integers.
            draw: makes a pair of a piece.
            relative_positions: of the sources' elements.
            ids_per_step: number of ids that the cells read in a step.
        """
        self._store, self._pieces, self._rows, self._generator = store, np.asarray(pieces), rows, generator
        if not self._pieces.size or rows < 1:
            raise ValueError(f"expected pieces and rows >= 1, got {self._pieces.size} and {rows}")
        self._draw, self._relative_positions, self._ids_per_step = draw, relative_positions, ids_per_step
        self._epoch, self._dealt = 0, 0
        self._shuffle()
        self._fill()

    @property
    def epoch(self) -> float:
        """How often the corpus has been dealt out, with the part of the epoch that is under way."""
        return float(self._epoch + self._dealt / len(self._order))

    @property
    def length(self) -> float:
        """How many ids a pair has to be foretold, the mean of those at hand."""
        pairs = [pair for batch in self._pool for pair in batch]
        return float(np.mean([len(pair.free) for pair in pairs]))

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        """Make one batch."""
        if self._given == len(self._pool):
            self._fill()
        self._given += 1
        return batch_of(self._pool[self._given - 1], self._relative_positions, self._ids_per_step)

    def state(self) -> dict[str, Any]:
        """Where the batches stand, as values that JSON can hold exactly."""
        return {
            "order": self._order_of_pool,
            "pool": self._before_pool,
            "epoch": self._pool_epoch,
            "dealt": self._pool_dealt,
            "given": self._given,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to where `state` was taken, over the same store and pieces."""
        self._generator.bit_generator.state = state["order"]
        self._shuffle()
        self._generator.bit_generator.state = state["pool"]
        self._epoch, self._dealt = state["epoch"], state["dealt"]
        self._fill()
        self._given = state["given"]

    def _shuffle(self) -> None:
        self._before_order: Any = self._generator.bit_generator.state  # drawing from it again gives this order again
        self._order = self._generator.permutation(self._pieces)
        self._dealt = 0

    def _fill(self) -> None:
        """Draw the pairs of the next batches, and sort them into those by length."""
        self._order_of_pool = self._before_order
        self._before_pool: Any = self._generator.bit_generator.state
        self._pool_epoch, self._pool_dealt = self._epoch, self._dealt
        pairs: list[Pair] = []
        tried = 0
        while len(pairs) < POOL * self._rows:
            if not pairs and tried > TRIES * len(self._pieces):
                raise CorpusError("nothing of the pieces to train on can be asked for; bring others, or more of them")
            if self._dealt == len(self._order):
                self._shuffle()
                self._epoch += 1
            piece = int(self._order[self._dealt])
            self._dealt += 1
            tried += 1
            pair = self._draw(self._store[piece], piece, self._generator)
            if pair is not None:
                pairs.append(pair)
        pairs.sort(key=lambda pair: (len(pair.source), len(pair.ids)))
        batches = [pairs[first : first + self._rows] for first in range(0, len(pairs), self._rows)]
        self._pool = [batches[place] for place in self._generator.permutation(len(batches)).tolist()]
        self._given = 0


def batch_of(
    pairs: Sequence[Pair], relative_positions: RelativePositions, ids_per_step: int = 1, only_free: bool = False
) -> Batch:
    """Pairs as one batch, each row filled up to the longest.

    Args:
        pairs: B of them.
        relative_positions: of the sources' elements.
        ids_per_step: number of ids that the cells read in a step.
        only_free: whether ids that were given are `IGNORED`.
    """
    length, known = max(len(pair.ids) - 1 for pair in pairs), max(len(pair.source) for pair in pairs)
    steps = length // ids_per_step
    x, y = np.zeros((len(pairs), length), np.int64), np.full((len(pairs), length), IGNORED)
    source = np.zeros((len(pairs), known, pairs[0].source.ids.shape[1]), np.int64)
    at = np.zeros((len(pairs), steps), np.int64)
    relative = np.full((len(pairs), steps, known), MASKED)
    for row, pair in enumerate(pairs):
        size, many = len(pair.ids) - 1, len(pair.source)
        x[row, :size], y[row, :size] = pair.ids[:-1], pair.ids[1:]
        if only_free:
            y[row, :size][~pair.free] = IGNORED
        source[row, :many] = pair.source.ids
        own = pair.at[:steps]
        at[row, : len(own)] = own
        relative[row, : len(own), :many] = relative_positions.between(pair.source.positions, own)
    lengths = np.array([len(pair.source) for pair in pairs])
    return Batch(x, y, np.ones(len(pairs), np.bool_), source=SourceBatch(source, lengths, at, relative))
