"""Compare training recipes: folkseq's, variants of it that change one choice, a plain loop, and folk-rnn's.

Each recipe trains for the same number of minutes on the same pieces, one after another on all cores, and is evaluated
on the same held-out pieces. folkseq keeps its best weights. The others use their last weights; the plain loop plans its
schedule for those minutes. With `--updates`, each recipe makes as many updates as take the same time as that many of
folkseq's. The durations of updates are then measured first, in turns, so that other programs affect all recipes alike.

folk-rnn's recipe, as published with its code: three layers of 512 LSTM cells on one-hot ids with dropout of 0.5; whole
tunes in batches of 64; RMSprop at 3e-3, which falls by a factor of 0.97 per epoch from the 20th epoch on; gradients
clipped to a norm of 5.
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
from folkseq.corpora import IGNORED, Batch, Streams, split
from folkseq.corpora.baseline import JUDGED, Baseline
from folkseq.corpora.duplicates import near_duplicates
from folkseq.corpora.named import files
from folkseq.corpora.reader import tokenize_corpus
from folkseq.models.settings import ModelSettings, TrainSettings
from folkseq.run import Run, RunConfig
from folkseq.training import Ranks, TrainingData, TrainingRun
from folkseq.training.learner import Learner
from folkseq.training.plan import learning_rate
from folkseq.training.validate import nll

NO_LOOKBACK = {"lookback_bars": (), "lookback_match": False, "copy_pointer": False}
VARIANTS: dict[str, dict[str, Any]] = {
    "folkseq": {},
    "float32": {"precision": "float32"},
    "no lookback": NO_LOOKBACK,
    "lookback over bars": {"lookback_match": False, "copy_pointer": False},
    "no match": {"lookback_match": False},
    "no copy pointer": {"copy_pointer": False},
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
    "windows": {"batches": "windows", **NO_LOOKBACK},
}
"""folkseq's recipe and the settings that each variant changes."""
OTHERS = ("plain loop", "folk-rnn")
PLANNING_UPDATES = 8
"""Updates that are timed to plan the number of updates."""
TURNS, UPDATES_PER_TURN = 8, 2
"""Turns in which the recipes are timed, and updates of each recipe in a turn."""


class Pieces:
    """A corpus with its split and its baseline."""

    def __init__(self, representation: str, corpus: list[str]) -> None:
        self.representation = representations.find(representation)
        found = tokenize_corpus(self.representation, files(corpus, self.representation.files.suffixes))
        self.codec, self.vocabulary = found.codec, found.codec.vocabulary
        self.store, self.sides = found.store, split(near_duplicates(found.fingerprints, found.codec.transposition))
        baseline = Baseline.fit(self.store, self.sides, len(self.vocabulary), JUDGED)
        if baseline is None:
            raise SystemExit("the corpus is too small for a validation side")
        self.baseline = baseline
        self.heldout = self.store.beginnings(self.sides.valid, JUDGED)

    def recipe(self, name: str) -> Recipe:
        """Return a recipe of `VARIANTS` or `OTHERS`."""
        others = {"plain loop": self.plain, "folk-rnn": self.folk_rnn}
        if name in others:
            return LoopRecipe(self, others[name])
        if name not in VARIANTS:
            raise SystemExit(f"{name!r} is not a recipe; recipes are: {', '.join([*VARIANTS, *OTHERS])}")
        return FolkseqRecipe(self, VARIANTS[name])

    def plain(self, seed: int) -> LoopRun:
        """Return a tuned plain loop: two layers of 320, AdamW with warm-up and cosine decay, sixteen streams."""
        torch.manual_seed(seed)
        settings = TrainSettings()
        model = Plain(len(self.vocabulary), 2, 320, 128, dropout=0.25)
        loop = Loop(model, settings.rows, settings.learning_rate, settings.clip)
        random = np.random.default_rng(seed)
        batches = Streams(self.store, self.sides.train, settings.rows, settings.length, random)
        return LoopRun(loop, batches, lambda step, steps: learning_rate(step, replace(settings, steps=steps)))

    def folk_rnn(self, seed: int) -> LoopRun:
        """Return folk-rnn's recipe; see the module."""
        torch.manual_seed(seed)
        model = Plain(len(self.vocabulary), 3, 512, len(self.vocabulary), dropout=0.5)
        model.embedding = torch.nn.Embedding.from_pretrained(torch.eye(len(self.vocabulary)))  # one-hot
        loop = Loop(model, 64, 3e-3, clip=5.0)
        loop.optimizer = torch.optim.RMSprop([each for each in model.parameters() if each.requires_grad], 3e-3)
        epoch = math.ceil(len(self.sides.train) / 64)  # updates
        tunes = self._tunes(np.random.default_rng(seed))
        return LoopRun(loop, tunes, lambda step, _: 3e-3 * 0.97 ** max(step // epoch - 20, 0), carries_state=False)

    def _tunes(self, random: np.random.Generator) -> Iterator[Batch]:
        """Yield whole tunes in padded batches of 64."""
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

    def updater(self) -> Callable[[], object]:
        """Return a function that makes one update, to time it."""

    def train(self, seed: int, minutes: float, steps: int | None) -> tuple[int, float]:
        """Train for a number of steps, or else of minutes; return the steps and the held-out nats per token."""


@dataclass
class FolkseqRecipe:
    """folkseq's recipe with some settings changed."""

    pieces: Pieces
    changes: Mapping[str, Any]

    def settings(self, **given: Any) -> tuple[ModelSettings, TrainSettings]:
        """Return the settings as `folkseq train` would store them."""
        recipe = {**self.pieces.codec.recipe, **self.changes}
        model = {name: value for name, value in recipe.items() if name in _names(ModelSettings)}
        train = {name: value for name, value in recipe.items() if name in _names(TrainSettings)}
        return ModelSettings(len(self.pieces.vocabulary), **model), TrainSettings(**train, **given)

    def updater(self) -> Callable[[], object]:
        """Return the update of its learner."""
        model, settings = self.settings(steps=1_000_000)
        model = replace(model, dropout=0.2 if model.dropout is None else model.dropout)
        learner = Learner(self.data, self.config(model, settings, 0), Ranks())
        return lambda: learner.update(settings.learning_rate)

    def train(self, seed: int, minutes: float, steps: int | None) -> tuple[int, float]:
        """Train as `folkseq train` does, in a temporary folder."""
        pieces = self.pieces
        model, settings = self.settings(minutes=minutes, steps=steps)
        with tempfile.TemporaryDirectory() as folder:
            run = Run.create(Path(folder) / "run", self.config(model, settings, seed), pieces.vocabulary)
            figures = TrainingRun(run, self.data).train().config.figures
        return int(figures["steps"]), figures["heldout_nll"]

    def config(self, model: ModelSettings, settings: TrainSettings, seed: int) -> RunConfig:
        """Return the configuration of its run."""
        return RunConfig(self.pieces.representation.spec, model, settings, (), "benchmark", seed=seed)

    @property
    def data(self) -> TrainingData:
        """Return its training data."""
        return TrainingData(self.pieces.store, self.pieces.sides, self.pieces.codec.augmentation)


@dataclass
class LoopRun:
    """A plain loop with its batches and its learning rate."""

    loop: Loop
    batches: Iterator[Batch]
    rate: Callable[[int, int], float]
    """Returns the learning rate at a step, given the number of steps."""
    carries_state: bool = True
    """Whether a batch begins in the state that the batch before it left."""

    def update(self, step: int = 0, steps: int = 1_000_000) -> None:
        """Make one update."""
        for group in self.loop.optimizer.param_groups:
            group["lr"] = self.rate(step, steps)
        batch = next(self.batches)
        if not self.carries_state:
            self.loop.state = self.loop.model.init_state(len(batch.x))
        self.loop.update(batch)


@dataclass
class LoopRecipe:
    """A recipe that consists of a plain loop."""

    pieces: Pieces
    make: Callable[[int], LoopRun]

    def updater(self) -> Callable[[], object]:
        """Return the update of the loop."""
        return self.make(0).update

    def train(self, seed: int, minutes: float, steps: int | None) -> tuple[int, float]:
        """Train, and evaluate the last weights."""
        run, start, step = self.make(seed), time.monotonic(), 0
        while steps is None or step < steps:
            if steps is None and step == PLANNING_UPDATES:
                steps = int(60 * minutes / ((time.monotonic() - start) / PLANNING_UPDATES))
            run.update(step, steps or 1_000_000)
            step += 1
        total, predicted = nll(run.loop.model, self.pieces.heldout)
        return step, total / predicted


def costs(recipes: Mapping[str, Recipe]) -> dict[str, float]:
    """Return the duration of an update of each recipe in seconds, measured in turns."""
    updaters = {name: recipe.updater() for name, recipe in recipes.items()}
    seconds: dict[str, list[float]] = {name: [] for name in recipes}
    for turn in range(TURNS + 1):
        for name, update in updaters.items():
            start = time.monotonic()
            for _ in range(UPDATES_PER_TURN):
                update()
            if turn:  # the first turn warms up
                seconds[name].append((time.monotonic() - start) / UPDATES_PER_TURN)
    return {name: median(durations) for name, durations in seconds.items()}


def main(*arguments: str) -> None:
    """Print a table with one line per recipe."""
    parser = argparse.ArgumentParser(prog="benchmark.py recipes", description=__doc__.splitlines()[0])
    parser.add_argument("representation", nargs="?", default="abc")
    parser.add_argument("corpus", nargs="*", default=["corpora/folk.abc"])
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--updates", type=int, help="updates of folkseq; the others train for the same time")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument(
        "--only", default="folkseq,plain loop,folk-rnn", help="names with commas between them, or 'all'"
    )
    options = parser.parse_args(arguments)
    names = [*VARIANTS, *OTHERS] if options.only == "all" else options.only.split(",")
    pieces = Pieces(options.representation, options.corpus)
    recipes = {name: pieces.recipe(name) for name in names}
    steps: dict[str, int] = {}
    if options.updates is not None:
        cost = costs({"folkseq": pieces.recipe("folkseq"), **recipes})
        steps = {name: round(options.updates * cost["folkseq"] / cost[name]) for name in names}
    time_each = f"{options.minutes:g} minutes" if options.updates is None else f"{options.updates} updates of folkseq"
    baseline = pieces.baseline.heldout_nll
    print(f"{time_each}, {options.seeds} seeds; {pieces.baseline.order}-gram {baseline:.4f} nats per token")
    print("| recipe | updates | held-out loss | from, to | x n-gram |\n| --- | --- | --- | --- | --- |", flush=True)
    for name, recipe in recipes.items():
        trained = (recipe.train(seed, options.minutes, steps.get(name)) for seed in range(options.seeds))
        updates, losses = zip(*trained, strict=True)
        loss, span = mean(losses), f"{min(losses):.4f}, {max(losses):.4f}"
        print(f"| {name} | {mean(updates):,.0f} | {loss:.4f} | {span} | {loss / baseline:.3f} |", flush=True)


def _names(kind: type[Any]) -> set[str]:
    return set(kind.__dataclass_fields__)
