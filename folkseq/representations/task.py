"""Tasks: a model continues pieces, or it has an encoder and writes a part of a piece, given the rest.

A package registers a function from a codec to its `Task`, or None, under the entry-point group `folkseq.tasks`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.grammar import PlacedGrammar, Target
from folkseq.pairs import EncoderSource, Pair, RelativePositions

CONTINUE, FILL, HARMONISE = TASKS = ("continue", "fill", "harmonise")
Ids = NDArray[Any]


class Task(ABC):
    """The task of writing a part of a piece, given the rest, over the vocabulary of one codec."""

    outputs: Sequence[str]
    """Suffixes of output files, the default first."""
    vocabulary_size: int
    """V, the number of ids of a target."""
    fields: tuple[int, ...] = ()
    """Number of values in each field of a target of compound tokens."""
    source_sizes: tuple[int, ...]
    """Number of ids in each field of a source."""
    relative_positions: RelativePositions
    """The relative positions in a source that the model distinguishes."""
    recipe: Mapping[str, Any]
    """Model and training settings that suit the task, by name."""
    temperature: float = 1.0
    """The default temperature of answers."""

    @abstractmethod
    def draw(self, ids: Ids, random: np.random.Generator, left_only: bool | None = None) -> Pair | None:
        """Draw a random pair from a piece, (T,) ids; None if it has no room for one.

        `left_only` hides the piece after the target; by default it is hidden now and then.
        """

    @abstractmethod
    def hold_out(self, ids: Ids, piece: int, turn: int, left_only: bool | None = None) -> Pair | None:
        """Return pair number `turn` of a held-out piece, always the same pair; None if it does not exist."""

    @abstractmethod
    def amounts(self, pair: Pair) -> dict[str, float]:
        """Return the number of each unit in a target, by its singular: `note`, `step`."""

    @abstractmethod
    def ask(self, data: bytes, file: str, **where: Any) -> Question:
        """Find the part to write in a file, by options such as `bars`. Raises FolkseqError if it cannot be written."""

    def ngram_ids(self, ids: Ids) -> Ids:
        """Return the ids of a piece from which the n-gram baseline learns."""
        return ids


@dataclass(frozen=True, kw_only=True, eq=False)
class Question(ABC):
    """A piece with a part to write: what the encoder reads, and what the decoder may write."""

    source: EncoderSource
    grammar: PlacedGrammar
    opening: tuple[int, ...]
    """The ids with which a target begins."""
    end_id: int
    limit: int
    """Largest number of ids in a target."""
    target: Target | None = None
    """Changes the probabilities of ids."""
    notices: tuple[str, ...] = ()
    """Lines for the user about the file."""

    @abstractmethod
    def answer(self, ids: Sequence[int]) -> Answer:
        """Return the piece with a target, from its start ids to its end id. Raises RequestError if it does not fit."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Answer(ABC):
    """A piece with the part that a model wrote."""

    title: str
    summary: str
    """The new part in one line, or an empty string."""
    compared: Ids
    """The ids to compare with the training set."""
    choices: int
    """Number of ids that the model chose."""

    @abstractmethod
    def format(self, suffix: str, comments: Sequence[str] = ()) -> bytes:
        """Format the piece as a file with one of the task's `outputs` suffixes."""
