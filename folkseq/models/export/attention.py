"""Attention in the graph of one step; see `models.attention`.

All rows look at the same source: `here` (S, E), `keys` and `values` (N, S, H / N) come from `encoder`. Each row is at
an element of its own, `at` (B,), from which each element has a relative position, `near` (B, S).
"""

from __future__ import annotations

import math

import numpy as np

from folkseq.models.export.graph import Graph, Value, Weights
from folkseq.models.settings import IMPOSSIBLE, EncoderSettings
from folkseq.pairs import MASKED


def here(graph: Graph, width: int) -> Value:
    """Return the memory of the element at which each row is, (B, E)."""
    return graph.node("Gather", graph.input("here", np.float32, "S", width), graph.input("at", np.int64, "B"))


def attend(graph: Graph, encoder: EncoderSettings, weights: Weights, x: Value, gain: np.float32) -> Value:
    """Return what the second layer reads, (B, H), from h of the first; both as from `Graph.bounded`."""
    hidden = len(weights["attention.query.weight"])
    heads, width = encoder.heads, hidden // encoder.heads
    keys, values = (graph.input(name, np.float32, heads, "S", width) for name in ("keys", "values"))
    scale = np.float32(1 if encoder.attention == "additive" else 1 / math.sqrt(width))
    query = graph.product(x, weights["attention.query.weight"].T * gain * scale)  # (B, H)
    query = graph.node("Reshape", query, np.array([0, heads, width]))  # (B, N, H / N)
    query = graph.node("Transpose", query, perm=[1, 0, 2])  # (N, B, H / N)
    if encoder.attention == "additive":
        rows, elements = graph.node("Unsqueeze", query, np.array([2])), graph.node("Unsqueeze", keys, np.array([1]))
        both = graph.node("Tanh", rows + elements) * weights["attention.score"][:, None, None]  # (N, B, S, H / N)
        scores = graph.node("ReduceSum", both, np.array([3]), keepdims=0)  # (N, B, S)
    else:
        scores = graph.node("MatMul", query, graph.node("Transpose", keys, perm=[0, 2, 1]))  # (N, B, S)
    biases = weights["attention.near.weight"].copy()  # (R, N)
    biases[MASKED] = IMPOSSIBLE
    bias = graph.node("Gather", biases, graph.input("near", np.int64, "B", "S"))  # (B, S, N)
    shares = graph.node("Softmax", scores + graph.node("Transpose", bias, perm=[2, 0, 1]), axis=2)  # (N, B, S)
    context = graph.node("Transpose", graph.node("MatMul", shares, values), perm=[1, 0, 2])  # (B, N, H / N)
    context = graph.node("Reshape", context, np.array([0, hidden]))  # (B, H)
    matrix = weights["attention.heard.weight"].T  # (2H, H)
    heard = graph.product(x, matrix[:hidden] * gain, weights["attention.heard.bias"])
    return graph.bounded(graph.node("Tanh", heard + graph.node("MatMul", context, matrix[hidden:])))
