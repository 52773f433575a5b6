"""The baseline: the best n-gram model on the pieces of a run, for comparison with its loss.

Orders up to `ORDER` are fitted to the training set. The order with the lowest loss on the validation set is the
baseline: order 3 on performances, order 5 on tunes. The tables of an n-gram model are many times as large as its data,
so it reads only the beginnings of all pieces in a corpus of more than `MOST_IDS` ids.
"""

from __future__ import annotations

from dataclasses import dataclass

from folkseq.corpora import Split, TokenStore
from folkseq.corpora.ngram import NGram

ORDER = 5
MOST_IDS = 10_000_000
JUDGED = 2_000_000
"""The largest number of held-out ids that the final figures are computed on."""


@dataclass(frozen=True)
class Baseline:
    """The loss of the best n-gram on the validation side, without its tables, which would take memory from training."""

    order: int
    heldout_nll: float
    """Nats per id on the validation side, as it is evaluated at the end."""
    validation_nll: float
    """Nats per id on that part of it which is evaluated during training."""

    @classmethod
    def fit(cls, store: TokenStore, sides: Split, vocabulary_size: int, validation_ids: int) -> Baseline | None:
        """Fit n-grams to the training side; None if there is no validation side to evaluate them on."""
        if not sides.valid:
            return None
        _, best = ngrams(store, sides, vocabulary_size)
        heldout, validation = (best.nll(store.some(sides.valid, most)) for most in (JUDGED, validation_ids))
        return cls(best.order, heldout[0] / heldout[1], validation[0] / validation[1])


def ngrams(store: TokenStore, sides: Split, vocabulary_size: int) -> tuple[NGram, NGram]:
    """Return the n-gram of order `ORDER` over the training side, and that of the best order on the validation side."""
    longest = NGram.fit(store.beginnings(sides.train, MOST_IDS), ORDER, vocabulary_size)
    return longest, longest.best(store.some(sides.valid or sides.train, JUDGED))
