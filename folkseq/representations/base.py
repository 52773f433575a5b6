"""What every representation offers: a frozen dataclass whose fields are its whole configuration.

A representation is one module of this package, named as users name it, that holds one subclass of `Tokenizer`.
Adding one edits nothing else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from folkseq.compound import CompoundLayout
from folkseq.errors import RequestError
from folkseq.representations.places import Places
from folkseq.representations.task import Task
from folkseq.representations.traits import Traits
from folkseq.representations.vocabulary import Profile, Vocabulary

Piece = TypeVar("Piece")
START, END = "<s>", "</s>"
TASKS_KNOWN = "fill is for abc and performance, harmonise for packed"


@dataclass(frozen=True)
class Parsed(Generic[Piece]):
    """What a file held: pieces, what was lost in reading each, and the faults of those that could not be read."""

    pieces: tuple[Piece, ...]
    lost: tuple[Mapping[str, int], ...]
    faults: tuple[str, ...] = ()
    stray: Mapping[str, int] | None = None


@dataclass(frozen=True)
class Prime(Generic[Piece]):
    """The beginning that a model is to continue: its tokens from `START`, and the piece that they come from."""

    tokens: tuple[str, ...]
    piece: Piece


class Tokenizer(ABC, Generic[Piece]):
    """Music as a list of tokens, and back.

    `detokenize(tokenize(piece)) == canonical(piece)`, and tokens are canonical: tokenizing what they decode to gives
    them again. Subclasses are frozen dataclasses.
    """

    name: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]  # of the files it reads
    outputs: ClassVar[tuple[str, ...]]  # of the files it can write a piece to, the usual one first
    controls: ClassVar[tuple[str, ...]] = ()  # what a sampler may be asked besides
    steering: ClassVar[tuple[str, ...]] = ()  # those of them that only a grammar can hold the model to
    books: ClassVar[tuple[str, ...]] = (".abc",)  # of the files it can write, those that hold several pieces

    largest: ClassVar[int | None] = None  # bytes that a file may hold
    figure: ClassVar[int] = 9  # numbers of a fingerprint that are one figure
    twin_share: ClassVar[float] = 0.5  # of the figures, that makes two pieces near twins
    between: ClassVar[bytes] = b"\n"  # what stands there between two of them
    in_order: ClassVar[bool] = False  # whether a file's pieces go on from one another
    by_length: ClassVar[bool] = False  # whether what is written may be as long as most of what was trained on

    def task(self, name: str, vocabulary: Vocabulary) -> Task:
        """What a model is trained for, but to continue. Raises RequestError for what there is not."""
        raise RequestError(f"the {self.name} tokenizer knows no --task {name}; {TASKS_KNOWN}")

    @property
    def recipe(self) -> Mapping[str, Any]:
        """Settings of model and training that serve it better than the usual ones."""
        return {}

    @property
    def vocabulary(self) -> Vocabulary | None:
        """The tokens in order of their ids, where a table declares them; None where they are learnt from a corpus."""
        return None

    def encode(self, piece: Piece, vocabulary: Vocabulary) -> NDArray[Any]:
        """The ids of the piece's tokens, (T,) integers. Raises TokenError at a token that the vocabulary lacks."""
        return np.array(vocabulary.encode(self.tokenize(piece)))

    @classmethod
    def of(cls, **fields: Any) -> Self:
        """The tokenizer of these fields. Raises ValueError for a value that one cannot have."""
        return cls(**fields)

    def suited(self, files: Sequence[Path]) -> Self:
        """The tokenizer for these files, where their kind decides. Raises RequestError if they are of several."""
        return self

    def read(self, opened: BinaryIO, file: str) -> Iterator[Parsed[Piece]]:
        """The pieces in a file, some at a time where all of them need not fit into memory.

        Raises:
            ParseError: there are none.
        """
        yield self.parse(opened.read(), file)

    @abstractmethod
    def parse(self, data: bytes, file: str) -> Parsed[Piece]:
        """The pieces in a file's bytes. Raises ParseError if there can be none."""

    @abstractmethod
    def format(self, piece: Piece, suffix: str, comments: Sequence[str] = (), **controls: Any) -> bytes:
        """A piece as a file of one of `outputs`, with comments where the format has room for them."""

    @abstractmethod
    def tokenize(self, piece: Piece) -> list[str]:
        """The piece's tokens, from `START` to `END`."""

    @abstractmethod
    def detokenize(self, tokens: Sequence[str]) -> Piece:
        """The piece that tokens stand for; any sequence over the vocabulary gives one."""

    @abstractmethod
    def canonical(self, piece: Piece) -> Piece:
        """The piece as tokens can hold it."""

    @abstractmethod
    def lost(self, piece: Piece) -> Mapping[str, int]:
        """What of the piece its tokens do not hold, by kind and count."""

    @abstractmethod
    def fingerprint(self, ids: NDArray[Any], vocabulary: Vocabulary) -> NDArray[np.int64]:
        """What a listener would know the piece by, in any key: two pieces that share much of it are near twins.

        Its figures of `figure` numbers in a row are compared; `twin_share` of the smaller set make twins.
        """

    def profile(self, vocabulary: Vocabulary) -> Profile:
        """What a transposition changes of each id; nothing, where nothing else is said, and any id can be replaced."""
        size = len(vocabulary)
        none, ends = np.zeros(size, np.bool_), np.isin(vocabulary.tokens, (START, END))
        return Profile(np.zeros(size, np.int64), np.arange(size), none, ~ends, none, ends)

    def bar_ends(self, vocabulary: Vocabulary) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which ids end a bar, (V,), and which of them end a section, too; none, where there are no bars."""
        none = np.zeros(len(vocabulary), np.bool_)
        return none, none

    def melody(self, ids: NDArray[Any], vocabulary: Vocabulary) -> NDArray[np.int64]:
        """The piece's tune, (N, 2): each note's pitch in semitones and its duration, in a unit of the tokenizer's own.

        Durations are all 0 where notes have none; there are no notes where tokens have no pitch.
        """
        return np.zeros((0, 2), np.int64)

    def shape(self, piece: Piece) -> str:
        """What all pieces of a corpus have alike, in words; nothing, where they need have nothing."""
        return ""

    def shape_of(self, vocabulary: Vocabulary) -> str:
        """The same of all pieces that gave a vocabulary."""
        return ""

    def fields(self, vocabulary: Vocabulary) -> tuple[int, ...]:
        """How many values each field has, where ids come in frames (`folkseq.compound`); nothing, where they do not."""
        return ()

    def as_trained(self, ids: NDArray[Any], vocabulary: Vocabulary) -> NDArray[Any]:
        """As many ids, in the order of those trained on: where they come in frames, with the first field leading.

        Args:
            ids: of a piece from its start on, (T,).
            vocabulary: whose ids they are.
        """
        fields = self.fields(vocabulary)
        return CompoundLayout(fields).in_order(ids) if fields else ids

    def baselines(
        self, trained: Sequence[NDArray[Any]], pieces: Sequence[NDArray[Any]], vocabulary: Vocabulary
    ) -> dict[str, float]:
        """What `pieces` cost in all, in nats, by rules of thumb of the representation's own, by their names."""
        return {}

    def fault(self, ids: NDArray[Any], vocabulary: Vocabulary) -> str:
        """What is wrong with a whole piece first, by a strict reading of its ids; nothing if nothing is."""
        return ""

    def traits(self, ids: NDArray[Any], vocabulary: Vocabulary) -> Traits:
        """What of the piece can be counted, so that pieces written can be held against those trained on."""
        return Traits()

    def labels(self, ids: NDArray[Any], vocabulary: Vocabulary) -> Mapping[str, NDArray[Any]]:
        """What can be said of each id where it stands, by names, so that a network's cells can be held against it.

        Each is of (T,): integers are categories, below 0 where there is nothing to say, and floats are amounts, NaN
        where there is nothing to say. All follows from the ids up to each. There are none, where nothing else is said.
        """
        return {}

    def places(self, ids: NDArray[Any], vocabulary: Vocabulary) -> Places | None:
        """When each id is heard; None, where ids have no time."""
        return None

    def extent(self, ids: NDArray[Any], vocabulary: Vocabulary) -> dict[str, float]:
        """How much the piece holds of what a listener counts, by its singular: `note`, `second`."""
        return {}

    @property
    def control_size(self) -> int:
        """C: how many numbers are said of each token beforehand, so that a model can be steered by them."""
        return 0

    @property
    def lookahead(self) -> int:
        """How many ids beyond an excerpt `excerpt` likes to see."""
        return 0

    def span(self, ids: NDArray[Any]) -> tuple[int, int]:
        """What `excerpt` has to know of the whole piece: its lowest and its highest pitch."""
        return (0, 0)

    def excerpt(
        self,
        ids: NDArray[Any],
        length: int,
        span: tuple[int, int],
        vocabulary: Vocabulary,
        random: np.random.Generator,
    ) -> tuple[NDArray[Any], NDArray[np.float32] | None]:
        """A window to train on, varied as the representation allows: transposed, played faster or slower.

        Args:
            ids: of a piece, from the window's first on, to the piece's end or `length` + 1 + `lookahead` at most.
            length: T.
            span: what `span` gave for the whole piece.
            vocabulary: whose ids they are.
            random: draws how the window is varied.

        Returns:
            At most T + 1 ids, and the controls of all but the first of them, (T, C), if there are any.
        """
        return ids[: length + 1], None

    def prime(self, text: str, **controls: Any) -> Prime[Piece]:
        """The beginning that `text`, in the notation of its files, gives. Raises RequestError if it gives none."""
        raise RequestError(f"the {self.name} tokenizer takes no prime")

    def prime_file(self, data: bytes, file: str, **controls: Any) -> Prime[Piece]:
        """The beginning that a file holds. Raises RequestError if it holds none."""
        if b"\0" in data:
            raise RequestError(f"{file}: not text, and so no prime")
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("latin-1")
        return self.prime(text, **controls)

    def opening(self, vocabulary: Vocabulary, **controls: Any) -> tuple[str, ...]:
        """What a piece begins with where no prime is given."""
        return (START,)

    def grammar(self, vocabulary: Vocabulary, prime: Prime[Piece] | None = None, **controls: Any) -> Any:
        """What may follow what (a `folkseq.sampling.grammar.Grammar`), as asked; None where anything may."""
        return None

    def schedule(self, prime: Prime[Piece] | None = None, **controls: Any) -> Any:
        """What the model reads beside the tokens (a `folkseq.sampling.grammar.Schedule`), as asked; None for zeros."""
        return None

    def limit(self, prime: Prime[Piece] | None = None, **controls: Any) -> int:
        """The most tokens in a piece where nothing is said; with `by_length`, the least that this may be."""
        return 1500

    def tries(self, **controls: Any) -> int:
        """How many pieces are written for each, of which the one is kept that the model was forced to least."""
        return 1

    def label(self, piece: Piece) -> str:
        """What a listener would look the piece up by in its file, where that holds several."""
        return ""

    def title(self, piece: Piece) -> str:
        """What the piece is called."""
        return str(getattr(piece, "title", ""))

    def place(self, tokens: Sequence[str], index: int) -> str:
        """Where in the piece token number `index` stands, as a user would look for it."""
        return f"token {index}"

    def bars(self, tokens: Sequence[str]) -> int:
        """How many bar lines there are among these tokens."""
        return 0

    def merits(self, tokens: Sequence[str]) -> dict[str, float]:
        """What speaks for a whole piece as music, by name, each from 0 to 1."""
        return {}

    def finish(self, piece: Piece, name: str, prime: Prime[Piece] | None = None, **controls: Any) -> Piece:
        """A sampled piece as a user wants it: named, and as the controls ask."""
        return piece

    def shown(self, token: str) -> str:
        """A token as it is shown while a piece is being written."""
        return token if token == END else f"{token} "

    def teller(self) -> Callable[[str], str]:
        """Shows the tokens of a piece one after another, as it is being written."""
        return self.shown

    def glimpse(self, piece: Piece) -> str:
        """What a reader may see of a piece in one line."""
        return ""

    def joined(self, pieces: Sequence[Piece]) -> Piece:
        """A file's pieces, in their order, as one: only where they go on from one another (`in_order`)."""
        raise TypeError(f"the pieces of {self.name} stand by themselves and are not joined")

    def numbered(self, piece: Piece, number: int) -> Piece:
        """The piece as number `number` of a file that holds several."""
        return piece

    @property
    def spec(self) -> str:
        """The tokenizer as the command line names it: its name, and the fields that differ from their defaults."""
        changed = [
            f"{field.name}={str(value).lower() if isinstance(value, bool) else value}"
            for field in fields(self)  # type: ignore[arg-type]  # every subclass is a dataclass
            if (value := getattr(self, field.name)) != field.default
        ]
        return ":".join([self.name, ",".join(changed)]) if changed else self.name

    def learn(self, pieces: Sequence[Sequence[str]]) -> Vocabulary:
        """The vocabulary of tokenized pieces: the declared one, or what occurs in them, and the two ends."""
        return self.vocabulary or Vocabulary.learn([*pieces, (START, END)])


def parse_field(name: str, field: str, value: str, default: Any) -> Any:
    """The value of a tokenizer's field from text, of the default's type. Raises RequestError if it is none."""
    try:
        if isinstance(default, bool):
            return {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}[value.lower()]
        return type(default)(value)
    except (KeyError, ValueError):
        kind = {bool: "true or false", int: "a whole number", float: "a number"}.get(type(default), "text")
        raise RequestError(
            f"tokenizer {name}: {field}={value} is not {kind}; write for instance {field}={str(default).lower()}"
        ) from None
