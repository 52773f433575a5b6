"""What a run writes, judged: whether it is whole, what it is like, and how new it is, each beside its own corpus."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.corpus import Split, TokenStore
from folkseq.corpus.baseline import JUDGED
from folkseq.evaluation.figures import same_titles, shares, shares_among
from folkseq.evaluation.portrait import Portrait, Values, together
from folkseq.verbs.model import Model

Pieces = Sequence[NDArray[Any]]


@dataclass(frozen=True)
class Novelty:
    """How new pieces are, beside how much the pieces trained on have of one another."""

    copied_tokens_median: int
    """Of the longest run that each sample shares with a piece trained on."""
    copied_tokens_most: int
    figures_known_share: dict[int, float]
    """Of figures of so many notes, the share that stands in a piece trained on."""
    figures_known_share_of_trained: dict[int, float]
    """The same of the pieces trained on, each against those of other titles."""


@dataclass(frozen=True)
class Samples:
    """What a run writes, beside pieces of its corpus that it has not learnt from."""

    count: int
    """How many were written, with the grammar and as many without it."""
    seed: int
    samples: Portrait
    without_grammar: Portrait
    """Where the same seed leads when nothing is masked: what the model knows by itself."""
    held_out: Portrait
    """Of the pieces that were not trained on."""
    novelty: Novelty


def judge(model: Model, store: TokenStore, sides: Split, count: int, seed: int) -> Samples:
    """Write `count` pieces with the grammar and as many without, and judge them.

    Of a side of the corpus that holds more than `JUDGED` ids, every second, third, … piece stands for all.
    """
    vocabulary, labels, analysis = model.run.vocabulary, model.run.labels(), model.codec.analysis
    written = list(model.sample(count, seed=seed))
    pieces = [np.array(vocabulary.encode(piece.tokens)) for piece in written]
    free = [np.array(vocabulary.encode(piece.tokens)) for piece in model.sample(count, seed=seed, grammar=False)]
    trained = together(analysis.features(ids) for ids in _some(store, sides.train))

    books = [_melody(model, store[piece]) for piece in sides.train]
    copied = sorted(piece.copied.tokens for piece in written)
    novelty = Novelty(
        copied_tokens_median=copied[len(copied) // 2],
        copied_tokens_most=copied[-1],
        figures_known_share=shares([_melody(model, ids) for ids in pieces], books),
        figures_known_share_of_trained=shares_among(books, same_titles([labels[piece] for piece in sides.train])),
    )
    held_out = _some(store, sides.valid + sides.test)
    return Samples(
        count=count,
        seed=seed,
        samples=_portrait(model, pieces, trained),
        without_grammar=_portrait(model, free, trained),
        held_out=_portrait(model, held_out, trained),
        novelty=novelty,
    )


def _portrait(model: Model, pieces: Pieces, trained: Values) -> Portrait:
    return Portrait.of(
        [model.codec.analysis.validate(ids) for ids in pieces],
        [model.codec.analysis.features(ids) for ids in pieces],
        trained,
    )


def _melody(model: Model, ids: NDArray[Any]) -> NDArray[np.int64]:
    similar = model.codec.transposition
    return similar.melody(ids) if similar else np.zeros((0, 2), np.int64)


def _some(store: TokenStore, pieces: Sequence[int]) -> list[NDArray[Any]]:
    """The ids of `pieces`, or of every second, third, … of them, where all hold more than `JUDGED`."""
    step = max(math.ceil(store.count(pieces) / JUDGED), 1)
    return [store[piece] for piece in pieces[::step]]
