"""The network's step in ONNX Runtime, many rows at a time, with the carried state kept inside."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import ArrayLike, NDArray

from folkseq.errors import RunError

Logits = NDArray[np.float32]
State = list[NDArray[np.float32]]
"""What is carried from step to step, each (L, B, H)."""


class Engine:
    """Reads one id in each row and gives the scores of the next.

    The sizes are read from the graph: its first input is the ids, the second the controls if it takes any, the others
    are the carried state, and its outputs are the logits and the state after the step, in the same order.
    """

    def __init__(self, model: Path | bytes, threads: int | None = None) -> None:
        """Load a model as `models.onnx_graph` builds it.

        Args:
            model: a file, or what it holds.
            threads: that work on one step; all cores by default.

        Raises:
            RunError: the file is missing or is not a model.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        options.log_severity_level = 3
        source = model if isinstance(model, bytes) else str(model)
        try:
            self._session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the runtime's own exceptions have no common base of their own
            name = "the model" if isinstance(model, bytes) else model
            raise RunError(f"{name}: cannot be loaded: {str(error).splitlines()[0]}") from None
        _, *carried = self._session.get_inputs()
        beside = carried.pop(0) if carried[0].name == "controls" else None
        self.controls: int = beside.shape[1] if beside else 0
        """C: the width of what is read beside each id."""
        self._carried = [value.name for value in carried]
        self._layers, _, self._hidden = carried[0].shape
        self.vocabulary_size: int = self._session.get_outputs()[0].shape[1]
        self._state: State = []
        self.start(0)

    @property
    def rows(self) -> int:
        """B: how many rows are read at a time."""
        return int(self._state[0].shape[1])

    def start(self, rows: int, after: State | None = None) -> None:
        """Begin `rows` new pieces, or go on `after` what `read` has read."""
        self._state = [np.zeros((self._layers, rows, self._hidden), dtype=np.float32) for _ in self._carried]
        if after is not None:
            self.reset(range(rows), after)

    def reset(self, rows: Sequence[int], after: State | None = None) -> None:
        """Begin a new piece in each of `rows`, or go on `after` what `read` has read."""
        for place, state in enumerate(self._state):
            state[:, list(rows)] = 0 if after is None else after[place]

    def read(self, ids: Sequence[int], controls: NDArray[np.float32] | None = None) -> State:
        """The state after ids, (L, 1, H) each, from the start of a piece; the rows that there were are given up.

        Args:
            ids: (T,) integers.
            controls: (T, C), read beside them; zeros if None.
        """
        self.start(1)
        for place, one in enumerate(ids):
            self.step([one], None if controls is None else controls[place : place + 1])
        return self._state

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with `rows` only, in that order."""
        self._state = [np.ascontiguousarray(state[:, list(rows)]) for state in self._state]

    def step(self, ids: ArrayLike, controls: NDArray[np.float32] | None = None) -> Logits:
        """Read one id in each row.

        Args:
            ids: (B,) integers.
            controls: (B, C) in [−1, 1], read beside them; zeros if None.

        Returns:
            (B, V) float32: the scores of the ids that may come next.
        """
        feed = dict(zip(self._carried, self._state, strict=True))
        if self.controls:
            feed["controls"] = np.zeros((self.rows, self.controls), np.float32) if controls is None else controls
        logits, *self._state = self._session.run(None, {"ids": np.asarray(ids, dtype=np.int64), **feed})
        return np.asarray(logits)
