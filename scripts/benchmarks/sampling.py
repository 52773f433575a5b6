"""How fast sampling is, beside loops that others would write and beside what the machine could do at most.

Every row of a table is timed in turn with the others, several times, and the median of the ratios is what counts: the
machine may be noisy, but is so for all.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from statistics import median
from typing import Any

import numpy as np
import onnxruntime
import torch
from benchmarks.plain import Plain
from onnx import TensorProto, helper, numpy_helper

from folkseq.machine import cores
from folkseq.models.export.graph import IR_VERSION, OPSET
from folkseq.models.export.step import build_step
from folkseq.models.language_model import LanguageModel
from folkseq.models.settings import ModelSettings
from folkseq.representations.abc import AbcTokenizer
from folkseq.representations.base import END, START
from folkseq.sampling.batch import Request
from folkseq.sampling.engine import Engine, Walk
from folkseq.sampling.generate import ROWS, generate
from folkseq.sampling.strategies import Strategy, choose
from folkseq.verbs.model import MOST_LANES, Model, load

TURNS, VOCABULARY = 7, 144
PAUSE_S, TURN_S = 0.3, 0.25  # PyTorch's threads spin on for a while after its turn
SIZES = ((2, 320), (3, 512))
STREAMS = (1, 64, 256)  # rows
RECALLS: dict[str, Any] = {
    **{name: value for name, value in AbcTokenizer().recipe.items() if name != "weight_decay"},
    "bar_ends": tuple(range(24)),
    "section_ends": tuple(range(12)),
}
"""What a network of tunes is shown besides; about as many of its ids end a bar."""

Loop = Callable[[float], int]  # goes on for so many seconds, and tells how many tokens it made


def main(run: str | None = None) -> None:
    """Print all tables; those of grammar and novelty for a run of `abc`, the newest by default."""
    print(f"{torch.get_num_threads()} threads; tokens a second and ratios: medians of {TURNS} turns")
    machine = _machine()
    for layers, hidden in SIZES:
        _steps(layers, hidden, machine)
    _choosing()
    _constraints(load(run))


def _steps(layers: int, hidden: int, machine: dict[str, float]) -> None:
    settings = ModelSettings(VOCABULARY, layers=layers, hidden=hidden)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = LanguageModel(settings).eval()
        plain = Plain(VOCABULARY, layers, hidden, settings.embedding).eval()
        recalls = LanguageModel(replace(settings, **RECALLS)).eval()
    weights = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    graphs = {name: build_step(weights, settings, name == "int8") for name in ("float32", "int8")}
    as_for_tunes = {name: tensor.numpy() for name, tensor in recalls.state_dict().items()}
    recalling = build_step(as_for_tunes, recalls.settings)
    products = (2 * layers - 1) * 4 * hidden * hidden + hidden * VOCABULARY  # a token, and bytes of weights in int8
    print(f"\n{layers} x {hidden} {settings.cell}, {VOCABULARY} ids: {products / 1e6:.2f} M products a token")
    for rows in STREAMS:
        for draws in (False, True):
            loops: dict[str, Loop] = {"PyTorch, nn.LSTM": _torch_loop(plain, rows, draws)}
            if rows == 1:
                loops["NumPy, fused"] = _numpy_loop(weights, settings, draws)
            loops |= {f"folkseq, {name}": _engine_loop(graph, rows, draws) for name, graph in graphs.items()}
            if draws:  # of ids that are always the same every place would be a match
                loops["… that recalls"] = _engine_loop(recalling, rows, draws)
            print(
                f"{rows} stream{'s' * (rows > 1)}, " + ("a token drawn at each step" if draws else "the network alone")
            )
            _tell(_race(loops), products, machine["int8, one row" if rows == 1 else "int8, 256 rows"])


def _tell(speeds: dict[str, list[float]], products: int, most: float) -> None:
    """Print each one's tokens a second, and the ratios to loops of others."""
    for name, found in speeds.items():
        line = f"  {name:18} {median(found):9,.0f}"
        for other in ("PyTorch, nn.LSTM", "NumPy, fused"):
            if other in speeds and other != name:
                ratio = median(one / base for one, base in zip(found, speeds[other], strict=True))
                line += f"  {ratio:6.2f} x {other.split(',')[0]}"
        if name == "folkseq, int8":
            line += f"  {100 * median(found) * products / most:4.0f} % of the products that the machine can make"
        print(line)


def _race(loops: dict[str, Loop]) -> dict[str, list[float]]:
    """Tokens a second of each, turn by turn."""
    speeds: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(TURNS):
        for name, loop in loops.items():
            time.sleep(PAUSE_S)
            loop(TURN_S / 5)
            start = time.perf_counter()
            tokens = loop(TURN_S)
            speeds[name].append(tokens / (time.perf_counter() - start))
    return speeds


def _repeat(step: Callable[[], None], seconds: float) -> int:
    """How often a step is made in so many seconds."""
    done, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        step()
        done += 1
    return done


def _torch_loop(model: Plain, rows: int, draws: bool) -> Loop:
    state, ids = model.init_state(rows), torch.zeros(rows, 1, dtype=torch.long)

    def step() -> None:
        nonlocal state, ids
        logits, state = model(ids, state)
        if draws:
            ids = torch.multinomial(torch.softmax(logits[:, -1], dim=-1), 1)

    return torch.inference_mode()(lambda seconds: rows * _repeat(step, seconds))


def _engine_loop(graph: bytes, rows: int, draws: bool) -> Loop:
    """As `folkseq sample` does it: one row by all threads; many in lanes, each of which writes a batch or more."""
    lanes = min(cores(), MOST_LANES, rows)
    engine = Engine(graph, max(cores() // lanes, 1))
    size = min(rows, ROWS) // lanes
    walks = [[engine.stepper(engine.begin(size)) for _ in range(rows // lanes // size)] for _ in range(lanes)]

    def lane(walks: list[Walk], seconds: float) -> int:
        last, random, strategy = [np.zeros(size, np.int64) for _ in walks], np.random.default_rng(0), Strategy()

        def step() -> None:
            for place, walk in enumerate(walks):
                logits = walk.step(last[place])
                if draws:
                    last[place], _ = choose(logits, strategy, random.random(size))

        return size * len(walks) * _repeat(step, seconds)

    if lanes == 1:
        return lambda seconds: lane(walks[0], seconds)
    pool = ThreadPoolExecutor(lanes)
    return lambda seconds: sum(pool.map(lane, walks, [seconds] * lanes))


def _numpy_loop(weights: dict[str, Any], settings: ModelSettings, draws: bool) -> Loop:
    """One row, each layer's weights in one matrix, the first's multiplied with the embedding beforehand."""
    hidden, layers = settings.hidden, []
    for layer in range(settings.layers):
        cell = f"cells.{layer}"
        w_in, w_h = weights[f"{cell}.weight_ih_l0"].T, weights[f"{cell}.weight_hh_l0"].T
        bias = weights[f"{cell}.bias_ih_l0"] + weights[f"{cell}.bias_hh_l0"]
        layers.append((w_h, None) if layer == 0 else (np.concatenate([w_in, w_h]), bias))
        if layer == 0:
            table = weights["embedding.weight"] @ w_in + bias
    layers = [(np.ascontiguousarray(matrix), bias) for matrix, bias in layers]
    output, output_bias = np.ascontiguousarray(weights["output.weight"].T), weights["output.bias"]
    h, c = np.zeros((2, settings.layers, hidden), np.float32)
    token, random = 0, np.random.default_rng(0)

    def step() -> None:
        nonlocal token
        for layer, (matrix, bias) in enumerate(layers):
            if layer == 0:
                gates = h[0] @ matrix + table[token]
            else:
                gates = np.concatenate([h[layer - 1], h[layer]]) @ matrix + bias
            i, f, g, o = gates[:hidden], gates[hidden : 2 * hidden], gates[2 * hidden : 3 * hidden], gates[3 * hidden :]
            c[layer] = c[layer] / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
            h[layer] = np.tanh(c[layer]) / (1 + np.exp(-o))
        logits = h[-1] @ output + output_bias
        if draws:
            token = int(choose(logits[None], Strategy(), random.random(1))[0][0])

    return lambda seconds: _repeat(step, seconds)


def _machine() -> dict[str, float]:
    """Products a second, of matrices larger than an LSTM's, in NumPy and in ONNX Runtime."""
    side = 2048
    matrix = np.random.default_rng(0).normal(size=(side, side)).astype(np.float32)
    found = {}
    for rows in (1, 256):
        vector = np.ones((rows, side), np.float32)
        found[f"float32, {_rows(rows)}"] = _best(lambda vector=vector: vector @ matrix) * rows * side * side
    session = onnxruntime.InferenceSession(_product(side), providers=["CPUExecutionProvider"])
    for rows in (1, 256):
        feed = {"x": np.full((rows, side), 129, np.uint8)}
        found[f"int8, {_rows(rows)}"] = _best(lambda feed=feed: session.run(None, feed)) * rows * side * side
    print(f"products of a matrix of {side} x {side} with")
    for name, products in found.items():
        size = 4 if name.startswith("float") else 1
        read = f", {products * size / 1e9:.1f} GB of weights" if name.endswith("one row") else ""
        print(f"  {name:18} {products / 1e9:7.1f} G a second{read}")
    return found


def _rows(rows: int) -> str:
    return "one row" if rows == 1 else f"{rows} rows"


def _product(side: int) -> bytes:
    """A graph that multiplies bytes by a square matrix of bytes."""
    weights = np.random.default_rng(0).integers(-64, 65, (side, side)).astype(np.int8)
    constants = [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(np.uint8(128), "zero")]
    x = helper.make_tensor_value_info("x", TensorProto.UINT8, ["B", side])
    y = helper.make_tensor_value_info("y", TensorProto.INT32, ["B", side])
    nodes = [helper.make_node("MatMulInteger", ["x", "w", "zero"], ["y"])]
    graph = helper.make_graph(nodes, "product", [x], [y], constants)
    opsets = [helper.make_opsetid("", OPSET)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION).SerializeToString())


def _best(action: Callable[[], Any], turns: int = 30) -> float:
    """Times a second, at best."""
    best = float("inf")
    for _ in range(turns):
        start = time.perf_counter()
        action()
        best = min(best, time.perf_counter() - start)
    return 1 / best


def _choosing() -> None:
    """Choosing for 256 rows beside the network's step for them."""
    rows = max(STREAMS)
    random = np.random.default_rng(0)
    logits = random.normal(0, 3, (rows, VOCABULARY)).astype(np.float32)
    mask, uniforms = random.random((rows, VOCABULARY)) < 0.5, random.random(rows)
    mask[:, 0] = True
    print(f"\nchoosing for {rows} rows of {VOCABULARY} ids, microseconds (median of 50)")
    kinds = {
        "temperature 1": Strategy(),
        "temperature 0.9": Strategy(0.9),
        "top-k 20": Strategy(top_k=20),
        "top-p 0.95": Strategy(top_p=0.95),
        "min-p 0.05": Strategy(min_p=0.05),
        "all of these": Strategy(0.9, 20, 0.95, 0.05),
    }
    for name, strategy in kinds.items():
        print(f"  {name:16} {_median_us(lambda strategy=strategy: choose(logits, strategy, uniforms, mask)):6.0f}")
    for layers, hidden in SIZES:
        settings = ModelSettings(VOCABULARY, layers=layers, hidden=hidden)
        weights = {name: tensor.numpy() for name, tensor in LanguageModel(settings).state_dict().items()}
        engine = Engine(build_step(weights, settings))
        state, ids = engine.begin(rows), np.zeros(rows, np.int64)
        step = _median_us(lambda engine=engine, state=state, ids=ids: engine.step(state, ids))
        print(f"  a step of {layers} x {hidden}, int8: {step:6.0f}")


def _median_us(action: Callable[[], Any], turns: int = 50) -> float:
    times = []
    for _ in range(turns):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return 1e6 * median(times)


def _constraints(model: Model) -> None:
    """What grammar, novelty and a limit on copies cost at 64 streams, on whole pieces."""
    pieces, vocabulary, tokenizer = 512, model.run.vocabulary, model.tokenizer
    lanes = min(cores(), MOST_LANES)
    engine = model.engine("int8", max(cores() // lanes, 1))
    grammar = tokenizer.grammar(vocabulary)
    copies = model.overlaps.limit(16)
    turn = count()

    def write(look_up: bool = False, **settings: Any) -> float:
        request = Request((vocabulary.id(START),), vocabulary.id(END), next(turn), tokenizer.limit(), **settings)
        start = time.perf_counter()
        samples = list(generate(engine, request, range(pieces), lanes))
        if look_up:
            for first in range(0, pieces, 16):
                model.overlaps.longest([np.array(sample.ids) for sample in samples[first : first + 16]])
        return sum(len(sample.ids) - 1 for sample in samples) / (time.perf_counter() - start)

    asked: dict[str, dict[str, Any]] = {
        "without a grammar": {},
        "with it": {"grammar": grammar},
        "and looked up in the index": {"grammar": grammar, "look_up": True},
        "and --max-copy 16": {"grammar": grammar, "copies": copies},
    }
    found: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(TURNS):
        for name, settings in asked.items():
            found[name].append(write(**settings))
    print(f"\n{model.run.folder}: {pieces} pieces, {ROWS} at a time, tokens a second")
    for name, speeds in found.items():
        base = found["without a grammar" if name == "with it" else "with it"]
        ratio = median(one / other for one, other in zip(speeds, base, strict=True))
        against = (
            "" if name == "without a grammar" else f"  {ratio:5.2f} of " + ("that" if name == "with it" else "with it")
        )
        print(f"  {name:28} {median(speeds):9,.0f}{against}")
