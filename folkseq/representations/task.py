"""What a model may be trained to do but to continue: to write a part of a piece, where the rest of it is known.

A task is found by its name at a tokenizer (`Tokenizer.task`). `fill` writes a gap in a piece, `harmonise` the other
voices to one of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from folkseq.pairs import EncoderSource, Pair, RelativePositions

CONTINUE, FILL, HARMONISE = TASKS = ("continue", "fill", "harmonise")


class Task(Protocol):
    """One of those, over one vocabulary."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """Of the files that what is written goes to, the usual ones first."""
        ...

    @property
    def size(self) -> int:
        """How many ids what is written has."""
        ...

    @property
    def fields(self) -> tuple[int, ...]:
        """How many values each field of it has, where its ids come in frames (`folkseq.compound`)."""
        ...

    @property
    def source(self) -> tuple[int, ...]:
        """How many ids each field has of what is known."""
        ...

    @property
    def recipe(self) -> Mapping[str, Any]:
        """Settings of model and training that serve it better than the usual ones."""
        ...

    @property
    def relative_positions(self) -> RelativePositions:
        """How far apart places of it are told from one another."""
        ...

    def draw(self, ids: NDArray[Any], random: np.random.Generator, alone: bool | None = None) -> Pair | None:
        """A pair of a whole piece.

        Args:
            ids: (T,) the piece's.
            random: draws what of it is to be written, and how it is varied.
            alone: whether nothing is known of what comes after what is to be written; now and then, if it is None.

        Returns:
            None where nothing of the piece can be asked for.
        """
        ...

    def hold_out(self, ids: NDArray[Any], piece: int, turn: int, alone: bool | None = None) -> Pair | None:
        """The same to judge by: pair number `turn` of a piece, always the same; None where there is none."""
        ...

    def plain(self, ids: NDArray[Any]) -> NDArray[Any]:
        """What of a whole piece an n-gram is to learn from, beside which the model is held."""
        ...

    def extent(self, pair: Pair) -> dict[str, float]:
        """How much was written of what a listener counts, by its singular: `note`, `step`."""
        ...

    def ask(self, data: bytes, file: str, **asked: Any) -> Asked:
        """What a user asks of a file. Raises FolkseqError for what cannot be met, in one line.

        Args:
            data: the file's bytes.
            file: its name.
            asked: which part is to be written, as the representation names it.
        """
        ...


class Asked(Protocol):
    """What is known of a piece, and what may be written."""

    @property
    def source(self) -> EncoderSource:
        """What is known."""
        ...

    @property
    def grammar(self) -> Any:
        """What may be written (a `folkseq.sampling.grammar.Placed`)."""
        ...

    @property
    def opening(self) -> tuple[int, ...]:
        """The ids with which what is written begins."""
        ...

    @property
    def end(self) -> int:
        """The id with which it ends."""
        ...

    @property
    def limit(self) -> int:
        """The most ids that it has."""
        ...

    @property
    def notices(self) -> tuple[str, ...]:
        """What the user should know beforehand."""
        ...

    def finish(self, ids: Sequence[int]) -> Finished:
        """The piece with what was written, from the start ids to the end."""
        ...


class Finished(Protocol):
    """A piece with what was written into it."""

    @property
    def title(self) -> str:
        """What it is called."""
        ...

    @property
    def written(self) -> str:
        """What is new in it, as a reader would see it in one line."""
        ...

    @property
    def compared(self) -> NDArray[Any]:
        """The ids by which it is told how much of it stands in a piece trained on."""
        ...

    @property
    def free(self) -> int:
        """How many ids were the model's to choose."""
        ...

    def format(self, suffix: str, comments: Sequence[str] = ()) -> bytes:
        """It as a file of one of the task's `outputs`."""
        ...
