"""`folkseq corpus`: list the named corpora, or build one."""

from __future__ import annotations

from pathlib import Path

from folkseq.corpus import named as corpora
from folkseq.corpus.named import BuildReport, Description, Made, MadeReport
from folkseq.errors import CorpusError


def list_corpora() -> dict[str, Description]:
    """The named corpora, by name."""
    return corpora.descriptions()


def list_made() -> dict[str, Made]:
    """Those that are made up, by name."""
    return corpora.MADE


def corpus(name: str, folder: Path | str = "corpora") -> BuildReport | MadeReport:
    """Builds a named corpus as `folder/NAME.abc` or, if it is made up, `folder/NAME`; anew if it is there already.

    Raises:
        CorpusError: if there is no such corpus, or what it is built from is not installed.
    """
    if name in corpora.MADE:
        return corpora.MADE[name].build(Path(folder) / name)
    known = corpora.descriptions()
    if name not in known:
        raise CorpusError(f"{name!r} is not a named corpus; there are: {', '.join([*known, *corpora.MADE])}")
    return corpora.build(known[name], Path(folder) / f"{name}.abc")
