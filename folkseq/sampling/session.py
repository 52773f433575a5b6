"""ONNX Runtime, on the processor."""

from __future__ import annotations

from pathlib import Path

import onnxruntime

from folkseq.errors import RunError


def open_session(model: Path | bytes, threads: int | None) -> onnxruntime.InferenceSession:
    """A model in a file, or what that holds, by so many threads. Raises RunError if it is missing or is none."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.log_severity_level = 3
    source = model if isinstance(model, bytes) else str(model)
    try:
        return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's own exceptions have no common base of their own
        name = "the model" if isinstance(model, bytes) else model
        raise RunError(f"{name}: cannot be loaded: {str(error).splitlines()[0]}") from None
