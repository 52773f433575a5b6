"""Pieces that end as they begin, which a 5-gram cannot learn, and small runs that learn them."""

from pathlib import Path

import numpy as np

from folkseq.corpora import TokenStore, split
from folkseq.models.settings import ModelSettings, TrainSettings
from folkseq.representations.vocabulary import Vocabulary
from folkseq.run import Run, RunConfig
from folkseq.training import TrainingData, TrainingRun

START, END, V = 0, 1, 6
COUNT = 1500
MODEL = ModelSettings(V, layers=1, hidden=32, embedding=8, dropout=0.1)
QUICK = TrainSettings(steps=24, rows=4, length=8, warm_up=5, validations=4)


def pieces() -> TokenStore:
    """Return pieces with four ids of noise between their beginning and their end, out of a 5-gram's sight."""
    notes = np.random.default_rng(0).integers(2, V, (COUNT, 5))
    return TokenStore.of([[START, *row, row[0], row[0], END] for row in notes.tolist()])


def data_of(store: TokenStore, **how) -> TrainingData:
    return TrainingData(store, split(range(len(store))), **how)


def make_run(folder: Path, model: ModelSettings = MODEL, training: TrainSettings = QUICK) -> Run:
    return Run.create(folder, RunConfig("char", model, training, (), "0"), Vocabulary(tuple("abcdef")))


def fit(run: Run, data: TrainingData, resume: bool = False, **how) -> Run:
    """Train a run; return it with its figures."""
    return TrainingRun(run, data, **how).train(resume)
