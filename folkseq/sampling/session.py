"""ONNX Runtime on the processor."""

from __future__ import annotations

from pathlib import Path

import onnxruntime

from folkseq.errors import RunError


def open_session(model: Path | bytes, threads: int | None) -> onnxruntime.InferenceSession:
    """Load a model from a file or from bytes. Raises RunError if it is missing, or is not a model."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.log_severity_level = 3
    source = model if isinstance(model, bytes) else str(model)
    try:
        return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the exceptions of the runtime have no common base class
        name = "the model" if isinstance(model, bytes) else model
        raise RunError(f"{name}: cannot be loaded: {str(error).splitlines()[0]}") from None
