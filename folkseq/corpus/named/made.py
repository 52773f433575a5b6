"""A corpus that is a folder of files: made up, or made of what an installed package holds."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

from folkseq.errors import FolkseqError
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
    """A corpus that is made when it is named, the same bytes each time."""

    name: str
    title: str
    """One line, shown in lists."""
    what: str
    """What its files are, in the plural, and where they come from."""
    make: Callable[[], Mapping[str, bytes]]
    """Gives the files' contents by their names."""

    def build(self, folder: Path) -> MadeReport:
        """Write the files into `folder`. Raises FolkseqError if the disk refuses."""
        made = self.make()
        there = folder.exists()  # with files of the user's own, perhaps
        beside = folder if there else folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
        try:
            for name, data in made.items():
                write_atomically(beside / name, data)
            if not there:
                beside.rename(folder)
        except OSError as error:
            raise FolkseqError(f"{folder}: cannot be written: {error.strerror or error}") from None
        finally:
            if not there:
                rmtree(beside, ignore_errors=True)
        return MadeReport(folder, len(made), f"{len(made)} {self.what}")
