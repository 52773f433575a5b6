"""A batch of pieces that are sampled in parallel, one per row, one id per step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from folkseq.errors import RequestError
from folkseq.grammar import Grammar, Ids, PlacedGrammar, Rows, Schedule, Target, put, take
from folkseq.interrupts import stop_if_unwanted
from folkseq.models.settings import IMPOSSIBLE
from folkseq.sampling.engine import Engine, Logits
from folkseq.sampling.overlaps import CopyLimiter
from folkseq.sampling.strategies import Mask, Strategy, allowed_shares, choose

REDRAWN = 8
"""Maximum number of redraws of a piece that is too long."""
APART = 1 << 40
"""Distance between the indices of the draws of one piece, so that they differ from those of all other pieces."""
_GOLDEN = 0x9E3779B97F4A7C15  # 2⁶⁴ over the golden ratio: its multiples modulo 2⁶⁴ are spread evenly, however many
_DRAWN = 256  # random numbers of a row that are drawn at once
_CAPACITY = 1024  # initial capacity of a row in ids


@dataclass(frozen=True)
class Request:
    """A sampling request: the constraints on pieces, and the way to draw their ids."""

    opening: tuple[int, ...]
    """The start id and the prime, which every piece begins with."""
    end_id: int
    """The id that ends a piece, unless it reaches `limit` first."""
    seed: int
    """From 0 to 2⁶⁴ − 1."""
    limit: int
    """Maximum number of ids in a piece, including start and end."""
    longest: int | None = None
    """Number of ids above which a piece is redrawn, at most `REDRAWN` times, each with `APART` more for its index."""
    strategy: Strategy = field(default_factory=Strategy)
    grammar: Grammar | None = None
    """Masks ids that would make a piece invalid, and ends it before `limit`."""
    schedule: Schedule | None = None
    """The conditioning, for a conditioned model; zeros if None."""
    weighs: bool = False
    """Compute `Sample.fit`."""
    copies: CopyLimiter | None = None
    """Masks ids that would copy too long a passage of the training set."""
    target: Target | None = None
    """Changes the probabilities of ids to bring each piece closer to its target."""
    candidates: int = 1
    """Number of consecutive indices that are candidates for one piece, and so have one target."""
    place: PlacedGrammar | None = None
    """The grammar, if it also gives the position of each piece in the encoder's source."""

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**64:
            raise RequestError(f"the seed must be from 0 to 2**64 - 1, got {self.seed}")
        if len(self.opening) >= self.limit:
            raise RequestError(
                f"a limit of {self.limit} ids leaves no room after an opening of {len(self.opening)}; raise the limit"
            )

    def asked(self, index: int) -> int:
        """Return the requested index for the index of a piece, which may be a redraw."""
        return index if self.longest is None else index % APART


@dataclass(frozen=True)
class Sample:
    """One sampled piece."""

    index: int
    ids: tuple[int, ...]
    """From the start id to the end id, or to the limit."""
    nll: float
    """Nats of the sampled ids under the model, without mask, temperature and trimming."""
    fit: float = 0.0
    """Log of the model's total probability of the allowed ids, summed over the piece. Among candidates of one form, the
    one with the highest fit is the most natural for the model."""


class SamplingBatch:
    """Pieces in progress, one per row."""

    def __init__(self, engine: Engine, request: Request, indices: Sequence[int]) -> None:
        self.engine, self.request = engine, request
        rows = len(indices)
        self._after_opening, *self._opened = self._read()
        self.stepper = engine.stepper(take(self._after_opening, [0] * rows))
        self.states = tuple(take(each, [0] * rows) for each in self._opened)  # of grammar, schedule and copy limiter
        self.targets = _read_target(request, indices)
        self.indices = np.zeros(rows, np.int64)
        self.lengths = np.zeros(rows, np.int64)
        self.ids = np.zeros((rows, _CAPACITY), np.int64)
        self.nll, self.fit = np.zeros(rows), np.zeros(rows)
        self.uniforms = np.zeros((rows, _DRAWN))
        self.random: list[np.random.Generator] = [np.random.default_rng(0)] * rows
        self.begin(np.arange(rows), indices)

    def __len__(self) -> int:
        return len(self.indices)

    def _read(self) -> tuple[Rows, Rows, Rows, Rows]:
        """Return the states from which all pieces begin; see `read_opening`."""
        return read_opening(self.engine, self.request)

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
        put(self.stepper.state, places, self._after_opening)
        for each, opened in zip(self.states, self._opened, strict=True):
            put(each, places, opened)
        if self.request.target is not None:
            put(self.targets, places, _read_target(self.request, indices))

    def leave(self, places: Ids) -> None:
        """Remove the rows at `places`."""
        if not len(places):
            return
        kept = np.delete(np.arange(len(self)), places)
        self.random = [self.random[place] for place in kept.tolist()]
        self.indices, self.lengths, self.ids = self.indices[kept], self.lengths[kept], self.ids[kept]
        self.nll, self.fit, self.uniforms = self.nll[kept], self.fit[kept], self.uniforms[kept]
        self.states, self.targets = tuple(take(each, kept) for each in self.states), take(self.targets, kept)
        self.stepper = self.engine.stepper(take(self.stepper.state, kept))

    def step(self) -> Ids:
        """Add one id to every row, and return the ids, (B,)."""
        request, every = self.request, np.arange(len(self))
        grammar, schedule, copies = self.states
        last = self.ids[every, self.lengths - 1]
        conditioning = None if request.schedule is None else request.schedule.conditioning(schedule)  # (B, C)
        at = None if request.place is None else request.place.at(grammar)  # (B,)
        logits = self.stepper.step(last, conditioning, at)  # (B, V)
        mask = self._mask(grammar, copies, logits)
        if request.weighs and mask is not None:
            self.fit += allowed_shares(logits, mask)
        ids, nats = choose(logits, request.strategy, self._draw(every), mask, self._temperature(grammar))
        self.nll += nats
        self.states = (
            grammar if request.grammar is None else request.grammar.advance(grammar, ids),
            schedule if request.schedule is None else request.schedule.advance(schedule, ids),
            copies if request.copies is None else request.copies.advance(copies, ids),
        )
        if request.target is not None:
            self.targets = request.target.advance(self.targets, ids)
        if self.lengths.max() == self.ids.shape[1]:
            self._widen()
        self.ids[every, self.lengths] = ids
        self.lengths += 1
        return ids

    def too_long(self) -> Ids:
        """Return the rows whose pieces are too long and may still be redrawn."""
        longest = self.request.longest
        if longest is None or self.lengths.max() <= longest:
            return np.zeros(0, np.int64)
        return np.flatnonzero((self.lengths > longest) & (self.indices < REDRAWN * APART))

    def ended(self) -> Ids:
        """Return the rows whose pieces have ended."""
        last = self.ids[np.arange(len(self)), self.lengths - 1]
        over = (last == self.request.end_id) | (self.lengths >= self.request.limit)
        return np.flatnonzero(over & (self.lengths > len(self.request.opening)))

    def sample(self, place: int) -> Sample:
        """Return the piece in a row."""
        ids = self.ids[place, : self.lengths[place]]
        return Sample(int(self.indices[place]), tuple(ids.tolist()), float(self.nll[place]), float(self.fit[place]))

    def _temperature(self, grammar: Rows) -> NDArray[np.float64] | None:
        """Return the temperature of each row, (B,), or None if it never changes."""
        request, (first, last) = self.request, self.request.strategy.temperatures
        if first == last and not (request.strategy.repeating is not None and self.stepper.repeats.any()):
            return None
        progress = np.zeros(len(self))
        if first != last:
            progress = self.lengths / request.limit if request.grammar is None else request.grammar.progress(grammar)
        return request.strategy.at(progress, self.stepper.repeats)

    def _mask(self, grammar: Rows, copies: Rows, logits: Logits) -> Mask | None:
        """Return the factor of each next id, (B, V); if two masks exclude each other, the first takes precedence."""
        request = self.request
        mask: Mask | None = (
            None if request.grammar is None else request.grammar.allowed(grammar, request.limit - self.lengths)
        )
        others = [
            None if request.target is None else request.target.weights(self.targets),
            None if request.copies is None else request.copies.allowed(copies),
        ]
        for other in others:
            if other is None:
                continue
            if mask is None:
                mask = logits > IMPOSSIBLE / 2  # in compound tokens, only ids of the next field are possible
            both = mask * other
            if len(stuck := np.flatnonzero(~both.any(axis=1))):
                both[stuck] = mask[stuck]
            mask = both
        return mask

    def _draw(self, every: Ids) -> NDArray[np.float64]:
        """Return a random number for each row, (B,) in [0, 1), the next of its piece's own stream."""
        used = (self.lengths - len(self.request.opening)) % _DRAWN
        for place in np.flatnonzero(used == 0).tolist():
            self.uniforms[place] = self.random[place].random(_DRAWN)
        return self.uniforms[every, used]

    def _widen(self) -> None:
        self.ids = np.concatenate([self.ids, np.zeros_like(self.ids)], axis=1)


def _read_target(request: Request, indices: Sequence[int]) -> Rows:
    """Return the state of the target of each piece after the opening."""
    if request.target is None:
        return ()
    # A separate generator, so that the random numbers of ids are the same with and without a target.
    first = np.random.default_rng(request.seed).random()
    spread = [index % APART // request.candidates * _GOLDEN % 2**64 / 2**64 for index in indices]
    rows = request.target.begin((first + np.array(spread)) % 1)
    for given in request.opening:
        rows = request.target.advance(rows, np.full(len(indices), given))
    return rows


def read_opening(engine: Engine, request: Request) -> tuple[Rows, Rows, Rows, Rows]:
    """Read the opening in one row.

    Returns:
        The states of the engine before the last id of the opening, and of grammar, schedule and copy limiter after it.

    Raises:
        RequestError: an id of the opening is not allowed.
    """
    grammar, schedule, copies = request.grammar, request.schedule, request.copies
    grammar_state = () if grammar is None else grammar.begin(1)
    schedule_state = () if schedule is None else schedule.begin(1)
    copies_state = () if copies is None else copies.begin(1)
    conditioning: list[NDArray[np.float32]] = []
    for position, one in enumerate(request.opening):
        stop_if_unwanted()
        ids = np.array([one])
        if not 0 <= one < engine.vocabulary_size:
            raise RequestError(
                f"position {position} of the prime: id {one} is not from 0 to {engine.vocabulary_size - 1}"
            )
        if position and one == request.end_id:
            raise RequestError(f"position {position} of the prime ends the piece; leave the end out")
        if grammar is not None:
            if not grammar.allowed(grammar_state, np.array([request.limit - position]))[0, one]:
                raise RequestError(f"position {position} of the prime: the grammar does not allow id {one}")
            grammar_state = grammar.advance(grammar_state, ids)
        if schedule is not None:
            schedule_state = schedule.advance(schedule_state, ids)
            conditioning.append(schedule.conditioning(schedule_state)[0])
        if copies is not None:
            copies_state = copies.advance(copies_state, ids)
    if grammar is not None:
        grammar_state = grammar.given(grammar_state)
    state = engine.read(request.opening[:-1], np.stack(conditioning) if conditioning else None)
    return state, grammar_state, schedule_state, copies_state
