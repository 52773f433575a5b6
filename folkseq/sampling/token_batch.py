"""Pieces of compound tokens that are written side by side, one whole token at a time.

The network draws a token freely, and the grammar allows it or not; a token that it does not allow is drawn again, so
tokens have the probabilities of the model among those that are allowed. After `TRIES` times the fields are drawn one
by one under the grammar's masks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.grammar import Ids, Rows, TokenGrammar, take
from folkseq.sampling.batch import Request, SamplingBatch, read_opening
from folkseq.sampling.engine import Engine
from folkseq.sampling.strategies import choose
from folkseq.sampling.tokens import TokenStepper

Floats = NDArray[Any]
TRIES = 8
_DRAWN = 64  # random tokens of a row whose numbers are drawn at once


def draws_tokens(engine: Engine, request: Request) -> bool:
    """Return whether the network draws tokens, and the request asks for nothing that needs every field by itself."""
    plain = not (request.strategy.trims or request.weighs) and request.copies is None and request.target is None
    grammar = request.grammar is None or isinstance(request.grammar, TokenGrammar)
    return engine.tokens is not None and plain and grammar and len(request.opening) % engine.tokens.width == 0


class TokenBatch(SamplingBatch):
    """Pieces that are being written, one per row, token by token."""

    stepper: TokenStepper

    def __init__(self, engine: Engine, request: Request, indices: Sequence[int]) -> None:
        if engine.tokens is None:
            raise ValueError("the network does not draw tokens")
        self._width = engine.tokens.width
        self._grammar = request.grammar if isinstance(request.grammar, TokenGrammar) else None
        self._numbers = np.zeros((len(indices), _DRAWN, self._width))
        self._used = np.zeros(len(indices), np.int64)
        super().__init__(engine, request, indices)

    def begin(self, places: Ids, indices: Sequence[int]) -> None:
        """Begin new pieces in the rows at `places`."""
        super().begin(places, indices)
        self._used[places] = 0

    def leave(self, places: Ids) -> None:
        """Continue without the rows at `places`."""
        kept = np.setdiff1d(np.arange(len(self)), places)
        self._numbers, self._used = self._numbers[kept], self._used[kept]
        super().leave(places)

    def step(self) -> Ids:
        """Add one token to every row, and return their last ids, (B,)."""
        request, every, width = self.request, np.arange(len(self)), self._width
        grammar, schedule, _ = self.states
        remaining = request.limit - self.lengths
        conditioning = None if request.schedule is None else request.schedule.conditioning(schedule)  # (B, C)
        progress = self.lengths / request.limit
        if request.strategy.changes and request.grammar is not None:
            progress = request.grammar.progress(grammar)
        temperature = request.strategy.at(progress)
        ids, nats = np.zeros((len(self), width), np.int64), np.zeros(len(self))
        open_ = every
        for _ in range(TRIES):
            drawn = self.stepper.draw(self._uniforms(open_), temperature, conditioning)
            ids[open_], nats[open_] = drawn.ids[open_], drawn.nats[open_]
            if self._grammar is None:
                open_ = open_[:0]
                break
            settled, allowed = self._grammar.settle(take(grammar, open_), ids[open_], remaining[open_])
            ended = (settled != ids[open_])[:, 0]
            if ended.any():
                nats[open_[ended]] = self.stepper.end_nats()[open_[ended]]
            ids[open_] = settled
            open_ = open_[~allowed]
            if not len(open_):
                break
        if len(open_):
            given = None if conditioning is None else conditioning[open_]
            ids[open_], nats[open_] = self._field_by_field(open_, given)
        self.stepper.keep(ids)
        self.nll += nats
        if self._grammar is not None:
            grammar = self._grammar.advance_token(grammar, ids)
        for field in range(width):
            if request.schedule is not None:
                schedule = request.schedule.advance(schedule, ids[:, field])
        self.states = grammar, schedule, self.states[2]
        while self.lengths.max() + width > self.ids.shape[1]:
            self._widen()
        self.ids[every[:, None], self.lengths[:, None] + np.arange(width)] = ids
        self.lengths += width
        return ids[:, -1]

    def _field_by_field(self, places: Ids, conditioning: Floats | None) -> tuple[Ids, Floats]:
        """Draw a token in the rows at `places` under the grammar's masks; return its ids, (K, F), and nats, (K,)."""
        grammar, strategy, width = self.request.grammar, self.request.strategy, self._width
        if grammar is None:
            raise ValueError("only a grammar refuses tokens")
        rows, remaining = take(self.states[0], places), self.request.limit - self.lengths[places]
        stepper = self._stepper(take(self.stepper.state, places))
        numbers, ids = self._uniforms(places)[places], np.zeros((len(places), width), np.int64)
        nats = np.zeros(len(places))
        for field in range(width):
            logits = stepper.begin_token(conditioning) if not field else stepper.step(ids[:, field - 1])
            mask = grammar.allowed(rows, remaining - field)
            ids[:, field], more = choose(logits, strategy, numbers[:, field], mask, grammar.progress(rows))
            nats += more
            rows = grammar.advance(rows, ids[:, field])
        return ids, nats

    def _read(self) -> tuple[Rows, Rows, Rows, Rows]:
        """Return the states after the opening, all of which has been read."""
        after, grammar, schedule, copies = read_opening(self.engine, self.request)
        stepper = self._stepper(after)
        stepper.step(np.array(self.request.opening[-1:]))
        return stepper.state, grammar, schedule, copies

    def _stepper(self, state: Rows) -> TokenStepper:
        stepper = self.engine.stepper(state)
        if not isinstance(stepper, TokenStepper):
            raise ValueError("the network does not draw tokens")
        return stepper

    def _uniforms(self, places: Ids) -> Floats:
        """Return the next random numbers of the rows at `places`, (B, F); 0 in other rows."""
        used = self._used[places] % _DRAWN
        for place in places[used == 0].tolist():
            self._numbers[place] = self.random[place].random((_DRAWN, self._width))
        found = np.zeros((len(self), self._width))
        found[places] = self._numbers[places, used]
        self._used[places] += 1
        return found
