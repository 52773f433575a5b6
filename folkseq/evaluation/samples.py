"""Evaluation of new pieces of a run: validity, statistics, kinds and novelty.

Pieces are sampled with the grammar and, from the same seed, without it; the latter show what the model alone has
learned. Their statistics are compared with those of the pieces that the run was not trained on. If a side of the corpus
has more than `JUDGED` ids, only every second, third, … piece counts.
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
        `count` and `seed`; the statistics of the `samples`, of the samples `without_grammar` and of the `held_out`
        pieces; `kinds`, the figures of each kind of piece, such as a rhythm; `classifier`, the result of `tell_apart`;
        and `novelty`: the median and the maximum length of the longest run that each sample shares with the training
        set, and the shares of known figures.
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
    """Return the ids of `pieces`; of every second, third, … piece if they have more than `JUDGED` ids in total."""
    step = max(math.ceil(store.count(pieces) / JUDGED), 1)
    return [store[piece] for piece in pieces[::step]]
