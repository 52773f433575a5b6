"""What the graph of one step has besides, where ids are pointed at: a score for each, as in `models.copy_pointer`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from folkseq.corpus.lookback import Lookback
from folkseq.models.onnx_step.graph import Graph, Matrix


def point(
    graph: Graph,
    lookback: Lookback,
    weights: Mapping[str, NDArray[np.float32]],
    below: str,
    read_by: Matrix,
    gain: float,
) -> str:
    """Scores (B, V) of the ids that may come next.

    Args:
        graph: into which it is built.
        lookback: what is recalled; the graph's input `recalled`, (B, W), is what it gives.
        weights: the model's.
        below: the top layer's h, as `Graph.bounded` gives it.
        read_by: (H, V) the weights that the output reads it by.
        gain: the model's.
    """
    size, pointers = lookback.vocabulary_size, lookback.pointer_count
    # One product for the scores, for those of a pointer that points nowhere, and for how far each is to be trusted.
    trusted_by = weights["pointers.heard.weight"].T * np.float32(gain)  # (H, P)
    nowhere = np.zeros((len(read_by), 1), np.float32)
    bias = np.concatenate([weights["output.bias"], nowhere[0], weights["pointers.heard.bias"]])
    both = graph.product(below, np.concatenate([read_by, nowhere, trusted_by], axis=1), bias)
    scores, heard = graph.split(both, [size + 1, pointers])
    told = graph.summed(weights["pointers.told.weight"], "recalled", lookback.width)  # (B, P)
    trust = graph.node("Add", heard, told)
    pointed, _ = graph.split("recalled", [pointers, lookback.width - pointers])
    ids = graph.node("Sub", pointed, graph.constant(lookback.offsets[:pointers]))
    added = graph.node("ScatterElements", scores, ids, trust, axis=1, reduction="add")
    return graph.split(added, [size, 1])[0]
