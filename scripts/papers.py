"""Compare with the polyphonic piano rolls of Boulanger-Lewandowski et al. (2012), on their data, split and protocol.

    python scripts/papers.py boulanger/jsb.json boulanger/nottingham.json … --minutes 30

Each file contains the sides `train`, `valid` and optionally `test`. A side is a list of pieces, a piece is a list of
frames, and a frame is a list of MIDI pitches. A model of the representation `roll` is trained on `train` and selected
on `valid`, and every piece of a side is scored. The figure is the mean negative log-likelihood of a frame in nats, with
equal weight for all frames of a side. A frame is a set: its score is the sum over its notes, from the highest to the
lowest, and its end, each among the ids that the grammar allows. The end of a piece is given, as in the papers.
"""

from __future__ import annotations

import argparse
import json
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import folkseq
from folkseq.models.settings import IMPOSSIBLE
from folkseq.representations.base import END, Codec
from folkseq.representations.roll import FRAME, RollRepresentation
from folkseq.representations.roll.grammar import RollGrammar
from folkseq.sampling.engine import Engine
from folkseq.sampling.scoring import id_nll
from folkseq.sampling.settings import FLOAT32
from folkseq.verbs.model import Model

PUBLISHED = {
    "jsb": {"TCN, Bai et al. 2018": 8.10, "LSTM, the same": 8.45, "GRU, the same": 8.43},
    "nottingham": {"TCN, Bai et al. 2018": 3.07, "LSTM, the same": 3.29, "GRU, the same": 3.46, "RNN-NADE, 2012": 2.31},
}
"""Published nats per frame of the test side."""
NOTES = {"jsb": "16 of its 77 test pieces are near-duplicates of training pieces"}
STEPS_PER_QUARTER = {"jsb": 1}  # the others have eighths
SIDES = ("valid", "test")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--minutes", type=float, default=30, help="training time of each set")
    parser.add_argument("--steps", type=int, help="number of updates, in place of the minutes")
    parser.add_argument("--runs", type=Path, help="keep the runs in this folder")
    asked = parser.parse_args()
    with TemporaryDirectory() as scratch:
        for file in asked.files:
            report(
                file, {"steps": asked.steps} if asked.steps else {"minutes": asked.minutes}, asked.runs or Path(scratch)
            )


def report(file: Path, plan: dict[str, float], runs: Path) -> None:
    """Train on one data set, unless its run exists, and print its figures next to the published ones."""
    name, sides = file.stem, json.loads(file.read_text())
    out = runs / name
    if not (out / "model.safetensors").exists():
        runs.mkdir(parents=True, exist_ok=True)
        parts = [runs / f"{name}-{side}.json" for side in ("train", "valid")]
        for part, side in zip(parts, ("train", "valid"), strict=True):
            part.write_text(json.dumps(sides[side]))
        spec = f"roll:steps_per_quarter={STEPS_PER_QUARTER.get(name, 2)}"
        folkseq.train(spec, [parts[0]], valid=[parts[1]], out=out, **plan)
    model = folkseq.load(out)
    figures = {side: nats_per_frame(model, sides[side]) for side in SIDES if side in sides}
    shown = ", ".join(f"{side} {nats:.2f}" for side, nats in figures.items())
    config = model.run.config
    print(f"{name}: {shown} nats per frame; {config.figures['minutes']:.1f} minutes, seed {config.seed}")
    for paper, nats in PUBLISHED.get(name, {}).items():
        print(f"    {paper}: test {nats:.2f}")
    if name in NOTES:
        print(f"    {NOTES[name]}")


def nats_per_frame(model: Model, pieces: list[list[list[int]]], rows: int = 64) -> float:
    """Return the mean negative log-likelihood of a frame over all pieces."""
    codec = model.codec
    rolls = RollRepresentation().files.parse(json.dumps(pieces).encode(), "a side").pieces
    engine = model.engine(FLOAT32)
    encoded = sorted((codec.encode(roll) for roll in rolls), key=len, reverse=True)
    total = sum(nats_of_batch(engine, codec, encoded[first : first + rows]) for first in range(0, len(encoded), rows))
    return total / sum(len(roll.frames) for roll in rolls)


def nats_of_batch(engine: Engine, codec: Codec, batch: list[np.ndarray]) -> float:
    """Return the sum of the nats of all frames of some pieces."""
    grammar, end, total = RollGrammar(codec.vocabulary), codec.vocabulary.id(END), 0.0
    padded = np.full((max(map(len, batch)), len(batch)), codec.vocabulary.id(FRAME))  # (T, B)
    for row, ids in enumerate(batch):
        padded[: len(ids), row] = ids
    lasts, many = np.array([len(ids) - 1 for ids in batch]), np.full(len(batch), 1 << 20)
    stepper, states = engine.stepper(engine.begin(len(batch))), grammar.advance(grammar.begin(len(batch)), padded[0])
    for step, (now, coming) in enumerate(pairwise(padded), 1):
        allowed = grammar.allowed(states, many)
        allowed[:, end] = False
        logits = np.where(allowed, stepper.step(now), IMPOSSIBLE).astype(np.float32)
        goes_on = step < lasts  # the end of a piece and the padding do not count
        total += float(id_nll(logits, coming)[goes_on].sum())
        states = grammar.advance(states, coming)
    return total


if __name__ == "__main__":
    main()
