"""Corpora: the files that a user names, and those named corpora that are built when they are first named.

`books` are tunes that an installed package holds, `chorales` what it holds of Bach's; `ensemble` and `picture` are made
up, from a seed of their own, so that there is something to train the packed representation on that is nobody's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from folkseq.corpus.named import chorales, ensemble, picture
from folkseq.corpus.named.books import BuildReport, Description, Source, build, descriptions
from folkseq.corpus.named.made import Made, MadeReport
from folkseq.errors import CorpusError

__all__ = [
    "MADE",
    "BuildReport",
    "Corpus",
    "Description",
    "Made",
    "MadeReport",
    "Source",
    "build",
    "descriptions",
    "files",
    "listed",
    "locate",
]

Corpus: TypeAlias = Path | str | Sequence[Path | str]
"""Files, folders and named corpora."""
MADE = {made.name: made for made in (chorales.MADE, ensemble.MADE, picture.MADE)}
"""Those that are a folder each, by name."""


def locate(path: Path, announce: Callable[[BuildReport | MadeReport], None] | None = None) -> Path:
    """Return ``path``; if it is missing but is a named corpus, such as ``corpora/folk.abc``, build it first.

    A book is described by a TOML of the same stem beside it, or by its name if its folder is called ``corpora``.

    Args:
        path: A file or folder, as the user named it.
        announce: Called with the report of the build, if there is one.

    Raises:
        CorpusError: The path is missing and names no corpus, or the corpus cannot be built.
    """
    if path.exists():
        return path
    named, at_home = descriptions(), path.absolute().parent.name == "corpora"
    report: BuildReport | MadeReport
    if path.suffix == ".abc" and path.with_suffix(".toml").is_file():
        report = build(Description.read(path.with_suffix(".toml")), path)
    elif path.suffix == ".abc" and at_home and path.stem in named:
        report = build(named[path.stem], path)
    elif at_home and path.name in MADE:
        report = MADE[path.name].build(path)
    else:
        known = ", ".join([*(f"corpora/{name}.abc" for name in named), *(f"corpora/{name}" for name in MADE)])
        raise CorpusError(f"{path}: no such file or folder; the named corpora are {known}")
    if announce is not None:
        announce(report)
    return path


def listed(corpus: Corpus) -> list[Path]:
    """Return the paths of a corpus that is given as one path or several."""
    return [Path(corpus)] if isinstance(corpus, str | Path) else [Path(path) for path in corpus]


def files(path: Path, suffixes: Sequence[str]) -> list[Path]:
    """Return the files of a corpus: the file itself, or all in a folder and below it, sorted.

    Args:
        path: A file, of any suffix, or a folder.
        suffixes: Which files of a folder count, such as ``(".mid", ".midi")``; capitals do not matter.

    Raises:
        CorpusError: The path is missing, or the folder holds no such file.
    """
    if path.is_file():
        return [path]
    found = sorted(file for file in path.rglob("*") if file.suffix.lower() in suffixes and file.is_file())
    if not found:
        raise CorpusError(f"{path}: no file that ends in {' or '.join(suffixes)}; name a file or a folder with some")
    return found
