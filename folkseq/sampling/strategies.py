"""How the next id is drawn from the model's scores.

In order: ids that the mask forbids are left out; the scores are divided by the temperature; `top_k` keeps the k
likeliest; `top_p` keeps the likeliest that together reach p of what is left (the nucleus of Holtzman et al., 2020);
`min_p` keeps those that are at least so likely as that share of the likeliest (Nguyen et al., 2024); one is drawn from
the rest. Of equals the lower id is the likelier.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from folkseq.settings import setting, validate

Weights = NDArray[np.float32]
Ids = NDArray[np.int64]
MOST_TEMPERATURE = 100.0
_BLOCK = 16  # ids whose weights are added up first, so that few sums need be looked through
_FEW = 4  # rows, up to which a loop over them is quicker than arrays
_FAINT = np.float32(1e-30)  # below this what the mask leaves is weighed anew, so that nothing is lost to rounding
_BELOW_ONE = 1 - 2.0**-52  # keeps a product with a number below one from being rounded up to the whole


@dataclass(frozen=True)
class Strategy:
    """The changes to the distribution before an id is drawn."""

    temperature: float | tuple[float, float] = setting(
        1.0,
        "Above 1 bolder, below 1 plainer, 0 the likeliest; 0.7-1.2 changes over the piece.",
        low=0,
        high=MOST_TEMPERATURE,
        metavar="NUMBER",
    )
    top_k: int | None = setting(None, "Draw among this many likeliest tokens.", low=1)
    top_p: float | None = setting(
        None, "Draw among the likeliest tokens of this total probability.", low=0, high=1, exclusive="low"
    )
    min_p: float | None = setting(
        None, "Draw among tokens of at least this share of the likeliest's probability.", low=0, high=1, exclusive="low"
    )

    def __post_init__(self) -> None:
        validate(self)
        if isinstance(self.temperature, tuple) and len(self.temperature) != 2:
            raise ValueError(f"temperature must be one number or two, got {self.temperature}")

    @property
    def temperatures(self) -> tuple[float, float]:
        """At a piece's beginning and at its end."""
        return self.temperature if isinstance(self.temperature, tuple) else (self.temperature, self.temperature)

    @property
    def changes(self) -> bool:
        """Whether the temperature depends on how much of a piece is written."""
        return isinstance(self.temperature, tuple)

    @property
    def trims(self) -> bool:
        """Whether ids are left out that the mask allows."""
        return self.top_k is not None or self.top_p is not None or self.min_p is not None

    def at(self, progress: NDArray[np.float64]) -> NDArray[np.float64]:
        """The temperature where so much of each piece is written, (B,) of (B,) from 0 to 1."""
        first, last = self.temperatures
        return first + (last - first) * progress


def choose(
    logits: Weights,
    strategy: Strategy,
    uniforms: NDArray[np.float64],
    mask: NDArray[np.bool_] | None = None,
    progress: NDArray[np.float64] | None = None,
) -> tuple[Ids, NDArray[np.float32]]:
    """Draw one id a row by inverting its cumulative distribution, so that a row's id depends on nothing but the row.

    Args:
        logits: (B, V) scores.
        strategy: what to do to them first.
        uniforms: (B,) in [0, 1), one a row.
        mask: (B, V), False where an id may not come; each row has at least one that may.
        progress: (B,) how much of each piece is written, from 0 to 1; 0 if None.

    Returns:
        The ids, (B,), and what each costs in nats under the scores as they are, (B,).
    """
    scores = logits - logits.max(axis=1, keepdims=True)  # (B, V), the likeliest scores 0
    likelihoods = np.exp(scores)
    if strategy.changes:
        temperature = strategy.at(np.zeros(len(logits)) if progress is None else progress)  # (B,)
        ids = _draw(scores, likelihoods, temperature, strategy, uniforms, mask)
        cold = np.flatnonzero(temperature == 0)
        ids[cold] = _likeliest(logits[cold], None if mask is None else mask[cold])
    elif strategy.temperature == 0:
        ids = _likeliest(logits, mask)
    else:
        ids = _draw(scores, likelihoods, np.full(1, strategy.temperature), strategy, uniforms, mask)
    return ids, np.log(likelihoods.sum(axis=1)) - scores[np.arange(len(ids)), ids]


def allowed_shares(logits: Weights, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How much of its probability the model gives to what a mask allows, as logarithms, (B,) of (B, V) each."""
    likelihoods = np.exp(logits - logits.max(axis=1, keepdims=True))
    kept = (likelihoods * mask).sum(axis=1, dtype=np.float64)
    return np.asarray(np.log(np.maximum(kept, _FAINT) / likelihoods.sum(axis=1, dtype=np.float64)))


def _likeliest(scores: Weights, mask: NDArray[np.bool_] | None) -> Ids:
    return np.asarray((scores if mask is None else _masked(scores, mask)).argmax(axis=1), dtype=np.int64)


def _masked(scores: Weights, mask: NDArray[np.bool_]) -> Weights:
    if not mask.any(axis=1).all():
        raise ValueError("a mask leaves at least one id in every row")
    return np.where(mask, scores, np.float32(-np.inf))


def _draw(
    scores: Weights,
    likelihoods: Weights,
    temperature: NDArray[np.float64],
    strategy: Strategy,
    uniforms: NDArray[np.float64],
    mask: NDArray[np.bool_] | None,
) -> Ids:
    """Draw by scores of 0 and below, whose exponentials are `likelihoods`, at a temperature, (B,) or (1,)."""
    weights = likelihoods if len(temperature) == 1 and temperature[0] == 1 else _weights(scores, temperature)
    if mask is not None:
        weights = weights * mask
        if weights.max(axis=1).min() < _FAINT:
            faint = np.flatnonzero(weights.max(axis=1) < _FAINT)
            own = _masked(scores[faint], mask[faint])
            own -= own.max(axis=1, keepdims=True)
            weights[faint] = _weights(own, temperature[faint] if len(temperature) > 1 else temperature)
    if strategy.trims:
        weights = weights * _kept(weights, strategy)
    return _pick(weights, uniforms)


def _weights(scores: Weights, temperature: NDArray[np.float64]) -> Weights:
    """Exponentials of scores at a temperature, of which 0 is taken for as little above it as can be."""
    cold = np.maximum(temperature, np.finfo(np.float32).tiny).astype(np.float32)
    with np.errstate(over="ignore"):
        weights = scores / cold[:, None]
    return np.asarray(np.exp(weights, out=weights))


def _kept(weights: Weights, strategy: Strategy) -> NDArray[np.bool_]:
    """What `top_k`, `top_p` and `min_p` leave, (B, V).

    How many stay is found on sorted weights, and which by comparing with the least of those, since sorting where each
    stood as well takes many times as long.
    """
    ranked = np.sort(weights, axis=1)[:, ::-1]  # (B, V), likeliest first
    size = ranked.shape[1]
    most = min(strategy.top_k or size, size)
    kept = np.full(len(ranked), most)  # (B,) how many
    if strategy.top_p is not None:
        reached = ranked[:, :most].astype(np.float64).cumsum(axis=1)
        before = np.minimum((reached < strategy.top_p * reached[:, -1:]).sum(axis=1) + 1, most)
        kept = np.minimum(kept, before)
    if strategy.min_p is not None:
        kept = np.minimum(kept, (ranked >= np.float32(strategy.min_p) * ranked[:, :1]).sum(axis=1))
    least = ranked[np.arange(len(ranked)), kept - 1]
    stays = weights >= least[:, None]
    more = np.flatnonzero(stays.sum(axis=1) > kept)
    if len(more):  # equals, of which the lower ids stay
        above = weights[more] > least[more, None]
        equal = weights[more] == least[more, None]
        stays[more] = above | (equal & (equal.cumsum(axis=1) <= (kept[more] - above.sum(axis=1))[:, None]))
    return np.asarray(stays)


def _pick(weights: Weights, uniforms: NDArray[np.float64]) -> Ids:
    """The id of each row at which its cumulative weights pass a share of their sum, (B,).

    Blocks are added up first, then the ids of the one in which the share lies. With few rows that is done in a loop,
    which gives the same to the bit.
    """
    starts = np.arange(0, weights.shape[1], _BLOCK)
    sums = np.add.reduceat(weights, starts, axis=1)  # (B, V / 16)
    if len(weights) <= _FEW:
        each = zip(weights, sums.tolist(), uniforms.tolist(), strict=True)
        return np.array([_pick_one(*row) for row in each], dtype=np.int64)
    rows = np.arange(len(weights))
    reached = sums.cumsum(axis=1, dtype=np.float64)
    target = uniforms * reached[:, -1] * _BELOW_ONE
    block = (reached > target[:, None]).argmax(axis=1)
    target -= np.where(block, reached[rows, block - 1], 0.0)
    places = np.minimum(block[:, None] * _BLOCK + np.arange(_BLOCK), weights.shape[1] - 1)  # (B, 16)
    inside = weights[rows[:, None], places]
    inside[:, 1:][places[:, 1:] == places[:, :-1]] = 0  # beyond the last id
    passed = inside.cumsum(axis=1, dtype=np.float64) > target[:, None]
    last = _BLOCK - 1 - (inside > 0)[:, ::-1].argmax(axis=1)  # where rounding lets none pass
    within = np.where(passed.any(axis=1), passed.argmax(axis=1), last)
    return np.asarray(block * _BLOCK + within, dtype=np.int64)


def _pick_one(weights: Weights, sums: list[float], uniform: float) -> int:
    """The same for one row."""
    reached = list(accumulate(sums))
    target = uniform * reached[-1] * _BELOW_ONE
    block = next(place for place, total in enumerate(reached) if total > target)
    target -= reached[block - 1] if block else 0.0
    inside = weights[block * _BLOCK : (block + 1) * _BLOCK].tolist()
    for place, total in enumerate(accumulate(inside)):
        if total > target:
            return block * _BLOCK + place
    return block * _BLOCK + max(place for place, weight in enumerate(inside) if weight > 0)
