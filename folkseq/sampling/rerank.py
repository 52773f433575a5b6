"""What speaks for a sampled piece, so that the best of several can be kept.

Each merit lies between 0 and 1, and the score is their mean: how likely the model finds the piece (the geometric mean
of its tokens' probabilities), how little of it is one copy, and what the representation knows of its music.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Critique:
    """A piece's merits by name, each from 0 to 1."""

    merits: Mapping[str, float]

    @classmethod
    def of(cls, nll: float, copied: int, tokens: int, music: Mapping[str, float]) -> Self:
        """Judge a piece.

        Args:
            nll: nats a token under the model itself.
            copied: tokens of the longest run that it shares with the training set.
            tokens: that it has.
            music: merits that the representation knows of.
        """
        return cls({"likelihood": math.exp(-max(nll, 0.0)), "novelty": 1 - min(copied / max(tokens, 1), 1.0), **music})

    @property
    def score(self) -> float:
        """The mean of the merits."""
        return sum(self.merits.values()) / len(self.merits)
