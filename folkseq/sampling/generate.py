"""New pieces from a model: a batch of rows, each refilled when its piece ends.

Piece number i is drawn from a random stream of its own, Philox keyed by (seed, i), so how many pieces are asked for
does not change the draws of any.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.errors import RequestError
from folkseq.sampling.engine import Engine, State
from folkseq.sampling.grammar import Grammar, Schedule
from folkseq.sampling.strategies import Strategy, choose

ROWS = 64
"""The most pieces written side by side; more make a step slower without making it fuller."""


@dataclass(frozen=True)
class Sample:
    """One piece that the model wrote."""

    index: int
    ids: tuple[int, ...]
    """From the start id to the end id, or to the limit."""
    nll: float
    """Nats that the sampled ids cost under the model itself, before mask, temperature and trimming."""


@dataclass
class _Row:
    """A piece that is being written."""

    index: int
    ids: list[int]
    random: np.random.Generator
    state: Any
    """The grammar's."""
    asked: Any
    """The schedule's, after `ids`."""
    nll: float = 0.0


def generate(
    engine: Engine,
    *,
    count: int,
    start_id: int,
    end_id: int,
    strategy: Strategy,
    seed: int,
    limit: int,
    grammar: Grammar | None = None,
    schedule: Schedule | None = None,
    prime: Sequence[int] = (),
) -> Iterator[Sample]:
    """Write `count` pieces.

    Args:
        engine: the model; its state is overwritten.
        count: how many pieces.
        start_id: each begins with it.
        end_id: each ends with it, unless it comes to `limit` first.
        strategy: how ids are drawn.
        seed: from 0 to 2⁶⁴ − 1.
        limit: the most ids in a piece, start and end among them.
        grammar: masks ids that would make a piece invalid, and ends it before `limit`.
        schedule: what is read beside the ids, by a model that takes controls; they are zeros without.
        prime: ids that follow the start id in every piece, given and not sampled.

    Yields:
        The pieces in order of their index.

    Raises:
        RequestError: the seed or count is out of range, or the prime goes against the grammar or fills the limit.
    """
    opening = (start_id, *prime)
    state = _check(opening, count, seed, limit, engine.vocabulary_size, end_id, grammar)
    after, asked = _read(engine, opening, schedule)

    def begin(index: int) -> _Row:
        key = np.array([seed, index], dtype=np.uint64)
        return _Row(index, list(opening), np.random.Generator(np.random.Philox(key=key)), state, asked)

    rows = [begin(index) for index in range(min(count, ROWS))]
    begun = len(rows)
    finished: dict[int, Sample] = {}
    due = 0
    engine.start(len(rows), after)
    while rows:
        _write_one(rows, engine, strategy, limit, grammar, schedule)
        ended = [place for place, row in enumerate(rows) if row.ids[-1] == end_id or len(row.ids) >= limit]
        if not ended:
            continue
        for place in ended:
            row = rows[place]
            finished[row.index] = Sample(row.index, tuple(row.ids), row.nll)
        refilled = ended[: count - begun]
        for place in refilled:
            rows[place] = begin(begun)
            begun += 1
        engine.reset(refilled, after)
        if len(refilled) < len(ended):
            going = sorted(set(range(len(rows))) - set(ended[len(refilled) :]))
            rows = [rows[place] for place in going]
            engine.keep(going)
        while due in finished:
            yield finished.pop(due)
            due += 1


def _read(engine: Engine, opening: Sequence[int], schedule: Schedule | None) -> tuple[State, Any]:
    """Read all of the opening but its last id, once for all rows: the engine's state then, the schedule's after all."""
    if schedule is None:
        return engine.read(opening[:-1]), None
    asked, controls = schedule.new_state(), []
    for one in opening:
        asked = schedule.advance(asked, one)
        controls.append(schedule.controls(asked))
    return engine.read(opening[:-1], np.stack(controls)), asked


def _write_one(
    rows: list[_Row],
    engine: Engine,
    strategy: Strategy,
    limit: int,
    grammar: Grammar | None,
    schedule: Schedule | None,
) -> None:
    """Add one id to every row."""
    controls = np.stack([schedule.controls(row.asked) for row in rows]) if schedule is not None else None  # (B, C)
    logits = engine.step([row.ids[-1] for row in rows], controls)  # (B, V)
    mask = None
    if grammar is not None:
        mask = np.stack([grammar.allowed(row.state, limit - len(row.ids)) for row in rows])  # (B, V)
    ids = choose(logits, strategy, np.array([row.random.random() for row in rows]), mask)
    costs = _nll(logits, ids)
    for row, chosen, cost in zip(rows, ids.tolist(), costs.tolist(), strict=True):
        row.ids.append(chosen)
        row.nll += cost
        if grammar is not None:
            row.state = grammar.advance(row.state, chosen)
        if schedule is not None:
            row.asked = schedule.advance(row.asked, chosen)


def _nll(logits: NDArray[np.float32], ids: NDArray[np.int64]) -> NDArray[np.float64]:
    """What each chosen id costs in nats, (B,)."""
    scores = logits.astype(np.float64)
    top = scores.max(axis=1)
    total = np.log(np.exp(scores - top[:, None]).sum(axis=1)) + top
    return np.asarray(total - scores[np.arange(len(ids)), ids])


def _check(
    opening: Sequence[int], count: int, seed: int, limit: int, size: int, end_id: int, grammar: Grammar | None
) -> Any:
    """The grammar's state after the opening. Raises RequestError if the request cannot be met."""
    if count < 0:
        raise RequestError(f"the number of pieces is 0 or above, got {count}")
    if not 0 <= seed < 2**64:
        raise RequestError(f"the seed is from 0 to 2**64 - 1, got {seed}")
    if len(opening) >= limit:
        raise RequestError(f"a limit of {limit} ids leaves no room after an opening of {len(opening)}; raise the limit")
    state = grammar.new_state() if grammar is not None else None
    for position, token in enumerate(opening):
        if not 0 <= token < size:
            raise RequestError(
                f"position {position} of the prime: there is no id {token}; they run from 0 to {size - 1}"
            )
        if position and token == end_id:
            raise RequestError(f"position {position} of the prime ends the piece; leave the end out")
        if grammar is not None:
            if not grammar.allowed(state, limit - position)[token]:
                raise RequestError(f"position {position} of the prime: id {token} cannot stand there")
            state = grammar.advance(state, token)
    return state
