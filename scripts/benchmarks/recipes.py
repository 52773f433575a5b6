"""Recipes side by side: folkseq's, the same with one choice undone, a plain loop, and folk-rnn's own.

Each is given the same minutes, one after another on all cores, on the same pieces, and judged on the same held-out
ones. folkseq's keeps its best weights; the others are judged as they are in the end, the plain loop after a schedule of
just those minutes. Or each is given as many updates as take as long as a number of folkseq's own. How much longer one
of a recipe's takes is measured first, in turns, so that what other programs do meanwhile changes little.

folk-rnn's recipe, as published with its code: three layers of 512 LSTM cells on one-hot ids with dropout of 0.5, whole
tunes in batches of 64, RMSprop at 3e-3 that falls by 0.97 an epoch from the 20th on, gradients clipped to a norm of 5.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, median
from typing import Any, Protocol

import numpy as np
import torch
from benchmarks.plain import Loop, Plain

from folkseq import representations
from folkseq.corpus import IGNORED, Batch, Streams, split
from folkseq.corpus.baseline import JUDGED, Baseline
from folkseq.corpus.duplicates import near_duplicates
from folkseq.corpus.named import files
from folkseq.corpus.reader import tokenize_corpus
from folkseq.models.settings import ModelSettings, TrainSettings
from folkseq.run import Run, RunConfig
from folkseq.training import Ranks, TrainingData, TrainingRun
from folkseq.training.learner import Learner
from folkseq.training.plan import learning_rate
from folkseq.training.validate import nll

NO_RECALL = {"lookback_bars": (), "lookback_match": False, "copy_pointer": False}
UNDONE: dict[str, dict[str, Any]] = {
    "folkseq": {},
    "float32": {"precision": "float32"},
    "no recall": NO_RECALL,
    "bars recalled": {"lookback_match": False, "copy_pointer": False},
    "no match": {"lookback_match": False},
    "no pointers": {"copy_pointer": False},
    "gain=1": {"gain": 1.0},
    "beta2=0.999": {"beta2": 0.999},
    "dropout=0.05": {"dropout": 0.05},
    "dropout=0.25": {"dropout": 0.25},
    "dropout=0.4": {"dropout": 0.4},
    "hidden=256": {"hidden": 256},
    "hidden=400": {"hidden": 400},
    "hidden=512": {"hidden": 512},
    "1 x 512": {"layers": 1, "hidden": 512},
    "3 x 256": {"layers": 3, "hidden": 256},
    "rows=8": {"rows": 8},
    "rows=32": {"rows": 32},
    "8 rows of 128": {"rows": 8, "length": 128},
    "32 rows of 32": {"rows": 32, "length": 32},
    "learning_rate=2e-3": {"learning_rate": 2e-3},
    "learning_rate=5e-3": {"learning_rate": 5e-3},
    "weight_decay=0.01": {"weight_decay": 0.01},
    "weight_decay=0.1": {"weight_decay": 0.1},
    "weight_decay=1": {"weight_decay": 1.0},
    "windows": {"batches": "windows", **NO_RECALL},
}
OTHERS = ("plain loop", "folk-rnn")
TRIED = 8  # updates by which a schedule is planned
TURNS, IN_TURN = 8, 2  # how often, and how many of its updates, each recipe is timed


class Pieces:
    """A corpus, split, with what is asked of every recipe."""

    def __init__(self, representation: str, corpus: list[str]) -> None:
        self.representation = representations.find(representation)
        found = tokenize_corpus(self.representation, files(corpus, self.representation.files.suffixes))
        self.codec, self.vocabulary = found.codec, found.codec.vocabulary
        self.store, self.sides = found.store, split(near_duplicates(found.fingerprints, found.codec.transposition))
        self.ngram = Baseline.fit(self.store, self.sides, len(self.vocabulary), JUDGED)
        self.heldout = self.store.beginnings(self.sides.valid, JUDGED)

    def recipe(self, name: str) -> Recipe:
        """One of `UNDONE` or `OTHERS`."""
        made = {"plain loop": self.plain, "folk-rnn": self.folk_rnn}.get(name)
        return Theirs(self, made) if made else Ours(self, UNDONE[name])

    def plain(self, seed: int) -> Course:
        """A plain loop, tuned: two layers of 320, AdamW with warm-up and cosine decay, sixteen streams."""
        torch.manual_seed(seed)
        settings = TrainSettings()
        model = Plain(len(self.vocabulary), 2, 320, 128, dropout=0.25)
        loop = Loop(model, settings.rows, settings.learning_rate, settings.clip)
        reading = (self.store, self.sides.train, settings.rows, settings.length, np.random.default_rng(seed))
        return Course(loop, Streams(*reading), lambda step, of: learning_rate(step, replace(settings, steps=of)))

    def folk_rnn(self, seed: int) -> Course:
        """folk-rnn's recipe; see above."""
        torch.manual_seed(seed)
        model = Plain(len(self.vocabulary), 3, 512, len(self.vocabulary), dropout=0.5)
        model.embedding = torch.nn.Embedding.from_pretrained(torch.eye(len(self.vocabulary)))  # one-hot
        loop = Loop(model, 64, 3e-3, clip=5.0)
        loop.optimizer = torch.optim.RMSprop([each for each in model.parameters() if each.requires_grad], 3e-3)
        each = math.ceil(len(self.sides.train) / 64)
        tunes = self._tunes(np.random.default_rng(seed))
        return Course(loop, tunes, lambda step, _: 3e-3 * 0.97 ** max(step // each - 20, 0), fresh=True)

    def _tunes(self, random: np.random.Generator) -> Iterator[Batch]:
        """Whole tunes, 64 at a time, padded."""
        while True:
            order = random.permutation(self.sides.train)
            for first in range(0, len(order), 64):
                pieces = [self.store[int(piece)] for piece in order[first : first + 64]]
                x = np.zeros((len(pieces), max(map(len, pieces)) - 1), np.int64)
                y = np.full_like(x, IGNORED)
                for row, ids in enumerate(pieces):
                    x[row, : len(ids) - 1], y[row, : len(ids) - 1] = ids[:-1], ids[1:]
                yield Batch(x, y, np.ones(len(pieces), np.bool_))


class Recipe(Protocol):
    """A way to train."""

    def updates(self) -> Callable[[], object]:
        """What makes one update after another, to be timed."""

    def train(self, seed: int, minutes: float, steps: int | None) -> tuple[int, float]:
        """Updates, and held-out nats a token after so many of them, or so many minutes."""


@dataclass
class Ours:
    """folkseq's, with some settings changed."""

    pieces: Pieces
    changes: Mapping[str, Any]

    def settings(self, **asked: Any) -> tuple[ModelSettings, TrainSettings]:
        """As `folkseq train` would write them down."""
        recipe = {**self.pieces.codec.recipe, **self.changes}
        sizes = {"vocabulary_size": len(self.pieces.vocabulary)}
        model = {name: value for name, value in recipe.items() if name in _names(ModelSettings)}
        train = {name: value for name, value in recipe.items() if name in _names(TrainSettings)}
        return ModelSettings(**sizes, **model), TrainSettings(**train, **asked)

    def updates(self) -> Callable[[], object]:
        """Those of its learner."""
        model, settings = self.settings(steps=1_000_000)
        model = replace(model, dropout=0.2 if model.dropout is None else model.dropout)
        learner = Learner(self.data, self.config(model, settings, 0), Ranks())
        return lambda: learner.update(settings.learning_rate)

    def train(self, seed: int, minutes: float, steps: int | None) -> tuple[int, float]:
        """All of `folkseq train`, in a folder that is thrown away."""
        pieces = self.pieces
        model, settings = self.settings(minutes=minutes, steps=steps)
        with tempfile.TemporaryDirectory() as folder:
            run = Run.create(Path(folder) / "run", self.config(model, settings, seed), pieces.vocabulary)
            figures = TrainingRun(run, self.data).train().config.figures
        return int(figures["steps"]), figures["heldout_nll"]

    def config(self, model: ModelSettings, settings: TrainSettings, seed: int) -> RunConfig:
        """The configuration of its run."""
        return RunConfig(self.pieces.representation.spec, model, settings, (), "benchmark", seed=seed)

    @property
    def data(self) -> TrainingData:
        """What it learns from."""
        return TrainingData(self.pieces.store, self.pieces.sides, self.pieces.codec.augmentation)


@dataclass
class Course:
    """A loop with what it reads and how fast it learns."""

    loop: Loop
    batches: Iterator[Batch]
    rate: Callable[[int, int], float]
    """After so many updates, of how many."""
    fresh: bool = False
    """Whether every batch begins at zero states."""

    def update(self, step: int = 0, steps: int = 1_000_000) -> None:
        """One."""
        for group in self.loop.optimizer.param_groups:
            group["lr"] = self.rate(step, steps)
        batch = next(self.batches)
        if self.fresh:
            self.loop.state = self.loop.model.init_state(len(batch.x))
        self.loop.update(batch)


@dataclass
class Theirs:
    """Another's: a bare loop."""

    pieces: Pieces
    make: Callable[[int], Course]

    def updates(self) -> Callable[[], object]:
        """Those of the loop."""
        return self.make(0).update

    def train(self, seed: int, minutes: float, steps: int | None) -> tuple[int, float]:
        """Updates for as many minutes, and the loss after them."""
        course, began, step = self.make(seed), time.monotonic(), 0
        while steps is None or step < steps:
            if steps is None and step == TRIED:
                steps = int(60 * minutes / ((time.monotonic() - began) / TRIED))
            course.update(step, steps or 1_000_000)
            step += 1
        total, predicted = nll(course.loop.model, self.pieces.heldout)
        return step, total / predicted


def costs(recipes: Mapping[str, Recipe]) -> dict[str, float]:
    """What an update of each takes, in seconds, measured in turns."""
    updates = {name: recipe.updates() for name, recipe in recipes.items()}
    seconds: dict[str, list[float]] = {name: [] for name in recipes}
    for turn in range(TURNS + 1):
        for name, update in updates.items():
            began = time.monotonic()
            for _ in range(IN_TURN):
                update()
            if turn:  # the first is to warm up
                seconds[name].append((time.monotonic() - began) / IN_TURN)
    return {name: median(taken) for name, taken in seconds.items()}


def main(*arguments: str) -> None:
    """Print a table, a line a recipe."""
    parser = argparse.ArgumentParser(prog="benchmark.py recipes", description=__doc__.splitlines()[0])
    parser.add_argument("representation", nargs="?", default="abc")
    parser.add_argument("corpus", nargs="*", default=["corpora/folk.abc"])
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--updates", type=int, help="of folkseq's own, and of others as many as take as long")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", default="folkseq,plain loop,folk-rnn", help="names, or 'all'")
    asked = parser.parse_args(arguments)
    names = [*UNDONE, *OTHERS] if asked.only == "all" else asked.only.split(",")
    pieces = Pieces(asked.representation, asked.corpus)
    recipes = {name: pieces.recipe(name) for name in names}
    steps: dict[str, int] = {}
    if asked.updates is not None:
        cost = costs({"folkseq": pieces.recipe("folkseq"), **recipes})
        steps = {name: round(asked.updates * cost["folkseq"] / cost[name]) for name in names}
    each = f"{asked.minutes:g} minutes" if asked.updates is None else f"{asked.updates} of folkseq's updates"
    baseline = pieces.ngram.heldout_nll
    print(f"{each}, {asked.seeds} seeds; {pieces.ngram.order}-gram {baseline:.4f} nats a token")
    print("| recipe | updates | held-out | from, to | of the n-gram's |\n| --- | --- | --- | --- | --- |", flush=True)
    for name, recipe in recipes.items():
        trained = (recipe.train(seed, asked.minutes, steps.get(name)) for seed in range(asked.seeds))
        made, losses = zip(*trained, strict=True)
        span = f"{min(losses):.4f}, {max(losses):.4f}"
        print(
            f"| {name} | {mean(made):,.0f} | {mean(losses):.4f} | {span} | {mean(losses) / baseline:.3f} |", flush=True
        )


def _names(kind: type[Any]) -> set[str]:
    return set(kind.__dataclass_fields__)
