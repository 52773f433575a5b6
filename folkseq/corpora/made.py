"""A corpus that is made up, as a folder of files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from folkseq.files import write_atomically


@dataclass(frozen=True)
class MadeReport:
    """What a build did."""

    path: Path
    """The folder."""
    files: int
    summary: str
    """What was built, in a few words."""
    notice: None = None

    @property
    def figures(self) -> dict[str, int | str]:
        """What was built, for a program."""
        return {"files": self.files}


@dataclass(frozen=True)
class Made:
    """A corpus that is made up, the same bytes each time."""

    name: str
    title: str
    """One line, shown in lists."""
    what: str
    """What its files are, in the plural."""
    make: Callable[[], Mapping[str, bytes]]
    """Gives the files' contents by their names."""

    def build(self, folder: Path) -> MadeReport:
        """Write the files into `folder`. Raises FolkseqError if the disk refuses."""
        made = self.make()
        for name, data in made.items():
            write_atomically(folder / name, data)
        return MadeReport(folder, len(made), f"{len(made)} {self.what}, made up")
