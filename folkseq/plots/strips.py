"""What the picture of cells and the page have alike: the surprise along a line."""

from __future__ import annotations

import numpy as np

from folkseq.plots.layout import Layout
from folkseq.plots.reading import Floats, Reading

EVENT = 0.03
"""Inches that are given to what takes no time."""
HIGHEST = 0.99
"""The share of surprises that stand within the highest one drawn; the rest are cut."""
_APART = 0.015  # inches between two of them


def costs(reading: Reading, layout: Layout, line: int) -> tuple[Floats, Floats, Floats]:
    """The surprise along a line: of each token, or where time is in seconds, of all tokens of a moment together.

    Returns:
        (N,) inches from the left, bits, and inches of width.
    """
    boxes = layout.on(line)
    bits = np.nan_to_num(reading.surprise[layout.token[boxes]])
    left, right = layout.left[boxes], layout.right[boxes]
    if reading.places.bar is not None:
        return left, bits, np.maximum(right - left - _APART, EVENT / 3)
    moments, which = np.unique(left, return_inverse=True)
    return moments, np.bincount(which, bits, len(moments)).astype(np.float64), np.full(len(moments), EVENT)


def most_bits(reading: Reading, layout: Layout) -> float:
    """The bits that are as high as there is room, a whole number from 1."""
    bits = np.concatenate([costs(reading, layout, line)[1] for line in range(layout.lines)])
    return max(float(np.ceil(np.quantile(bits, HIGHEST))), 1.0) if bits.size else 1.0
