"""Rows that advance by whole compound tokens, or id by id, through a network that draws tokens; see `export.token`.

The state of a row has four parts: the state of the graph before the last whole token, that token, the ids after it
(−1 for missing ids), and the memory of recent tokens up to the last one. The graph reads a token only when the next one
is drawn, so drawing whole tokens computes nothing twice. Id by id, each step runs the graph again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from folkseq.grammar import Ids, Rows
from folkseq.models.settings import IMPOSSIBLE
from folkseq.sampling.token_memory import INPUTS, Memory, TokenRecorder

if TYPE_CHECKING:
    import onnxruntime

    from folkseq.sampling.engine import Engine, Logits

NOTHING = -1
_BELOW_ONE = 1 - 2.0**-24  # keeps a product with a number below one from rounding up to the total


class DrawnTokens(NamedTuple):
    """The next compound token of each row."""

    ids: Ids
    """(B, F); the end id in all places if the piece ends."""
    nats: NDArray[np.float64]
    """(B,) of the token at a temperature of 1."""


def begin_tokens(recorder: TokenRecorder, conditioning: int, rows: int) -> Rows:
    """Return the state of new rows beside that of the graph: last token, its conditioning, ids after it, memory."""
    nothing = np.full((rows, recorder.layout.width), NOTHING, np.int64)
    return nothing, np.zeros((rows, conditioning), np.float32), nothing.copy(), *recorder.begin(rows)


class TokenStepper:
    """The rows of a network that draws tokens, with the interface of `engine.Stepper` and methods for tokens."""

    def __init__(self, engine: Engine, recorder: TokenRecorder, state: Rows) -> None:
        self._session, self._recorder, self.layout = engine.session, recorder, recorder.layout
        arrays, carried = [np.array(each) for each in state], len(engine.carried)
        self._now, (last, controls, partial) = tuple(arrays[:carried]), arrays[carried : carried + 3]
        self._last, self._controls, self._partial = last, controls, partial
        self._memory = Memory(*arrays[carried + 3 :])
        self._after = tuple(np.empty_like(each) for each in self._now)
        rows, width = last.shape
        self.repeats = np.zeros(rows, np.bool_)  # it has no match model
        sizes = np.diff([*self.layout.lows, self.layout.size])
        self._logits = [np.zeros((rows, size), np.float32) for size in sizes.tolist()]
        self._drawn = np.zeros((rows, width), np.int32)
        self._shares = np.zeros((rows, width), np.float32)
        self._forced = np.full((width, rows), NOTHING, np.int32)
        self._uniforms = np.zeros((width, rows), np.float32)
        self._temperature = np.ones((rows, 1), np.float32)
        self._inputs: dict[str, NDArray[Any]] = {
            "tokens": last,
            "forced": self._forced,
            "uniforms": self._uniforms,
            "temperature": self._temperature,
            **{name: getattr(self._memory, name) for name in INPUTS},
            **engine.constants(rows),
        }
        if engine.conditioning:
            self._inputs["controls"] = controls
        names = [each.name for each in engine.carried]
        self._bindings = [self._bind(names, *pair) for pair in ((self._now, self._after), (self._after, self._now))]

        self._next: Ids | None = None
        self._foreseen: Ids | None = None

    @property
    def state(self) -> Rows:
        """Return the state, (B, …) each; its rows may be replaced, and the next step but one overwrites it."""
        return (*self._now, self._last, self._controls, self._partial, *self._memory)

    def draw(
        self,
        uniforms: NDArray[np.float64],
        temperature: NDArray[np.float64] | float = 1.0,
        conditioning: NDArray[np.float32] | None = None,
    ) -> DrawnTokens:
        """Draw the token after the last in each row, all of which have read whole tokens; `keep` makes it the last.

        Args:
            uniforms: (B, F) in [0, 1).
            temperature: of each row, or of all.
            conditioning: (B, C) in [−1, 1]; zeros if None.
        """
        self._force(None)
        self._uniforms[:] = uniforms.T * _BELOW_ONE
        self._temperature[:, 0] = temperature
        self._run(conditioning)
        ids = self._drawn.astype(np.int64)
        if (isinstance(temperature, float) and temperature == 1) or (self._temperature == 1).all():
            nats: NDArray[np.float64] = -np.log(self._shares.astype(np.float64))  # (B, F)
        else:
            nats = self._nats(ids)
        nats[:, 1:][ids[:, 0] == self.layout.end] = 0
        return DrawnTokens(ids, nats.sum(axis=1))

    def end_nats(self) -> NDArray[np.float64]:
        """Return the nats of an end at the place of the drawn token, (B,)."""
        scores = self._logits[0].astype(np.float64)
        top = scores.max(axis=1)
        found: NDArray[np.float64] = np.log(np.exp(scores - top[:, None]).sum(axis=1)) + top - scores[:, 0]
        return found

    def _nats(self, ids: Ids) -> NDArray[np.float64]:
        """Return the nats of each field of the drawn tokens, (B, F), at a temperature of 1."""
        columns = np.maximum(ids - self.layout.lows, 0)
        found = []
        for own, column in zip(self._logits, columns.T, strict=True):
            scores = own.astype(np.float64)
            top = scores.max(axis=1)
            mass = np.exp(scores - top[:, None]).sum(axis=1)
            found.append(np.log(mass) + top - scores[np.arange(len(scores)), column])
        return np.stack(found, axis=1)

    def keep(self, ids: Ids, stays: NDArray[np.bool_] | None = None) -> None:
        """Make (B, F) ids the last token of each row, after `draw` or `score`; rows in `stays` do not change."""
        if stays is not None and stays.any():
            ids = np.where(stays[:, None], self._last, ids)
            for now, after in zip(self._now, self._after, strict=True):
                after[stays] = now[stays]
        self._bindings.reverse()
        self._now, self._after = self._after, self._now
        self._last[:] = ids
        self._recorder.record(self._memory, self._last, stays)

    def begin_token(self, conditioning: NDArray[np.float32] | None = None) -> Logits:
        """Return the logits of the first field of the next token, (B, V), in rows that have read whole tokens."""
        self._force(None)
        self._run(conditioning)
        return self._masked(np.zeros(len(self._last), np.int64))

    def score(self, ids: Ids, conditioning: NDArray[np.float32] | None = None) -> Logits:
        """Return the logits of the fields of the next token, (B, V), each given the fields before it, ids (B, F)."""
        self._force(ids)
        self._run(conditioning)
        return self._all_logits()

    def foresee(self, ids: Ids) -> None:
        """Announce the token that `step` will read after the next id, (B, F), so that the graph runs only once."""
        self._next = np.array(ids)

    def step(self, ids: Ids, conditioning: NDArray[np.float32] | None = None, at: Ids | None = None) -> Logits:
        """Read one id in each row, and return the logits of the next, (B, V); arguments as for `Stepper.step`."""
        rows, width = np.arange(len(ids)), self.layout.width
        place = (self._partial >= 0).sum(axis=1)  # (B,)
        self._partial[rows, place] = ids
        place = place + 1
        whole = place == width
        foreseen = self._foreseen is not None and ((self._partial < 0) | (self._partial == self._foreseen)).all()
        if whole.any():
            # The previous token has been read, but its state is not stored; new rows have no previous token.
            known = whole & (self._last[:, 0] >= 0)
            if known.any():
                if not foreseen:
                    self._force(self._partial)
                    self._session.run_with_iobinding(self._bindings[0])
                for now, after in zip(self._now, self._after, strict=True):
                    now[known] = after[known]
            self._last[whole] = self._partial[whole]
            self._partial[whole] = NOTHING
            place = np.where(whole, 0, place)
            self._recorder.record(self._memory, self._last, ~whole)
            self._controls[whole] = 0 if conditioning is None else conditioning[whole]
            foreseen, self._foreseen, self._next = False, self._next, None
        if not foreseen:
            self._force(self._partial if self._foreseen is None else self._foreseen)
            self._session.run_with_iobinding(self._bindings[0])
        return self._masked(place)

    def _masked(self, place: Ids) -> Logits:
        """Return the logits, with `IMPOSSIBLE` for ids outside the next field."""
        layout, starts = self.layout, self._partial[:, 0]
        slots = np.where(place > 0, layout.width + place, 0)
        slots = np.where((place > 0) & (starts < layout.width), 2 * layout.width, slots)  # the start id again
        slots = np.where((place > 0) & (starts == layout.end), 3 * layout.width, slots)
        again = slots >= 2 * layout.width
        logits = np.where(again[:, None], np.float32(0), self._all_logits())
        masked: Logits = np.where(layout.allowed[slots], logits, np.float32(IMPOSSIBLE))
        first = (place == 0) & (self._last[:, 0] < 0)
        masked[first] = np.where(np.arange(layout.size) == 0, np.float32(0), np.float32(IMPOSSIBLE))
        return masked

    def _all_logits(self) -> Logits:
        """Return the logits of all fields, (B, V)."""
        nothing = np.full((len(self._last), self.layout.end), IMPOSSIBLE, np.float32)
        return np.concatenate([nothing, *self._logits], axis=1)

    def _force(self, ids: Ids | None) -> None:
        """Set the given fields of the next token, (B, F), with −1 for fields to draw; all of them if None."""
        self._forced[:] = (
            NOTHING if ids is None else np.where(ids >= 0, np.maximum(ids - self.layout.lows, 0), NOTHING).T
        )

    def _run(self, conditioning: NDArray[np.float32] | None) -> None:
        self._controls[:] = 0 if conditioning is None else conditioning
        self._session.run_with_iobinding(self._bindings[0])

    def _bind(self, names: list[str], before: Rows, after: Rows) -> onnxruntime.IOBinding:
        binding = self._session.io_binding()
        for name, array in {**self._inputs, **dict(zip(names, before, strict=True))}.items():
            binding.bind_cpu_input(name, array)
        outputs = [value.name for value in self._session.get_outputs()]
        written: Rows = (*self._logits, self._drawn, self._shares, *after)
        for name, array in zip(outputs, written, strict=True):
            binding.bind_output(name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
        return binding
