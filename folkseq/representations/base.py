"""The interface of a representation: music to sequences of integers, and back.

A representation declares the files that it reads and writes, and fits a codec to pieces. A codec has a vocabulary and
converts pieces to ids and back. All other features are optional capabilities with defaults; see
`folkseq.representations.capabilities`.

A package registers its representation in the entry-point group `folkseq.representations`:

    [project.entry-points."folkseq.representations"]
    drumtab = "my_package:DrumTab"

`tests/representations/test_contract.py` checks this contract for every installed representation:

- `codec.decode(codec.encode(piece)) == codec.canonical(piece)`, and encoding the decoded piece gives the same ids.
- `decode` accepts any sequence of ids of the vocabulary.
- `files.parse` and `codec.lost` count by kind what they drop.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from folkseq.representations.capabilities import Analysis, Augmentation, Generation, Options, Profile, Transposition
from folkseq.representations.vocabulary import END, START, Vocabulary

__all__ = ["END", "START", "Codec", "Files", "Parsed", "Representation", "TokenCodec"]

Piece = TypeVar("Piece")
Ids = NDArray[Any]


@dataclass(frozen=True)
class Parsed(Generic[Piece]):
    """The contents of a file."""

    pieces: Sequence[Piece]
    lost: Sequence[Mapping[str, int]] = ()
    """Counts by kind of what the parser dropped from each piece; empty if it dropped nothing."""
    faults: Sequence[str] = ()
    """One line for each piece that cannot be read, with place and reason."""
    stray: Mapping[str, int] | None = None
    """Counts by kind of what the parser dropped outside the pieces."""
    notices: Sequence[str] = ()
    """Decisions of the parser about ambiguous content, without the file name."""

    def lost_from(self, place: int) -> Mapping[str, int]:
        """Return counts of what the parser dropped from the piece with this index."""
        return self.lost[place] if self.lost else {}


class Files(ABC, Generic[Piece]):
    """The files that a representation reads and writes."""

    suffixes: Sequence[str]
    """Suffixes of input files, in lower case."""
    outputs: Sequence[str]
    """Suffixes of output files, the default first."""
    collections: Sequence[str] = ()
    """The suffixes in `outputs` of files that can contain several pieces."""
    separator: bytes = b"\n"
    """Bytes between two pieces in such a file."""
    max_bytes: int | None = None
    """Maximum size of an input file."""
    continuous: bool = False
    """Whether the pieces of a file are consecutive parts of one stream; then the end of each file is held out."""

    @abstractmethod
    def parse(self, data: bytes, file: str) -> Parsed[Piece]:
        """Parse the pieces in a file. Raises ParseError if there are none."""

    @abstractmethod
    def format(self, piece: Piece, suffix: str, comments: Sequence[str] = (), options: Any = None) -> bytes:
        """Format a piece as a file with one of the `outputs` suffixes.

        Args:
            piece: the piece.
            suffix: a suffix such as `.mid`.
            comments: lines to store in the file if the format supports comments.
            options: the sampling options of the representation, or None.
        """

    def read(self, opened: BinaryIO, file: str) -> Iterator[Parsed[Piece]]:
        """Read the pieces of an open file, if possible in parts, to save memory. Raises ParseError."""
        yield self.parse(opened.read(), file)

    def title(self, piece: Piece) -> str:
        """Return the title of a piece, or an empty string."""
        return str(getattr(piece, "title", ""))

    def titles(self, piece: Piece) -> Sequence[str]:
        """Return the titles of a piece for `Generation.new_titles`, the main one first."""
        return ()

    def label(self, piece: Piece) -> str:
        """Return a description that identifies a piece in a file of several."""
        return ""

    def number(self, piece: Piece, number: int) -> Piece:
        """Return the piece with a number in its file."""
        return piece

    def join(self, pieces: Sequence[Piece]) -> Piece:
        """Return the pieces of a continuous file as one piece."""
        raise TypeError("only the pieces of continuous files can be joined")


class Codec(ABC, Generic[Piece]):
    """A fitted representation: pieces to ids and back, over its own vocabulary."""

    vocabulary: Vocabulary

    @abstractmethod
    def encode(self, piece: Piece) -> Ids:
        """Return the ids of a piece, (T,) integers from the start id to the end id.

        Raises:
            TokenError: the vocabulary lacks a token of the piece.
        """

    @abstractmethod
    def decode(self, ids: Ids) -> Piece:
        """Return the piece for any sequence of ids."""

    @property
    def signature(self) -> str:
        """Return a description of the properties that all pieces of a corpus must share, such as columns."""
        return ""

    @property
    def recipe(self) -> Mapping[str, Any]:
        """Return default model and training settings for the pieces, by name; see `folkseq.models.settings`."""
        return {}

    @cached_property
    def transposition(self) -> Transposition | None:
        """Return the capability that recognises the same music in any key, or None."""
        return None

    @cached_property
    def augmentation(self) -> Augmentation | None:
        """Return the capability that draws random variants of training windows, or None."""
        return None

    @cached_property
    def analysis(self) -> Analysis:
        """Return the capability for evaluation, plots and messages."""
        return Analysis(self.vocabulary)

    @cached_property
    def generation(self) -> Generation[Piece]:
        """Return the capability for sampling."""
        return Generation(self.vocabulary)

    @cached_property
    def profile(self) -> Profile:
        """Return the effect of transposition on each id."""
        found = self.transposition.profile if self.transposition else None
        return found or Profile.without_pitch(self.vocabulary)

    def canonical(self, piece: Piece) -> Piece:
        """Return the piece in the form that ids can represent."""
        return self.decode(self.encode(piece))

    def lost(self, piece: Piece) -> Mapping[str, int]:
        """Count what the ids of the piece do not represent, by kind."""
        return {}


class Representation(ABC, Generic[Piece]):
    """A representation of music as ids. Subclasses are frozen dataclasses, and their fields are the configuration.

    A subclass either implements `tokenize` and `detokenize` and gets a codec for the tokens in the corpus, or overrides
    `fit` and `codec`.
    """

    name: ClassVar[str]
    version: ClassVar[str] = "1"
    """Part of the key of the token cache; change it whenever the ids of a file change."""
    options: ClassVar[type[Options]] = Options
    """Dataclass of the sampling options, which become command-line options and fields of the record."""

    @property
    def files(self) -> Files[Piece]:
        """Return the input and output files of the representation."""
        raise NotImplementedError(f"{type(self).__name__} has no files")

    def tokenize(self, piece: Piece) -> list[str]:
        """Return the tokens of a piece, from `START` to `END`."""
        raise NotImplementedError(f"{type(self).__name__} implements neither tokenize nor fit")

    def detokenize(self, tokens: Sequence[str]) -> Piece:
        """Return the piece for any sequence of tokens."""
        raise NotImplementedError(f"{type(self).__name__} implements neither detokenize nor codec")

    def convention(self, piece: Piece) -> str:
        """Return the notation of a piece that its tokens do not determine (such as its key), or an empty string.

        A run counts the pieces with each convention (see `Vocabulary.conventions`) and writes new pieces likewise.
        """
        return ""

    def fit(self, pieces: Iterable[Piece]) -> Codec[Piece]:
        """Fit a codec to pieces."""
        return self.codec(self.merge(token for piece in pieces for token in self.tokenize(piece)))

    def fit_encode(self, pieces: Sequence[Piece]) -> tuple[Codec[Piece], list[Ids]]:
        """Fit a codec to pieces and encode them, as `fit` and `encode` do, but tokenize each piece only once."""
        if type(self).tokenize is Representation.tokenize:
            codec = self.fit(pieces)
            return codec, [codec.encode(piece) for piece in pieces]
        tokenized = [self.tokenize(piece) for piece in pieces]
        codec = self.codec(self.merge(chain.from_iterable(tokenized)))
        return codec, [codec.vocabulary.array(tokens) for tokens in tokenized]

    def codec(self, vocabulary: Vocabulary) -> Codec[Piece]:
        """Return the codec for a vocabulary from `fit` or `merge`, as stored in a run folder."""
        return TokenCodec(self, vocabulary)

    def merge(self, tokens: Iterable[str]) -> Vocabulary:
        """Return the vocabulary for the tokens of several codecs, each fitted to a part of a corpus."""
        return Vocabulary.learn([tuple(tokens), (START, END)])

    @property
    def suffixes(self) -> Sequence[str]:
        """Return the suffixes, in lower case, of all corpus files that some configuration reads; see `suited_to`."""
        return self.files.suffixes

    def suited_to(self, files: Sequence[Path]) -> Self:
        """Return the configuration that the kind of the files requires. Raises RequestError for a mixture of kinds."""
        return self

    def matching(self, vocabulary: Vocabulary) -> Self:
        """Return the configuration that reads further files in the same way as those of a vocabulary."""
        return self

    @property
    def spec(self) -> str:
        """Return the representation as written on the command line: its name and its non-default fields."""
        changed = [
            f"{field.name}={str(value).lower() if isinstance(value, bool) else value}"
            for field in fields(self)  # type: ignore[arg-type]  # every subclass is a dataclass
            if (value := getattr(self, field.name)) != field.default
        ]
        return ":".join([self.name, ",".join(changed)]) if changed else self.name

    def __getstate__(self) -> dict[str, Any]:
        """Return only the fields, so that cached properties are not copied between processes."""
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]


class TokenCodec(Codec[Piece]):
    """The codec of a representation with `tokenize` and `detokenize`."""

    def __init__(self, representation: Representation[Piece], vocabulary: Vocabulary) -> None:
        self.representation, self.vocabulary = representation, vocabulary

    def encode(self, piece: Piece) -> Ids:
        """Return the ids of the piece's tokens."""
        return self.vocabulary.array(self.representation.tokenize(piece))

    def decode(self, ids: Ids) -> Piece:
        """Return the piece for the tokens of the ids."""
        return self.representation.detokenize(self.vocabulary.decode(np.asarray(ids).tolist()))
