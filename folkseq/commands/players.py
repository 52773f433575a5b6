"""How well a run foretells each player of an ensemble, and whether it listens to the one who leads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.commands.model import Model
from folkseq.dataset import Split, TokenStore
from folkseq.evaluation.ngram import NGram
from folkseq.sampling import scoring
from folkseq.sampling.engine import Logits
from folkseq.tokenizers.packed import PackedTokenizer
from folkseq.tokenizers.packed.layout import CHAINED, Layout

Costs = list[NDArray[np.float64]]
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
    """Of a follower, where the lead is that of another performance: the next one judged, or one trained on."""


def players(
    model: Model, store: TokenStore, sides: Split, pieces: Sequence[NDArray[Any]], lead: str | None = None
) -> tuple[Player, ...]:
    """Judge the run on `pieces` player by player; nothing, if it has no players.

    Raises:
        RequestError: there is no column `lead`.
    """
    tokenizer, vocabulary = model.tokenizer, model.run.vocabulary
    if not isinstance(tokenizer, PackedTokenizer) or "lead" not in tokenizer.controls:
        return ()
    layout = Layout.of(vocabulary)
    first = layout.column(lead)
    grids = [values for values in map(layout.values, pieces) if len(values)]
    trained = [values for values in (layout.values(store[piece]) for piece in sides.train) if len(values)]
    heard = _bits(model, layout, grids, first)
    leaders = [*grids[1:], grids[0] if len(grids) > 1 else trained[0]]
    lost = _lost(model, layout, grids, leaders, heard, first)
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
                other_lead_bits=None if column == first else bits + float(lost[column]),
            )
        )
    return tuple(found)


def _lost(
    model: Model,
    layout: Layout,
    grids: Sequence[NDArray[np.int64]],
    leaders: Sequence[NDArray[np.int64]],
    heard: Costs,
    first: int,
) -> NDArray[np.float64]:
    """(F,) the bits a gesture that are lost where each performance is led by the leader of another."""
    led = []
    for values, other in zip(grids, leaders, strict=True):
        values = values[: len(other)].copy()
        values[:, first] = other[: len(values), first]
        led.append(values)
    elsewhere = _bits(model, layout, led, first)
    before = [costs[: len(values)] for costs, values in zip(heard, led, strict=True)]
    return _mean(elsewhere) - _mean(before)


def _mean(costs: Costs) -> NDArray[np.float64]:
    """(F,) over all steps."""
    return np.asarray(np.concatenate(costs).mean(axis=0))


def _bits(model: Model, layout: Layout, grids: Sequence[NDArray[np.int64]], first: int) -> Costs:
    """What each cell costs, (steps, F) of each grid, in the order in which the columns stand where one comes first."""
    engine = model.engine("float32")
    if layout.head == CHAINED:
        order, width = layout.frames.order(first), layout.width
        pieces = [np.concatenate([np.full(width, first), layout.ids(values, first)]) for values in grids]
        bits = []
        for costs in scoring.costs(engine, pieces):
            rows = costs[width - 1 :].reshape(-1, width) / math.log(2)
            cells = np.empty_like(rows)
            cells[:, list(order)] = rows
            bits.append(cells)
        return bits
    pieces = [np.concatenate([[0], layout.ids(values)]) for values in grids]
    return scoring.costs(engine, pieces, _Marginals(layout, first))


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


def _markov(trained: Sequence[NDArray[np.int64]], grids: Sequence[NDArray[np.int64]], column: int, radix: int) -> float:
    """Bits a gesture of a player's own Markov chain, interpolated with those of lower orders."""

    def of(values: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.concatenate([[radix], values[:, column]])

    nats, count = NGram.fit(map(of, trained), MARKOV + 1, radix + 1).nll(map(of, grids))
    return nats / math.log(2) / count
