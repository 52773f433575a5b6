"""Text as characters, as Char-RNN reads it.

A file is one stream of any length. It is read in consecutive stretches. Each begins with the start token, so that a
model can begin anywhere, and only the last stretch of a file ends with the end token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import chain
from typing import Any, BinaryIO, ClassVar

import numpy as np
from numpy.typing import NDArray

from folkseq import text
from folkseq.errors import ParseError, RequestError
from folkseq.representations.base import END, START, Files, Parsed, Representation, TokenCodec
from folkseq.representations.capabilities import Analysis, Generation, Plan, Prime
from folkseq.representations.vocabulary import Vocabulary

LONGEST, SHORTEST = 8192, 128  # maximum and minimum number of characters in a stretch
STRETCHES = 20  # number of stretches of a short file, so that a tenth of it can be held out
_TITLE = 60  # characters
_BREAKS = ("\n\n", "\n")  # preferred ends of a stretch, the best first


@dataclass(frozen=True)
class Text:
    """A stretch of a file, or a new text."""

    text: str
    ends: bool = True
    """Whether the file or the text ends with this stretch."""

    @property
    def title(self) -> str:
        """Return the beginning of the first line."""
        return self.text.partition("\n")[0][:_TITLE]


class CharFiles(Files[Text]):
    """Text files; each is one stream, read in stretches."""

    suffixes = (".txt", ".text", ".md", ".abc")
    outputs = (".txt",)
    collections = (".txt",)
    separator = b""
    continuous = True

    def read(self, opened: BinaryIO, file: str) -> Iterator[Parsed[Text]]:
        """Read the stretches of a file, some at a time. Raises ParseError if the file contains no text."""
        longest = min(max(opened.seek(0, 2) // STRETCHES, SHORTEST), LONGEST)
        encoding, rest, empty = text.detect(opened, file), "", True
        for part in chain(encoding.read(text.blocks(opened)), [None]):
            stretches, rest = _stretches(rest + (part or ""), longest, whole=part is None)
            if stretches:
                yield Parsed(tuple(stretches), stray=encoding.lost if empty else {})
                empty = False
        if empty:
            raise ParseError(f"{file}: holds no text")

    def parse(self, data: bytes, file: str) -> Parsed[Text]:
        """Parse the stretches in a file. Raises ParseError if the file contains no text."""
        parts = list(self.read(BytesIO(data), file))
        return Parsed(tuple(piece for part in parts for piece in part.pieces), stray=parts[0].stray)

    def format(self, piece: Text, suffix: str, comments: Sequence[str] = (), options: Any = None) -> bytes:
        """Format the text in UTF-8; text has no room for comments."""
        return piece.text.encode("utf-8", "surrogatepass")

    def join(self, pieces: Sequence[Text]) -> Text:
        """Return the stretches of a file as one text."""
        return Text("".join(piece.text for piece in pieces), pieces[-1].ends)


@dataclass(frozen=True)
class CharRepresentation(Representation[Text]):
    """Text as its characters.

    Attributes:
        window: Learn from this many characters and the one that follows, as textbooks do; 0 to read on from stretch to
            stretch and learn from every character.
    """

    window: int = 0

    name: ClassVar[str] = "char"
    version: ClassVar[str] = "2"
    files: ClassVar[CharFiles] = CharFiles()

    def __post_init__(self) -> None:
        if self.window < 0:
            raise ValueError(f"window must be a number of characters, or 0, got {self.window}")

    def tokenize(self, piece: Text) -> list[str]:
        """Return the characters of the text."""
        return [START, *piece.text, *([END] if piece.ends else [])]

    def detokenize(self, tokens: Sequence[str]) -> Text:
        """Return the text of any characters."""
        return Text("".join(token for token in tokens if token not in (START, END)), END in tokens)

    def codec(self, vocabulary: Vocabulary) -> CharCodec:
        """Return the codec over a vocabulary."""
        return CharCodec(self, vocabulary)


class CharCodec(TokenCodec[Text]):
    """Text to ids and back."""

    representation: CharRepresentation

    def __init__(self, representation: CharRepresentation, vocabulary: Vocabulary) -> None:
        super().__init__(representation, vocabulary)
        self.analysis, self.generation = CharAnalysis(vocabulary), CharGeneration(vocabulary)

    @property
    def recipe(self) -> Mapping[str, Any]:
        """Return settings for streams, or for textbook windows in large batches."""
        window = self.representation.window
        if not window:
            return {"weight_decay": 0.1}
        return {"batches": "windows", "length": window, "passage": 1, "rows": 128, "targets": "last"}


class CharAnalysis(Analysis):
    """The analysis of text."""

    unit = "line"

    def amounts(self, ids: NDArray[Any]) -> dict[str, float]:
        """Return the number of characters."""
        ends = self.vocabulary.encode((START, END))
        return {"character": float(np.count_nonzero(~np.isin(ids, ends)))}

    def places(self, tokens: Sequence[str]) -> NDArray[np.int64]:
        """Return the line of each token, from 1."""
        breaks = np.array([token == "\n" for token in tokens], np.int64)
        return 1 + np.cumsum(breaks) - breaks


class CharGeneration(Generation[Text]):
    """Constraints on new text."""

    def plan(self, options: Any, prime: Prime[Text] | None = None) -> Plan:
        """Return a plan with a limit of about a page after the prime, since the model seldom ends a text."""
        opening = prime.ids if prime else (self.vocabulary.id(START),)
        return Plan(opening, limit=2000 + (len(prime.ids) if prime else 0))

    def prime(self, text: str, options: Any) -> Prime[Text]:
        """Return the text itself."""
        if not text:
            raise RequestError("the prime holds no text; leave it out")
        return Prime(tuple(self.vocabulary.encode((START, *text))), Text(text, ends=False))

    def stream_formatter(self) -> Callable[[str], str]:
        """Return a function that prints each character as it is."""
        return lambda token: "" if token in (START, END) else token


def _stretches(text: str, longest: int, whole: bool) -> tuple[list[Text], str]:
    """Return the stretches in a text, and the rest to prepend to the next part; no rest if the text is `whole`."""
    stretches, start = [], 0
    while len(text) - start > longest:
        end = start + longest
        for mark in _BREAKS:
            place = text.rfind(mark, start + longest // 2, end)
            if place >= 0:
                end = place + len(mark)
                break
        stretches.append(Text(text[start:end], ends=False))
        start = end
    rest = text[start:]
    return ([*stretches, Text(rest)], "") if whole and rest else (stretches, rest)
