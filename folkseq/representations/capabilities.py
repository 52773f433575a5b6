"""Optional capabilities of a codec. Each class is a base class, and its defaults provide nothing.

Transposition   the same music in another key, for novelty, near-duplicates and augmentation
Augmentation    random variants of training windows
Generation      options, grammar, primes and postprocessing of sampled pieces
Analysis        validity, features, labels and timing, for evaluation and plots
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
    """The effect of transposition on each of V ids, and the ids that can replace each other.

    Two passages of equal length are the same music if all pitched ids have the same kind and distance as their
    counterparts, and all other ids are equal.
    """

    heights: NDArray[np.int64]
    """(V,) pitch of an id; 0 if it has none."""
    kinds: NDArray[np.int64]
    """(V,) kind of an id; two ids of the same kind differ only in height."""
    pitched: NDArray[np.bool_]
    """(V,) whether an id has a pitch; an id without a pitch is the only one of its kind."""
    free: NDArray[np.bool_]
    """(V,) whether another id can always replace this one."""
    binding: NDArray[np.bool_]
    """(V,) whether an id determines the next free id, as a tie determines the next pitch."""
    ends: NDArray[np.bool_]
    """(V,) whether an id starts or ends a piece, and is thus not part of a passage."""

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
    """Recognition of the same music in different keys."""

    figure: int = 9
    """Number of fingerprint elements in one figure."""
    twin_share: float = 0.5
    """Share of the smaller set of figures that near-duplicates have in common."""

    @abstractmethod
    def fingerprint(self, ids: Ids) -> NDArray[np.int64]:
        """Return integers that identify the piece in any key; near-duplicates share many of their figures."""

    @cached_property
    def profile(self) -> Profile | None:
        """Return the effect of transposition on each id; None if no id has a pitch."""
        return None

    def melody(self, ids: Ids) -> NDArray[np.int64]:
        """Return pitch in semitones and duration of each melody note, (N, 2); durations are 0 if unknown."""
        return np.zeros((0, 2), np.int64)


class Augmentation(ABC):
    """Random variants of training windows: transposed, in another tempo, or reordered."""

    lookahead: int = 0
    """Number of ids after a window that `excerpt` may read."""

    def span(self, ids: Ids) -> tuple[int, int]:
        """Return the lowest and highest pitch of the whole piece, which `excerpt` needs."""
        return (0, 0)

    @abstractmethod
    def excerpt(
        self, ids: Ids, length: int, span: tuple[int, int], random: np.random.Generator
    ) -> tuple[Ids, NDArray[np.float32] | None]:
        """Return a random variant of a window.

        Args:
            ids: ids from the start of the window: `length` + 1 + `lookahead` of them, or up to the end of the piece.
            length: length T of the window.
            span: result of `span` for the whole piece.
            random: random generator.

        Returns:
            At most T + 1 ids; and the conditioning of all except the first, (T, C), or None.
        """

    def heard(self, ids: Ids, random: np.random.Generator) -> Ids:
        """Return the ids that the model reads before the next ids of a window; with noise, it relies less on them."""
        return ids


@dataclass(frozen=True)
class Options:
    """The sampling options of a representation; subclasses declare fields with `folkseq.settings.setting`."""


@dataclass(frozen=True)
class Prime(Generic[Piece]):
    """The beginning of a piece, which a model continues."""

    ids: tuple[int, ...]
    """The ids, including the start id."""
    piece: Piece
    lost: Mapping[str, int] = field(default_factory=dict)
    """Counts by kind of what the ids do not represent of the file or text."""


def too_long(option: str, asked: float | None, length: str) -> RequestError:
    """Return the error for a prime that is as long as the requested piece."""
    return RequestError(f"--{option} {asked:g}: counts the prime, which already has {length}; ask for more")


@dataclass(frozen=True)
class Plan:
    """The constraints on new pieces, derived from options."""

    opening: tuple[int, ...]
    """First ids of every piece: the start id, or the ids of the prime."""
    limit: int
    """Maximum number of ids in a piece, including start and end."""
    grammar: Grammar | None = None
    schedule: Schedule | None = None
    """Conditioning over time, for a conditioned model."""
    candidates: int = 1
    """Number of candidates for each piece; the sampler keeps the one that the grammar constrained least."""
    typical_length: bool = False
    """Whether to redraw pieces that are longer than nearly all training pieces; `limit` is then a lower bound."""
    target: Target | None = None
    """The target of each piece, such as its range; only with the grammar."""
    notices: list[str] = field(default_factory=list)
    """Messages for the user, which sampling adds."""


class Generation(Generic[Piece]):
    """The capability for sampling."""

    repeating: float | None = None
    """The default of `Strategy.repeating`."""
    ranks: bool = False
    """Whether samples are complete pieces like those of the corpus, so that a model can learn to rank candidates."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary

    def plan(self, options: Any, prime: Prime[Piece] | None = None) -> Plan:
        """Return the constraints on new pieces. Raises RequestError for impossible options."""
        return Plan(prime.ids if prime else (self.vocabulary.id(START),), limit=1500)

    def prime(self, text: str, options: Any) -> Prime[Piece]:
        """Parse a prime from text. Raises RequestError if the text contains none."""
        raise RequestError("this representation takes no prime; leave out --prime")

    def prime_file(self, data: bytes, file: str, options: Any) -> Prime[Piece]:
        """Parse a prime from a file. Raises RequestError if the file contains none."""
        try:
            text, encoding = decode(data, file)
        except ParseError as error:
            raise RequestError(f"{error}, so it cannot be a prime") from None
        prime = self.prime(text, options)
        return replace(prime, lost=Counter(prime.lost) + Counter(encoding.lost))

    def in_order(self, ids: Sequence[int], options: Any) -> Sequence[int]:
        """Return the ids of a sampled piece in the order of the piece; the model may write them in another order."""
        return ids

    def postprocess(self, piece: Piece, name: str, options: Any, prime: Prime[Piece] | None = None) -> Piece:
        """Return a sampled piece in its final form: with a title that contains `name`, and with the options applied."""
        return piece

    def new_titles(self, known: Sequence[Sequence[str]], seed: int) -> Iterator[str]:
        """Yield distinct titles for new pieces, as many as there are; see `entitled`.

        Args:
            known: the titles of each piece of the corpus, which are never yielded.
            seed: the same seed gives the same titles.
        """
        return iter(())

    def entitled(self, piece: Piece, title: str) -> Piece:
        """Return a postprocessed piece with one of the new titles."""
        return piece

    def merits(self, tokens: Sequence[str]) -> dict[str, float]:
        """Return musical scores for reranking, by name, each from 0 to 1."""
        return {}

    def preview(self, piece: Piece) -> str:
        """Return a preview of a piece in one line."""
        return ""

    def stream_formatter(self) -> Callable[[str], str]:
        """Return a function that formats the tokens of one piece, one after another, for the terminal."""
        return lambda token: token if token == END else f"{token} "


@dataclass(frozen=True, eq=False)
class Timing:
    """The time of each id, in seconds, or in whole notes if there are bars."""

    start: NDArray[np.float64]
    """(T,) seconds from the beginning, or whole notes from the last bar line."""
    length: NDArray[np.float64]
    """(T,) duration in the same unit; 0 for ids without duration."""
    bar: NDArray[np.int64] | None = None
    """(T,) number of the bar from 0, negative before the first bar; None without bars."""

    def __post_init__(self) -> None:
        counts = {len(each) for each in (self.start, self.length, self.bar) if each is not None}
        if len(counts) != 1:
            raise ValueError(f"every id has a start, a length and a bar; got {sorted(counts)} of them")


@dataclass(frozen=True, eq=False)
class Features:
    """Counts of one piece; their sums over several pieces are corpus statistics.

    The representation chooses the names, in lower case with underscores.
    """

    shares: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Count and total: for `sections_of_8_bars`, such sections and all sections."""
    rates: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Numerator and denominator: for `notes_per_second`, notes and seconds."""
    values: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    """(N,) integers, one per occurrence: for `pitch`, the pitch of each note."""
    validity: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """As `shares`, of what every valid piece has, and not every stretch of one: `note_events_paired`."""


class Analysis:
    """The capability for evaluation, plots and messages."""

    unit: ClassVar[str] = "token"
    """Unit of `places`, in the singular."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary

    def validate(self, ids: Ids) -> str:
        """Return the first fault of a whole piece, by strict rules that are independent of the grammar, or ""."""
        return ""

    def features(self, ids: Ids) -> Features:
        """Count the features for comparing pieces with a corpus."""
        return Features()

    def kind(self, ids: Ids) -> str:
        """Return the kind of a piece, such as its rhythm, for evaluation by kind, or an empty string."""
        return ""

    def labels(self, ids: Ids) -> Mapping[str, NDArray[Any]]:
        """Return labels of each id, by name, for neuron analysis; a label depends only on the ids up to its own.

        Returns:
            Arrays of (T,): integers are categories, negative if unknown; floats are quantities, NaN if unknown.
        """
        return {}

    def timing(self, ids: Ids) -> Timing | None:
        """Return the time of each id; None if ids have no time."""
        return None

    def amounts(self, ids: Ids) -> dict[str, float]:
        """Return the number of each countable unit in the piece, by its singular: `note`, `second`."""
        return {}

    def baselines(self, train: Sequence[Ids], pieces: Sequence[Ids]) -> dict[str, float]:
        """Return the total nats of `pieces` under simple rules of the representation, by name."""
        return {}

    def places(self, tokens: Sequence[str]) -> NDArray[np.int64]:
        """Return the place of each token for users, (T,): the number of its bar, step or line."""
        return np.arange(len(tokens))

    def span(self, first: int, last: int) -> str:
        """Return the range between two places in words: `bars 3-7`, or `bar 3` for a single place."""
        return f"{self.unit} {first}" if first == last else f"{self.unit}s {first}-{last}"

    def locate(self, tokens: Sequence[str], index: int) -> str:
        """Return the place of a token in words."""
        place = int(self.places(tokens)[min(index, len(tokens) - 1)]) if tokens else 1
        return self.span(place, place)

    def excerpt(self, tokens: Sequence[str], start: int, stop: int, piece: Any = None) -> str:
        """Return the notation of the part of a piece that contains some tokens, with these marked, or an empty string.

        Args:
            tokens: tokens of the whole piece.
            start: index of the first token to mark.
            stop: index after the last token to mark.
            piece: piece that determines the key; by default, the piece of the tokens.
        """
        return ""

    def bars(self, tokens: Sequence[str]) -> int:
        """Count the bar lines among tokens."""
        return 0
