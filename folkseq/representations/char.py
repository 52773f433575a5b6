"""Any text, a token a character, as Char-RNN reads it.

A file is one stream, however long. It is read, held out and dealt to the rows of a batch in stretches that follow one
another: each begins with `<s>`, so that a model can begin anywhere, and only the file's last ends with `</s>`.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO, ClassVar

import numpy as np
from numpy.typing import NDArray

from folkseq.errors import ParseError, RequestError
from folkseq.representations.base import END, START, Parsed, Prime, Tokenizer
from folkseq.representations.vocabulary import Vocabulary

LONGEST, SHORTEST = 8192, 128  # characters of a stretch
STRETCHES = 20  # that a short file has nonetheless, so that a tenth of it can be held out
_BLOCK = 1 << 20  # bytes that are read at a time
_GLIMPSE = 60
_BREAKS = ("\n\n", "\n")  # where a stretch would rather end, the best first


@dataclass(frozen=True)
class Text:
    """A stretch of a file, or something new."""

    text: str
    ends: bool = True
    """Whether nothing comes after it."""

    @property
    def title(self) -> str:
        """Its first line, as far as it goes."""
        return next(iter(self.text.split("\n")), "")[:_GLIMPSE]


@dataclass(frozen=True)
class CharTokenizer(Tokenizer[Text]):
    """Text as its characters.

    Attributes:
        window: Learn from this many characters at a time and the one that follows, the textbook way; 0 to read on
            from stretch to stretch and learn from every character.
    """

    window: int = 0

    name: ClassVar[str] = "char"
    suffixes: ClassVar[tuple[str, ...]] = (".txt", ".text", ".md", ".abc")
    outputs: ClassVar[tuple[str, ...]] = (".txt",)
    books: ClassVar[tuple[str, ...]] = (".txt",)
    between: ClassVar[bytes] = b""
    in_order: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.window < 0:
            raise ValueError(f"window is a number of characters, or 0, not {self.window}")

    @property
    def recipe(self) -> Mapping[str, Any]:
        """Of the textbook's windows there are more at once, since each teaches one character only."""
        if not self.window:
            return {"weight_decay": 0.1}
        return {"batches": "windows", "length": self.window, "passage": 1, "rows": 128, "targets": "last"}

    def read(self, opened: BinaryIO, file: str) -> Iterator[Parsed[Text]]:
        """The stretches of a file, some at a time, in UTF-8 if it can be and else in Latin-1."""
        size = opened.seek(0, 2)
        encoding = _encoding(opened)
        longest = min(max(size // STRETCHES, SHORTEST), LONGEST)
        decoder, rest, found = codecs.getincrementaldecoder(encoding)(), "", False
        opened.seek(0)
        while True:
            block = opened.read(_BLOCK)
            rest += decoder.decode(block, final=not block)
            stretches, rest = _stretches(rest, longest, whole=not block)
            found = found or bool(stretches)
            if stretches:
                yield Parsed(tuple(stretches), ({},) * len(stretches))
            if not block:
                break
        if not found:
            raise ParseError(f"{file}: holds no text")

    def parse(self, data: bytes, file: str) -> Parsed[Text]:
        """The stretches in a file's bytes. Raises ParseError if it holds no text."""
        pieces = tuple(piece for some in self.read(BytesIO(data), file) for piece in some.pieces)
        return Parsed(pieces, ({},) * len(pieces))

    def format(self, piece: Text, suffix: str, comments: Sequence[str] = (), **controls: Any) -> bytes:
        """The text in UTF-8, and nothing else, since a text has no room for comments."""
        return piece.text.encode("utf-8", "surrogatepass")

    def tokenize(self, piece: Text) -> list[str]:
        """Its characters."""
        return [START, *piece.text, *([END] if piece.ends else [])]

    def detokenize(self, tokens: Sequence[str]) -> Text:
        """The text that any characters make."""
        return Text("".join(token for token in tokens if token not in (START, END)), END in tokens)

    def joined(self, pieces: Sequence[Text]) -> Text:
        """The stretches of a file as one."""
        return Text("".join(piece.text for piece in pieces), pieces[-1].ends)

    def canonical(self, piece: Text) -> Text:
        """The piece itself."""
        return piece

    def lost(self, piece: Text) -> Mapping[str, int]:
        """Nothing."""
        return {}

    def fingerprint(self, ids: NDArray[Any], vocabulary: Vocabulary) -> NDArray[np.int64]:
        """Nothing: what is held out is the end of each file, or whole files."""
        return np.zeros(0, np.int64)

    def extent(self, ids: NDArray[Any], vocabulary: Vocabulary) -> dict[str, float]:
        """The number of characters."""
        ends = [vocabulary.id(token) for token in (START, END) if token in vocabulary]
        return {"character": float(np.count_nonzero(~np.isin(ids, ends)))}

    def prime(self, text: str, **controls: Any) -> Prime[Text]:
        """The text itself."""
        if not text:
            raise RequestError("the prime holds no text; leave it out")
        return Prime((START, *text), Text(text, ends=False))

    def limit(self, prime: Prime[Text] | None = None, **controls: Any) -> int:
        """A page's worth beside the prime, since files seldom end."""
        return 2000 + (len(prime.tokens) if prime else 0)

    def place(self, tokens: Sequence[str], index: int) -> str:
        """The line, from 1."""
        return f"line {1 + list(tokens[:index]).count(chr(10))}"

    def shown(self, token: str) -> str:
        """A character as it is."""
        return "" if token in (START, END) else token


def _encoding(opened: BinaryIO) -> str:
    opened.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    try:
        while block := opened.read(_BLOCK):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8-sig"


def _stretches(text: str, longest: int, whole: bool) -> tuple[list[Text], str]:
    """The stretches in a text, and what is left of it to be read with what follows; nothing if the text is `whole`."""
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
    if whole and rest:  # which there is, if there was any text
        return [*stretches, Text(rest)], ""
    return stretches, rest
