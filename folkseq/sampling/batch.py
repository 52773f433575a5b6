"""Pieces that are written side by side, one a row, one id at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from folkseq.errors import RequestError
from folkseq.grammar import Grammar, Ids, PlacedGrammar, Rows, Schedule, put, take
from folkseq.models.settings import IMPOSSIBLE
from folkseq.sampling.engine import Engine, Logits
from folkseq.sampling.strategies import Strategy, allowed_shares, choose

if TYPE_CHECKING:
    from folkseq.sampling.overlaps import CopyLimiter

_DRAWN = 256  # random numbers of a row that are drawn at a time
_ROOM = 1024  # ids of a row that there is room for at first


@dataclass(frozen=True)
class Request:
    """What pieces are to be like."""

    opening: tuple[int, ...]
    """The start id and the prime: what every piece begins with, given and not sampled."""
    end_id: int
    """Each ends with it, unless it comes to `limit` first."""
    seed: int
    """From 0 to 2⁶⁴ − 1."""
    limit: int
    """The most ids in a piece, start and end among them."""
    strategy: Strategy = field(default_factory=Strategy)
    """How ids are drawn."""
    grammar: Grammar | None = None
    """Masks ids that would make a piece invalid, and ends it before `limit`."""
    schedule: Schedule | None = None
    """What is read beside the ids, by a model that takes controls; they are zeros without."""
    weighs: bool = False
    """Whether each piece's `Sample.fit` is taken."""
    copies: CopyLimiter | None = None
    """Masks ids that would make too long a copy of what was trained on."""
    place: PlacedGrammar | None = None
    """The grammar, where it tells in what is known each piece is."""

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**64:
            raise RequestError(f"the seed is from 0 to 2**64 - 1, got {self.seed}")
        if len(self.opening) >= self.limit:
            raise RequestError(
                f"a limit of {self.limit} ids leaves no room after an opening of {len(self.opening)}; raise the limit"
            )


@dataclass(frozen=True)
class Sample:
    """One piece that the model wrote."""

    index: int
    ids: tuple[int, ...]
    """From the start id to the end id, or to the limit."""
    nll: float
    """Nats that the sampled ids cost under the model itself, before mask, temperature and trimming."""
    fit: float = 0.0
    """Logarithm of how much of its probability the model gave to what the masks allowed, over the whole piece: among
    pieces of one form, how well each is as the model itself would write it in that form."""


class Batch:
    """Pieces that are being written, one a row."""

    def __init__(self, engine: Engine, request: Request, indices: Sequence[int]) -> None:
        self.engine, self.request = engine, request
        state, *self._opened = _read(engine, request)
        rows = len(indices)
        self._read = state
        self.walk = engine.walk(take(state, [0] * rows))
        self.indices = np.zeros(rows, np.int64)
        self.lengths = np.zeros(rows, np.int64)
        self.ids = np.zeros((rows, _ROOM), np.int64)
        self.nll, self.fit = np.zeros(rows), np.zeros(rows)
        self.uniforms = np.zeros((rows, _DRAWN))
        self.random: list[np.random.Generator] = [np.random.default_rng(0)] * rows
        self.standing = tuple(take(each, [0] * rows) for each in self._opened)
        self.begin(np.arange(rows), indices)

    def __len__(self) -> int:
        return len(self.indices)

    def begin(self, places: Ids, indices: Sequence[int]) -> None:
        """Begin new pieces in the rows at `places`."""
        opening = self.request.opening
        while self.ids.shape[1] < len(opening):
            self._widen()
        for place, index in zip(places.tolist(), indices, strict=True):
            key = np.array([self.request.seed, index], dtype=np.uint64)
            self.random[place] = np.random.Generator(np.random.Philox(key=key))
        self.indices[places], self.lengths[places] = indices, len(opening)
        self.nll[places] = self.fit[places] = 0
        self.ids[places, : len(opening)] = opening
        put(self.walk.state, places, self._read)
        for each, opened in zip(self.standing, self._opened, strict=True):
            put(each, places, opened)

    def leave(self, places: Ids) -> None:
        """Go on without the rows at `places`."""
        if not len(places):
            return
        going = np.setdiff1d(np.arange(len(self)), places)
        self.random = [self.random[place] for place in going.tolist()]
        self.indices, self.lengths, self.ids = self.indices[going], self.lengths[going], self.ids[going]
        self.nll, self.fit, self.uniforms = self.nll[going], self.fit[going], self.uniforms[going]
        self.standing = tuple(take(each, going) for each in self.standing)
        self.walk = self.engine.walk(take(self.walk.state, going))

    def step(self) -> Ids:
        """Add one id to every row, and give them out, (B,)."""
        request, every = self.request, np.arange(len(self))
        grammar, asked, copied = self.standing
        last = self.ids[every, self.lengths - 1]
        conditioning = request.schedule.conditioning(asked) if request.schedule is not None else None  # (B, C)
        at = None if request.place is None else request.place.at(grammar)  # (B,)
        logits = self.walk.step(last, conditioning, at)  # (B, V)
        mask, progress = self._mask(grammar, copied, logits), None
        if request.strategy.changes:
            progress = self.lengths / request.limit if request.grammar is None else request.grammar.progress(grammar)
        if request.weighs and mask is not None:
            self.fit += allowed_shares(logits, mask)
        ids, costs = choose(logits, request.strategy, self._draw(every), mask, progress)
        self.nll += costs
        self.standing = (
            grammar if request.grammar is None else request.grammar.advance(grammar, ids),
            asked if request.schedule is None else request.schedule.advance(asked, ids),
            copied if request.copies is None else request.copies.advance(copied, ids),
        )
        if self.lengths.max() == self.ids.shape[1]:
            self._widen()
        self.ids[every, self.lengths] = ids
        self.lengths += 1
        return ids

    def ended(self) -> Ids:
        """The places of the pieces that have come to their end."""
        last = self.ids[np.arange(len(self)), self.lengths - 1]
        over = (last == self.request.end_id) | (self.lengths >= self.request.limit)
        return np.flatnonzero(over & (self.lengths > len(self.request.opening)))

    def sample(self, place: int) -> Sample:
        """The piece in the row at `place`."""
        ids = self.ids[place, : self.lengths[place]]
        return Sample(int(self.indices[place]), tuple(ids.tolist()), float(self.nll[place]), float(self.fit[place]))

    def _mask(self, grammar: Rows, copied: Rows, logits: Logits) -> NDArray[np.bool_] | None:
        """Which ids may come next, (B, V); what the grammar leaves counts for more than the limit on copies."""
        request = self.request
        mask = None if request.grammar is None else request.grammar.allowed(grammar, request.limit - self.lengths)
        new = None if request.copies is None else request.copies.allowed(copied)
        if new is None:
            return mask
        if mask is None:
            mask = logits > IMPOSSIBLE / 2  # of a frame's fields it is one's turn
        both = np.logical_and(mask, new)
        stuck = ~both.any(axis=1)
        both[stuck] = mask[stuck]
        return both

    def _draw(self, every: Ids) -> NDArray[np.float64]:
        """A random number for each row, (B,) in [0, 1): the next of its piece's own stream."""
        used = (self.lengths - len(self.request.opening)) % _DRAWN
        for place in np.flatnonzero(used == 0).tolist():
            self.uniforms[place] = self.random[place].random(_DRAWN)
        return self.uniforms[every, used]

    def _widen(self) -> None:
        self.ids = np.concatenate([self.ids, np.zeros_like(self.ids)], axis=1)


def _read(engine: Engine, request: Request) -> tuple[Rows, Rows, Rows, Rows]:
    """Read the opening: the engine's state before its last id, and the others' after it, a row each."""
    grammar, schedule, copies, opening = request.grammar, request.schedule, request.copies, request.opening
    standing = () if grammar is None else grammar.begin(1)
    asked = () if schedule is None else schedule.begin(1)
    copied = () if copies is None else copies.begin(1)
    conditioning: list[NDArray[np.float32]] = []
    for position, one in enumerate(opening):
        ids = np.array([one])
        if not 0 <= one < engine.vocabulary_size:
            most = engine.vocabulary_size - 1
            raise RequestError(f"position {position} of the prime: there is no id {one}; they run from 0 to {most}")
        if position and one == request.end_id:
            raise RequestError(f"position {position} of the prime ends the piece; leave the end out")
        if grammar is not None:
            if not grammar.allowed(standing, np.array([request.limit - position]))[0, one]:
                raise RequestError(f"position {position} of the prime: id {one} cannot stand there")
            standing = grammar.advance(standing, ids)
        if schedule is not None:
            asked = schedule.advance(asked, ids)
            conditioning.append(schedule.conditioning(asked)[0])
        if copies is not None:
            copied = copies.advance(copied, ids)
    if grammar is not None:
        standing = grammar.given(standing)
    state = engine.read(opening[:-1], np.stack(conditioning) if conditioning else None)
    return state, standing, asked, copied
