"""Compare Performance RNN's recipe with folkseq's, on the same works and with the same training time.

    python scripts/performance_rnn.py asap/split.csv --minutes 10

The CSV file has a column `split` (train, valid or test) and a column `file`, a path relative to the CSV file. Both
models are trained on the `train` files, one after the other, and evaluated on the `test` files. folkseq holds out a
tenth of the training files to choose the best weights, and the n-gram is trained on the rest. Performance RNN's recipe
uses all of them.

Performance RNN's recipe, as published with its code: sustain baked into the notes; pieces stretched by 0.95, 0.975, 1,
1.025 or 1.05 and transposed by -3 to 3 semitones; a window every 30 seconds, cut at 512 events; three layers of 512
LSTM cells on one-hot ids; batches of 64 windows, Adam at 1e-3, gradients clipped to a norm of 3, no dropout. Three
deviations, two of them to make losses comparable: it reads folkseq's canonical order of tokens; each window gets a
random transposition and tempo within those bounds; and a window with fewer than 512 events in 30 seconds continues.
"""

from __future__ import annotations

import argparse
import csv
import math
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import nn
from torch.nn import functional

import folkseq
from folkseq.corpora import IGNORED
from folkseq.corpora.reader import TokenizedCorpus, tokenize_corpus
from folkseq.evaluation.loss import Loss
from folkseq.evaluation.verb import evaluate
from folkseq.models.settings import ModelSettings
from folkseq.representations.performance import PerformanceRepresentation
from folkseq.representations.performance.augmentation import PerformanceAugmentation
from folkseq.training.validate import nll

ROWS, EVENTS, SECONDS, HIDDEN, LAYERS = 64, 512, 30, 512, 3


class PerformanceRNN(nn.Module):
    """Three LSTM layers on one-hot ids: (B, T) in, logits (B, T, V) out."""

    lookback = None  # `nll` reads this attribute and `settings` of a `LanguageModel`

    def __init__(self, vocabulary_size: int) -> None:
        super().__init__()
        self.settings = ModelSettings(vocabulary_size)
        self.cells = nn.LSTM(vocabulary_size, HIDDEN, LAYERS, batch_first=True)
        self.output = nn.Linear(HIDDEN, vocabulary_size)

    def init_state(self, rows: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return zeros, (L, B, H) twice."""
        zeros = self.output.weight.new_zeros(LAYERS, rows, HIDDEN)
        return zeros, zeros

    def forward(
        self, x: torch.Tensor, state: tuple[torch.Tensor, torch.Tensor], *unused: None
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        """Return the logits (B, T, V) after ids (B, T), and the state; `nll` also passes the inputs of other models."""
        hidden, state = self.cells(functional.one_hot(x, self.settings.vocabulary_size).float(), state)
        return self.output(hidden), state


def window_starts(corpus: TokenizedCorpus, performance: PerformanceRepresentation) -> list[tuple[int, int]]:
    """Return the number of the piece and the position of the first id of each window, one every 30 seconds."""
    windows = []
    for piece in range(len(corpus.store)):
        steps = np.cumsum(performance.layout.steps[corpus.store[piece]])
        times = np.arange(0, steps[-1], SECONDS * performance.steps_per_second)
        starts = np.where(times > 0, np.searchsorted(steps, times, side="right"), 0)
        windows += [(piece, int(start)) for start in starts]
    return windows


def train(corpus: TokenizedCorpus, minutes: float, seed: int) -> tuple[PerformanceRNN, int]:
    """Train Performance RNN for `minutes`; return it and the number of its updates."""
    performance = PerformanceRepresentation(density=False, pitch_classes=False)
    augmentation = PerformanceAugmentation(performance)
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    model = PerformanceRNN(len(corpus.codec.vocabulary))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    windows = window_starts(corpus, performance)
    began, updates = time.monotonic(), 0
    while time.monotonic() - began < 60 * minutes:
        batch = np.full((ROWS, EVENTS), IGNORED, np.int64)
        for row, window in enumerate(random.integers(0, len(windows), ROWS)):
            piece, start = windows[window]
            ids = corpus.store[piece][start : start + EVENTS + augmentation.lookahead]
            span = augmentation.span(corpus.store[piece])
            ids, _ = augmentation.excerpt(ids, EVENTS - 1, span, random)
            batch[row, : len(ids)] = ids
        inputs, targets = torch.from_numpy(batch[:, :-1]), torch.from_numpy(batch[:, 1:])  # (B, T) each
        logits, _ = model(inputs.clamp(min=0), model.init_state(ROWS))
        loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 3.0)
        optimizer.step()
        updates += 1
    return model, updates


def in_nats(loss: Loss) -> dict[str, float]:
    return {"token": loss.nats_per_token, **{kind: bits * math.log(2) for kind, bits in loss.bits.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("split", type=Path)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="the folder for folkseq's run; by default the run is removed")
    arguments = parser.parse_args()
    sides: dict[str, list[Path]] = {"train": [], "valid": [], "test": []}
    with arguments.split.open(newline="") as file:
        for line in csv.DictReader(file):
            sides[line["split"]].append(arguments.split.parent / line["file"])
    with TemporaryDirectory() as scratch:
        out = arguments.out or Path(scratch) / "run"
        run = folkseq.train("performance", sides["train"], minutes=arguments.minutes, seed=arguments.seed, out=out)
        evaluation = evaluate(out, sides["test"])
    if +evaluation.held_out.left_out:
        raise SystemExit(f"some test files cannot be evaluated: {dict(evaluation.held_out.left_out)}")
    ours, *others = evaluation.losses
    best = ours.nats_per_token / ours.of_best_ngram
    rows = [(f"folkseq, {ours.model}", int(run.config.figures["steps"]), in_nats(ours))]
    rows += [(each.model, 0, in_nats(each)) for each in others if each.model.endswith("gram")]
    pieces = len(evaluation.held_out.pieces)
    print(f"{arguments.minutes:g} minutes each, seed {arguments.seed}; {pieces} held-out performances; nats")
    print("| | updates | per token | per note | per second | x best n-gram |\n| --- | --- | --- | --- | --- | --- |")
    for row in rows:
        print_row(*row, best)

    performance = PerformanceRepresentation()
    model, updates = train(tokenize_corpus(performance, sides["train"]), arguments.minutes, arguments.seed)
    test = tokenize_corpus(performance, sides["test"]).store
    total, _ = nll(model, [test[piece] for piece in range(len(test))])
    theirs = {kind: total / amount for kind, amount in evaluation.amounts.items()}
    print_row(f"Performance RNN, lstm {LAYERS} x {HIDDEN}", updates, theirs, best)


def print_row(name: str, steps: int, nats: dict[str, float], best: float) -> None:
    figures = [f"{nats[kind]:.3f}" for kind in ("token", "note", "second")] + [f"{nats['token'] / best:.3f}"]
    print(f"| {' | '.join([name, f'{steps:,}' if steps else '', *figures])} |", flush=True)


if __name__ == "__main__":
    main()
