"""What the graph of one step has besides, where an encoder has read what is known; see `models.attention`.

All rows look at the same source: `keys` and `values`, (N, S, H / N) each, and `here`, (S, E), are what `onnx_encoder`
gives of it. Each is at a place of its own, `at` (B,), to which each element is as `near` as (B, S) says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from folkseq.models.onnx_step.graph import Graph
from folkseq.models.settings import IMPOSSIBLE, ModelSettings
from folkseq.pairs import MASKED


def look(graph: Graph, settings: ModelSettings, weights: Mapping[str, NDArray[np.float32]], below: str) -> str:
    """From the first layer's h, as `Graph.bounded` gives it, to what the next layer reads in its place."""
    encoder = settings.encoder
    if encoder is None:
        raise ValueError("these settings have no encoder")
    gain, hidden = np.float32(settings.gain), settings.hidden
    width = hidden // encoder.heads
    scale = np.float32(1 if encoder.attention == "additive" else 1 / math.sqrt(width))
    asked = graph.product(below, weights["attention.query.weight"].T * gain * scale)  # (B, H)
    parted = graph.node("Reshape", asked, graph.constant(np.array([0, encoder.heads, width])))
    query = graph.node("Transpose", parted, perm=[1, 0, 2])  # (N, B, H / N)
    if encoder.attention == "additive":
        rows, elements = (
            graph.node("Unsqueeze", each, graph.constant(np.array([axis]))) for each, axis in ((query, 2), ("keys", 1))
        )
        both = graph.node("Tanh", graph.node("Add", rows, elements))  # (N, B, S, H / N)
        weighed = graph.node("Mul", both, graph.constant(weights["attention.score"][:, None, None]))
        scores = graph.node("ReduceSum", weighed, graph.constant(np.array([3])), keepdims=0)
    else:
        scores = graph.node("MatMul", query, graph.node("Transpose", "keys", perm=[0, 2, 1]))  # (N, B, S)
    table = weights["attention.near.weight"].copy()
    table[MASKED] = IMPOSSIBLE
    nearness = graph.node("Transpose", graph.node("Gather", graph.constant(table), "near"), perm=[2, 0, 1])
    shares = graph.node("Softmax", graph.node("Add", scores, nearness), axis=2)
    seen = graph.node("Transpose", graph.node("MatMul", shares, "values"), perm=[1, 0, 2])  # (B, N, H / N)
    context = graph.node("Reshape", seen, graph.constant(np.array([0, hidden])))
    matrix = weights["attention.heard.weight"].T  # (2 H, H)
    heard = graph.product(below, matrix[:hidden] * gain, weights["attention.heard.bias"])
    told = graph.node("MatMul", context, graph.constant(matrix[hidden:]))
    return graph.bounded(graph.node("Tanh", graph.node("Add", heard, told)))
