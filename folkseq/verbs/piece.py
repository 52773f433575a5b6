"""The results of sampling: pieces, and tokens as they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from folkseq.errors import RequestError
from folkseq.extensions import extension
from folkseq.files import file_stem, write_atomically
from folkseq.representations.base import Files
from folkseq.sampling.overlaps import Copied, Verdict
from folkseq.sampling.rerank import Critique
from folkseq.verbs.output import Output
from folkseq.verbs.record import Record


class PieceMaker(Protocol):
    """The conversion of tokens to pieces, and of pieces to files."""

    @property
    def files(self) -> Files[Any]:
        """Return how the representation reads and writes files."""
        ...

    @property
    def options(self) -> Any:
        """Return the options of the representation."""
        ...

    def make(self, tokens: Sequence[str], record: Record) -> Any:
        """Return the piece for tokens, in its final form."""
        ...


@dataclass(frozen=True)
class Sampled:
    """A new piece, its figures and its record; a copy in another process lacks the piece itself and its maker."""

    tokens: tuple[str, ...]
    title: str
    nll: float
    """Nats of the sampled tokens under the model."""
    copied: Copied
    critique: Critique
    record: Record
    maker: PieceMaker = field(repr=False, compare=False)
    notices: tuple[str, ...] = ()
    """Messages for the user since the previous piece."""
    verdict: Verdict | None = None
    """The verdict whether it is a copy; None without the novelty extension."""
    made: Any = field(default=None, repr=False, compare=False)
    """The piece, in the process that wrote it."""

    def __getstate__(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name) for each in fields(self)} | {"maker": None, "made": None}

    @cached_property
    def piece(self) -> Any:
        """Return the decoded music, such as a `Tune`."""
        return self.maker.make(self.tokens, self.record) if self.made is None else self.made

    @property
    def seed(self) -> int:
        """Return the seed of the piece."""
        return self.record.seed

    @property
    def index(self) -> int:
        """Return the number of the piece among those of its seed, from 1."""
        return self.record.index

    @property
    def stem(self) -> str:
        """Return the name of its files without a suffix, with its title, seed and index."""
        return file_stem(self.title, f"{self.seed}-{self.index}")

    def format(self, suffix: str, number: int | None = None) -> bytes:
        """Format the piece as a file with its record.

        Args:
            suffix: a suffix such as `.mid`.
            number: number of the piece, in a file of several.

        Raises:
            RequestError: the piece cannot be written in this format.
        """
        files = self.maker.files
        if suffix not in files.outputs:
            known = ", ".join(files.outputs)
            raise RequestError(f"{suffix or 'no suffix'}: a sampled piece can be written as {known}")
        comments = [self.record.describe(), self.record.to_json()]
        piece = self.piece if number is None else files.number(self.piece, number)
        return files.format(piece, suffix, comments, self.maker.options)

    def _repr_html_(self) -> str | None:
        """Return the HTML for a notebook, with score or piano roll and sound; None if the piece is not music."""
        display = extension("display")
        return None if display is None else display(self.piece, self.title)

    def save(self, path: Path | str) -> Path:
        """Write the piece to `path` in the format of its suffix. Raises FolkseqError if that is not possible."""
        path = Path(path)
        write_atomically(path, Output(path, (), self.maker.files.outputs).format(self.format, path.suffix.lower()))
        return path


@dataclass(frozen=True)
class Event:
    """One token of a piece, as soon as it is drawn."""

    index: int
    """Number of the piece, from 1."""
    place: int
    """Position in the piece, from 0."""
    token: str
    shown: str
    """The token as printed, with its separator."""
    notices: tuple[str, ...] = ()
    """Messages for the user since the previous token."""
