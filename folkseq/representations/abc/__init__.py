"""Tunes in ABC notation as FolkRNN's tokens; see `folkseq.representations.abc.tokens`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from folkseq.errors import RequestError
from folkseq.formats import abc
from folkseq.music import Tune
from folkseq.representations.abc.codec import AbcCodec
from folkseq.representations.abc.options import AbcOptions
from folkseq.representations.abc.spelling import Spelling
from folkseq.representations.abc.tokens import LINES
from folkseq.representations.base import Files, Parsed
from folkseq.representations.vocabulary import Vocabulary


class AbcFiles(Files[Tune]):
    """Tune books in ABC notation; single tunes also as MIDI."""

    suffixes = (".abc", ".txt")
    outputs = (".abc", ".mid")
    collections = (".abc",)

    def parse(self, data: bytes, file: str) -> Parsed[Tune]:
        """Parse the tunes in a file. Raises ParseError if it holds none."""
        book = abc.parse_bytes(data, file)
        return Parsed(book.tunes, book.lost, tuple(map(str, book.faults)), book.stray)

    def format(self, piece: Tune, suffix: str, comments: Sequence[str] = (), options: Any = None) -> bytes:
        """Format the tune as ABC in UTF-8, or as MIDI with the option `swing`."""
        if suffix == ".abc":
            return abc.format(piece, comments).encode()
        from folkseq.formats import midi
        from folkseq.music.playback import STRAIGHT, perform

        try:
            return midi.format(perform(piece, swing=(options and options.swing) or STRAIGHT), comments)
        except ValueError as error:
            raise RequestError(str(error)) from None

    def label(self, piece: Tune) -> str:
        """Return the number and titles of the tune."""
        return f"X:{piece.number} {' / '.join(piece.titles)}".strip()

    def number(self, piece: Tune, number: int) -> Tune:
        """Return the tune with another `X:` number, and with a title."""
        return replace(piece, number=number, titles=piece.titles or (f"Tune {number}",))


@dataclass(frozen=True)
class AbcRepresentation(Spelling):
    """Tunes as FolkRNN's tokens."""

    name: ClassVar[str] = "abc"
    version: ClassVar[str] = "1"
    options: ClassVar[type[AbcOptions]] = AbcOptions
    files: ClassVar[AbcFiles] = AbcFiles()

    def codec(self, vocabulary: Vocabulary) -> AbcCodec:
        """Return the codec over a vocabulary."""
        return AbcCodec(self, vocabulary)

    def merge(self, tokens: Iterable[str]) -> Vocabulary:
        """Return the vocabulary of tokens and of every bar line, so that a grammar can always close a tune."""
        return super().merge([*tokens, *LINES, "[1", "[2"])
