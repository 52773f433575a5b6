"""The loss of a run that fills or harmonises, on held-out targets, and the quality of its voices or chords.

Task: predict each unknown id of a target from its source and the previous ids. The conventions are those of
`folkseq.evaluation.loss`. The n-gram reads the ids before a gap, but not the source.
"""

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
from folkseq.ensemble.chord_grammar import END, FIRST, START
from folkseq.ensemble.chord_task import ChordTask
from folkseq.ensemble.task import HarmoniseTask
from folkseq.errors import CorpusError
from folkseq.evaluation import chords, voice_leading
from folkseq.evaluation.loss import Loss, nats_of_weights
from folkseq.music.chorale import RANGES, VOICES
from folkseq.pairs import Pair
from folkseq.representations.task import FILL, Task
from folkseq.sampling import scoring
from folkseq.sampling.settings import INT8, SamplingSettings
from folkseq.verbs.model import Model

Pieces = Sequence[NDArray[Any]]
ORDER = 5
"""Order of the n-gram of single ids; two steps of compound tokens."""
TURNS = 8
"""Maximum number of pairs from one piece."""
MOST_PAIRS = 2_000


@dataclass(frozen=True)
class VoiceLeading:
    """The voice leading of harmonisations, and of the original chorales of the same melodies."""

    count: int
    seed: int
    written: dict[str, float]
    without_rules: dict[str, float]
    """The metrics of harmonisations sampled without the grammar's rules against parallels."""
    held_out: dict[str, float]


@dataclass(frozen=True)
class TargetMetrics:
    """The metrics of a run on pairs of a source and a target."""

    task: str
    pairs: int
    amounts: dict[str, float]
    """The amount of each unit in the targets, by its singular."""
    losses: tuple[Loss, ...]
    voices: VoiceLeading | None = None
    chords: dict[str, dict[str, float]] | None = None
    """The result of `evaluation.chords.evaluate`."""


def evaluate(model: Model, trained: Pieces, pieces: Pieces, samples: int, seed: int) -> TargetMetrics:
    """Evaluate a run on pairs drawn from pieces.

    Args:
        model: the model of a run that fills or harmonises.
        trained: training pieces of the run.
        pieces: held-out pieces.
        samples: number of melodies to harmonise.
        seed: seed of the harmonisations.

    Raises:
        CorpusError: no pair can be drawn.
    """
    task, settings = model.task, model.run.config.model
    if settings.encoder is None:
        raise ValueError("this run has no encoder")
    pairs = _pairs(task, pieces, True if settings.encoder.causal else None)
    if not pairs:
        raise CorpusError("no part of the held-out pieces can be a target; name other files")
    name = f"{settings.cell} {settings.layers} x {settings.hidden}"
    nats = {}
    if not settings.encoder.causal and model.run.config.task == FILL:
        nats[f"{name}, both sides"] = nats_of_weights(model, pairs)
        nats["the same, left side alone"] = nats_of_weights(model, _pairs(task, pieces, True))
    else:
        nats[f"{name}, {settings.encoder.direction}"] = nats_of_weights(model, pairs)
    nats["int8 engine"] = scoring.nll_of_pairs(model.engine(INT8), model.encoder, pairs, settings.ids_per_step)[0]
    nats["n-gram"] = _nats_of_ngram(task, trained, pairs, settings.ids_per_step)
    amounts: Counter[str] = Counter()
    for pair in pairs:
        amounts.update({"token": int(pair.free.sum()), **task.amounts(pair)})
    losses = tuple(Loss.of(name, total, amounts) for name, total in nats.items())
    voices = chorded = None
    if samples and isinstance(task, HarmoniseTask):
        voices = _voice_leading(model, task, pieces[:samples], seed)
    if samples and isinstance(task, ChordTask):
        chorded = _chords(model, task, trained, pieces, samples, seed)
    found = {unit: float(amount) for unit, amount in amounts.items()}
    return TargetMetrics(model.run.config.task, len(pairs), found, losses, voices, chorded)


def _pairs(task: Task, pieces: Pieces, left_only: bool | None) -> list[Pair]:
    numbered = list(enumerate(pieces))
    found = (task.hold_out(ids, number, turn, left_only) for turn in range(TURNS) for number, ids in numbered)
    return [pair for pair in found if pair is not None][:MOST_PAIRS]


def _nats_of_ngram(task: Task, trained: Pieces, pairs: Sequence[Pair], ids_per_step: int) -> float:
    """Return the loss of the best n-gram; it also reads the ids before a target, if the pair has them."""
    learnt = [ids for ids in map(task.ngram_ids, trained) if len(ids)]
    longest = NGram.fit(learnt, ORDER if ids_per_step == 1 else 2 * ids_per_step, task.vocabulary_size)
    best = math.inf
    for order in range(1, longest.order + 1):
        ngram, total = longest.of_order(order), 0.0
        for pair in pairs:
            whole = pair.ids if pair.before is None else np.concatenate([pair.before, pair.ids[1:]])
            costs = -np.log(ngram.probabilities(whole)[-len(pair.free) :])
            total += float(costs[pair.free].sum())
        best = min(best, total)
    return best


def _chords(
    model: Model, task: ChordTask, trained: Pieces, pieces: Pieces, samples: int, seed: int
) -> dict[str, dict[str, float]]:
    from folkseq.sampling.batch import Request
    from folkseq.sampling.generate import generate

    heard = task.beats(pieces)[:samples]
    if not heard:
        raise CorpusError("no held-out piece has chords; name other files")
    strategy, written = SamplingSettings(temperature=task.temperature), []
    for number, beats in enumerate(heard):
        engine = model.engine(INT8).with_memory(model.encoder.read(beats.source))
        grammar, target = task.grammar(beats), task.target(beats)
        request = Request(
            (START,), END, seed, grammar.limit, strategy=strategy, grammar=grammar, place=grammar, target=target
        )
        (sample,) = generate(engine, request, [number])
        written.append([task.labels[each - FIRST] for each in sample.ids if each >= FIRST])
    return chords.evaluate(task, task.beats(trained), heard, written)


def _voice_leading(model: Model, task: HarmoniseTask, pieces: Pieces, seed: int) -> VoiceLeading:
    from folkseq.sampling.batch import Request
    from folkseq.sampling.generate import generate

    held_out = []
    written: dict[bool, list[Any]] = {True: [], False: []}  # with the rules, and without
    for number, ids in enumerate(pieces):
        cells, pair = task.layout.cells(ids), task.hold_out(ids, number, 0)
        if pair is None:
            continue
        engine = model.engine(INT8).with_memory(model.encoder.read(pair.source))
        for strict, found in written.items():
            grammar = task.grammar(cells, strict)
            start, end = (0,) * task.layout.target.width, task.layout.target.end
            request = Request(start, end, seed, grammar.limit, grammar=grammar, place=grammar)
            (sample,) = generate(engine, request, [number])
            below = task.layout.target_cells(np.array(sample.ids))
            found.append(voice_leading.sounding(np.column_stack([cells[:, 0], below]), HOLD))
        held_out.append(voice_leading.sounding(cells[:, : len(VOICES)], HOLD))
    ranges = [RANGES[voice] for voice in VOICES]
    metrics = (voice_leading.evaluate(each, ranges) for each in (written[True], written[False], held_out))
    return VoiceLeading(len(held_out), seed, *metrics)
