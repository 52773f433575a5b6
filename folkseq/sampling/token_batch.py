"""A batch of pieces of compound tokens that are sampled in parallel, one whole token per step.

The network draws a token freely, and the grammar accepts or rejects it. A row with a rejected token draws again in the
next step (rejection sampling), so the accepted tokens have the model's probabilities. After `TRIES` rejections, the
fields are drawn one by one under the masks of the grammar.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.grammar import Ids, Rows, TokenGrammar, put, take
from folkseq.sampling.batch import Request, SamplingBatch, read_opening
from folkseq.sampling.engine import Engine
from folkseq.sampling.strategies import choose
from folkseq.sampling.tokens import TokenStepper

Floats = NDArray[Any]
TRIES = 8
_DRAWN = 64  # random tokens of a row whose numbers are drawn at once


def draws_tokens(engine: Engine, request: Request) -> bool:
    """Return whether the network draws whole tokens, and no part of the request needs the fields one by one."""
    plain = not (request.strategy.trims or request.weighs) and request.copies is None and request.target is None
    grammar = request.grammar is None or isinstance(request.grammar, TokenGrammar)
    return engine.tokens is not None and plain and grammar and len(request.opening) % engine.tokens.width == 0


class TokenBatch(SamplingBatch):
    """Pieces in progress, one per row, token by token."""

    stepper: TokenStepper

    def __init__(self, engine: Engine, request: Request, indices: Sequence[int]) -> None:
        if engine.tokens is None:
            raise ValueError("the network does not draw tokens")
        self._width = engine.tokens.width
        self._grammar = request.grammar if isinstance(request.grammar, TokenGrammar) else None
        self._numbers = np.zeros((len(indices), _DRAWN, self._width))
        self._used, self._tries = np.zeros((2, len(indices)), np.int64)
        super().__init__(engine, request, indices)

    def begin(self, places: Ids, indices: Sequence[int]) -> None:
        """Begin new pieces in the rows at `places`."""
        super().begin(places, indices)
        self._used[places] = self._tries[places] = 0

    def leave(self, places: Ids) -> None:
        """Remove the rows at `places`."""
        kept = np.setdiff1d(np.arange(len(self)), places)
        self._numbers, self._used, self._tries = self._numbers[kept], self._used[kept], self._tries[kept]
        super().leave(places)

    def step(self) -> Ids:
        """Add one token to every row except rejected ones, and return the last ids, (B,)."""
        request, every, width = self.request, np.arange(len(self)), self._width
        grammar, schedule, copies = self.states
        conditioning = None if request.schedule is None else request.schedule.conditioning(schedule)  # (B, C)
        temperature = self._temperature(grammar)
        drawn = self.stepper.draw(
            self._uniforms(), request.strategy.temperatures[0] if temperature is None else temperature, conditioning
        )
        ids, nats, after, stays = drawn.ids, drawn.nats, grammar, None
        if self._grammar is not None:
            ids, allowed, after = self._grammar.settle(grammar, drawn.ids, request.limit - self.lengths)
            if ids is not drawn.ids:
                ended = (ids != drawn.ids)[:, 0]
                nats[ended] = self.stepper.end_nats()[ended]
            if not allowed.all():
                stays = self._refuse(ids, nats, allowed, conditioning, after)
            else:
                self._tries[:] = 0
        self.stepper.keep(ids, stays)
        advanced = schedule if request.schedule is None else request.schedule.advance(schedule, ids)
        if stays is None:
            self.nll += nats
        else:
            refused = np.flatnonzero(stays)
            for new, old in ((after, grammar), (advanced, schedule)):
                put(new, refused, take(old, refused))
            self.nll += np.where(stays, 0, nats)
        self.states = after, advanced, copies
        while self.lengths.max() + width > self.ids.shape[1]:
            self._widen()
        self.ids[every[:, None], self.lengths[:, None] + np.arange(width)] = ids
        self.lengths += width if stays is None else width * ~stays
        return self.ids[every, self.lengths - 1]

    def _refuse(
        self, ids: Ids, nats: Floats, allowed: NDArray[np.bool_], conditioning: Floats | None, after: Rows
    ) -> NDArray[np.bool_] | None:
        """Return the rows that draw again, (B,); rows that have drawn too often get a token drawn field by field."""
        self._tries = np.where(allowed, 0, self._tries + 1)
        hopeless = np.flatnonzero(self._tries == TRIES)
        if len(hopeless):
            given = None if conditioning is None else conditioning[hopeless]
            ids[hopeless], nats[hopeless], rows = self._field_by_field(hopeless, given)
            put(after, hopeless, rows)
            self._tries[hopeless] = 0
        return self._tries > 0

    def _field_by_field(self, places: Ids, conditioning: Floats | None) -> tuple[Ids, Floats, Rows]:
        """Draw a token in the rows at `places` under the grammar's masks.

        Returns:
            Its ids, (K, F), its nats, (K,), and the state of the grammar after it.
        """
        grammar, strategy, width = self.request.grammar, self.request.strategy, self._width
        if grammar is None:
            raise ValueError("only a grammar refuses tokens")
        rows, remaining = take(self.states[0], places), self.request.limit - self.lengths[places]
        temperature = self._temperature(self.states[0])
        stepper = self._stepper(take(self.stepper.state, places))
        numbers, ids = self._uniforms()[places], np.zeros((len(places), width), np.int64)
        nats, own = np.zeros(len(places)), None if temperature is None else temperature[places]
        for field in range(width):
            logits = stepper.begin_token(conditioning) if not field else stepper.step(ids[:, field - 1])
            mask = grammar.allowed(rows, remaining - field)
            ids[:, field], more = choose(logits, strategy, numbers[:, field], mask, own)
            nats += more
            rows = grammar.advance(rows, ids[:, field])
        return ids, nats, rows

    def _read(self) -> tuple[Rows, Rows, Rows, Rows]:
        """Return the states after the whole opening."""
        after, grammar, schedule, copies = read_opening(self.engine, self.request)
        stepper = self._stepper(after)
        stepper.step(np.array(self.request.opening[-1:]))
        return stepper.state, grammar, schedule, copies

    def _stepper(self, state: Rows) -> TokenStepper:
        stepper = self.engine.stepper(state)
        if not isinstance(stepper, TokenStepper):
            raise ValueError("the network does not draw tokens")
        return stepper

    def _uniforms(self) -> Floats:
        """Return the next random numbers of each row, (B, F)."""
        used = self._used % _DRAWN
        for place in np.flatnonzero(used == 0).tolist():
            self._numbers[place] = self.random[place].random((_DRAWN, self._width))
        self._used += 1
        return self._numbers[np.arange(len(self)), used]
