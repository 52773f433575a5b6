"""One step of each cell, spelt out: from what is below and the states to the layer's next h."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from folkseq.corpus.lookback import Lookback
from folkseq.models.onnx_step.graph import Graph, Matrix
from folkseq.models.settings import ModelSettings

Weights = Mapping[str, NDArray[np.float32]]

GATES = (0, 1, 3, 2)
"""PyTorch's input, forget, cell and output gate with the cell last, so that those with a sigmoid stand together."""


@dataclass
class Layer:
    """One layer of a graph: its weights, and what it reads."""

    graph: Graph
    settings: ModelSettings
    weights: Weights
    number: int
    below: str = ""
    """The h of the layer below, as `Graph.bounded` gives it; the first reads the inputs."""
    whole: str = ""
    """Where ids come in frames, whether the id ends one, (B, 1); until then the cells do not step."""

    def weight(self, name: str, order: tuple[int, ...]) -> Matrix:
        """One of its weights, with the gates stacked along the first axis in another order."""
        array = self.weights[f"cells.{self.number}.{name}"]
        return array.reshape(len(order), -1, *array.shape[1:])[list(order)].reshape(array.shape)

    def sums(self, read: Matrix, bias: Matrix, h: str = "", w_h: Matrix | None = None) -> str:
        """What is read times (G, E or H), and h times (G, H) if it is given, and a bias (G,): (B, G)."""
        graph, settings, weights = self.graph, self.settings, self.weights
        w_in = read.T * np.float32(settings.gain if self.number else 1)
        if self.number:
            if w_h is None:
                return graph.product(self.below, w_in, bias)
            both = graph.node("Concat", self.below, h, axis=1)  # (B, 2H)
            return graph.product(both, np.concatenate([w_in, w_h.T]), bias)
        if self.whole:
            each = graph.node("Gather", graph.constant(weights["embedding.weight"] @ w_in), "ids")
            summed = sum_of_frame(graph, "read", each, len(bias), self.whole)
            sums = graph.node("Add", summed, graph.constant(bias))
        else:
            sums = graph.node("Gather", graph.constant(weights["embedding.weight"] @ w_in + bias), "ids")
        factors, matrices = ([h], [w_h.T]) if w_h is not None else ([], [])
        if settings.lookback is not None:
            # A table of gates would save the product, but its rows are so wide that to fetch them takes longer.
            table, most = _scaled(weights["recalled.weight"], settings.lookback)
            factors.append(graph.bounded(graph.summed(table, "recalled", settings.lookback.width)))  # (B, E)
            matrices.append(w_in * most[:, None])
        if factors:
            factor = graph.node("Concat", *factors, axis=1) if len(factors) > 1 else factors[0]
            sums = graph.node("Add", sums, graph.product(factor, np.concatenate(matrices)))
        if settings.encoder is not None:
            here = graph.node("Gather", "here", "at")  # (B, E)
            sums = graph.node("Add", sums, graph.node("MatMul", here, graph.constant(w_in)))
        if settings.conditioning:
            sums = graph.node("Add", sums, graph.product(graph.bounded("controls"), weights["control.weight"].T @ w_in))
        return sums

    def carry(self, name: str, bounded: bool = False) -> str:
        """A state of this layer; `bounded` if it is kept as `Graph.bounded` gives it."""
        return self.graph.carry(f"{name}_{self.number}", self.settings.hidden, bounded)

    def result(self, name: str, value: str) -> str:
        """What that state becomes."""
        if self.whole:
            value = self.graph.node("Where", self.whole, value, f"{name}_{self.number}")
        return self.graph.result(f"{name}_{self.number}_next", value)


def _scaled(table: Matrix, lookback: Lookback) -> tuple[Matrix, Matrix]:
    """What is recalled is read by, scaled so that no sum of it lies outside of [−1, 1], and by how much (E,)."""
    starts = np.append(lookback.offsets, len(table))
    most = sum(np.abs(table[first:after]).max(axis=0) for first, after in pairwise(starts))
    most = np.maximum(most, np.finfo(np.float32).tiny).astype(np.float32)
    return table / most, most


def sum_of_frame(graph: Graph, name: str, value: str, width: int, whole: str) -> str:
    """The sum of a value, (B, width), over the ids of a frame so far; carried on until the frame is `whole`."""
    total = graph.node("Add", graph.carry(name, width), value)
    graph.result(f"{name}_next", graph.node("Where", whole, graph.constant(np.zeros((1, 1), np.float32)), total))
    return total


def _rnn(layer: Layer) -> str:
    h = layer.carry("h", bounded=True)
    bias = layer.weight("bias_ih_l0", (0,)) + layer.weight("bias_hh_l0", (0,))
    sums = layer.sums(layer.weight("weight_ih_l0", (0,)), bias, h, layer.weight("weight_hh_l0", (0,)))
    return layer.result("h", layer.graph.bounded(layer.graph.node("Tanh", sums)))


def _gru(layer: Layer) -> str:
    graph, width, order = layer.graph, layer.settings.hidden, (0, 1, 2)
    h = layer.carry("h")  # as it is: where it hardly changes at a step, rounding it every time would keep it there
    read = layer.sums(layer.weight("weight_ih_l0", order), layer.weight("bias_ih_l0", order))
    heard = graph.product(
        graph.bounded(h), layer.weight("weight_hh_l0", order).T, layer.weight("bias_hh_l0", order)
    )  # (B, 3H)
    read_gates, read_new = graph.split(read, [2 * width, width])
    heard_gates, heard_new = graph.split(heard, [2 * width, width])
    reset, keep = graph.split(graph.node("Sigmoid", graph.node("Add", read_gates, heard_gates)), [width, width])
    written = graph.node("Tanh", graph.node("Add", read_new, graph.node("Mul", reset, heard_new)))
    kept = graph.node("Mul", keep, graph.node("Sub", h, written))
    return graph.bounded(layer.result("h", graph.node("Add", written, kept)))


def _lstm(layer: Layer) -> str:
    return _gated(layer, peephole=False)


def _peephole(layer: Layer) -> str:
    return _gated(layer, peephole=True)


def _gated(layer: Layer, peephole: bool) -> str:
    graph = layer.graph
    h, c = layer.carry("h", bounded=True), layer.carry("c")
    bias = layer.weight("bias_ih_l0", GATES) + layer.weight("bias_hh_l0", GATES)
    sums = layer.sums(layer.weight("weight_ih_l0", GATES), bias, h, layer.weight("weight_hh_l0", GATES))
    into, keep, out, written = graph.split(sums, [layer.settings.hidden] * 4)

    def gate(gate_sums: str, state: str, number: int) -> str:
        if peephole:
            seen = graph.node("Mul", state, graph.constant(layer.weight("peephole", (0, 1, 2))[number]))
            gate_sums = graph.node("Add", gate_sums, seen)
        return graph.node("Sigmoid", gate_sums)

    kept = graph.node("Mul", gate(keep, c, 1), c)
    added = graph.node("Mul", gate(into, c, 0), graph.node("Tanh", written))
    c = layer.result("c", graph.node("Add", kept, added))
    h = graph.node("Mul", gate(out, c, 2), graph.node("Tanh", c))
    return layer.result("h", graph.bounded(h))


STEPS: dict[str, Callable[[Layer], str]] = {"rnn": _rnn, "gru": _gru, "lstm": _lstm, "peephole": _peephole}
"""A step of each of the cells that `ModelSettings` knows by name; it gives h, as `Graph.bounded` does."""
