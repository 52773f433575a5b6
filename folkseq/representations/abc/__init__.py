"""Tunes in ABC notation as FolkRNN's tokens; see `folkseq.representations.abc.tokens`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from folkseq.formats import tunes
from folkseq.music import Tune
from folkseq.representations.abc.analysis import AbcAnalysis, AbcTransposition
from folkseq.representations.abc.generation import AbcGeneration
from folkseq.representations.abc.options import AbcOptions
from folkseq.representations.abc.spelling import Spelling
from folkseq.representations.abc.titles import titles_of
from folkseq.representations.abc.tokens import HEADER, LINES, kind
from folkseq.representations.base import START, Files, Parsed, TokenCodec
from folkseq.representations.vocabulary import Vocabulary


class AbcFiles(Files[Tune]):
    """Tune books in ABC notation, and scores in MusicXML; single tunes also as MIDI."""

    suffixes = tunes.SUFFIXES
    outputs = (".abc", ".mid")
    collections = (".abc",)

    def parse(self, data: bytes, file: str) -> Parsed[Tune]:
        """Parse the tunes in a file. Raises ParseError if it contains none."""
        book = tunes.parse(data, file)
        return Parsed(book.tunes, book.lost, tuple(map(str, book.faults)), book.stray)

    def format(self, piece: Tune, suffix: str, comments: Sequence[str] = (), options: Any = None) -> bytes:
        """Format the tune as ABC in UTF-8, or as MIDI with the options `swing` and `accompaniment`."""
        how = {"swing": options.swing, "accompaniment": options.accompaniment} if options else {}
        return tunes.format(piece, suffix, comments, **how)

    def titles(self, piece: Tune) -> Sequence[str]:
        """Return the titles of the tune, except those that name its composer or transcriber."""
        return titles_of(piece)

    def label(self, piece: Tune) -> str:
        """Return the number and titles of the tune."""
        return f"X:{piece.number} {' / '.join(piece.titles)}".strip()

    def number(self, piece: Tune, number: int) -> Tune:
        """Return the tune with another `X:` number, and with a title."""
        return replace(piece, number=number, titles=piece.titles or (f"Tune {number}",))


class AbcCodec(TokenCodec[Tune]):
    """Tunes to ids and back."""

    representation: Spelling

    def __init__(self, representation: Spelling, vocabulary: Vocabulary) -> None:
        super().__init__(representation, vocabulary)
        self.transposition, self.analysis = AbcTransposition(self), AbcAnalysis(self, representation)
        self.generation = AbcGeneration(representation, vocabulary)

    @cached_property
    def recipe(self) -> Mapping[str, Any]:
        """Return default settings for tunes: lookback for repeated bars, and weight decay for small corpora.

        Bars end at bar lines, sections at bar lines that are not plain; header tokens end both.
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

    def lost(self, piece: Tune) -> Mapping[str, int]:
        """Count what the tokens do not represent."""
        return self.representation.lost(piece)


@dataclass(frozen=True)
class AbcRepresentation(Spelling):
    """Tunes as FolkRNN's tokens."""

    name: ClassVar[str] = "abc"
    version: ClassVar[str] = "3"
    options: ClassVar[type[AbcOptions]] = AbcOptions
    files: ClassVar[AbcFiles] = AbcFiles()

    def codec(self, vocabulary: Vocabulary) -> AbcCodec:
        """Return the codec over a vocabulary."""
        return AbcCodec(self, vocabulary)

    def merge(self, tokens: Iterable[str]) -> Vocabulary:
        """Return the vocabulary of tokens and of all bar lines, so that a grammar can always end a tune."""
        return super().merge([*tokens, *LINES, "[1", "[2"])
