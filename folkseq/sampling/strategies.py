"""Sampling strategies: draw the next id from the logits of the model.

The steps are, in this order:

1. The mask excludes ids.
2. The logits are divided by the temperature.
3. The probabilities are multiplied by the factors of the mask, if it has any except 0 and 1.
4. `top_k` keeps the k most likely ids.
5. `top_p` keeps the most likely ids that together reach a share p (nucleus sampling, Holtzman et al., 2020).
6. `min_p` keeps ids with at least this share of the highest probability (Nguyen et al., 2024).
7. One of the remaining ids is drawn.

Of equally likely ids, the lower one counts as more likely.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from folkseq.settings import setting, validate

Weights = NDArray[np.float32]
Mask = NDArray[np.bool_] | Weights
Ids = NDArray[np.int64]
MOST_TEMPERATURE = 100.0
_BLOCK = 16  # ids whose weights are summed first, so that few sums have to be searched
_FEW = 4  # rows up to which a loop is faster than arrays
_FAINT = np.float32(1e-30)  # weights below this are computed again from the masked logits, to avoid underflow
_BELOW_ONE = 1 - 2.0**-52  # keeps a product with a number below one from rounding up to the total


@dataclass(frozen=True)
class Strategy:
    """The changes to the distribution before an id is drawn."""

    temperature: float | tuple[float, float] = setting(
        1.0,
        "Above 1 is bolder, below 1 plainer, 0 takes the likeliest token; 0.7-1.2 changes over the piece.",
        low=0,
        high=MOST_TEMPERATURE,
        metavar="NUMBER",
    )
    repeating: float | None = setting(
        None,
        "Factor on the temperature while a piece repeats itself; below 1, more bars return unchanged."
        "  [default: 0.75 for abc, else 1]",
        low=0,
        high=MOST_TEMPERATURE,
    )
    top_k: int | None = setting(None, "Draw only from this many most likely tokens.", low=1)
    top_p: float | None = setting(
        None, "Draw only from the most likely tokens with this total probability.", low=0, high=1, exclusive="low"
    )
    min_p: float | None = setting(
        None, "Draw only tokens with at least this share of the highest probability.", low=0, high=1, exclusive="low"
    )

    def __post_init__(self) -> None:
        validate(self)
        if isinstance(self.temperature, tuple) and len(self.temperature) != 2:
            raise ValueError(f"temperature must be one number or two, got {self.temperature}")

    @property
    def temperatures(self) -> tuple[float, float]:
        """Return the temperature at the beginning and at the end of a piece."""
        return self.temperature if isinstance(self.temperature, tuple) else (self.temperature, self.temperature)

    @property
    def trims(self) -> bool:
        """Return whether the strategy excludes any ids that the mask allows."""
        return self.top_k is not None or self.top_p is not None or self.min_p is not None

    def at(self, progress: NDArray[np.float64], repeats: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the temperature of each piece, (B,).

        Args:
            progress: (B,) the written share of the piece, from 0 to 1.
            repeats: (B,) whether the last ids occurred earlier in the piece.
        """
        first, last = self.temperatures
        factors = np.where(repeats, 1.0 if self.repeating is None else self.repeating, 1.0)
        return (first + (last - first) * progress) * factors


def choose(
    logits: Weights,
    strategy: Strategy,
    uniforms: NDArray[np.float64],
    mask: Mask | None = None,
    temperature: NDArray[np.float64] | None = None,
) -> tuple[Ids, NDArray[np.float32]]:
    """Draw one id per row by inverting its cumulative distribution, so that it depends on that row only.

    Args:
        logits: (B, V).
        strategy: changes to the distribution.
        uniforms: (B,) in [0, 1), one per row.
        mask: (B, V) factors of the probabilities, 0 or False for excluded ids; each row has at least one other.
        temperature: (B,) from `Strategy.at`; if None, the temperature at the beginning of a piece.

    Returns:
        The ids, (B,), and the nats of each under the unchanged logits, (B,).
    """
    scores = logits - logits.max(axis=1, keepdims=True)  # (B, V), 0 for the likeliest
    likelihoods = np.exp(scores)
    first, _ = strategy.temperatures
    if temperature is not None:
        ids = _draw(scores, likelihoods, temperature, strategy, uniforms, mask)
        cold = np.flatnonzero(temperature == 0)
        ids[cold] = _likeliest(logits[cold], None if mask is None else mask[cold])
    elif first == 0:
        ids = _likeliest(logits, mask)
    else:
        ids = _draw(scores, likelihoods, np.full(1, first), strategy, uniforms, mask)
    return ids, np.log(likelihoods.sum(axis=1)) - scores[np.arange(len(ids)), ids]


def allowed_shares(logits: Weights, mask: Mask) -> NDArray[np.float64]:
    """Return the log of the total probability of the allowed ids, (B,), from logits and mask of (B, V)."""
    likelihoods = np.exp(logits - logits.max(axis=1, keepdims=True))
    kept = (likelihoods * (mask > 0)).sum(axis=1, dtype=np.float64)
    return np.asarray(np.log(np.maximum(kept, _FAINT) / likelihoods.sum(axis=1, dtype=np.float64)))


def _likeliest(scores: Weights, mask: Mask | None) -> Ids:
    return np.asarray((scores if mask is None else _masked(scores, mask)).argmax(axis=1), dtype=np.int64)


def _masked(scores: Weights, mask: Mask) -> Weights:
    if not mask.any(axis=1).all():
        raise ValueError("a mask must allow at least one id in every row")
    return np.where(mask, scores, np.float32(-np.inf))


def _draw(
    scores: Weights,
    likelihoods: Weights,
    temperature: NDArray[np.float64],
    strategy: Strategy,
    uniforms: NDArray[np.float64],
    mask: Mask | None,
) -> Ids:
    """Draw from scores, at most 0 and with exponentials `likelihoods`, at a temperature of shape (B,) or (1,)."""
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
    """Return exponentials of scores at a temperature; 0 counts as the smallest positive number."""
    cold = np.maximum(temperature, np.finfo(np.float32).tiny).astype(np.float32)
    with np.errstate(over="ignore"):
        weights = scores / cold[:, None]
    return np.asarray(np.exp(weights, out=weights))


def _kept(weights: Weights, strategy: Strategy) -> NDArray[np.bool_]:
    """Return the ids that `top_k`, `top_p` and `min_p` keep, (B, V).

    Sorted weights give the number of ids, and a comparison with the smallest kept weight gives the ids themselves,
    since an argsort takes many times as long.
    """
    ranked = np.sort(weights, axis=1)[:, ::-1]  # (B, V), likeliest first
    size = ranked.shape[1]
    most = min(strategy.top_k or size, size)
    kept = np.full(len(ranked), most)  # (B,) number of ids
    if strategy.top_p is not None:
        reached = ranked[:, :most].astype(np.float64).cumsum(axis=1)
        before = np.minimum((reached < strategy.top_p * reached[:, -1:]).sum(axis=1) + 1, most)
        kept = np.minimum(kept, before)
    if strategy.min_p is not None:
        kept = np.minimum(kept, (ranked >= np.float32(strategy.min_p) * ranked[:, :1]).sum(axis=1))
    least = ranked[np.arange(len(ranked)), kept - 1]
    stays = weights >= least[:, None]
    more = np.flatnonzero(stays.sum(axis=1) > kept)
    if len(more):  # of equal weights, the lower ids are kept
        above = weights[more] > least[more, None]
        equal = weights[more] == least[more, None]
        stays[more] = above | (equal & (equal.cumsum(axis=1) <= (kept[more] - above.sum(axis=1))[:, None]))
    return np.asarray(stays)


def _pick(weights: Weights, uniforms: NDArray[np.float64]) -> Ids:
    """Return the id of each row, (B,), at which the cumulative weights pass a share of their sum.

    The sums of blocks are searched first, then the ids of one block. A few rows are searched in a loop, with the same
    result to the bit.
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
    inside[:, 1:][places[:, 1:] == places[:, :-1]] = 0  # past the last id
    passed = inside.cumsum(axis=1, dtype=np.float64) > target[:, None]
    last = _BLOCK - 1 - (inside > 0)[:, ::-1].argmax(axis=1)  # if rounding lets none pass
    within = np.where(passed.any(axis=1), passed.argmax(axis=1), last)
    return np.asarray(block * _BLOCK + within, dtype=np.int64)


def _pick_one(weights: Weights, sums: list[float], uniform: float) -> int:
    """Return the id of one row; see `_pick`."""
    reached = list(accumulate(sums))
    target = uniform * reached[-1] * _BELOW_ONE
    block = next(place for place, total in enumerate(reached) if total > target)
    target -= reached[block - 1] if block else 0.0
    inside = weights[block * _BLOCK : (block + 1) * _BLOCK].tolist()
    for place, total in enumerate(accumulate(inside)):
        if total > target:
            return block * _BLOCK + place
    return block * _BLOCK + max(place for place, weight in enumerate(inside) if weight > 0)
