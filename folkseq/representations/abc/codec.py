"""The codec of tunes, with its capabilities."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from folkseq.music import Tune
from folkseq.representations.abc.analysis import AbcAnalysis, AbcTransposition
from folkseq.representations.abc.generation import AbcGeneration
from folkseq.representations.abc.spelling import Spelling
from folkseq.representations.abc.tokens import HEADER, kind
from folkseq.representations.base import START, TokenCodec


class AbcCodec(TokenCodec[Tune]):
    """Tunes to ids and back."""

    representation: Spelling

    @cached_property
    def recipe(self) -> Mapping[str, Any]:
        """Return settings that suit tunes: they repeat their bars, and there are few, so weights are kept small.

        Bars end at bar lines, sections at those that are not plain; the header's tokens end both.
        """
        tokens = self.vocabulary.tokens
        header = np.isin([kind(token) for token in tokens], (START, *HEADER))
        bars = np.array([kind(token) == "bar" for token in tokens])
        sections = bars & (np.array(tokens) != "|")
        return {
            "lookback_bars": (1, 2, 4, 8),
            "lookback_match": True,
            "copy_pointer": True,
            "weight_decay": 0.3,
            "bar_ends": tuple(np.flatnonzero(bars | header).tolist()),
            "section_ends": tuple(np.flatnonzero(sections | header).tolist()),
        }

    @cached_property
    def transposition(self) -> AbcTransposition:
        """Return the identity of tunes across keys."""
        return AbcTransposition(self)

    @cached_property
    def analysis(self) -> AbcAnalysis:
        """Return the analysis of tunes."""
        return AbcAnalysis(self)

    @cached_property
    def generation(self) -> AbcGeneration:
        """Return the constraints on new tunes."""
        return AbcGeneration(self.representation, self.vocabulary)

    def canonical(self, piece: Tune) -> Tune:
        """Return the tune as tokens represent it."""
        return self.representation.canonical(piece)

    def lost(self, piece: Tune) -> Mapping[str, int]:
        """Count what the tokens do not represent."""
        return self.representation.lost(piece)
