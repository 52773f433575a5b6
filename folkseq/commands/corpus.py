"""`folkseq corpus`: list the named corpora, or build one."""

from __future__ import annotations

from pathlib import Path

from folkseq import corpora
from folkseq.corpora import BuildReport, Description
from folkseq.errors import CorpusError


def list_corpora() -> dict[str, Description]:
    """The named corpora, by name."""
    return corpora.descriptions()


def corpus(name: str, folder: Path | str = "corpora") -> BuildReport:
    """Builds a named corpus as `folder/NAME.abc`, anew if it is there already.

    Raises:
        CorpusError: if there is no such corpus, or what it is built from is not installed.
    """
    known = corpora.descriptions()
    if name not in known:
        raise CorpusError(f"{name!r} is not a named corpus; there are: {', '.join(known)}")
    return corpora.build(known[name], Path(folder) / f"{name}.abc")
