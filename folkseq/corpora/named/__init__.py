"""Named corpora, which are built when they are first named: tune books, and folders of files.

`books` builds tune books from the files of an installed package, and `chorales` Bach's chorales. `ensemble` and
`picture` are generated from a seed: training material for the packed representation that belongs to nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from folkseq.corpora.named.folders import BuildReport, FolderCorpus
from folkseq.errors import CorpusError, few

_SHOWN = 3  # skipped files to name
Corpus: TypeAlias = Path | str | Sequence[Path | str]
"""Files, folders and named corpora."""
FOLDERS = {
    corpus.name: corpus
    for corpus in (
        FolderCorpus("chorales", "Bach's chorales, four voices by sixteenths, from music21", "chorales, from music21"),
        FolderCorpus(
            "ensemble", "A leader and three who listen, nine gestures a second each (made up)", "performances, made up"
        ),
        FolderCorpus("picture", "Tartans of 48 x 48 pixels and eight colours (made up)", "pictures, made up"),
    )
}
"""The corpora that are folders, by name."""


def files(corpus: Corpus, suffixes: Sequence[str], on_build: Callable[[BuildReport], None] | None = None) -> list[Path]:
    """Return the files of a corpus, sorted in each folder. Named corpora that are missing are built.

    Args:
        corpus: Files of any suffix, folders with all below them, and named corpora.
        suffixes: The lower-case suffixes of files to include from folders.
        on_build: Called with the report of each build.

    Raises:
        CorpusError: A path is missing, a folder has no such file, or a corpus cannot be built.
    """
    found: list[Path] = []
    for path in listed(corpus):
        place = locate(path, on_build)
        inside = (file for file in place.rglob("*") if file.suffix.lower() in suffixes and file.is_file())
        counted = [place] if place.is_file() else sorted(inside)
        if not counted:
            ends, others = " or ".join(suffixes), _others(place, suffixes)
            holds = f" (it holds {others})" if others else ""
            raise CorpusError(f"{place}: no file that ends in {ends}{holds}; name a file or a folder with some")
        found += counted
    return found


def skipped(corpus: Corpus, suffixes: Sequence[str]) -> list[str]:
    """Return a line for each folder of a corpus that holds files of other suffixes."""
    found = [(path, _others(path, suffixes)) for path in listed(corpus) if path.is_dir()]
    return [f"{path}: skipped {others}, whose suffixes do not count" for path, others in found if others]


def _others(folder: Path, suffixes: Sequence[str]) -> str:
    """Name the files below a folder that are not read because of their suffixes, without hidden ones."""
    inside = (file for file in folder.rglob("*") if file.suffix.lower() not in suffixes and file.is_file())
    visible = (file for file in inside if not any(part.startswith(".") for part in file.relative_to(folder).parts))
    return few([file.name for file in sorted(visible)], _SHOWN)


def listed(corpus: Corpus) -> list[Path]:
    """Return the paths of a corpus that is given as one path or several."""
    return [Path(corpus)] if isinstance(corpus, str | Path) else [Path(path) for path in corpus]


def locate(path: Path, on_build: Callable[[BuildReport], None] | None = None) -> Path:
    """Return a path; if it is missing but names a corpus, such as `corpora/folk.abc`, build the corpus first.

    A tune book is found by a TOML file with the same stem in the same folder, or by its name in a folder `corpora`.

    Args:
        path: A file or folder, as the user named it.
        on_build: Called with the report of a build.

    Raises:
        CorpusError: The path is missing and names no corpus, or the corpus cannot be built.
    """
    if path.exists():
        return path
    from folkseq.corpora.named.books import Description, build, descriptions

    named, at_home = descriptions(), path.absolute().parent.name == "corpora"
    if path.suffix == ".abc" and path.with_suffix(".toml").is_file():
        report = build(Description.read(path.with_suffix(".toml")), path)
    elif path.suffix == ".abc" and at_home and path.stem in named:
        report = build(named[path.stem], path)
    elif at_home and path.name in FOLDERS:
        report = FOLDERS[path.name].build(path)
    else:
        known = ", ".join([*(f"corpora/{name}.abc" for name in named), *(f"corpora/{name}" for name in FOLDERS)])
        raise CorpusError(f"{path}: no such file or folder; the named corpora are {known}")
    if on_build is not None:
        on_build(report)
    return path
