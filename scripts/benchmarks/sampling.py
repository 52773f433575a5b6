"""The speed of the sampler's steps, compared with straightforward loops and with the peak of the machine.

The rows of a table are timed in turns, and the figure is the median over the turns. Noise on the machine then affects
all rows alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import onnxruntime
import torch
from benchmarks import pieces
from benchmarks.plain import Plain
from onnx import TensorProto, helper, numpy_helper

from folkseq import representations
from folkseq.machine import cores
from folkseq.models.export.graph import IR_VERSION, OPSET
from folkseq.models.export.step import build_step
from folkseq.models.language_model import LanguageModel
from folkseq.models.settings import ModelSettings
from folkseq.sampling.engine import Engine
from folkseq.sampling.generate import ROWS
from folkseq.sampling.strategies import Strategy, choose
from folkseq.verbs.model import load
from folkseq.workers import processes, spread

TURNS, VOCABULARY = 7, 144
PAUSE_S, TURN_S = 0.3, 0.25  # PyTorch's threads keep spinning for a while after its turn
SIZES = ((2, 320), (3, 512))
STREAMS = (1, 64, 256)  # rows
LOOKBACK: dict[str, Any] = {
    **{name: value for name, value in representations.find("abc").fit([]).recipe.items() if name != "weight_decay"},
    "bar_ends": tuple(range(24)),
    "section_ends": tuple(range(12)),
}
"""The lookback of a model of tunes, with a realistic share of ids that end a bar."""

Loop = Callable[[float], float]
"""A function that runs for a number of seconds and returns the tokens per second."""


def main(run: str | None = None) -> None:
    """Print all tables. The tables of whole pieces use a run of `abc`; by default, the newest."""
    print(f"{torch.get_num_threads()} threads; tokens per second and ratios: medians of {TURNS} turns")
    machine = _machine()
    for layers, hidden in SIZES:
        _steps(layers, hidden, machine)
    _drawing()
    pieces.main(load(run))


def _steps(layers: int, hidden: int, machine: dict[str, float]) -> None:
    settings = ModelSettings(VOCABULARY, layers=layers, hidden=hidden)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = LanguageModel(settings).eval()
        plain = Plain(VOCABULARY, layers, hidden, settings.embedding).eval()
        with_lookback = LanguageModel(replace(settings, **LOOKBACK)).eval()
    weights = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    graphs = {name: build_step(weights, settings, name == "int8") for name in ("float32", "int8")}
    weights_with_lookback = {name: tensor.numpy() for name, tensor in with_lookback.state_dict().items()}
    lookback_graph = build_step(weights_with_lookback, with_lookback.settings)
    products = (2 * layers - 1) * 4 * hidden * hidden + hidden * VOCABULARY  # per token; also bytes of int8 weights
    print(f"\n{layers} x {hidden} {settings.cell}, {VOCABULARY} ids: {products / 1e6:.2f} M products per token")
    for rows in STREAMS:
        for draws in (False, True):
            loops: dict[str, Loop] = {"PyTorch, nn.LSTM": torch_loop(plain, rows, draws)}
            if rows == 1:
                loops["NumPy, fused"] = _numpy_loop(weights, settings, draws)
            loops |= {f"folkseq, {name}": engine_loop(graph, rows, draws) for name, graph in graphs.items()}
            if draws:  # with constant ids, every position would be a match
                loops["… with lookback"] = engine_loop(lookback_graph, rows, draws)
            work = "a token drawn at each step" if draws else "the network alone"
            print(f"{rows} stream{'s' * (rows > 1)}, {work}")
            _print_speeds(_race(loops), products, machine["int8, one row" if rows == 1 else "int8, 256 rows"])


def _print_speeds(speeds: dict[str, list[float]], products: int, peak: float) -> None:
    """Print the tokens per second of each loop, and its ratios to the other loops."""
    for name, found in speeds.items():
        line = f"  {name:18} {median(found):9,.0f}"
        for other in ("PyTorch, nn.LSTM", "NumPy, fused"):
            if other in speeds and other != name:
                ratio = median(one / base for one, base in zip(found, speeds[other], strict=True))
                line += f"  {ratio:6.2f} x {other.split(',')[0]}"
        if name == "folkseq, int8":
            line += f"  {100 * median(found) * products / peak:4.0f} % of the machine's peak"
        print(line)


def _race(loops: dict[str, Loop]) -> dict[str, list[float]]:
    """Return the tokens per second of each loop, turn by turn."""
    speeds: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(TURNS):
        for name, loop in loops.items():
            time.sleep(PAUSE_S)
            loop(TURN_S / 5)
            speeds[name].append(loop(TURN_S))
    return speeds


def repeat(step: Callable[[], None], seconds: float) -> float:
    """Repeat a step for a number of seconds; return the repetitions per second."""
    done, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        step()
        done += 1
    return done / elapsed


def torch_loop(model: Plain, rows: int, draws: bool) -> Loop:
    """Return a straightforward loop in PyTorch."""
    state, ids = model.init_state(rows), torch.zeros(rows, 1, dtype=torch.long)

    def step() -> None:
        nonlocal state, ids
        logits, state = model(ids, state)
        if draws:
            ids = torch.multinomial(torch.softmax(logits[:, -1], dim=-1), 1)

    return torch.inference_mode()(lambda seconds: rows * repeat(step, seconds))


def engine_loop(graph: bytes | Path, rows: int, draws: bool) -> Loop:
    """Return the steps of `folkseq sample`: all threads share one row; several rows are divided among processes."""
    team = min(processes(), rows)
    size = min(rows // team, ROWS)

    def work(turns: Iterator[tuple[int, float]]) -> Generator[tuple[int, float]]:
        engine = Engine(graph, max(cores() // team, 1))
        steppers = [engine.stepper(engine.begin(size)) for _ in range(rows // team // size)]
        last, random, strategy = [np.zeros(size, np.int64) for _ in steppers], np.random.default_rng(0), Strategy()

        def step() -> None:
            for number, stepper in enumerate(steppers):
                logits = stepper.step(last[number])
                if draws:
                    last[number], _ = choose(logits, strategy, random.random(size))

        for place, seconds in turns:
            repeat(step, seconds / 5)
            yield place, size * len(steppers) * repeat(step, seconds)

    return lambda seconds: sum(spread(work, [seconds] * team, team))


def _numpy_loop(weights: dict[str, Any], settings: ModelSettings, draws: bool) -> Loop:
    """Return a loop over one row, with one matrix per layer, the first of them multiplied by the embedding."""
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

    return lambda seconds: repeat(step, seconds)


def _machine() -> dict[str, float]:
    """Return the peak in products per second: matrices larger than an LSTM's, in NumPy and in ONNX Runtime."""
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
    print(f"products of a {side} x {side} matrix with")
    for name, products in found.items():
        size = 4 if name.startswith("float") else 1
        read = f", {products * size / 1e9:.1f} GB of weights read" if name.endswith("one row") else ""
        print(f"  {name:18} {products / 1e9:7.1f} G per second{read}")
    return found


def _rows(rows: int) -> str:
    return "one row" if rows == 1 else f"{rows} rows"


def _product(side: int) -> bytes:
    """Return a graph that multiplies bytes by a square matrix of bytes."""
    weights = np.random.default_rng(0).integers(-64, 65, (side, side)).astype(np.int8)
    constants = [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(np.array(128, np.uint8), "zero")]
    x = helper.make_tensor_value_info("x", TensorProto.UINT8, ["B", side])
    y = helper.make_tensor_value_info("y", TensorProto.INT32, ["B", side])
    nodes = [helper.make_node("MatMulInteger", ["x", "w", "zero"], ["y"])]
    graph = helper.make_graph(nodes, "product", [x], [y], constants)
    opsets = [helper.make_opsetid("", OPSET)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION).SerializeToString())


def _best(action: Callable[[], Any], turns: int = 30) -> float:
    """Return the maximum number of times per second that an action can run."""
    best = float("inf")
    for _ in range(turns):
        start = time.perf_counter()
        action()
        best = min(best, time.perf_counter() - start)
    return 1 / best


def _drawing() -> None:
    """Print the time to draw an id for each of 256 rows, compared with the network's step."""
    rows = max(STREAMS)
    random = np.random.default_rng(0)
    logits = random.normal(0, 3, (rows, VOCABULARY)).astype(np.float32)
    mask, uniforms = random.random((rows, VOCABULARY)) < 0.5, random.random(rows)
    mask[:, 0] = True
    print(f"\ndrawing for {rows} rows of {VOCABULARY} ids, microseconds (median of 50)")
    kinds = {
        "temperature 1": Strategy(),
        "temperature 0.9": Strategy(0.9),
        "top-k 20": Strategy(top_k=20),
        "top-p 0.95": Strategy(top_p=0.95),
        "min-p 0.05": Strategy(min_p=0.05),
        "all of these": Strategy(0.9, top_k=20, top_p=0.95, min_p=0.05),
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
