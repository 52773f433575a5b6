"""`folkseq corpus`: list the named corpora, or build one."""

from __future__ import annotations

from pathlib import Path

from folkseq.corpus import named as corpora
from folkseq.corpus.named import BuildReport, Description, Made, MadeReport
from folkseq.errors import CorpusError


def list_corpora() -> dict[str, Description]:
    """Return the descriptions of the named tune books, by name."""
    return corpora.descriptions()


def list_made() -> dict[str, Made]:
    """Return the generated corpora, by name."""
    return corpora.MADE


def corpus(name: str, folder: Path | str = "corpora") -> BuildReport | MadeReport:
    """Build a named corpus as `folder/NAME.abc`, or `folder/NAME` if it is generated, and replace an old one.

    Raises:
        CorpusError: there is no such corpus, or its source is not installed.
    """
    if name in corpora.MADE:
        return corpora.MADE[name].build(Path(folder) / name)
    known = corpora.descriptions()
    if name not in known:
        raise CorpusError(f"{name!r} is not a named corpus; choose from {', '.join([*known, *corpora.MADE])}")
    return corpora.build(known[name], Path(folder) / f"{name}.abc")
