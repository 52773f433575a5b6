"""The interface of a representation: music as sequences of integers, and back.

A representation says which files it reads and writes, and fits a codec to pieces. A codec owns a vocabulary and turns a
piece into ids and ids into a piece. Everything else is a capability with a default; see
`folkseq.representations.capabilities`.

A package registers its representation under the entry-point group `folkseq.representations`:

    [project.entry-points."folkseq.representations"]
    drumtab = "my_package:DrumTab"

Contracts, which `tests/representations/test_contract.py` checks for every installed representation:

- `codec.decode(codec.encode(piece)) == codec.canonical(piece)`, and encoding the decoded piece gives the same ids.
- `decode` accepts any ids of the vocabulary.
- `files.parse` reports what it drops, by kind and count, and so does `codec.lost`.
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
    """What reading dropped from each piece, by kind and count; empty if nothing was dropped from any."""
    faults: Sequence[str] = ()
    """One line for each piece that cannot be read: place and reason."""
    stray: Mapping[str, int] | None = None
    """What was dropped outside the pieces, by kind and count."""
    notices: Sequence[str] = ()
    """How the file was read where that was not clear, without its name."""

    def lost_from(self, place: int) -> Mapping[str, int]:
        """Return what reading dropped from the piece at a place."""
        return self.lost[place] if self.lost else {}


class Files(ABC, Generic[Piece]):
    """The files that a representation reads and writes."""

    suffixes: Sequence[str]
    """Suffixes of the files that it reads, in lower case."""
    outputs: Sequence[str]
    """Suffixes of the files that it writes, the usual one first."""
    collections: Sequence[str] = ()
    """Those of `outputs` whose files can hold several pieces."""
    separator: bytes = b"\n"
    """Bytes between two pieces in such a file."""
    max_bytes: int | None = None
    """Size of the largest file that is read."""
    continuous: bool = False
    """Whether the pieces of a file continue each other, so that the end of each file is held out."""

    @abstractmethod
    def parse(self, data: bytes, file: str) -> Parsed[Piece]:
        """Parse the pieces in a file. Raises ParseError if there are none."""

    @abstractmethod
    def format(self, piece: Piece, suffix: str, comments: Sequence[str] = (), options: Any = None) -> bytes:
        """Format a piece as a file with one of the `outputs` suffixes.

        Args:
            piece: the piece.
            suffix: such as `.mid`.
            comments: lines to store in the file if the format has room for comments.
            options: the sampling options of the representation, or None.
        """

    def read(self, opened: BinaryIO, file: str) -> Iterator[Parsed[Piece]]:
        """Read the pieces of an open file, in parts if it does not have to fit into memory. Raises ParseError."""
        yield self.parse(opened.read(), file)

    def title(self, piece: Piece) -> str:
        """Return the title of a piece, or an empty string."""
        return str(getattr(piece, "title", ""))

    def titles(self, piece: Piece) -> Sequence[str]:
        """Return the titles of a piece from which `Generation.new_titles` learns, the usual one first."""
        return ()

    def label(self, piece: Piece) -> str:
        """Return the words by which a listener finds a piece in a file of several."""
        return ""

    def number(self, piece: Piece, number: int) -> Piece:
        """Return the piece as number `number` of a file."""
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
        """Return the piece that ids stand for; any sequence of ids stands for one."""

    @property
    def signature(self) -> str:
        """Return in words what all pieces of a corpus must have in common, such as their columns."""
        return ""

    @property
    def recipe(self) -> Mapping[str, Any]:
        """Return the model and training settings that suit the pieces, by name; see `folkseq.models.settings`."""
        return {}

    @cached_property
    def transposition(self) -> Transposition | None:
        """Return the identity of music across keys, if near-duplicates can be recognised."""
        return None

    @cached_property
    def augmentation(self) -> Augmentation | None:
        """Return the source of random variants of training windows, if there are any."""
        return None

    @cached_property
    def analysis(self) -> Analysis:
        """Return the capability that evaluation, plots and messages use."""
        return Analysis(self.vocabulary)

    @cached_property
    def generation(self) -> Generation[Piece]:
        """Return the capability that sampling uses."""
        return Generation(self.vocabulary)

    @cached_property
    def profile(self) -> Profile:
        """Return the effect of transposition on each id."""
        found = self.transposition.profile if self.transposition else None
        return found or Profile.without_pitch(self.vocabulary)

    def canonical(self, piece: Piece) -> Piece:
        """Return the piece as ids can represent it."""
        return self.decode(self.encode(piece))

    def lost(self, piece: Piece) -> Mapping[str, int]:
        """Count what the ids of the piece do not represent, by kind."""
        return {}


class Representation(ABC, Generic[Piece]):
    """A way to represent music as ids. Subclasses are frozen dataclasses whose fields are its configuration.

    A subclass implements `tokenize` and `detokenize` and gets a codec over the tokens that occur in a corpus; or it
    overrides `fit` and `codec` and needs neither.
    """

    name: ClassVar[str]
    version: ClassVar[str] = "1"
    """Part of the key of the token cache: change it whenever the ids of a file change."""
    options: ClassVar[type[Options]] = Options
    """The dataclass of its sampling options, which become command-line options and fields of the record."""

    @property
    def files(self) -> Files[Piece]:
        """Return the files that it reads and writes."""
        raise NotImplementedError(f"{type(self).__name__} has no files")

    def tokenize(self, piece: Piece) -> list[str]:
        """Return the tokens of a piece, from `START` to `END`."""
        raise NotImplementedError(f"{type(self).__name__} implements neither tokenize nor fit")

    def detokenize(self, tokens: Sequence[str]) -> Piece:
        """Return the piece that any sequence of tokens stands for."""
        raise NotImplementedError(f"{type(self).__name__} implements neither detokenize nor codec")

    def convention(self, piece: Piece) -> str:
        """Return how a piece is written where its tokens do not say it, or nothing.

        A run stores the number of pieces for each, see `Vocabulary.conventions`, so that new pieces can be written so.
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
        """Return the codec over a vocabulary that `fit` or `merge` gave, as a run folder stores it."""
        return TokenCodec(self, vocabulary)

    def merge(self, tokens: Iterable[str]) -> Vocabulary:
        """Return the vocabulary over the tokens of several codecs, which were fitted to parts of a corpus."""
        return Vocabulary.learn([tuple(tokens), (START, END)])

    @property
    def suffixes(self) -> Sequence[str]:
        """Return the suffixes, in lower case, of the files in a corpus that it can be suited to."""
        return self.files.suffixes

    def suited_to(self, files: Sequence[Path]) -> Self:
        """Return the configuration for these files, if their kind decides it. Raises RequestError for a mixture."""
        return self

    def matching(self, vocabulary: Vocabulary) -> Self:
        """Return the configuration that reads other files as those whose vocabulary this is."""
        return self

    @property
    def spec(self) -> str:
        """Return the representation as the command line names it: its name and the fields that are not the default."""
        changed = [
            f"{field.name}={str(value).lower() if isinstance(value, bool) else value}"
            for field in fields(self)  # type: ignore[arg-type]  # every subclass is a dataclass
            if (value := getattr(self, field.name)) != field.default
        ]
        return ":".join([self.name, ",".join(changed)]) if changed else self.name

    def __getstate__(self) -> dict[str, Any]:
        """Return the fields alone, so that cached properties do not travel between processes."""
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]


class TokenCodec(Codec[Piece]):
    """The codec of a representation that spells pieces as tokens."""

    def __init__(self, representation: Representation[Piece], vocabulary: Vocabulary) -> None:
        self.representation, self.vocabulary = representation, vocabulary

    def encode(self, piece: Piece) -> Ids:
        """Return the ids of the piece's tokens."""
        return self.vocabulary.array(self.representation.tokenize(piece))

    def decode(self, ids: Ids) -> Piece:
        """Return the piece that the ids' tokens stand for."""
        return self.representation.detokenize(self.vocabulary.decode(np.asarray(ids).tolist()))
