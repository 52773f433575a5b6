"""`folkseq evaluate`: how well a run foretells pieces that it has not seen, beside what an n-gram makes of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from folkseq.corpus import Split, TokenStore, beginning
from folkseq.corpus.baseline import JUDGED, ngrams
from folkseq.corpus.named import Corpus
from folkseq.ensemble.players import Player, players
from folkseq.errors import RequestError
from folkseq.evaluation.heldout import Pieces, Unseen, unseen
from folkseq.evaluation.judged import Samples, judge
from folkseq.infill.evaluate import Gaps
from folkseq.infill.evaluate import judge as judge_gaps
from folkseq.representations.task import CONTINUE, FILL
from folkseq.run import Run
from folkseq.sampling import scoring
from folkseq.sampling.settings import PRECISIONS
from folkseq.verbs.model import Model
from folkseq.verbs.sampling_run import check_count

SHOWN = (1, 3, 5)  # orders of the n-grams that stand beside a run, and the best one's


@dataclass(frozen=True)
class Loss:
    """What one model makes of the pieces: its negative log likelihood."""

    model: str
    """`lstm 2 x 320`, `3-gram`, …"""
    nats_per_token: float
    bits: dict[str, float]
    """For each of what a listener counts, by its singular: `note`, `second`."""
    of_best_ngram: float
    """Its ratio to that of the best n-gram."""


@dataclass(frozen=True)
class Evaluated:
    """How well a run and its baselines foretell pieces."""

    run: Path
    unseen: Unseen
    """The pieces, and what was left out."""
    amounts: dict[str, float]
    """How much of each the pieces hold: tokens, notes, seconds; by their singulars."""
    first_tokens: int | None = None
    """How many ids of each piece were judged, where all of them would have been too many."""
    losses: tuple[Loss, ...] = ()
    """The run's weights', its engines', then those of n-grams by rising order."""
    players: tuple[Player, ...] = ()
    """Of an ensemble."""
    samples: Samples | None = None
    gaps: Gaps | None = None
    """Of a run that fills or harmonises; then there is nothing of the others."""


def evaluate(
    run: Path | str | None = None,
    corpus: Corpus = (),
    *,
    samples: int = 0,
    seed: int = 0,
    lead_column: str | None = None,
    on_read: Callable[[int, int], None] | None = None,
) -> Evaluated:
    """Judges a run on pieces that it has not seen.

    Args:
        run: the run folder; the newest under `runs` by default.
        corpus: files and folders; those pieces of them are left out that have a near twin among the pieces trained
            on. By default, the test side of the run's own split.
        samples: how many new pieces are written to see whether they are whole, what they are like, and how new they
            are; none by default.
        seed: of those.
        lead_column: which player of an ensemble leads the others, by name or number; the first by default.
        on_read: called with the number of files read and that of all, as they are.

    Raises:
        FolkseqError: if there is no such run, or nothing to judge it on.
    """
    if samples < 0:
        raise RequestError(f"the number of samples is 0 or above, got {samples}")
    if samples:
        check_count(samples)
    found = Run.latest() if run is None else Run.open(run)
    if found.config.task != CONTINUE and lead_column is not None:
        raise RequestError(f"{found.folder} is no model of players, so there is no --lead-column")
    if found.config.task == FILL and samples:
        raise RequestError(f"{found.folder} fills gaps, which are judged without --samples; leave that out")
    store, sides = found.tokens()
    judged = unseen(found, store, sides, corpus, on_read)
    pieces = judged.pieces
    model = Model(found)
    if found.config.task != CONTINUE:
        gaps = judge_gaps(model, [store[piece] for piece in sides.train], pieces, samples, seed)
        return Evaluated(found.folder, judged, gaps.amounts, gaps=gaps)
    most = beginning([len(piece) for piece in pieces], JUDGED)
    own = getattr(sides, judged.side) if judged.side else None
    heard = players(model, store, sides, pieces, own, most, lead_column)
    if lead_column is not None and not heard:
        raise RequestError(f"{found.folder} is no model of players, so there is no --lead-column")
    first = most if most < max(map(len, pieces)) else None
    pieces = [piece[:most] for piece in pieces]
    amounts = _amounts(model, pieces)
    losses = _losses(model, store, sides, pieces, amounts)
    written = judge(model, store, sides, samples, seed) if samples else None
    return Evaluated(found.folder, judged, amounts, first, losses, heard, written)


def _losses(
    model: Model, store: TokenStore, sides: Split, pieces: Pieces, amounts: dict[str, float]
) -> tuple[Loss, ...]:
    """What the weights, the engines and n-grams make of the pieces."""
    settings = model.run.config.model
    nats = {f"{settings.cell} {settings.layers} x {settings.hidden}": _model_nats(model.run, pieces)}
    for precision in reversed(PRECISIONS):
        nats[f"{precision} engine"] = scoring.nll(model.engine(precision), pieces)[0]
    nats |= model.codec.analysis.baselines([store[piece] for piece in sides.train], pieces)
    longest, best = ngrams(store, sides, len(model.run.vocabulary))
    by_order = {order: longest.of_order(order).nll(pieces)[0] for order in sorted({*SHOWN, best.order})}
    nats |= {"unigram" if order == 1 else f"{order}-gram": total for order, total in by_order.items()}
    listened = {kind: amount for kind, amount in amounts.items() if kind != "token"}
    return tuple(
        Loss(
            name,
            total / amounts["token"],
            {kind: total / math.log(2) / amount for kind, amount in listened.items()},
            total / by_order[best.order],
        )
        for name, total in nats.items()
    )


def _model_nats(run: Run, pieces: Pieces) -> float:
    import torch

    from folkseq.models.language_model import LanguageModel
    from folkseq.training.validate import nll

    model = LanguageModel(run.config.model)
    model.load_state_dict({name: torch.from_numpy(array) for name, array in run.weights().items()})
    return nll(model, pieces)[0]


def _amounts(model: Model, pieces: Sequence[NDArray[Any]]) -> dict[str, float]:
    amounts: Counter[str] = Counter()
    for ids in pieces:
        amounts.update({"token": len(ids) - 1, **model.codec.analysis.amounts(ids)})
    return {kind: float(amount) for kind, amount in amounts.items() if amount}
