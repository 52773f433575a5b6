"""The best n-gram on a run's own pieces: what a model's loss is held against.

Orders up to `ORDER` are fitted to the pieces that are trained on; the one that surprises the validation side least is
the baseline, which on performances is that of order 3 and on tunes that of order 5. An n-gram's tables are many times
as large as what it counts, so of a corpus of more than `MOST_IDS` ids it sees the beginnings of all pieces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from folkseq.corpus import Split, TokenStore
from folkseq.corpus.ngram import NGram

ORDER = 5
MOST_IDS = 10_000_000
JUDGED = 2_000_000
"""The largest number of held-out ids that the final figures are computed on."""


@dataclass(frozen=True)
class Baseline:
    """The loss of the best n-gram on the validation side, without its tables, which would take memory from training."""

    order: int
    heldout_nll: float
    """Nats an id on the validation side, as the model is judged on it in the end."""
    looked_at_nll: float
    """Nats an id on so much of it as is looked at while training."""

    @classmethod
    def fit(cls, store: TokenStore, sides: Split, vocabulary_size: int, look: int) -> Baseline | None:
        """Fit n-grams to the training side; None if there is no validation side to judge them on."""
        if not sides.valid:
            return None
        _, best = ngrams(store, sides, vocabulary_size)
        heldout, looked_at = (store.some(sides.valid, most) for most in (JUDGED, look))
        return cls(best.order, _mean(best, heldout), _mean(best, looked_at))


def ngrams(store: TokenStore, sides: Split, vocabulary_size: int) -> tuple[NGram, NGram]:
    """The n-gram of order `ORDER` over the training side, and that of the order that is best on the validation side."""
    longest = NGram.fit(store.beginnings(sides.train, MOST_IDS), ORDER, vocabulary_size)
    return longest, longest.best(store.some(sides.valid or sides.train, JUDGED))


def _mean(ngram: NGram, pieces: Sequence[NDArray[Any]]) -> float:
    nats, predicted = ngram.nll(pieces)
    return nats / predicted
