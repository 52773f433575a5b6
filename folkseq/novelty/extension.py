"""The novelty of new pieces, as the core sees it (`folkseq.sampling.overlaps.Overlaps`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from folkseq import representations
from folkseq.novelty.copies import CopyLimit
from folkseq.novelty.index import Novelty
from folkseq.novelty.whole import trained
from folkseq.run import Run
from folkseq.sampling.overlaps import SharedPassage


class Overlap:
    """The training set of a run, indexed."""

    def __init__(self, run: Run) -> None:
        self.run = run
        store, sides = run.tokens()
        self.profile = representations.find(run.config.tokenizer).codec(run.vocabulary).profile
        self.trained = trained(store, sides.train, self.profile)
        self._index: Novelty | None = None

    @classmethod
    def build(cls, run: Run) -> None:
        """Write the index into the run folder, unless it is there."""
        if not Novelty.stands_in(run.folder):
            found = cls(run)
            Novelty.build(found.trained.store, found.trained.pieces, found.profile).write(run.folder)

    @classmethod
    def open(cls, run: Run) -> Self:
        """Open the index of a run; it is built in memory if the run folder has none."""
        return cls(run)

    @property
    def index(self) -> Novelty:
        """Return the index."""
        if self._index is None:
            if Novelty.stands_in(self.run.folder):
                self._index = Novelty.read(self.run.folder, self.trained.store, self.profile)
            else:
                self._index = Novelty.build(self.trained.store, self.trained.pieces, self.profile)
        return self._index

    def longest(self, pieces: Sequence[NDArray[Any]]) -> list[SharedPassage]:
        """Return the longest passage that each piece shares with the training set."""
        runs = (each.tolist() for each in self.index.longest(pieces))
        return [
            SharedPassage(length, start, self.trained.firsts[piece], there, self.trained.store[piece][: there + length])
            for length, start, piece, there in zip(*runs, strict=True)
        ]

    def limit(self, most: int) -> CopyLimit:
        """Return the mask that limits copies to so many ids."""
        longest = max(int(np.diff(self.trained.store.offsets).max()), 8)  # a higher limit is none
        return CopyLimit(self.trained.store, self.trained.pieces, self.profile, min(most, longest))
