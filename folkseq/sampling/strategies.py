"""How the next id is drawn from the model's scores.

In order: ids that the mask forbids are left out; the scores are divided by the temperature; `top_k` keeps the k
likeliest; `top_p` keeps the likeliest that together reach p of what is left (the nucleus of Holtzman et al., 2020);
one is drawn from the rest. Of equals the lower id is the likelier.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from folkseq.errors import RequestError


@dataclass(frozen=True)
class Strategy:
    """What is done to the distribution before an id is drawn."""

    temperature: float = 1.0
    """Below 1 the likely becomes likelier, above 1 less so; 0 always takes the likeliest."""
    top_k: int | None = None
    """Draw among the k likeliest only."""
    top_p: float | None = None
    """Draw among the likeliest that together hold this much of the probability."""

    def __post_init__(self) -> None:
        if not (self.temperature >= 0 and math.isfinite(self.temperature)):
            raise RequestError(f"the temperature is 0 or above (try 0.8 to 1.1), got {self.temperature}")
        if self.top_k is not None and self.top_k < 1:
            raise RequestError(f"top-k keeps at least 1 id, got {self.top_k}")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise RequestError(f"top-p is a share above 0 and up to 1, got {self.top_p}")


def choose(
    logits: NDArray[np.floating],
    strategy: Strategy,
    uniforms: NDArray[np.floating],
    mask: NDArray[np.bool_] | None = None,
) -> NDArray[np.int64]:
    """Draw one id a row by inverting its cumulative distribution, so that a row's id depends on nothing but the row.

    Args:
        logits: (B, V) scores.
        strategy: what to do to them first.
        uniforms: (B,) in [0, 1), one a row.
        mask: (B, V), False where an id may not come; each row has at least one that may.

    Returns:
        (B,) int64.
    """
    scores = logits.astype(np.float64)  # (B, V)
    if mask is not None:
        if not mask.any(axis=1).all():
            raise ValueError("a mask leaves at least one id in every row")
        scores[~mask] = -np.inf
    if strategy.temperature == 0:
        return np.asarray(scores.argmax(axis=1), dtype=np.int64)
    scores -= scores.max(axis=1, keepdims=True)  # before the division, which may then overflow downwards only
    with np.errstate(over="ignore"):
        weights = np.exp(scores / strategy.temperature)  # (B, V), the likeliest weighs 1
    if strategy.top_k is not None or strategy.top_p is not None:
        _trim(weights, strategy)
    cumulative = weights.cumsum(axis=1)
    total = cumulative[:, -1]
    target = np.minimum(uniforms * total, np.nextafter(total, 0))  # rounding must not pass the end
    return np.asarray((cumulative <= target[:, None]).sum(axis=1), dtype=np.int64)


def _trim(weights: NDArray[np.float64], strategy: Strategy) -> None:
    """Set to zero what `top_k` and `top_p` leave out."""
    order = np.argsort(-weights, axis=1, kind="stable")  # (B, V), likeliest first
    ranked = np.take_along_axis(weights, order, axis=1)
    if strategy.top_k is not None:
        ranked[:, strategy.top_k :] = 0
    if strategy.top_p is not None:
        before = ranked.cumsum(axis=1) - ranked  # what the likelier ones hold
        ranked[before >= strategy.top_p * ranked.sum(axis=1, keepdims=True)] = 0
    np.put_along_axis(weights, order, ranked, axis=1)
