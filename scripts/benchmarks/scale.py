"""Training on a store of a billion ids: its memory, and the time to the first batch."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from folkseq.corpora import TokenStore, split
from folkseq.models.settings import ModelSettings, TrainSettings
from folkseq.representations.vocabulary import Vocabulary
from folkseq.run import Run, RunConfig

V = 138
PIECE = 150
"""Number of ids in a piece, about the size of a folk tune."""


def main(ids: str = "1e9", steps: str = "200") -> None:
    """Write random ids into a store, train on it, and print times and memory."""
    count = int(float(ids))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start = time.monotonic()
        _write(folder / "store", count // PIECE)
        print(f"{count:,} ids written in {time.monotonic() - start:.0f} s", flush=True)
        _train(TokenStore.read(folder / "store"), folder, int(steps))


def _write(folder: Path, pieces: int) -> None:
    random = np.random.default_rng(0)
    folder.mkdir()
    np.save(folder / "offsets.npy", np.arange(pieces + 1) * PIECE)
    ids = np.lib.format.open_memmap(folder / "ids.npy", "w+", np.uint8, (pieces * PIECE,))
    for first in range(0, len(ids), 1000 * PIECE):
        part = ids[first : first + 1000 * PIECE]
        part[:] = random.integers(2, V, len(part), dtype=np.uint8)


def _train(store: TokenStore, folder: Path, steps: int) -> None:
    from folkseq.training import TrainingData, TrainingRun
    from folkseq.training.learner import Learner

    sides = split(np.arange(len(store)))
    print(f"{len(store):,} pieces split; peak memory so far {_peak_gb():.2f} GB", flush=True)
    config = RunConfig("char", ModelSettings(V), TrainSettings(steps=steps, validations=2), (), "benchmark")
    run = Run.create(folder / "run", config, Vocabulary(tuple(f"{number:03}" for number in range(V))))
    update, first = Learner.update, []

    def timed(learner: Learner, rate: float) -> object:
        first.append(time.monotonic())
        return update(learner, rate)

    Learner.update = timed  # type: ignore[assignment]  # records when the first update begins
    start = time.monotonic()
    figures = TrainingRun(run, TrainingData(store, sides)).train().config.figures
    print(f"first batch after {first[0] - start:.1f} s; {figures['steps']} steps in {60 * figures['minutes']:.0f} s")
    print(f"peak memory {_peak_gb():.2f} GB")


def _peak_gb() -> float:
    unit = 1e9 if sys.platform == "darwin" else 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
