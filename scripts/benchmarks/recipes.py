"""Recipes side by side: folkseq's, the same with one choice undone, a plain loop, and folk-rnn's own.

Each is given the same minutes, one after another on all cores, on the same pieces, and judged on the same held-out
ones. folkseq's keeps its best weights; the others are judged as they are in the end, the plain loop after a schedule of
just those minutes.

folk-rnn's recipe, as published with its code: three layers of 512 LSTM cells on one-hot ids with dropout of 0.5, whole
tunes in batches of 64, RMSprop at 3e-3 that falls by 0.97 an epoch from the 20th on, gradients clipped to a norm of 5.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import torch
from benchmarks.plain import Loop, Plain

from folkseq import tokenizers
from folkseq.commands.begun import sizes_of
from folkseq.commands.train import Cut
from folkseq.corpora import files, listed, locate
from folkseq.dataset import IGNORED, Batch, Streams, cluster, split
from folkseq.evaluation.baseline import Baseline
from folkseq.models.settings import JUDGED, ModelSettings, TrainSettings
from folkseq.run import Run, RunConfig
from folkseq.tokenized import tokenize_corpus
from folkseq.training import fit
from folkseq.training.validate import nll

UNDONE: dict[str, dict[str, Any]] = {
    "folkseq": {},
    "no recall": {"recall": ()},
    "gain=1": {"gain": 1.0},
    "beta2=0.999": {"beta2": 0.999},
    "dropout=0.1": {"dropout": 0.1},
    "dropout=0.4": {"dropout": 0.4},
    "hidden=256": {"hidden": 256},
    "hidden=400": {"hidden": 400},
    "1 x 512": {"layers": 1, "hidden": 512},
    "3 x 256": {"layers": 3, "hidden": 256},
    "rows=8": {"rows": 8},
    "rows=32": {"rows": 32},
    "8 rows of 128": {"rows": 8, "length": 128},
    "32 rows of 32": {"rows": 32, "length": 32},
    "learning_rate=2e-3": {"learning_rate": 2e-3},
    "learning_rate=5e-3": {"learning_rate": 5e-3},
    "weight_decay=0.1": {"weight_decay": 0.1},
    "windows": {"batches": "windows", "recall": ()},
}
OTHERS = ("plain loop", "folk-rnn")
TRIED = 8  # updates by which a schedule is planned


class Pieces:
    """A corpus, split, with what is asked of every recipe."""

    def __init__(self, tokenizer: str, corpus: list[str], minutes: float) -> None:
        self.minutes, self.tokenizer = minutes, tokenizers.find(tokenizer)
        paths = [file for path in listed(corpus) for file in files(locate(path, None), self.tokenizer.suffixes)]
        self.found = tokenize_corpus(self.tokenizer, paths)
        labels = cluster(self.found.fingerprints, self.tokenizer.figure, self.tokenizer.twin_share)
        self.store, self.sides, self.vocabulary = self.found.store, split(labels), self.found.vocabulary
        self.ngram = Baseline.fit(self.store, self.sides, len(self.vocabulary), JUDGED)
        self.heldout = self.store.beginnings(self.sides.valid, JUDGED)

    def folkseq(self, seed: int, changes: dict[str, Any]) -> tuple[int, float]:
        """Updates, and held-out nats a token, of folkseq with some settings changed."""
        recipe = {**self.tokenizer.recipe, **changes}
        model = ModelSettings(
            **sizes_of(self.tokenizer, self.vocabulary),
            **{name: value for name, value in recipe.items() if name in _names(ModelSettings)},
        )
        asked = {name: value for name, value in recipe.items() if name in _names(TrainSettings)}
        settings = TrainSettings(minutes=self.minutes, **asked)
        with tempfile.TemporaryDirectory() as folder:
            config = RunConfig(self.tokenizer.spec, model, settings, (), "benchmark", seed=seed)
            run = Run.create(Path(folder) / "run", config, self.vocabulary)
            result = fit(self.store, self.sides, run, cut=Cut(self.tokenizer, self.found.spans))
        return result.steps, result.heldout_nll

    def plain(self, seed: int) -> tuple[int, float]:
        """A plain loop, tuned: two layers of 320, AdamW with warm-up and cosine decay, sixteen streams."""
        torch.manual_seed(seed)
        settings = TrainSettings()
        model = Plain(len(self.vocabulary), 2, 320, 128, dropout=0.25)
        loop = Loop(model, settings.rows, settings.learning_rate, settings.clip)
        reading = (self.store, self.sides.train, settings.rows, settings.length, np.random.default_rng(seed))
        return self._train(loop, Streams(*reading), lambda step, steps: _cosine(step, steps, settings))

    def folk_rnn(self, seed: int) -> tuple[int, float]:
        """folk-rnn's recipe; see above."""
        torch.manual_seed(seed)
        random = np.random.default_rng(seed)
        model = Plain(len(self.vocabulary), 3, 512, len(self.vocabulary), dropout=0.5)
        model.embedding = torch.nn.Embedding.from_pretrained(torch.eye(len(self.vocabulary)))  # one-hot
        loop = Loop(model, 64, 3e-3, clip=5.0)
        loop.optimizer = torch.optim.RMSprop([each for each in model.parameters() if each.requires_grad], 3e-3)
        each = math.ceil(len(self.sides.train) / 64)
        return self._train(
            loop, self._tunes(random), lambda step, _: 3e-3 * 0.97 ** max(step // each - 20, 0), fresh=True
        )

    def _train(
        self, loop: Loop, batches: Iterator[Batch], rate: Callable[[int, int], float], fresh: bool = False
    ) -> tuple[int, float]:
        """Updates for as many minutes, and the loss after them; `fresh` states are zero at every batch."""
        began, steps, step = time.monotonic(), 0, 0
        while not steps or step < steps:
            if step == TRIED:
                steps = int(60 * self.minutes / ((time.monotonic() - began) / TRIED))
            for group in loop.optimizer.param_groups:
                group["lr"] = rate(step, steps or 1_000_000)
            batch = next(batches)
            if fresh:
                loop.state = loop.model.init_state(len(batch.x))
            loop.update(batch)
            step += 1
        total, predicted = nll(loop.model, self.heldout)
        return step, total / predicted

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


def main(*arguments: str) -> None:
    """Print a table, a line a recipe."""
    parser = argparse.ArgumentParser(prog="benchmark.py recipes", description=__doc__.splitlines()[0])
    parser.add_argument("tokenizer", nargs="?", default="abc")
    parser.add_argument("corpus", nargs="*", default=["corpora/folk.abc"])
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", default="folkseq,plain loop,folk-rnn", help="names, or 'all'")
    asked = parser.parse_args(arguments)
    names = [*UNDONE, *OTHERS] if asked.only == "all" else asked.only.split(",")
    pieces = Pieces(asked.tokenizer, asked.corpus, asked.minutes)
    baseline = pieces.ngram.heldout_nll
    print(f"{asked.minutes:g} minutes each, {asked.seeds} seeds; {pieces.ngram.order}-gram {baseline:.4f} nats a token")
    print("| recipe | updates | held-out | from, to | of the n-gram's |\n| --- | --- | --- | --- | --- |", flush=True)
    others = {"plain loop": pieces.plain, "folk-rnn": pieces.folk_rnn}
    for name in names:
        train = others.get(name) or (lambda seed, name=name: pieces.folkseq(seed, UNDONE[name]))
        steps, losses = zip(*(train(seed) for seed in range(asked.seeds)), strict=True)
        span = f"{min(losses):.4f}, {max(losses):.4f}"
        print(
            f"| {name} | {mean(steps):,.0f} | {mean(losses):.4f} | {span} | {mean(losses) / baseline:.3f} |", flush=True
        )


def _cosine(step: int, steps: int, settings: TrainSettings) -> float:
    from folkseq.training.schedule import learning_rate

    return learning_rate(step, replace(settings, steps=steps))


def _names(kind: type[Any]) -> set[str]:
    return set(kind.__dataclass_fields__)
