"""Named corpora that are folders of files: generated, or built from the files of an installed package."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from shutil import rmtree

from folkseq.errors import CorpusError, FolkseqError
from folkseq.extras import EXTRAS, require
from folkseq.files import write_atomically


@dataclass(frozen=True)
class BuildReport:
    """The result of building a named corpus.

    Attributes:
        path: The new file or folder.
        summary: Its contents in a few words.
        facts: The same, for programs.
        notice: A line for the user if the result is not as described, or None.
    """

    path: Path
    summary: str
    facts: Mapping[str, int | str]
    notice: str | None = None


@dataclass(frozen=True)
class FolderCorpus:
    """A corpus whose files the function `make` of the module of its name returns, the same bytes each time.

    Attributes:
        name: Also the name of the module.
        title: One line, shown in lists.
        contents: The files in the plural, and where they come from.
    """

    name: str
    title: str
    contents: str

    def make(self) -> Mapping[str, bytes]:
        """Return the contents of the files, by name."""
        made: Mapping[str, bytes] = import_module(f"folkseq.corpora.named.{self.name}").make()
        return made

    def build(self, folder: Path) -> BuildReport:
        """Write the files into a folder. Raises FolkseqError if they cannot be written."""
        files = self.make()
        exists = folder.exists()  # and may have files of the user
        target = folder if exists else folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
        try:
            for name, data in files.items():
                write_atomically(target / name, data)
            if not exists:
                target.rename(folder)
        except OSError as error:
            raise FolkseqError(f"{folder}: cannot be written: {error.strerror or error}") from None
        finally:
            if not exists:
                rmtree(target, ignore_errors=True)
        return BuildReport(folder, f"{len(files)} {self.contents}", {"files": len(files)})


def package_files(package: str, folder: str, *globs: str) -> list[Path]:
    """Return files in the corpus of a package, sorted, without importing the package, which may take seconds.

    Raises:
        FolkseqError: the package is not installed, or has no such files.
    """
    if package in EXTRAS:
        require(package)
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise CorpusError(f"{package} is not installed, and this needs its corpus; run: pip install {package}")
    home = Path(spec.submodule_search_locations[0]) / "corpus" / folder
    found = sorted((path for glob in globs for path in home.glob(glob)), key=Path.as_posix)  # alike on Windows
    if not found:
        raise CorpusError(
            f"{home}: has no {' or '.join(globs)}: this {package} came without its corpus; "
            f"run: pip install --force-reinstall {package}"
        )
    return found
