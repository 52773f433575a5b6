"""The best n-gram on a run's own pieces: what a model's loss is held against.

Orders up to `ORDER` are fitted to the pieces that are trained on; the one that surprises the validation side least is
the baseline, which on performances is that of order 3 and on tunes that of order 5. An n-gram's tables are many times
as large as what it counts, so of a corpus of more than `MOST_IDS` ids it sees the beginnings of all pieces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from numpy.typing import NDArray

from folkseq.dataset import Split, TokenStore
from folkseq.evaluation.ngram import NGram
from folkseq.models.settings import JUDGED

ORDER = 5
MOST_IDS = 20_000_000


@dataclass(frozen=True, eq=False)
class Baseline:
    """An n-gram, and its loss on the validation side."""

    longest: NGram
    """Of order `ORDER`."""
    ngram: NGram
    """The best of it and those of lower orders."""
    heldout_nll: float
    """Nats an id."""

    @classmethod
    def fit(cls, store: TokenStore, sides: Split, vocabulary_size: int) -> Self:
        """Fit it to the training side of a split that has a validation side."""
        longest = NGram.fit(store.beginnings(sides.train, MOST_IDS), ORDER, vocabulary_size)
        heldout = store.beginnings(sides.valid, JUDGED)
        ngram = longest.best(heldout)
        return cls(longest, ngram, _mean(ngram, heldout))

    def nll(self, pieces: Sequence[NDArray[Any]]) -> float:
        """Nats an id on other pieces."""
        return _mean(self.ngram, pieces)


def _mean(ngram: NGram, pieces: Sequence[NDArray[Any]]) -> float:
    nats, predicted = ngram.nll(pieces)
    return nats / predicted
