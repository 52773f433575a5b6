"""The network's step in ONNX Runtime, many rows at a time; it imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import onnxruntime
from numpy.typing import ArrayLike, NDArray

from folkseq.corpus.lookback import METADATA_KEY, Lookback
from folkseq.grammar import Ids, Rows
from folkseq.sampling.memory import Memory
from folkseq.sampling.session import open_session

Logits = NDArray[np.float32]
_BESIDE = ("ids", "controls", "recalled", "at", "near", "here", "keys", "values")
"""What a step reads but for the state."""
_ZEROS: dict[str, tuple[type, int]] = {
    "tensor(float)": (np.float32, 0),
    "tensor(uint8)": (np.uint8, 128),
    "tensor(int64)": (np.int64, 0),
}
"""What stands for zero, by type."""


class _Carried(NamedTuple):
    """A part of the state."""

    name: str
    width: int
    dtype: type
    zero: int


class Engine:
    """Reads one id in each row and gives the scores of the next.

    The sizes are read from the graph: its inputs are the ids, conditioning and lookback if it takes any, and
    the carried state; its outputs are the logits and the state after the step, in the same order. What it recalls is
    kept by the engine, as the last arrays of the state. What it looks at, if it does, is given by `knowing`.
    """

    memory: Memory | None = None
    """What is known, if anything."""

    def __init__(self, model: Path | bytes, threads: int | None = None) -> None:
        """Load a model as `models.onnx_step` builds it.

        Args:
            model: a file, or what it holds.
            threads: that work on one step; all cores by default.

        Raises:
            RunError: the file is missing or is not a model.
        """
        self._session = open_session(model, threads)
        inputs = {value.name: value for value in self._session.get_inputs()}
        self.conditioning: int = inputs["controls"].shape[1] if "controls" in inputs else 0
        """C: the width of what is read beside each id."""
        lookback = self._session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
        self._lookback = Lookback.from_json(lookback) if lookback else None
        carried = [value for name, value in inputs.items() if name not in _BESIDE]
        self._carried = [_Carried(value.name, value.shape[1], *_ZEROS[value.type]) for value in carried]
        self.vocabulary_size: int = self._session.get_outputs()[0].shape[1]

    def begin(self, rows: int) -> Rows:
        """The state at the start of `rows` pieces: what is carried from step to step, (B, …) each."""
        state: Rows = tuple(np.full((rows, each.width), each.zero, each.dtype) for each in self._carried)
        return state if self._lookback is None else (*state, *self._lookback.begin(rows))

    def knowing(self, memory: Memory) -> Self:
        """The same network, which looks at what is known."""
        engine = copy(self)
        engine.memory = memory
        return engine

    def step(
        self, state: Rows, ids: ArrayLike, conditioning: NDArray[np.float32] | None = None, at: Ids | None = None
    ) -> tuple[Logits, Rows]:
        """Read one id in each row.

        Args:
            state: as `begin` or the last step gave it; it stays as it was.
            ids: (B,) integers.
            conditioning: (B, C) in [−1, 1], read beside them; zeros if None.
            at: (B,) where in what is known each row is, if anything is.

        Returns:
            (B, V) float32, the scores of the ids that may come next; and the state after the step.
        """
        if self.memory is not None:
            walk = self.walk(state)
            return walk.step(np.asarray(ids), conditioning, at), walk.state
        carried, memory = state[: len(self._carried)], tuple(array.copy() for array in state[len(self._carried) :])
        feed = {each.name: array for each, array in zip(self._carried, carried, strict=True)}
        feed["ids"] = np.asarray(ids, dtype=np.int64)
        if self._lookback is not None:
            feed["recalled"] = self._lookback.step(memory, feed["ids"])
        if self.conditioning:
            feed["controls"] = (
                np.zeros((len(feed["ids"]), self.conditioning), np.float32) if conditioning is None else conditioning
            )
        logits, *after = self._session.run(None, feed)
        return logits, (*after, *memory)

    def walk(self, state: Rows) -> Walk:
        """Go on from a state step by step, the quickest way."""
        return Walk(self._session, self._carried, self.conditioning, self._lookback, self.memory, state)

    def read(self, ids: Sequence[int], conditioning: NDArray[np.float32] | None = None) -> Rows:
        """The state of one row after ids from the start of a piece.

        Args:
            ids: (T,) integers.
            conditioning: (T, C), read beside them; zeros if None.
        """
        walk = self.walk(self.begin(1))
        for place, one in enumerate(ids):
            walk.step(np.array([one]), None if conditioning is None else conditioning[place : place + 1])
        return walk.state


class Walk:
    """Rows that go on step by step in memory of their own, so that nothing is made anew or copied at a step.

    Where rows look at what is known, a row by itself goes beside its double: ONNX Runtime multiplies one row by what is
    no constant in another order than several, and a piece would depend on whether others are written beside it.
    """

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        carried: Sequence[_Carried],
        conditioning: int,
        lookback: Lookback | None,
        known: Memory | None,
        state: Rows,
    ) -> None:
        self._rows = len(state[0])
        times = 2 if known is not None and self._rows == 1 else 1
        rows = times * self._rows
        self._known = known
        self._at = np.zeros(rows, np.int64)
        self._relative = np.zeros((rows, len(known.positions) if known else 0), np.int64)
        self._lookback = lookback
        self._lookback_rows = np.zeros((rows, lookback.width if lookback else 0), np.int64)
        self._session = session
        self._ids = np.zeros(rows, np.int64)
        self._conditioning = np.zeros((rows, conditioning), np.float32)
        outputs = session.get_outputs()
        self._logits = np.zeros((rows, outputs[0].shape[1]), np.float32)
        parts = (state[: len(carried)], state[: len(carried)], state[len(carried) :])
        self._now, self._after, self._memory = (
            tuple(np.repeat(each, times, axis=0) for each in part) for part in parts
        )
        self._bindings = [self._bind(carried, *pair) for pair in ((self._now, self._after), (self._after, self._now))]

    @property
    def state(self) -> Rows:
        """What is carried to the next step, (B, …) each, whose rows may be replaced; the step after that reuses it."""
        return tuple(array[: self._rows] for array in (*self._now, *self._memory))

    def step(self, ids: Ids, conditioning: NDArray[np.float32] | None = None, at: Ids | None = None) -> Logits:
        """Read one id in each row, (B,), and beside them conditioning, (B, C) in [−1, 1], zeros if None.

        Args:
            ids: (B,) integers.
            conditioning: (B, C).
            at: (B,) where in what is known each row is, if anything is.

        Returns:
            (B, V) float32, the scores of the ids that may come next; the next step reuses it.
        """
        self._ids[:] = ids
        self._conditioning[:] = 0 if conditioning is None else conditioning
        if self._lookback is not None:
            self._lookback_rows[:] = self._lookback.step(self._memory, self._ids)
        if self._known is not None:
            self._at[:] = 0 if at is None else at
            self._relative[:] = self._known.relative(self._at)
        self._session.run_with_iobinding(self._bindings[0])
        self._bindings.reverse()
        self._now, self._after = self._after, self._now
        return self._logits[: self._rows]

    def _bind(self, carried: Sequence[_Carried], before: Rows, after: Rows) -> onnxruntime.IOBinding:
        binding = self._session.io_binding()
        binding.bind_cpu_input("ids", self._ids)
        if self._conditioning.shape[1]:
            binding.bind_cpu_input("controls", self._conditioning)
        if self._lookback is not None:
            binding.bind_cpu_input("recalled", self._lookback_rows)
        if self._known is not None:
            for name, array in {"at": self._at, "near": self._relative, **self._known.arrays}.items():
                binding.bind_cpu_input(name, array)
        outputs = [value.name for value in self._session.get_outputs()]
        for each, array in zip(carried, before, strict=True):
            binding.bind_cpu_input(each.name, array)
        for name, array in zip(outputs, (self._logits, *after), strict=True):
            binding.bind_output(name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
        return binding
