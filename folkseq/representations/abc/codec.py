"""The codec of tunes, with its capabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from folkseq.formats.abc.lexer import parse_note
from folkseq.music import Tune
from folkseq.representations.abc.features import features, melody
from folkseq.representations.abc.generation import AbcGeneration
from folkseq.representations.abc.labels import labels, timing
from folkseq.representations.abc.spelling import kind
from folkseq.representations.abc.validity import fault
from folkseq.representations.base import END, START, TokenCodec
from folkseq.representations.capabilities import Analysis, Features, Profile, Timing, Transposition

if TYPE_CHECKING:
    from folkseq.representations.abc import AbcRepresentation


class AbcCodec(TokenCodec[Tune]):
    """Tunes to ids and back."""

    representation: AbcRepresentation

    @cached_property
    def recipe(self) -> Mapping[str, Any]:
        """Return settings that suit tunes: they repeat their bars, and there are few, so weights are kept small.

        Bars end at bar lines, sections at those that are not plain; the header's tokens end both.
        """
        tokens = self.vocabulary.tokens
        header = np.array([token == START or token[:2] in ("R:", "M:", "K:") for token in tokens])
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
        return AbcGeneration(self)

    def canonical(self, piece: Tune) -> Tune:
        """Return the tune as tokens represent it."""
        return self.representation.canonical(piece)

    def lost(self, piece: Tune) -> Mapping[str, int]:
        """Count what the tokens do not represent."""
        return self.representation.lost(piece)


class AbcTransposition(Transposition):
    """Tunes across keys: pitches as places on the staff."""

    def __init__(self, codec: AbcCodec) -> None:
        self.codec = codec

    def fingerprint(self, ids: NDArray[Any]) -> NDArray[np.int64]:
        """Return the melody's intervals in diatonic steps, which no transposition changes."""
        pitches = (token for token in self.codec.vocabulary.decode(ids) if kind(token) == "pitch")
        return np.diff(np.fromiter((parse_note(token)[0] for token in pitches), np.int64)).astype(np.int64)

    @cached_property
    def profile(self) -> Profile:
        """Return the staff position of each pitch; pitches of one accidental are of one kind, all replaceable."""
        tokens = self.codec.vocabulary.tokens
        size = len(tokens)
        heights, kinds = np.zeros(size, np.int64), np.arange(size)
        for index, token in enumerate(tokens):
            if kind(token) == "pitch":
                heights[index], sign, _ = parse_note(token)
                kinds[index] = size + (0 if sign is None else 3 + sign)
        pitched = kinds >= size
        ends, ties = (np.isin(tokens, some) for some in ((START, END), ("-",)))
        return Profile(heights, kinds, pitched, free=pitched, binding=ties, ends=ends)

    def melody(self, ids: NDArray[Any]) -> NDArray[np.int64]:
        """Return the highest notes of its sounds, as written; tied notes are one, rests and grace notes none."""
        return melody(self.codec.decode(ids))


class AbcAnalysis(Analysis):
    """The analysis of tunes."""

    def __init__(self, codec: AbcCodec) -> None:
        super().__init__(codec.vocabulary)
        self.codec = codec

    def validate(self, ids: NDArray[Any]) -> str:
        """Return the first fault by a strict reading; see `validity`."""
        return fault(self.vocabulary.decode(ids))

    def features(self, ids: NDArray[Any]) -> Features:
        """Count sections, endings, repeated bars, pitches and durations."""
        return features(self.codec.decode(ids), self.vocabulary.decode(ids))

    def labels(self, ids: NDArray[Any]) -> Mapping[str, NDArray[Any]]:
        """Label the position of each token in its bar and part, and whether it is in a repeat or in the header."""
        return labels(self.vocabulary.decode(ids))

    def timing(self, ids: NDArray[Any]) -> Timing:
        """Return the bar of each token and the onset of its sound in it, in whole notes."""
        return timing(self.vocabulary.decode(ids))

    def amounts(self, ids: NDArray[Any]) -> dict[str, float]:
        """Return the number of notes."""
        return {"note": float(sum(kind(token) == "pitch" for token in self.vocabulary.decode(ids)))}

    def locate(self, tokens: Sequence[str], index: int) -> str:
        """Return the bar of a token, counted from 1."""
        before = tokens[:index]
        first = next((place for place, token in enumerate(before) if kind(token) in ("pitch", "rest")), len(before))
        return f"bar {1 + self.bars(before[first:])}"

    def bars(self, tokens: Sequence[str]) -> int:
        """Count the bar lines among tokens."""
        return sum(kind(token) == "bar" for token in tokens)
