"""Optional capabilities of a codec. Each class here is a base class whose defaults mean "nothing to offer".

Transposition   the same music in another key: used by novelty, near-duplicates and augmentation
Augmentation    random variants of the windows that a model is trained on
Generation      options, grammar, primes and postprocessing of sampled pieces
Analysis        validity, features, labels, timing: used by evaluation and plots
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from folkseq.errors import ParseError, RequestError
from folkseq.grammar import Grammar, Schedule, Target
from folkseq.representations.vocabulary import END, START, Vocabulary
from folkseq.text import decode

Piece = TypeVar("Piece")
Ids = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Profile:
    """The effect of transposition on each of V ids, and which ids can replace each other.

    Two passages of equal length are the same music when every pitched id of one lies the same distance above its
    counterpart of the same kind, and every other id equals its counterpart.
    """

    heights: NDArray[np.int64]
    """(V,) pitch of an id; 0 where it has none."""
    kinds: NDArray[np.int64]
    """(V,) kind of an id: two ids of one kind differ only in height."""
    pitched: NDArray[np.bool_]
    """(V,) whether an id has a pitch; an id without one is the only one of its kind."""
    free: NDArray[np.bool_]
    """(V,) whether another id can always take its place."""
    binding: NDArray[np.bool_]
    """(V,) whether it determines the next free id, as a tie determines the pitch that follows."""
    ends: NDArray[np.bool_]
    """(V,) whether an id starts or ends a piece, and so belongs to no passage."""

    def __post_init__(self) -> None:
        arrays = (self.heights, self.kinds, self.pitched, self.free, self.binding, self.ends)
        if len({array.shape for array in arrays}) != 1 or self.heights.ndim != 1:
            raise ValueError(f"expected arrays of (V,) each, got {[array.shape for array in arrays]}")
        if self.heights[~self.pitched].any() or (self.pitched & self.ends).any():
            raise ValueError("an id without a pitch has height 0, and a pitched id neither starts nor ends a piece")
        alone = self.kinds[~self.pitched]
        if len(set(alone.tolist())) != len(alone) or np.isin(alone, self.kinds[self.pitched]).any():
            raise ValueError("every id without a pitch is the only one of its kind")

    @classmethod
    def without_pitch(cls, vocabulary: Vocabulary) -> Profile:
        """Return the profile of ids that have no pitch and can all replace each other."""
        size = len(vocabulary)
        none, ends = np.zeros(size, np.bool_), np.isin(vocabulary.tokens, (START, END))
        return cls(np.zeros(size, np.int64), np.arange(size), none, ~ends, none, ends)


class Transposition(ABC):
    """The identity of music across keys."""

    figure: int = 9
    """Numbers of a fingerprint in one figure."""
    twin_share: float = 0.5
    """Share of the smaller set of figures that two near-duplicates have in common."""

    @abstractmethod
    def fingerprint(self, ids: Ids) -> NDArray[np.int64]:
        """Return numbers that identify the piece in any key; near-duplicates share many of their figures."""

    @cached_property
    def profile(self) -> Profile | None:
        """Return the effect of transposition on each id; None if no id has a pitch."""
        return None

    def melody(self, ids: Ids) -> NDArray[np.int64]:
        """Return (N, 2): pitch in semitones and duration of each melody note; all durations are 0 if unknown."""
        return np.zeros((0, 2), np.int64)


class Augmentation(ABC):
    """Random variants of training windows: transposed, faster or slower, reordered."""

    lookahead: int = 0
    """Number of ids after a window that `excerpt` may look at."""

    def span(self, ids: Ids) -> tuple[int, int]:
        """Return what `excerpt` has to know of the whole piece: its lowest and highest pitch."""
        return (0, 0)

    @abstractmethod
    def excerpt(
        self, ids: Ids, length: int, span: tuple[int, int], random: np.random.Generator
    ) -> tuple[Ids, NDArray[np.float32] | None]:
        """Return a random variant of a window.

        Args:
            ids: from the first id of the window to the piece's end, or `length` + 1 + `lookahead` ids.
            length: T, the length of the window.
            span: result of `span` for the whole piece.
            random: source of the random choices.

        Returns:
            At most T + 1 ids; and the conditioning of all but the first, (T, C), or None.
        """


@dataclass(frozen=True)
class Options:
    """The sampling options of a representation; subclasses declare fields with `folkseq.settings.setting`."""


@dataclass(frozen=True)
class Prime(Generic[Piece]):
    """The beginning that a model continues."""

    ids: tuple[int, ...]
    """From the start id on."""
    piece: Piece
    lost: Mapping[str, int] = field(default_factory=dict)
    """What the ids do not hold of the file or the text, by kind and count."""


def too_long(option: str, asked: float | None, length: str) -> RequestError:
    """Return the error for a prime that is as long as the piece that was asked for."""
    return RequestError(f"--{option} {asked:g}: counts the prime, which already has {length}; ask for more")


@dataclass(frozen=True)
class Plan:
    """The constraints on new pieces that a set of options implies."""

    opening: tuple[int, ...]
    """Ids that every piece starts with: the start id, or those of the prime."""
    limit: int
    """Largest number of ids in a piece, start and end included."""
    grammar: Grammar | None = None
    schedule: Schedule | None = None
    """Conditioning over time, for a model that reads any."""
    candidates: int = 1
    """Number of pieces to write for each one, of which the sampler keeps the least constrained."""
    typical_length: bool = False
    """Whether pieces longer than nearly all of the training set are redrawn; `limit` is then a lower bound."""
    target: Target | None = None
    """What each piece is to be like; only with the grammar."""
    notices: list[str] = field(default_factory=list)
    """What the user should know, as it comes to light while pieces are written."""


class Generation(Generic[Piece]):
    """The part of a codec that sampling uses."""

    repeating: float | None = None
    """The default of `Strategy.repeating`."""
    ranks: bool = False
    """Whether new pieces are whole ones, as the corpus has them, so that a model learns which candidate is likest."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary

    def plan(self, options: Any, prime: Prime[Piece] | None = None) -> Plan:
        """Return the constraints on new pieces. Raises RequestError for options that cannot be met."""
        return Plan(prime.ids if prime else (self.vocabulary.id(START),), limit=1500)

    def prime(self, text: str, options: Any) -> Prime[Piece]:
        """Parse a prime from text. Raises RequestError if it holds none."""
        raise RequestError("this representation takes no prime; leave out --prime")

    def prime_file(self, data: bytes, file: str, options: Any) -> Prime[Piece]:
        """Parse a prime from a file. Raises RequestError if it holds none."""
        try:
            text, encoding = decode(data, file)
        except ParseError as error:
            raise RequestError(f"{error}, so it cannot be a prime") from None
        prime = self.prime(text, options)
        return replace(prime, lost=Counter(prime.lost) + Counter(encoding.lost))

    def in_order(self, ids: Sequence[int], options: Any) -> Sequence[int]:
        """Return the ids of a sampled piece in the order of the piece, if they were written in another."""
        return ids

    def postprocess(self, piece: Piece, name: str, options: Any, prime: Prime[Piece] | None = None) -> Piece:
        """Return a sampled piece as the user gets it: with a title that contains `name`, and as the options ask."""
        return piece

    def new_titles(self, known: Sequence[Sequence[str]], seed: int) -> Iterator[str]:
        """Yield titles for new pieces, each once, as long as there are any; see `entitled`.

        Args:
            known: the titles of each piece of the corpus, none of which is yielded.
            seed: the same seed gives the same titles.
        """
        return iter(())

    def entitled(self, piece: Piece, title: str) -> Piece:
        """Return a postprocessed piece with one of the new titles."""
        return piece

    def merits(self, tokens: Sequence[str]) -> dict[str, float]:
        """Score a piece as music for reranking: by name, each from 0 to 1."""
        return {}

    def preview(self, piece: Piece) -> str:
        """Return a glimpse of a piece in one line."""
        return ""

    def stream_formatter(self) -> Callable[[str], str]:
        """Return a function that formats the tokens of one piece, one after another, for the terminal."""
        return lambda token: token if token == END else f"{token} "


@dataclass(frozen=True, eq=False)
class Timing:
    """The time of each id: in seconds, or in whole notes where there are bars."""

    start: NDArray[np.float64]
    """(T,) seconds from the beginning, or whole notes from the last bar line."""
    length: NDArray[np.float64]
    """(T,) in the same unit; 0 for ids that take no time."""
    bar: NDArray[np.int64] | None = None
    """(T,) number of the bar from 0, negative before the first bar; None if there are no bars."""

    def __post_init__(self) -> None:
        counts = {len(each) for each in (self.start, self.length, self.bar) if each is not None}
        if len(counts) != 1:
            raise ValueError(f"every id has a start, a length and a bar; got {sorted(counts)} of them")


@dataclass(frozen=True, eq=False)
class Features:
    """Counts over one piece; summed over several pieces they become corpus statistics.

    Names are the representation's own, in lower case with underscores, and say what is counted.
    """

    shares: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Count and total: `sections_of_8_bars` of all sections."""
    rates: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Amount and the amount that it is divided by: `notes_per_second`, notes and seconds."""
    values: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    """(N,) integers, one per occurrence: `pitch`, of every note."""


class Analysis:
    """The part of a codec that evaluation, plots and messages use."""

    unit: ClassVar[str] = "token"
    """What `places` counts, in the singular."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary

    def validate(self, ids: Ids) -> str:
        """Return the first fault of a whole piece by a strict reading, independent of the grammar; or nothing."""
        return ""

    def features(self, ids: Ids) -> Features:
        """Count the features by which pieces are compared with a corpus."""
        return Features()

    def kind(self, ids: Ids) -> str:
        """Return the kind of a piece, beside whose other pieces it is evaluated, too; or nothing."""
        return ""

    def labels(self, ids: Ids) -> Mapping[str, NDArray[Any]]:
        """Label each id, by name, for neuron analysis; each label follows from the ids up to its own.

        Returns:
            Arrays of (T,): integers are categories, negative where unknown; floats are amounts, NaN where unknown.
        """
        return {}

    def timing(self, ids: Ids) -> Timing | None:
        """Return the time of each id; None if ids have no time."""
        return None

    def amounts(self, ids: Ids) -> dict[str, float]:
        """Return how much of each countable unit the piece holds, by its singular: `note`, `second`."""
        return {}

    def baselines(self, train: Sequence[Ids], pieces: Sequence[Ids]) -> dict[str, float]:
        """Return the total nats of `pieces` under simple rules of the representation, by name."""
        return {}

    def places(self, tokens: Sequence[str]) -> NDArray[np.int64]:
        """Return where each token is, as a user would look for it, (T,): the number of its bar, step or line."""
        return np.arange(len(tokens))

    def span(self, first: int, last: int) -> str:
        """Return in words what lies between two places: `bars 3-7`, or `bar 3` if they are the same."""
        return f"{self.unit} {first}" if first == last else f"{self.unit}s {first}-{last}"

    def locate(self, tokens: Sequence[str], index: int) -> str:
        """Return in words where in the piece a token is."""
        place = int(self.places(tokens)[min(index, len(tokens) - 1)]) if tokens else 1
        return self.span(place, place)

    def excerpt(self, tokens: Sequence[str], start: int, stop: int, piece: Any = None) -> str:
        """Return how the part of a piece that holds some tokens is written, with these marked; or nothing.

        Args:
            tokens: of the whole piece.
            start: the first token to mark.
            stop: the one after the last.
            piece: the piece in whose key it is written; that of the tokens by default.
        """
        return ""

    def bars(self, tokens: Sequence[str]) -> int:
        """Count the bar lines among tokens."""
        return 0
