"""Batches of pairs: a part of each piece is the target, and the rest is its source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from folkseq.corpora.batch import IGNORED, Batch, Batches, SourceBatch
from folkseq.corpora.store import TokenStore
from folkseq.errors import CorpusError
from folkseq.pairs import MASKED, Pair, RelativePositions
from folkseq.representations.task import Task

POOL = 8
"""Batches' worth of pairs that are drawn together and sorted by length, so that batches need little padding."""
TRIES = 1_000
"""Draws per piece that may give no pair, before the corpus is said to have none."""


class Pairs(Batches):
    """Endless batches of pairs, one pair of each piece in an epoch."""

    def __init__(
        self,
        store: TokenStore,
        pieces: ArrayLike,
        rows: int,
        generator: np.random.Generator,
        task: Task,
        relative_positions: RelativePositions,
        ids_per_step: int = 1,
    ) -> None:
        """Start the first epoch of batches of `rows` pairs; see `Batches` and `batch_of`."""
        super().__init__(store, pieces, generator)
        if rows < 1:
            raise ValueError(f"rows must be at least 1, got {rows}")
        self._rows, self._task = rows, task
        self._relative_positions, self._ids_per_step = relative_positions, ids_per_step
        self._fill()

    def __next__(self) -> Batch:
        if self._given == len(self._pool):
            self._fill()
        self._given += 1
        return batch_of(self._pool[self._given - 1], self._relative_positions, self._ids_per_step)

    def state(self) -> dict[str, Any]:
        return {**self._pool_start, "given": self._given}

    def restore(self, state: dict[str, Any]) -> None:
        self._go_back(state["order"], state["epoch"], state["dealt"])
        self._generator.bit_generator.state = state["pool"]
        self._fill()
        self._given = state["given"]

    def _fill(self) -> None:
        """Draw the pairs of the next batches, and sort them into batches by length."""
        state = self._generator.bit_generator.state
        self._pool_start = {"order": self._order_start, "pool": state, "epoch": self._epoch, "dealt": self._taken}
        pairs: list[Pair] = []
        tried = 0
        while len(pairs) < POOL * self._rows:
            if not pairs and tried > TRIES * len(self._pieces):
                raise CorpusError("no part of the training pieces can be a target; use other pieces, or more of them")
            piece = self._take()
            tried += 1
            pair = self._task.draw(self._store[piece], self._generator, self._relative_positions.causal or None)
            if pair is not None:
                pairs.append(pair)
        pairs.sort(key=lambda pair: (len(pair.source), len(pair.ids)))
        batches = [pairs[first : first + self._rows] for first in range(0, len(pairs), self._rows)]
        self._pool = [batches[place] for place in self._generator.permutation(len(batches)).tolist()]
        self._given = 0


def batch_of(
    pairs: Sequence[Pair], relative_positions: RelativePositions, ids_per_step: int = 1, only_free: bool = False
) -> Batch:
    """Return B pairs as one batch, padded to the longest source and target.

    Args:
        pairs: B of them.
        relative_positions: of the sources' elements.
        ids_per_step: number of ids that the cells read in a step.
        only_free: make the targets that were given `IGNORED`.
    """
    rows, length, elements = len(pairs), max(len(pair.free) for pair in pairs), max(len(pair.source) for pair in pairs)
    steps = length // ids_per_step
    x, y = np.zeros((rows, length), np.int64), np.full((rows, length), IGNORED)  # (B, T)
    source = np.zeros((rows, elements, pairs[0].source.ids.shape[1]), np.int64)  # (B, S, F)
    at = np.zeros((rows, steps), np.int64)
    relative = np.full((rows, steps, elements), MASKED)  # (B, T, S)
    for row, pair in enumerate(pairs):
        size, own = len(pair.free), pair.at[:steps]
        x[row, :size], y[row, :size] = pair.ids[:-1], pair.ids[1:]
        if only_free:
            y[row, :size][~pair.free] = IGNORED
        source[row, : len(pair.source)] = pair.source.ids
        at[row, : len(own)] = own
        relative[row, : len(own), : len(pair.source)] = relative_positions.between(pair.source.positions, own)
    lengths = np.array([len(pair.source) for pair in pairs])
    return Batch(x, y, np.ones(rows, np.bool_), source=SourceBatch(source, lengths, at, relative))
