"""Reranking: scores that select the best of several candidates if the model cannot rank them itself.

Each merit lies between 0 and 1, and the score is their mean: the likelihood of the piece under the model (the geometric
mean of its tokens' probabilities), its novelty (the share outside the longest copied passage), and the merits that the
representation computes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Critique:
    """The merits of a piece by name, each from 0 to 1."""

    merits: Mapping[str, float]

    @classmethod
    def of(cls, nll: float, copied: int, tokens: int, music: Mapping[str, float]) -> Self:
        """Judge a piece.

        Args:
            nll: nats per token under the model.
            copied: tokens of the longest passage that it shares with the training set.
            tokens: number of its tokens.
            music: merits that the representation computes.
        """
        return cls({"likelihood": math.exp(-max(nll, 0.0)), "novelty": 1 - min(copied / max(tokens, 1), 1.0), **music})

    @property
    def score(self) -> float:
        """Return the mean of the merits."""
        return sum(self.merits.values()) / len(self.merits)
