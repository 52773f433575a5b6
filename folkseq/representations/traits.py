"""What can be counted in a piece, so that many pieces can be held against many others: those written, those trained on.

Names are the representation's own, in lower case with `_` between words, and say what is counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Traits:
    """The counts of one piece; added up over several they become the figures of those."""

    shares: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """How many of how many: `sections_of_8_bars`, of all sections."""
    rates: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """How much in how much: `notes_per_second`, notes in seconds."""
    values: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    """(N,) integers, each of which occurs as often as it is there: `pitch`, of every note."""
