"""The loss of a run on held-out pieces, compared with interpolated n-grams trained on the same pieces.

Task: predict each id after the first from all previous ids. The module evaluates the trained weights and the two
sampling engines.

Conventions: nats are per token. Bits are per unit of the representation, such as a note or a second, and thus
comparable across representations.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from numpy.typing import NDArray

from folkseq.corpora.baseline import ngrams
from folkseq.sampling import scoring
from folkseq.sampling.settings import FLOAT32, PRECISIONS
from folkseq.verbs.model import Model

ORDERS = (1, 3, 5)
"""Orders of the n-grams to evaluate, in addition to the best one."""
Pieces = Sequence[NDArray[Any]]


@dataclass(frozen=True)
class Loss:
    """The negative log-likelihood of pieces, or of targets in them, under one model."""

    model: str
    """`lstm 2 x 320`, `int8 engine`, `3-gram`, …"""
    nats_per_token: float
    bits: dict[str, float]
    """Bits per unit, by the unit's singular: `note`, `second`."""

    @classmethod
    def of(cls, model: str, nats: float, amounts: Mapping[str, float], **more: float) -> Self:
        """Return the loss of a model, given its total nats for some pieces and the amounts of the pieces."""
        bits = {unit: nats / math.log(2) / amount for unit, amount in amounts.items() if unit != "token"}
        return cls(model, nats / amounts["token"], bits, **more)


@dataclass(frozen=True)
class LossOfPieces(Loss):
    """The negative log-likelihood of whole pieces, compared with n-grams."""

    of_best_ngram: float
    """Ratio to the loss of the best n-gram."""


def amounts(model: Model, pieces: Pieces) -> dict[str, float]:
    """Return the number of each unit in some pieces, by its singular: `token`, `note`, `second`."""
    found: Counter[str] = Counter()
    for ids in pieces:
        found.update({"token": len(ids) - 1, **model.codec.analysis.amounts(ids)})
    return {unit: float(amount) for unit, amount in found.items() if amount}


def evaluate(model: Model, pieces: Pieces, amounts: Mapping[str, float]) -> tuple[LossOfPieces, ...]:
    """Return the losses of the run's weights, its engines, the representation's baselines and n-grams.

    The n-grams are trained on the run's training side. `amounts` is the result of the function `amounts` for `pieces`.
    """
    settings, (store, sides) = model.run.config.model, model.run.tokens()
    nats = {f"{settings.cell} {settings.layers} x {settings.hidden}": nats_of_weights(model, pieces)}
    for precision in reversed(PRECISIONS):
        nats[f"{precision} engine"] = scoring.nll(model.engine(precision), pieces)[0]
    nats |= model.codec.analysis.baselines([store[piece] for piece in sides.train], pieces)
    longest, best = ngrams(store, sides, len(model.run.vocabulary))
    by_order = {order: longest.of_order(order).nll(pieces)[0] for order in sorted({*ORDERS, best.order})}
    nats |= {"unigram" if order == 1 else f"{order}-gram": total for order, total in by_order.items()}
    return tuple(
        LossOfPieces.of(name, total, amounts, of_best_ngram=total / by_order[best.order])
        for name, total in nats.items()
    )


@dataclass(frozen=True)
class Steps:
    """The prediction of every id of a piece, so that other programs can check the score."""

    ids: list[int]
    """The ids; the first one is given."""
    tokens: list[str]
    log_probabilities: list[float]
    """Negative log-likelihood of each id after the first, given the previous ids, under the weights in float32."""


def steps(model: Model, pieces: Pieces) -> tuple[Steps, ...]:
    """Return the prediction of every id of some pieces."""
    nats = scoring.scores(model.engine(FLOAT32), pieces)
    decode = model.run.vocabulary.decode
    return tuple(Steps(ids.tolist(), decode(ids), (-own).tolist()) for ids, own in zip(pieces, nats, strict=True))


def nats_of_weights(model: Model, examples: Sequence[Any]) -> float:
    """Return the total nats of pieces, or of pairs, under the trained weights."""
    from folkseq.training.validate import nll

    return nll(model.network, examples)[0]
