"""The loss of each player of an ensemble, and its dependence on the leading player."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.corpora import Split, TokenStore
from folkseq.corpora.ngram import NGram
from folkseq.grammar import Ids
from folkseq.representations.base import END
from folkseq.representations.packed.codec import StepCodec
from folkseq.representations.packed.layout import CHAINED, FIRST_CODE, GridLayout, Values
from folkseq.sampling import scoring
from folkseq.sampling.engine import Logits
from folkseq.sampling.settings import FLOAT32
from folkseq.verbs.model import Model

Bits = NDArray[np.float64]
MARKOV = 2  # order of a player's Markov chain, in gestures


@dataclass(frozen=True)
class Player:
    """The prediction of one column, in bits per gesture."""

    name: str
    leads: bool
    bits: float
    """Given all previous steps; for a follower, also given the leader and the previous players in the same step."""
    unheard_bits: float
    """Given only the previous steps."""
    markov_bits: float
    """Under a Markov chain of order 2 that sees only this player."""
    other_lead_bits: float | None
    """Given the leader of another performance (the next one, or one of the training set); None for the leader itself,
    or if there is no other performance."""


def players(
    model: Model,
    store: TokenStore,
    sides: Split,
    pieces: Sequence[NDArray[Any]],
    own: Sequence[int] | None = None,
    most: int | None = None,
    lead: str | None = None,
) -> tuple[Player, ...]:
    """Evaluate a run player by player; return nothing if its pieces have no players.

    Args:
        model: the model of the run.
        store: pieces of the run.
        sides: split of the pieces.
        pieces: pieces to evaluate, (T,) ids each.
        own: numbers of these pieces in the store, if they are in it.
        most: maximum number of ids of a piece to evaluate; by default, all.
        lead: name or number of the leading column; by default, the first.

    Raises:
        RequestError: there is no column `lead`.
    """
    codec = model.codec
    if not isinstance(codec, StepCodec) or "lead" not in codec.medium.option_names:
        return ()
    layout = codec.layout
    first = layout.column(lead)
    every = [*map(store.__getitem__, range(len(store))), *pieces]
    numbers = performances(every, codec.vocabulary.id(END))

    def values_of(indices: Iterable[int], most: int | None = None) -> list[tuple[int, Values]]:
        found = ((numbers[index], layout.values(every[index][:most])) for index in indices)
        return [(number, values) for number, values in found if len(values)]

    evaluated = values_of(range(len(store), len(every)) if own is None else own, most)
    train = values_of(sides.train)
    grids = [values for _, values in evaluated]
    bits = _bits(model, layout, grids, first)
    lost = _lost_bits(model, layout, grids, leaders(evaluated, train), bits, first)
    found = []
    for column, name in enumerate(layout.columns):
        unheard = bits if column == first else _bits(model, layout, grids, column)
        player = Player(
            name=name,
            leads=column == first,
            bits=float(_mean(bits)[column]),
            unheard_bits=float(_mean(unheard)[column]),
            markov_bits=_markov_bits([values for _, values in train], grids, column, layout.radices[column]),
            other_lead_bits=None if column == first or lost is None else float(_mean(bits)[column] + lost[column]),
        )
        found.append(player)
    return tuple(found)


def performances(pieces: Sequence[NDArray[Any]], end: int) -> list[int]:
    """Return the number of each piece's performance.

    The pieces of a performance are consecutive, and only the last one has an end id. If pieces are missing, two
    performances may get the same number, but a performance never gets two numbers.

    >>> performances([np.array([0, 5]), np.array([0, 6, 2]), np.array([0, 2])], end=2)
    [0, 0, 1]
    """
    ended = [bool(piece[-1] == end) for piece in pieces]
    return list(accumulate(ended, initial=0))[:-1]


def leaders(evaluated: Sequence[tuple[int, Values]], train: Sequence[tuple[int, Values]]) -> list[Values | None]:
    """Return for each piece the next evaluated piece of another performance, else a training piece, else None.

    Each argument has pairs of a performance number and a piece.
    """
    found = []
    for place, (number, _) in enumerate(evaluated):
        others = chain(evaluated[place + 1 :], evaluated[:place], train)
        found.append(next((values for other, values in others if other != number), None))
    return found


def _lost_bits(
    model: Model,
    layout: GridLayout,
    grids: Sequence[Values],
    leaders: Sequence[Values | None],
    bits: list[Bits],
    first: int,
) -> Bits | None:
    """Return the increase in bits per gesture, (F,), with the leader of another performance; None without leaders."""
    led, before = [], []
    for values, other, own in zip(grids, leaders, bits, strict=True):
        if other is not None:
            length = min(len(values), len(other))
            led.append(values[:length].copy())
            led[-1][:, first] = other[:length, first]
            before.append(own[:length])
    return _mean(_bits(model, layout, led, first)) - _mean(before) if led else None


def _mean(bits: Sequence[Bits]) -> Bits:
    """Return the mean over all steps, (F,)."""
    return np.asarray(np.concatenate(bits).mean(axis=0))


def _bits(model: Model, layout: GridLayout, grids: Sequence[Values], first: int) -> list[Bits]:
    """Return the bits of each cell, (steps, F) per grid, with the column at index `first` as the first in each step."""
    engine, order = model.engine(FLOAT32), [first, *np.delete(np.arange(len(layout.columns)), first).tolist()]
    start = np.full(layout.width, first if layout.head == CHAINED else 0)
    pieces = [np.concatenate([start, layout.ids(values, first)]) for values in grids]
    if layout.head == CHAINED:
        nats = scoring.scores(engine, pieces)
        steps = [each[layout.width - 1 :].reshape(-1, layout.width) / math.log(2) for each in nats]
    else:
        steps = scoring.scores(engine, pieces, _Marginals(layout, order))
    return [np.take(each, np.argsort(order), axis=1) for each in steps]


class _Marginals:
    """The bits of each field of a joint code, given the previous fields in an order, by summing over codes."""

    def __init__(self, layout: GridLayout, order: Sequence[int]) -> None:
        self._values = layout.values(np.arange(FIRST_CODE, layout.size))[:, order]  # (codes, F)

    def __call__(self, logits: Logits, ids: Ids) -> Bits:
        """Return (B, F) bits for (B, V) logits and (B,) ids."""
        scores = logits.astype(np.float64)
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        bits = np.empty((len(ids), self._values.shape[1]))
        for row, values in enumerate(self._values[ids - FIRST_CODE]):
            fits = np.logical_and.accumulate(self._values == values, axis=1)  # (codes, F) up to each field
            sums = [odds[row].sum(), *(odds[row, FIRST_CODE:][fit].sum() for fit in fits.T)]
            bits[row] = np.log2(np.divide(sums[:-1], sums[1:]))
        return bits


def _markov_bits(train: Sequence[Values], evaluated: Sequence[Values], column: int, radix: int) -> float:
    """Return the bits per gesture under an interpolated Markov chain of one player."""
    chains = ((np.append(radix, values[:, column]) for values in part) for part in (train, evaluated))
    nats, count = NGram.fit(next(chains), MARKOV + 1, radix + 1).nll(next(chains))
    return nats / math.log(2) / count
