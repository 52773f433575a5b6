"""The results of sampling: pieces, and tokens as they are drawn."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from folkseq.errors import RequestError
from folkseq.extensions import extension
from folkseq.files import file_stem, write_atomically
from folkseq.representations.base import Files
from folkseq.sampling.overlaps import Copied, Verdict
from folkseq.sampling.rerank import Critique
from folkseq.verbs.output import Output
from folkseq.verbs.record import Record


@dataclass(frozen=True)
class Sampled:
    """A new piece, its figures and its record."""

    piece: Any
    """What the representation decodes to, such as a `Tune`."""
    tokens: tuple[str, ...]
    nll: float
    """Nats of its sampled tokens under the model."""
    copied: Copied
    critique: Critique
    record: Record
    files: Files[Any] = field(repr=False)
    options: Any = field(repr=False)
    notices: tuple[str, ...] = ()
    """What the user should know since the piece before."""
    verdict: Verdict | None = None
    """Whether it is a copy; None without the novelty extension."""

    @property
    def seed(self) -> int:
        """Return the seed that it was drawn with."""
        return self.record.seed

    @property
    def index(self) -> int:
        """Return its number among the pieces of that seed, from 1."""
        return self.record.index

    @property
    def title(self) -> str:
        """Return its title."""
        return self.files.title(self.piece)

    @property
    def stem(self) -> str:
        """Return the name of its files without a suffix, which holds its title, seed and index."""
        return file_stem(self.title, f"{self.seed}-{self.index}")

    def format(self, suffix: str, number: int | None = None) -> bytes:
        """Format the piece as a file with its record.

        Args:
            suffix: such as `.mid`.
            number: of the piece, in a file that holds several.

        Raises:
            RequestError: the piece cannot be written so.
        """
        if suffix not in self.files.outputs:
            known = ", ".join(self.files.outputs)
            raise RequestError(f"{suffix or 'no suffix'}: a sampled piece can be written as {known}")
        comments = [self.record.describe(), self.record.to_json()]
        piece = self.piece if number is None else self.files.number(self.piece, number)
        return self.files.format(piece, suffix, comments, self.options)

    def _repr_html_(self) -> str | None:
        """Return what a notebook shows: score or piano roll, and sound; None if the piece is no music."""
        display = extension("display")
        return None if display is None else display(self.piece, self.title)

    def save(self, path: Path | str) -> Path:
        """Write the piece to `path` in the format of its suffix. Raises FolkseqError if that is not possible."""
        path = Path(path)
        write_atomically(path, Output(path, (), self.files.outputs).format(self.format, path.suffix.lower()))
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
    """The token as a reader sees it, with its separator."""
    notices: tuple[str, ...] = ()
    """What the user should know since the token before."""
