"""`folkseq corpus`: build a named corpus."""

from __future__ import annotations

from pathlib import Path

from folkseq.corpora.named import FOLDERS
from folkseq.corpora.named.books import build, descriptions
from folkseq.corpora.named.folders import BuildReport
from folkseq.errors import CorpusError


def corpus(name: str, folder: Path | str = "corpora") -> BuildReport:
    """Build a named corpus as `folder/NAME.abc` or as the folder `folder/NAME`, and replace an existing one.

    Raises:
        CorpusError: there is no such corpus, or its source is not installed.
    """
    if name in FOLDERS:
        return FOLDERS[name].build(Path(folder) / name)
    known = descriptions()
    if name not in known:
        raise CorpusError(f"{name!r} is not a named corpus; choose from {', '.join([*known, *FOLDERS])}")
    return build(known[name], Path(folder) / f"{name}.abc")
