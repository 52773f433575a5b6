"""Polynomial hashes of sequences, modulo 2⁶⁴: Σ Bᵏ·mixed(xₖ), whose windows follow from running sums."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

BASE = 0xD1342543DE82EF95
"""B, which is odd."""
RISE = np.uint64(0x9E3779B97F4A7C15)


def mixed(numbers: NDArray[Any]) -> Hashes:
    """Return a pseudo-random number for each of `numbers`, of any shape: the finalizer of splitmix64."""
    found = (numbers.astype(np.uint64) + np.uint64(1)) * RISE
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
        found = (found ^ found >> np.uint64(shift)) * np.uint64(factor)
    return found


def powers(count: int) -> Hashes:
    """Return B⁰ … Bⁿ⁻¹, (count,)."""
    return _powers(BASE, count)


def inverse_powers(count: int) -> Hashes:
    """Return B⁰ … B¹⁻ⁿ, (count,)."""
    return _powers(pow(BASE, -1, 1 << 64), count)


@lru_cache
def _powers(base: int, count: int) -> Hashes:
    factors = np.full(count, base, np.uint64)
    factors[:1] = 1
    found = np.cumprod(factors, dtype=np.uint64)
    found.flags.writeable = False
    return found
