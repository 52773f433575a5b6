"""Compare three models of a small collection: the base model, a model trained from scratch, and the fine-tuned model.

python scripts/benchmark.py finetune --from tunes FILE...

Fifty tunes of each collection are drawn for training. The models are evaluated on up to a hundred other tunes, which
have no near-duplicate among the training tunes of the three models, and only tokens that all three know. The table has
the losses in nats per token.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from folkseq.corpora.duplicates import near_duplicates
from folkseq.errors import TokenError
from folkseq.formats import abc
from folkseq.music import Tune
from folkseq.run import Run
from folkseq.training.validate import nll
from folkseq.verbs.train import train
from folkseq.verbs.trained import TrainedRun, restore

TRAINED_ON, EVALUATED = 50, 100


def main(*arguments: str) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="scripts/benchmark.py finetune", description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--from", dest="base", default="tunes")
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--steps", type=int, help="in place of the minutes, of the run from nothing")
    parser.add_argument("--tuning-steps", type=int, help="in place of the minutes, of the fine-tuning")
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args(arguments)
    print(f"{'collection':<24}{'seed':>5}{'tunes':>7}{'base':>8}{'scratch':>9}{'tuned':>8}")
    for file in asked.files:
        rows = [compare(file, seed, asked) for seed in range(asked.seeds)]
        for seed, (count, *losses) in enumerate(rows):
            print(f"{file.stem:<24}{seed:>5}{count:>7}" + "".join(f"{loss:9.3f}" for loss in losses), flush=True)
        means = [mean(column) for column in zip(*rows, strict=True)][1:]
        print(f"{file.stem:<24}{'mean':>5}{'':7}" + "".join(f"{loss:9.3f}" for loss in means), flush=True)


def compare(file: Path, seed: int, asked: argparse.Namespace) -> tuple[float, ...]:
    """Return the number of tunes evaluated, and the losses of the three models."""
    found = abc.parse_bytes(file.read_bytes(), str(file)).tunes
    order = np.random.default_rng(seed).permutation(len(found)).tolist()
    own, others = [found[place] for place in order[:TRAINED_ON]], [found[place] for place in order[TRAINED_ON:]]
    with tempfile.TemporaryDirectory() as folder:
        book = Path(folder) / "own.abc"
        book.write_text("\n".join(map(abc.format, own)), encoding="utf-8")
        scratch, tuned = (
            quietly("abc", book, out=Path(folder) / name, seed=seed, minutes=asked.minutes, **more)
            for name, more in (
                ("scratch", {"steps": asked.steps}),
                ("tuned", {"steps": asked.tuning_steps, "base": asked.base}),
            )
        )
        models = [TrainedRun(run) for run in (restore(Run.open(asked.base)), scratch, tuned)]
        pieces = unseen(models, others)[:EVALUATED]
        return len(pieces), *(loss(model, pieces) for model in models)


def quietly(*arguments: Any, **settings: Any) -> Run:
    """Train without output."""
    with contextlib.redirect_stderr(io.StringIO()):
        return train(*arguments, threads=1, **settings)


def unseen(models: Sequence[TrainedRun], tunes: Sequence[Tune]) -> list[Tune]:
    """Return the tunes that all models can read and that none was trained on."""
    known = []
    for tune in tunes:
        with contextlib.suppress(TokenError):
            for model in models:
                model.codec.encode(tune)
            known.append(tune)
    fingerprints, labels = [], []
    for model in models:
        store, sides = model.run.tokens()
        similar = model.codec.transposition
        assert similar is not None
        fingerprints += [similar.fingerprint(store[piece]) for piece in (*sides.train, *sides.valid)]
    seen = len(fingerprints)
    fingerprints += [similar.fingerprint(models[0].codec.encode(tune)) for tune in known]
    labels = near_duplicates(fingerprints, similar).tolist()
    old = set(labels[:seen])
    return [tune for tune, label in zip(known, labels[seen:], strict=True) if label not in old]


def loss(model: TrainedRun, tunes: Sequence[Tune]) -> float:
    """Return the nats per token of tunes."""
    total, predicted = nll(model.network, [model.codec.encode(tune) for tune in tunes])
    return total / predicted
