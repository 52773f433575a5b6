"""One step of a trained model as an ONNX graph, built from its weights without PyTorch.

Inputs are `ids` (B,) int64, `controls` (B, C) float32 and `recalled` (B, W) int64 if the model reads any, and the
carried state: `h_0`, `c_0`, `h_1` and so on, (B, H) each; outputs are `logits` (B, V), and the state after the step in
the same order. The first layer's weights are multiplied with the embedding beforehand, so that it looks up a row of
gates, and likewise with what the conditioning is read by. The lookback is kept in the metadata of the file, which can
be used by itself. Where ids come in frames, a step reads one id nonetheless, and the cells step when it ends a
frame; then `place`, `read` and `told` are carried, too. What there is besides where an
encoder has read what is known is said in `attention`.

`cells` has a step of each cell, `frames` what foretells the fields of a frame, `pointers` what may be repeated, and
`graph` what they are written with.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper

from folkseq.corpus.lookback import METADATA_KEY
from folkseq.models.onnx_step.attention import look
from folkseq.models.onnx_step.cells import STEPS, Layer, Weights
from folkseq.models.onnx_step.frames import Turn
from folkseq.models.onnx_step.graph import CONTRIBUTED, Graph, value
from folkseq.models.onnx_step.pointers import point
from folkseq.models.settings import ModelSettings

OPSET = 17
IR_VERSION = 8
"""The oldest that opset 17 goes with, so that older runtimes read it too."""


def build(weights: Weights, settings: ModelSettings, int8: bool = True) -> bytes:
    """The graph of one step.

    Args:
        weights: `LanguageModel`'s, by the names it gives them.
        settings: of the same model.
        int8: multiply in eight bits, about three times as fast, and not in float32.

    Returns:
        A serialised ONNX model.
    """
    graph, lookback = Graph(int8), settings.lookback
    turn = Turn(graph, settings.compound, weights, settings.gain) if settings.compound else None
    below = ""
    for number in range(settings.layers):
        below = STEPS[settings.cell](Layer(graph, settings, weights, number, below, turn.whole if turn else ""))
        if settings.encoder is not None and not number:
            below = look(graph, settings, weights, below)
    if turn:
        below = turn.told(below)
    read_by = weights["output.weight"].T * np.float32(settings.gain)  # (H, V)
    if lookback is not None and settings.copy_pointer:
        logits = point(graph, lookback, weights, below, read_by, settings.gain)
    else:
        logits = graph.product(below, read_by, weights["output.bias"])
    graph.result("logits", turn.masked(logits) if turn else logits)

    beside = [value("controls", TensorProto.FLOAT, "B", settings.conditioning)] if settings.conditioning else []
    if lookback is not None:
        beside.append(value("recalled", TensorProto.INT64, "B", lookback.width))
    if settings.encoder is not None:
        heads = settings.encoder.heads
        beside += [value("at", TensorProto.INT64, "B"), value("near", TensorProto.INT64, "B", "S")]
        beside.append(value("here", TensorProto.FLOAT, "S", settings.embedding))
        beside += [value(name, TensorProto.FLOAT, heads, "S", settings.hidden // heads) for name in ("keys", "values")]
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "step",
            [value("ids", TensorProto.INT64, "B"), *beside, *graph.carried],
            [value("logits", TensorProto.FLOAT, "B", settings.vocabulary_size), *graph.after],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIBUTED, 1)],
        producer_name="folkseq",
        ir_version=IR_VERSION,
    )
    if lookback is not None:
        helper.set_model_props(model, {METADATA_KEY: lookback.to_json()})
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
