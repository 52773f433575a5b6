"""The network in ONNX Runtime, one step for many rows at a time, without torch."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import onnxruntime
from numpy.typing import ArrayLike, NDArray

from folkseq.compound import CompoundLayout
from folkseq.corpora.lookback import METADATA_KEY, Lookback
from folkseq.corpora.recall import METADATA_KEY as TOKENS_KEY
from folkseq.corpora.recall import RecentTokens
from folkseq.grammar import Ids, Rows
from folkseq.sampling.memory import Memory
from folkseq.sampling.session import open_session
from folkseq.sampling.token_memory import TokenRecorder
from folkseq.sampling.tokens import TokenStepper, begin_tokens
from folkseq.voices import METADATA_KEY as VOICES_KEY
from folkseq.voices import VoiceLookback

Logits = NDArray[np.float32]
_ZEROS: dict[str, tuple[type, int]] = {
    "tensor(float)": (np.float32, 0),
    "tensor(uint8)": (np.uint8, 128),
    "tensor(int32)": (np.int32, 0),
    "tensor(int64)": (np.int64, 0),
}
"""Type and zero value of a state tensor, by its type in the graph; uint8 is quantised around 128."""


class _StateTensor(NamedTuple):
    name: str
    width: int
    dtype: type
    zero: int


class Engine:
    """A network that reads one id in each row and returns the logits of the next.

    Its sizes come from the graph that `models.export.step` built: the inputs are the ids, conditioning and lookback if
    the network has any, and the state; the outputs are the logits and the next state, in the same order. The engine
    itself keeps the memory of the lookback, as the last arrays of the state.
    """

    memory: Memory | None = None
    """The output of the encoder, for a network with attention."""

    def __init__(self, model: Path | bytes, threads: int | None = None) -> None:
        """Load a model from a file or from bytes, for a number of threads, all cores by default.

        Raises:
            RunError: the file is missing, or is not a model.
        """
        self.session = open_session(model, threads)
        inputs = {value.name: value for value in self.session.get_inputs()}
        outputs = self.session.get_outputs()
        self.conditioning: int = inputs["controls"].shape[1] if "controls" in inputs else 0
        """C: the width of the conditioning; 0 for none."""
        lookback = self.session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
        voices = self.session.get_modelmeta().custom_metadata_map.get(VOICES_KEY)
        self.lookback: Lookback | VoiceLookback | None = Lookback.from_json(lookback) if lookback else None
        if voices:
            self.lookback = VoiceLookback.from_json(voices)
        recent = self.session.get_modelmeta().custom_metadata_map.get(TOKENS_KEY)
        self.recorder = TokenRecorder(RecentTokens.from_json(recent)) if recent else None
        """Remembers recent tokens, if the network draws whole tokens."""
        after = {value.name for value in outputs}
        self.carried = [
            _StateTensor(name, value.shape[1], *_ZEROS[value.type])
            for name, value in inputs.items()
            if f"{name}_next" in after
        ]
        self.vocabulary_size: int = outputs[0].shape[1] if self.tokens is None else self.tokens.size

    @property
    def tokens(self) -> CompoundLayout | None:
        """Return the layout of compound tokens, if the network draws whole tokens."""
        return None if self.recorder is None else self.recorder.layout

    def begin(self, rows: int) -> Rows:
        """Return the state at the start of `rows` pieces, (B, …) each."""
        state: Rows = tuple(np.full((rows, each.width), each.zero, each.dtype) for each in self.carried)
        if self.recorder is not None:
            return (*state, *begin_tokens(self.recorder, self.conditioning, rows))
        return state if self.lookback is None else (*state, *self.lookback.begin(rows))

    def constants(self, rows: int) -> dict[str, NDArray[Any]]:
        """Return the inputs of a graph that draws tokens that never change, (B, …) each."""
        found: dict[str, NDArray[Any]] = {}
        for value in self.session.get_inputs():
            if (kind := value.name.partition("_")[0]) in ("blank", "marks"):
                dtype, zero = _ZEROS[value.type]
                one = 255 if zero else 1  # as bytes stand for −1 to 1
                found[value.name] = np.full((rows, value.shape[1]), zero if kind == "blank" else one, dtype)
        return found

    def with_memory(self, memory: Memory) -> Self:
        """Return the same network with attention to a memory."""
        engine = copy(self)
        engine.memory = memory
        return engine

    def stepper(self, state: Rows) -> Stepper | TokenStepper:
        """Return a stepper that continues from a copy of a state."""
        return Stepper(self, state) if self.recorder is None else TokenStepper(self, self.recorder, state)

    def step(
        self, state: Rows, ids: ArrayLike, conditioning: NDArray[np.float32] | None = None, at: Ids | None = None
    ) -> tuple[Logits, Rows]:
        """Return the logits and the state after one id in each row; arguments as for `Stepper.step`."""
        stepper = self.stepper(state)
        return stepper.step(np.asarray(ids), conditioning, at), stepper.state

    def read(self, ids: Sequence[int], conditioning: NDArray[np.float32] | None = None) -> Rows:
        """Return the state of one row after the ids from the start of a piece.

        Args:
            ids: (T,) integers.
            conditioning: (T, C); zeros if None.
        """
        stepper = self.stepper(self.begin(1))
        for place, one in enumerate(ids):
            stepper.step(np.array([one]), None if conditioning is None else conditioning[place : place + 1])
        return stepper.state


class Stepper:
    """Rows that advance step by step in preallocated memory, so that no step allocates or copies arrays.

    With a memory, a single row is duplicated: ONNX Runtime multiplies one row by a non-constant matrix in another order
    than several rows, so a piece would depend on whether other pieces are in the batch.
    """

    def __init__(self, engine: Engine, state: Rows) -> None:
        self._session, self._encoded, self._lookback = engine.session, engine.memory, engine.lookback
        self._rows = len(state[0])
        self.repeats: NDArray[np.bool_] = np.zeros(self._rows, np.bool_)
        """(B,) whether the last ids that were read occurred in their row before; all False without a match model."""
        copies = 2 if self._encoded is not None and self._rows == 1 else 1
        rows, split = copies * self._rows, len(engine.carried)
        outputs = self._session.get_outputs()
        self._logits = np.zeros((rows, outputs[0].shape[1]), np.float32)
        self._inputs: dict[str, NDArray[Any]] = {"ids": np.zeros(rows, np.int64)}
        if engine.conditioning:
            self._inputs["controls"] = np.zeros((rows, engine.conditioning), np.float32)
        if self._lookback is not None:
            self._inputs["recalled"] = np.zeros((rows, self._lookback.width), np.int64)
        if self._encoded is not None:
            self._inputs["at"] = np.zeros(rows, np.int64)
            self._inputs["near"] = np.zeros((rows, len(self._encoded.positions)), np.int64)
            self._inputs |= self._encoded.arrays
        now, after, self._remembered = (
            tuple(np.repeat(each, copies, axis=0) for each in part)
            for part in (state[:split], state[:split], state[split:])
        )
        names = [each.name for each in engine.carried]
        self._now, self._after = now, after
        self._bindings = [self._bind(names, *pair) for pair in ((now, after), (after, now))]

    @property
    def state(self) -> Rows:
        """Return the state, (B, …) each. The caller may replace rows; the second next step overwrites it."""
        return tuple(array[: self._rows] for array in (*self._now, *self._remembered))

    def step(self, ids: Ids, conditioning: NDArray[np.float32] | None = None, at: Ids | None = None) -> Logits:
        """Read one id in each row.

        Args:
            ids: (B,) integers.
            conditioning: (B, C) in [−1, 1]; zeros if None.
            at: (B,) position of each row in the encoder's source, with a memory.

        Returns:
            (B, V) float32; the next step overwrites it.
        """
        inputs = self._inputs
        inputs["ids"][:] = ids
        if "controls" in inputs:
            inputs["controls"][:] = 0 if conditioning is None else conditioning
        if self._lookback is not None:
            inputs["recalled"][:] = self._lookback.step(self._remembered, inputs["ids"])
            if isinstance(self._lookback, Lookback) and self._lookback.match:
                self.repeats = inputs["recalled"][: self._rows, -1] > self._lookback.offsets[-1]
        if self._encoded is not None:
            inputs["at"][:] = 0 if at is None else at
            inputs["near"][:] = self._encoded.relative(inputs["at"])
        self._session.run_with_iobinding(self._bindings[0])
        self._bindings.reverse()
        self._now, self._after = self._after, self._now
        return self._logits[: self._rows]

    def _bind(self, names: Sequence[str], before: Rows, after: Rows) -> onnxruntime.IOBinding:
        binding = self._session.io_binding()
        for name, array in {**self._inputs, **dict(zip(names, before, strict=True))}.items():
            binding.bind_cpu_input(name, array)
        outputs = [value.name for value in self._session.get_outputs()]
        for name, array in zip(outputs, (self._logits, *after), strict=True):
            binding.bind_output(name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
        return binding
