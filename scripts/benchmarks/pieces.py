"""The speed of whole pieces, from a loaded run to the bytes of a file, compared with the engine and a PyTorch loop.

The rows of the first table are timed in turns. The last table shows the time in the functions of a single process.
"""

from __future__ import annotations

import resource
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import count
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from benchmarks import sampling
from benchmarks.plain import Plain

from folkseq import workers
from folkseq.corpora.lookback import Lookback
from folkseq.machine import cores
from folkseq.models.export.step import build_step
from folkseq.models.language_model import LanguageModel
from folkseq.models.settings import ModelSettings
from folkseq.novelty.known import KnownPieces
from folkseq.sampling import batch
from folkseq.sampling.batch import SamplingBatch
from folkseq.sampling.engine import Stepper
from folkseq.verbs import writing
from folkseq.verbs.model import Model
from folkseq.verbs.piece import Sampled
from folkseq.verbs.sample import sample

COUNTS, TURNS, SEEDS = (1, 64, 256, 1024), 3, count(1)
ASKED: dict[str, tuple[int, dict[str, Any]]] = {
    "one": (1, {}),
    "ten": (10, {}),
    "ten with --form AABB": (10, {"form": "AABB"}),
    "a hundred with --best 8": (100, {"best": 8}),
    "a hundred with --max-copy 16": (100, {"max_copy": 16}),
    "a hundred with --no-grammar": (100, {"grammar": False}),
}


def main(model: Model) -> None:
    """Print all tables of a run."""
    write(model, 1)  # loads everything
    _speeds(model)
    print("\nseconds from the loaded run to the bytes of the file (median of 3)")
    for name, (number, asked) in ASKED.items():
        print(f"  {name:28} {median(write(model, number, **asked)[1] for _ in range(TURNS)):6.2f}")
    _shares(model, 256)


def write(model: Model, number: int, **asked: Any) -> tuple[int, float]:
    """Write pieces to a file; return the number of tokens and the duration in seconds."""
    with TemporaryDirectory() as folder, patch("folkseq.verbs.sample.load", lambda run: model):
        start = time.perf_counter()
        out = f"{folder}/new{model.representation.files.collections[0] if number > 1 else ''}"
        tokens = sum(len(piece.tokens) - 1 for piece, _ in sample("", number, out=out, seed=next(SEEDS), **asked))
        return tokens, time.perf_counter() - start


def _speeds(model: Model) -> None:
    settings = model.run.config.model
    plain = Plain(settings.vocabulary_size, settings.layers, settings.hidden, settings.embedding).eval()
    bare = LanguageModel(ModelSettings(settings.vocabulary_size, layers=settings.layers, hidden=settings.hidden))
    weights = {name: tensor.numpy() for name, tensor in bare.state_dict().items()}
    graph, own = build_step(weights, bare.settings), model.run.file("model.onnx")
    print(
        f"\n{model.run.folder.name}, tokens per second with {workers.processes()} processes (median of {TURNS} turns)"
    )
    print(f"  {'pieces':34}" + "".join(f"{number:10,}" for number in COUNTS))
    columns: list[dict[str, float]] = []
    for number in COUNTS:
        loops: dict[str, Callable[[float], float]] = {
            "PyTorch, nn.LSTM, with draws": sampling.torch_loop(plain, number, True),
            "engine alone, without lookback": sampling.engine_loop(graph, number, False),
            "engine with lookback and draws": sampling.engine_loop(own, number, True),
            "to the bytes of the file": partial(_whole, model, number),
        }
        found: dict[str, list[float]] = defaultdict(list)
        for _ in range(TURNS):
            for name, loop in loops.items():
                time.sleep(sampling.PAUSE_S)
                found[name].append(loop(sampling.TURN_S))
        columns.append({name: median(speeds) for name, speeds in found.items()})
    for name in columns[0]:
        print(f"  {name:34}" + "".join(f"{column[name]:10,.0f}" for column in columns))


def _whole(model: Model, number: int, seconds: float) -> float:
    tokens, seconds = write(model, number)
    return tokens / seconds


def _shares(model: Model, number: int) -> None:
    """Print the distribution of the time of one process."""
    codec, generation = type(model.codec), type(model.codec.generation)
    plan = model.codec.generation.plan(model.representation.options())
    timed: list[tuple[Any, str, str]] = [
        (Stepper, "step", "network, lookback"),
        (Lookback, "step", "lookback"),
        *((type(plan.grammar), name, "grammar") for name in ("allowed", "advance") if plan.grammar),
        *((type(plan.target), name, "target") for name in ("weights", "advance") if plan.target),
        (batch, "choose", "draw"),
        (SamplingBatch, "step", "step, all of it"),
        *((SamplingBatch, name, "rows that begin and end") for name in ("begin", "leave", "ended", "sample")),
        (writing.Titles, "__getitem__", "titles"),
        *((KnownPieces, name, "novelty") for name in ("longest", "describe", "judge")),
        (codec, "decode", "ids to pieces"),
        *((generation, name, "key, unit and title") for name in ("postprocess", "entitled")),
        (generation, "merits", "merits"),
        (Sampled, "format", "formatting"),
    ]
    seconds: dict[str, float] = defaultdict(float)
    with ExitStack() as stack:
        stack.enter_context(patch.object(workers, "cores", lambda: 1))
        for owner, name, label in timed:
            stack.enter_context(_timed(owner, name, label, seconds))
        start = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        tokens, elapsed = write(model, number)
        used = resource.getrusage(resource.RUSAGE_SELF).ru_utime - start
    rate = tokens / elapsed
    print(f"\nmilliseconds per piece of {number} in one process: {1000 * elapsed / number:.2f}, {rate:,.0f} tokens/s")
    print(f"  (processor time {1000 * used / number:.2f}; {cores()} cores)")
    for label, spent in seconds.items():
        print(f"  {label:28} {1000 * spent / number:6.2f}  {100 * spent / elapsed:4.0f} %")


@contextmanager
def _timed(owner: Any, name: str, label: str, seconds: dict[str, float]) -> Iterator[None]:
    function = getattr(owner, name)

    def measured(*args: Any, **named: Any) -> Any:
        start = time.perf_counter()
        try:
            return function(*args, **named)
        finally:
            seconds[label] += time.perf_counter() - start

    with patch.object(owner, name, measured):
        yield
