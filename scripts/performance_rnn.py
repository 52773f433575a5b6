"""Performance RNN's own recipe beside folkseq's, on the same works for the same time.

    python scripts/performance_rnn.py asap/split.csv --minutes 10

The CSV file has a column `split` (train, valid or test) and a column `file`, a path beside it. Both models are trained
on the files of `train`, one after the other, and judged on those of `test`. folkseq holds a tenth of the former back to
choose its weights by, and the n-gram is trained on the rest; Performance RNN's recipe has all of them.

Performance RNN's recipe, as published with its code: sustain baked into the notes; pieces stretched by 0.95, 0.975, 1,
1.025 or 1.05 and transposed by -3 to 3 semitones, begun every 30 seconds and cut at 512 events; three layers of 512
LSTM cells on one-hot ids; batches of 64 pieces, Adam at 1e-3, gradients clipped to a norm of 3, no dropout. Three
deviations, two so that losses can be compared: it reads folkseq's canonical order of tokens; any transposition or tempo
between those bounds is drawn anew for every piece; and a piece of fewer than 512 events in 30 seconds reads on.
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
from folkseq.corpus.tokenized import TokenizedCorpus, tokenize_corpus
from torch import nn
from torch.nn import functional

import folkseq
from folkseq.corpus import IGNORED
from folkseq.evaluation.loss import Loss
from folkseq.evaluation.verb import evaluate
from folkseq.models.settings import ModelSettings
from folkseq.representations.performance import PerformanceRepresentation
from folkseq.training.validate import nll

ROWS, EVENTS, SECONDS, HIDDEN, LAYERS = 64, 512, 30, 512, 3


class PerformanceRNN(nn.Module):
    """Three layers of LSTM on one-hot ids, (B, T) in and (B, T, V) out."""

    lookback = frames = None  # as `LanguageModel` has

    def __init__(self, vocabulary_size: int) -> None:
        super().__init__()
        self.settings = ModelSettings(vocabulary_size)
        self.cells = nn.LSTM(vocabulary_size, HIDDEN, LAYERS, batch_first=True)
        self.output = nn.Linear(HIDDEN, vocabulary_size)

    def init_state(self, rows: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Zeros, (L, B, H) each."""
        zeros = self.output.weight.new_zeros(LAYERS, rows, HIDDEN)
        return zeros, zeros

    def forward(
        self, x: torch.Tensor, state: tuple[torch.Tensor, torch.Tensor]
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        """Logits (B, T, V), and the state after the last."""
        hidden, state = self.cells(functional.one_hot(x, self.settings.vocabulary_size).float(), state)
        return self.output(hidden), state


def thirty_seconds(corpus: TokenizedCorpus, performance: PerformanceRepresentation) -> list[tuple[int, int]]:
    """Return the piece and the first id of every stretch of 30 seconds."""
    shift = corpus.codec.vocabulary.id("TIME_SHIFT_1") - 1
    most = shift + performance.max_shift
    places = []
    for piece in range(len(corpus.store)):
        ids = corpus.store[piece].astype(np.int64)
        steps = np.cumsum(np.where((ids > shift) & (ids <= most), ids - shift, 0))
        times = np.arange(0, steps[-1], SECONDS * performance.steps_per_second)
        starts = np.where(times > 0, np.searchsorted(steps, times, side="right"), 0)
        places += [(piece, int(start)) for start in starts]
    return places


def train(corpus: TokenizedCorpus, minutes: float, seed: int) -> tuple[PerformanceRNN, int]:
    """Performance RNN after `minutes`, and the number of updates that it made."""
    performance = PerformanceRepresentation(density=False, pitch_classes=False)
    codec = performance.codec(corpus.codec.vocabulary)
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    model = PerformanceRNN(len(codec.vocabulary))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    places = thirty_seconds(corpus, performance)
    began, updates = time.monotonic(), 0
    while time.monotonic() - began < 60 * minutes:
        batch = np.full((ROWS, EVENTS), IGNORED, np.int64)
        for row, place in enumerate(random.integers(0, len(places), ROWS)):
            piece, start = places[place]
            ids = corpus.store[piece][start : start + EVENTS + codec.augmentation.lookahead]
            span = codec.augmentation.span(corpus.store[piece])
            ids, _ = codec.augmentation.excerpt(ids, EVENTS - 1, span, random)
            batch[row, : len(ids)] = ids
        read = torch.from_numpy(batch)
        logits, _ = model(read[:, :-1].clamp(min=0), model.init_state(ROWS))
        loss = functional.cross_entropy(logits.flatten(0, 1), read[:, 1:].flatten(), ignore_index=IGNORED)
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
    parser.add_argument("--out", type=Path, help="keep folkseq's run here")
    asked = parser.parse_args()
    sides: dict[str, list[Path]] = {"train": [], "valid": [], "test": []}
    with asked.split.open(newline="") as file:
        for row in csv.DictReader(file):
            sides[row["split"]].append(asked.split.parent / row["file"])
    with TemporaryDirectory() as scratch:
        out = asked.out or Path(scratch) / "run"
        run = folkseq.train("performance", sides["train"], minutes=asked.minutes, seed=asked.seed, out=out)
        judged = evaluate(out, sides["test"])
    if +judged.held_out.left_out:
        raise SystemExit(f"not all test files can be judged: {dict(judged.held_out.left_out)}")
    ours, *others = judged.losses
    best = ours.nats_per_token / ours.of_best_ngram
    rows = [(f"folkseq, {ours.model}", run.config.figures["steps"], in_nats(ours))]
    rows += [(each.model, 0, in_nats(each)) for each in others if each.model.endswith("gram")]
    print(
        f"{asked.minutes:g} minutes each, seed {asked.seed}; {len(judged.held_out.pieces)} held-out performances; nats"
    )
    print("| | updates | a token | a note | a second | of the best n-gram's |\n| --- | --- | --- | --- | --- | --- |")
    for row in rows:
        show(*row, best)

    performance = PerformanceRepresentation()
    model, updates = train(tokenize_corpus(performance, sides["train"]), asked.minutes, asked.seed)
    heard = tokenize_corpus(performance, sides["test"])
    total, _ = nll(model, [heard.store[piece] for piece in range(len(heard.store))])
    theirs = {kind: total / amount for kind, amount in judged.amounts.items()}
    show(f"Performance RNN, lstm {LAYERS} x {HIDDEN}", updates, theirs, best)


def show(name: str, steps: int, nats: dict[str, float], best: float) -> None:
    figures = [f"{nats[kind]:.3f}" for kind in ("token", "note", "second")] + [f"{nats['token'] / best:.3f}"]
    print(f"| {' | '.join([name, f'{steps:,}' if steps else '', *figures])} |", flush=True)


if __name__ == "__main__":
    main()
