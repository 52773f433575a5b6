"""What comes out of a model: pieces, and the tokens of one as they are drawn."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from folkseq.errors import RequestError
from folkseq.files import write_atomically
from folkseq.music.performance import Performance
from folkseq.music.tune import Tune
from folkseq.representations.base import Tokenizer
from folkseq.sampling.rerank import Critique
from folkseq.verbs.record import Record


@dataclass(frozen=True)
class Copied:
    """The longest run that a piece shares with what the model was trained on, in any key."""

    tokens: int
    bars: int
    """Bar lines in it."""
    at: str
    """Where in the piece it begins; empty where but a part of it is new."""
    source: str
    """The piece trained on: its file, number and title; empty if nothing is shared."""
    source_at: str
    """Where in that it begins."""


@dataclass(frozen=True)
class Sampled:
    """A new piece, and how it came about."""

    piece: Any  # what the tokenizer makes: a Tune for `abc`
    tokens: tuple[str, ...]
    nll: float  # nats that its tokens cost under the model itself
    copied: Copied
    critique: Critique
    record: Record
    tokenizer: Tokenizer[Any] = field(repr=False)

    @property
    def seed(self) -> int:
        """The seed that it was drawn with."""
        return self.record.seed

    @property
    def index(self) -> int:
        """Its number among the pieces of that seed, from 1."""
        return self.record.index

    @property
    def title(self) -> str:
        """The piece's title, unique to the seed and index."""
        return self.tokenizer.title(self.piece)

    def format(self, suffix: str) -> bytes:
        """The piece as a file's bytes; `suffix` such as `.mid`."""
        if suffix not in self.tokenizer.outputs:
            known = ", ".join(self.tokenizer.outputs)
            raise RequestError(f"{suffix or 'no suffix'}: a sampled piece is written as one of {known}")
        comments = [self.record.describe(), self.record.to_json()]
        return self.tokenizer.format(self.piece, suffix, comments, **self.record.controls)

    def _repr_html_(self) -> str | None:
        """What a notebook shows of it: its score or roll, and its sound; None of what is no music."""
        if not isinstance(self.piece, Tune | Performance):
            return None
        from folkseq.plots.notebook import html

        return html(self.piece, self.title)

    def save(self, path: Path | str) -> Path:
        """Writes the piece to `path` in the format that its suffix names. Raises FolkseqError if it cannot be."""
        write_atomically(Path(path), self.format(Path(path).suffix.lower()))
        return Path(path)


@dataclass(frozen=True)
class Event:
    """One token of a piece, as soon as it is drawn."""

    index: int
    """Of the piece, from 1."""
    place: int
    """In the piece, from 0."""
    token: str
    shown: str
    """The token as a reader is to see it, with what parts it from the next."""
