"""A run that fills or harmonises, judged: how well it foretells what stood there, and what its voices are like."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.corpora.ngram import NGram
from folkseq.ensemble.cells import HOLD
from folkseq.ensemble.task import HarmoniseTask
from folkseq.errors import CorpusError
from folkseq.evaluation import voice_leading
from folkseq.music.chorale import RANGES, VOICES
from folkseq.pairs import Pair
from folkseq.representations.task import FILL, Task
from folkseq.sampling import scoring
from folkseq.sampling.settings import INT8
from folkseq.verbs.model import Model

Pieces = Sequence[NDArray[Any]]
ORDER = 5  # of the n-gram of whole ids; of frames so many steps
TURNS = 8  # pairs of a piece at most
MOST = 2_000  # pairs


@dataclass(frozen=True)
class GapLoss:
    """What one model makes of what stood in gaps."""

    model: str
    nats_per_token: float
    bits: dict[str, float]
    """For each of what a listener counts, by its singular."""


@dataclass(frozen=True)
class VoiceLeading:
    """What harmonisations are like, beside those of the same melodies that were held out."""

    count: int
    seed: int
    written: dict[str, float]
    without_rules: dict[str, float]
    """Where parallels are allowed: what the model knows by itself."""
    held_out: dict[str, float]


@dataclass(frozen=True)
class Gaps:
    """How well a run foretells what stood in gaps, or to melodies."""

    task: str
    pairs: int
    amounts: dict[str, float]
    losses: tuple[GapLoss, ...]
    voices: VoiceLeading | None


def judge(model: Model, trained: Pieces, pieces: Pieces, samples: int, seed: int) -> Gaps:
    """Judge a run on what can be asked of pieces.

    Args:
        model: of a run that fills or harmonises.
        trained: the pieces that it was trained on.
        pieces: those that it is judged on.
        samples: how many of those melodies are harmonised anew; 0 for none.
        seed: of that.
    """
    task, settings = model.task, model.run.config.model
    if settings.encoder is None:
        raise ValueError("this run has no encoder")
    both = _pairs(task, pieces, True if settings.encoder.causal else None)
    if not both:
        raise CorpusError("nothing of the pieces to judge it on can be asked for; name other files")
    name = f"{settings.cell} {settings.layers} x {settings.hidden}"
    nats = {}
    if not settings.encoder.causal and model.run.config.task == FILL:
        nats[f"{name}, both sides"] = _network(model, both)
        nats["the same, left side alone"] = _network(model, _pairs(task, pieces, True))
    else:
        nats[f"{name}, {settings.encoder.direction}"] = _network(model, both)
    nats["int8 engine"] = scoring.nll_of_pairs(model.engine(INT8), model.encoder, both, settings.ids_per_step)[0]
    nats["n-gram"] = _ngram(task, trained, both, settings.ids_per_step)
    amounts: Counter[str] = Counter()
    for pair in both:
        amounts.update({"token": int(pair.free.sum()), **task.amounts(pair)})
    listened = {kind: amount for kind, amount in amounts.items() if kind != "token"}
    losses = tuple(
        GapLoss(
            name,
            total / amounts["token"],
            {kind: total / math.log(2) / amount for kind, amount in listened.items()},
        )
        for name, total in nats.items()
    )
    voices = None
    if samples and isinstance(task, HarmoniseTask):
        voices = _voices(model, task, pieces[:samples], seed)
    return Gaps(model.run.config.task, len(both), {kind: float(each) for kind, each in amounts.items()}, losses, voices)


def _pairs(task: Task, pieces: Pieces, left_only: bool | None) -> list[Pair]:
    numbered = list(enumerate(pieces))
    found = (task.hold_out(ids, number, turn, left_only) for turn in range(TURNS) for number, ids in numbered)
    return [pair for pair in found if pair is not None][:MOST]


def _network(model: Model, pairs: Sequence[Pair]) -> float:
    """Nats in all, by the trained weights."""
    import torch

    from folkseq.models.make import make_model
    from folkseq.training.validate import nll

    network = make_model(model.run.config.model)
    network.load_state_dict({name: torch.from_numpy(array) for name, array in model.run.weights().items()})
    return nll(network, pairs)[0]


def _ngram(task: Task, trained: Pieces, pairs: Sequence[Pair], frame: int) -> float:
    """Nats in all, by the best n-gram, which knows what stands before, where a pair tells it."""
    learnt = [ids for ids in map(task.ngram_ids, trained) if len(ids)]
    longest = NGram.fit(learnt, ORDER * frame if frame == 1 else 2 * frame, task.vocabulary_size)
    best = math.inf
    for order in range(1, longest.order + 1):
        ngram, total = longest.of_order(order), 0.0
        for pair in pairs:
            whole = pair.ids if pair.before is None else np.concatenate([pair.before, pair.ids[1:]])
            costs = -np.log(ngram.probabilities(whole)[-len(pair.free) :])
            total += float(costs[pair.free].sum())
        best = min(best, total)
    return best


def _voices(model: Model, task: HarmoniseTask, pieces: Pieces, seed: int) -> VoiceLeading:
    """Harmonise the melodies of some pieces, and hold what comes of it beside what was there."""
    from folkseq.sampling.batch import Request
    from folkseq.sampling.generate import generate

    theirs = []
    ours: dict[bool, list[Any]] = {True: [], False: []}
    for number, ids in enumerate(pieces):
        cells, pair = task.layout.cells(ids), task.hold_out(ids, number, 0)
        if pair is None:
            continue
        engine = model.engine(INT8).with_memory(model.encoder.read(pair.source))
        for strict, found in ours.items():
            grammar = task.grammar(cells, strict)
            start, end = (0,) * task.layout.target.width, task.layout.target.end
            request = Request(start, end, seed, grammar.limit, grammar=grammar, place=grammar)
            (sample,) = generate(engine, request, [number])
            below = task.layout.target_cells(np.array(sample.ids))
            found.append(voice_leading.sounding(np.column_stack([cells[:, 0], below]), HOLD))
        theirs.append(voice_leading.sounding(cells[:, : len(VOICES)], HOLD))
    ranges = [RANGES[voice] for voice in VOICES]
    kept, free, bach = (voice_leading.evaluate(each, ranges) for each in (ours[True], ours[False], theirs))
    return VoiceLeading(len(theirs), seed, kept, free, bach)
