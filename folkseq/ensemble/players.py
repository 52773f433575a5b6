"""How well a run foretells each player of an ensemble, and whether it listens to the one who leads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.corpus import Split, TokenStore
from folkseq.corpus.ngram import NGram
from folkseq.representations.base import END
from folkseq.representations.packed.codec import StepCodec
from folkseq.representations.packed.layout import CHAINED, Layout
from folkseq.sampling import scoring
from folkseq.sampling.engine import Logits
from folkseq.verbs.model import Model

Costs = list[NDArray[np.float64]]
Values = NDArray[np.int64]  # (steps, F)
MARKOV = 2  # gestures of a player's own that its Markov chain sees


@dataclass(frozen=True)
class Player:
    """One column, in bits a gesture."""

    name: str
    leads: bool
    bits: float
    """As the run foretells it, from all before it; a follower also hears the lead's gesture of now, and those of the
    players that stand before it."""
    unheard_bits: float
    """Where nobody's gesture of now is heard."""
    markov_bits: float
    """Of its own order-2 Markov chain."""
    other_lead_bits: float | None
    """Of a follower, where the lead is that of another performance: the next one judged, or one trained on; None where
    there is no other."""


def players(
    model: Model,
    store: TokenStore,
    sides: Split,
    pieces: Sequence[NDArray[Any]],
    own: Sequence[int] | None = None,
    most: int | None = None,
    lead: str | None = None,
) -> tuple[Player, ...]:
    """Judge the run on `pieces` player by player; nothing, if it has no players.

    Args:
        model: of the run.
        store: the run's pieces.
        sides: their split.
        pieces: whole ones, (T,) ids each.
        own: their numbers in the store, if they are of it.
        most: ids of each that are judged; all by default.
        lead: the column that leads, by name or number; the first by default.

    Raises:
        RequestError: there is no column `lead`.
    """
    codec, vocabulary = model.codec, model.run.vocabulary
    if not isinstance(codec, StepCodec) or "lead" not in codec.medium.option_names:
        return ()
    layout = codec.layout
    first = layout.column(lead)
    every = [*map(store.__getitem__, range(len(store))), *pieces]
    numbers = performances(every, vocabulary.id(END))
    judged = [len(store) + place for place in range(len(pieces))] if own is None else list(own)
    ours = [(numbers[piece], layout.values(every[piece][:most])) for piece in judged]
    theirs = [(numbers[piece], layout.values(every[piece])) for piece in sides.train]
    ours, theirs = ([each for each in some if len(each[1])] for some in (ours, theirs))
    grids, trained = ([values for _, values in some] for some in (ours, theirs))
    heard = _bits(model, layout, grids, first)
    lost = _lost(model, layout, grids, leaders(ours, theirs), heard, first)
    found = []
    for column, name in enumerate(layout.columns):
        bits, alone = (float(_mean(costs)[column]) for costs in (heard, _bits(model, layout, grids, column)))
        found.append(
            Player(
                name=name,
                leads=column == first,
                bits=bits,
                unheard_bits=alone,
                markov_bits=_markov(trained, grids, column, layout.radices[column]),
                other_lead_bits=None if column == first or lost is None else bits + float(lost[column]),
            )
        )
    return tuple(found)


def performances(pieces: Sequence[NDArray[Any]], end: int) -> list[int]:
    """The number of the performance that each piece is of: those of a file follow one another, and only its last ends.

    Where some of a file's pieces are missing, two performances may count as one, but never one as two.

    >>> performances([np.array([0, 5]), np.array([0, 6, 2]), np.array([0, 2])], end=2)
    [0, 0, 1]
    """
    ended = [bool(piece[-1] == end) for piece in pieces]
    return list(accumulate(ended, initial=0))[:-1]


def leaders(judged: Sequence[tuple[int, Values]], trained: Sequence[tuple[int, Values]]) -> list[Values | None]:
    """For each piece judged the next one, or else one trained on, of another performance; None where there is none.

    Both are pieces with the number of their performance.
    """
    found = []
    for place, (number, _) in enumerate(judged):
        following = (judged[(place + step) % len(judged)] for step in range(1, len(judged)))
        others = (values for other, values in chain(following, trained) if other != number)
        found.append(next(others, None))
    return found


def _lost(
    model: Model,
    layout: Layout,
    grids: Sequence[Values],
    leaders: Sequence[Values | None],
    heard: Costs,
    first: int,
) -> NDArray[np.float64] | None:
    """(F,) the bits a gesture that are lost where each piece is led by another's leader; None where there is none."""
    led, before = [], []
    for values, other, costs in zip(grids, leaders, heard, strict=True):
        if other is None:
            continue
        values = values[: len(other)].copy()
        values[:, first] = other[: len(values), first]
        led.append(values)
        before.append(costs[: len(values)])
    return _mean(_bits(model, layout, led, first)) - _mean(before) if led else None


def _mean(costs: Costs) -> NDArray[np.float64]:
    """(F,) over all steps."""
    return np.asarray(np.concatenate(costs).mean(axis=0))


def _bits(model: Model, layout: Layout, grids: Sequence[Values], first: int) -> Costs:
    """What each cell costs, (steps, F) of each grid, in the order in which the columns stand where one comes first."""
    engine = model.engine("float32")
    if layout.head == CHAINED:
        order, width = layout.compound.order(first), layout.width
        pieces = [np.concatenate([np.full(width, first), layout.ids(values, first)]) for values in grids]
        bits = []
        for costs in scoring.scores(engine, pieces):
            rows = costs[width - 1 :].reshape(-1, width) / math.log(2)
            cells = np.empty_like(rows)
            cells[:, list(order)] = rows
            bits.append(cells)
        return bits
    pieces = [np.concatenate([[0], layout.ids(values)]) for values in grids]
    return scoring.scores(engine, pieces, _Marginals(layout, first))


class _Marginals:
    """What the fields of a joint code cost one after another: a field's chance is what all its codes have together."""

    def __init__(self, layout: Layout, first: int) -> None:
        self._order = (first, *(column for column in range(len(layout.columns)) if column != first))
        codes = np.arange(math.prod(layout.radices))
        self._digits = codes[:, None] // layout.weights % layout.radices  # (codes, F)

    def __call__(self, logits: Logits, ids: NDArray[np.int64]) -> NDArray[np.float64]:
        """(B, F) bits of (B, V) scores and (B,) ids."""
        scores = logits.astype(np.float64)
        chances = np.exp(scores - scores.max(axis=1, keepdims=True))
        total, codes = chances.sum(axis=1), chances[:, 2:]
        bits = np.empty((len(ids), len(self._order)))
        wanted = self._digits[ids - 2]  # (B, F)
        for row in range(len(ids)):
            among, before = np.ones(codes.shape[1], np.bool_), total[row]
            for column in self._order:
                among &= self._digits[:, column] == wanted[row, column]
                here = codes[row, among].sum()
                bits[row, column] = math.log2(before / here)
                before = here
        return bits


def _markov(trained: Sequence[Values], grids: Sequence[Values], column: int, radix: int) -> float:
    """Bits a gesture of a player's own Markov chain, interpolated with those of lower orders."""

    def of(values: Values) -> NDArray[np.int64]:
        return np.concatenate([[radix], values[:, column]])

    nats, count = NGram.fit(map(of, trained), MARKOV + 1, radix + 1).nll(map(of, grids))
    return nats / math.log(2) / count
