"""The speed of training, compared with a plain loop over `nn.LSTM` and with the peak of the machine."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import torch
from benchmarks.plain import Loop, Plain
from torch.nn import functional

from folkseq.corpora import Split, Streams, TokenStore, split
from folkseq.models.settings import FLOAT32, ModelSettings, TrainSettings
from folkseq.representations.vocabulary import Vocabulary
from folkseq.run import Run, RunConfig
from folkseq.training import Ranks, TrainingData, TrainingRun
from folkseq.training.learner import Learner
from folkseq.training.precision import fastest

VOCABULARY, TURNS, TURN_S = 138, 5, 2.0
SIZES = ((2, 320), (3, 512))
PIECES, PIECE = 2000, 150
MATRIX, DROPOUT = 2048, 0.25


def main() -> None:
    """Print the tokens per second of both, and the share of the peak; also in bfloat16 if that is faster."""
    random = np.random.default_rng(0)
    store = TokenStore.of(list(random.integers(2, VOCABULARY, (PIECES, PIECE))))
    print(f"{torch.get_num_threads()} threads; medians of {TURNS} turns of {TURN_S:g} s")
    for layers, hidden in SIZES:
        _race(store, ModelSettings(VOCABULARY, layers=layers, hidden=hidden, dropout=DROPOUT))
    _whole(store)


def _race(store: TokenStore, model: ModelSettings) -> None:
    """Time updates in turns, without validation."""
    settings = TrainSettings(steps=1_000_000)
    pieces = np.arange(len(store))
    data, ranks = TrainingData(store, Split(tuple(pieces.tolist()), (), ())), Ranks()
    learners = {
        precision: Learner(data, _config(model, replace(settings, precision=precision)), ranks)
        for precision in dict.fromkeys((FLOAT32, fastest(model, ranks.device)))
    }
    plain = Plain(VOCABULARY, model.layers, model.hidden, model.embedding, DROPOUT)
    loop = Loop(plain, settings.rows, settings.learning_rate)
    batches = Streams(store, pieces, settings.rows, settings.length, np.random.default_rng(0))
    half = [torch.rand(MATRIX, MATRIX).to_mkldnn() for _ in range(2)]  # nn.LSTM uses oneDNN's product, too
    updates: dict[str, Callable[[], object]] = {
        **{f"folkseq, {name}": partial(each.update, settings.learning_rate) for name, each in learners.items()},
        "plain loop": lambda: loop.update(next(batches)),
        "products": lambda: functional.linear(*half),
    }
    seconds: dict[str, list[float]] = {name: [] for name in updates}
    for _ in range(TURNS):
        for name, update in updates.items():
            seconds[name].append(_seconds(update))
    ids = settings.rows * settings.length
    cells = sum(4 * model.hidden * (width + model.hidden) for width in _widths(model))
    flops = 3 * 2 * ids * (cells + model.hidden * VOCABULARY)  # forward, and backward to values and to weights
    peak = 2 * MATRIX**3 / median(seconds["products"])
    print(f"\n{model.layers} x {model.hidden}, {settings.rows} rows of {settings.length} ids")
    for name in [name for name in updates if name != "products"]:
        ratio = median(other / own for own, other in zip(seconds[name], seconds["plain loop"], strict=True))
        speed, share = ids / median(seconds[name]), flops / median(seconds[name]) / peak
        line = f"  {name:17} {speed:9,.0f} tokens per second"
        print(f"{line}  {ratio:5.2f} x plain loop  {100 * share:3.0f} % of the peak")
    print(f"  {'peak':17} {peak / 1e9:9,.0f} GFLOP/s, product of {MATRIX} x {MATRIX} matrices in float32")


def _whole(store: TokenStore) -> None:
    """Print the speed of a whole training run with its reports and saved states."""
    with tempfile.TemporaryDirectory() as name:
        settings = TrainSettings(steps=600, validations=1, validation_ids=256)
        config = _config(ModelSettings(VOCABULARY), settings)
        run = Run.create(Path(name) / "run", config, Vocabulary(tuple(f"{number:03}" for number in range(VOCABULARY))))
        times, data = [], TrainingData(store, split(np.arange(len(store))))
        TrainingRun(run, data, on_report=lambda line: times.append((line["step"], time.monotonic()))).train()
    (first, start), (last, end) = times[0], times[-2]
    ids = settings.rows * settings.length
    print(f"\na whole run with reports: {(last - first) * ids / (end - start):,.0f} tokens per second")


def _config(model: ModelSettings, settings: TrainSettings) -> RunConfig:
    return RunConfig("char", model, settings, (), "benchmark")


def _widths(model: ModelSettings) -> list[int]:
    return [model.embedding] + [model.hidden] * (model.layers - 1)


def _seconds(update: Callable[[], object]) -> float:
    """Return the mean duration of an update over `TURN_S` seconds."""
    update()
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < TURN_S:
        update()
        count += 1
    return (time.perf_counter() - start) / count
