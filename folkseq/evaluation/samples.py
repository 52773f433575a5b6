"""New pieces of a run beside its corpus: are they valid, what are they like, and how new are they?

Pieces are sampled with the grammar and, from the same seed, without it, which shows what the model alone has learnt.
Their statistics stand beside those of the pieces that the run was not trained on. Of a side of the corpus that holds
more than `JUDGED` ids, every second, third, … piece counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from importlib.util import find_spec
from statistics import median_high
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.corpora import TokenStore
from folkseq.corpora.baseline import JUDGED
from folkseq.evaluation import classifier, figures, kinds, statistics
from folkseq.verbs.model import Model


def evaluate(model: Model, count: int, seed: int) -> dict[str, Any]:
    """Sample `count` pieces with the grammar and as many without it, and evaluate them.

    Returns:
        `count` and `seed`; the statistics of the `samples`, of those sampled `without_grammar` and of the pieces
        `held_out`; `kinds`, the figures of each kind of piece, such as a rhythm; and `novelty`: the median and the
        largest length of the longest runs that a sample shares with the training set, and the shares of known figures.
    """
    vocabulary, labels, codec, (store, sides) = (
        model.run.vocabulary,
        model.run.labels(),
        model.codec,
        model.run.tokens(),
    )
    sampled = list(model.sample(count, seed=seed))
    pieces = [np.array(vocabulary.encode(piece.tokens)) for piece in sampled]
    free = [np.array(vocabulary.encode(piece.tokens)) for piece in model.sample(count, seed=seed, grammar=False)]
    held_out = _some(store, sides.valid + sides.test)
    trained = statistics.pooled_values(codec.analysis.features(ids) for ids in _some(store, sides.train))

    def statistics_of(pieces: Sequence[NDArray[Any]]) -> dict[str, Any]:
        faults = [codec.analysis.validate(ids) for ids in pieces]
        return statistics.evaluate(faults, [codec.analysis.features(ids) for ids in pieces], trained)

    def melody(ids: NDArray[Any]) -> NDArray[np.int64]:
        return np.zeros((0, 2), np.int64) if codec.transposition is None else codec.transposition.melody(ids)

    copied = [piece.copied.tokens for piece in sampled]
    known = figures.evaluate(
        [melody(ids) for ids in pieces],
        [melody(store[piece]) for piece in sides.train],
        [labels[piece] for piece in sides.train],
    )
    told = classifier.tell_apart(codec, pieces, held_out) if find_spec("sklearn") else None
    return {
        "count": count,
        "seed": seed,
        "samples": statistics_of(pieces),
        "without_grammar": statistics_of(free),
        "held_out": statistics_of(held_out),
        "kinds": kinds.evaluate(codec, pieces, held_out),
        "classifier": None if told is None else asdict(told),
        "novelty": {"copied_tokens_median": median_high(copied), "copied_tokens_most": max(copied), **known},
    }


def _some(store: TokenStore, pieces: Sequence[int]) -> list[NDArray[Any]]:
    """Return the ids of `pieces`, or of every second, third, … of them, if all hold more than `JUDGED`."""
    step = max(math.ceil(store.count(pieces) / JUDGED), 1)
    return [store[piece] for piece in pieces[::step]]
