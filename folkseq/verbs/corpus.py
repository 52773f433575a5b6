"""`folkseq corpus`: list the named corpora, or build one."""

from __future__ import annotations

from pathlib import Path

from folkseq.corpora.named import FOLDERS
from folkseq.corpora.named.books import Description, build, descriptions
from folkseq.corpora.named.folders import BuildReport, FolderCorpus
from folkseq.errors import CorpusError


def list_books() -> dict[str, Description]:
    """Return the descriptions of the named tune books, by name."""
    return descriptions()


def list_folders() -> dict[str, FolderCorpus]:
    """Return the named corpora that are folders, by name."""
    return FOLDERS


def corpus(name: str, folder: Path | str = "corpora") -> BuildReport:
    """Build a named corpus as `folder/NAME.abc`, or as the folder `folder/NAME`, and replace an old one.

    Raises:
        CorpusError: there is no such corpus, or its source is not installed.
    """
    if name in FOLDERS:
        return FOLDERS[name].build(Path(folder) / name)
    known = descriptions()
    if name not in known:
        raise CorpusError(f"{name!r} is not a named corpus; choose from {', '.join([*known, *FOLDERS])}")
    return build(known[name], Path(folder) / f"{name}.abc")
