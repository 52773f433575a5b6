"""The collection: tunes as files in the folder `tunes`, where a DAW's browser finds them, and books of these tunes.

An index lists the files that the studio wrote. The studio removes only these, and only if no other program has changed
them. Files from other sources in the folder also belong to the collection.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import Lock

from folkseq.book.page import Entry, write
from folkseq.book.verb import FoundTune, engraved, missing_for_sound, read
from folkseq.errors import ParseError, RequestError
from folkseq.files import file_stem, write_atomically
from folkseq.formats import score
from folkseq.settings import REQUIRED, setting
from folkseq.studio.api.files import AskForFile, Prepared, make_file, prepared
from folkseq.studio.api.tunes import Notice
from folkseq.studio.errors import BusyError, ConflictError, MissingError
from folkseq.studio.operations import File, Nothing, operation
from folkseq.studio.takeaway import SUFFIXES, TYPES, Made, tune_stem, tune_title
from folkseq.studio.workshop import Workshop
from folkseq.verbs.convert import NATIVE
from folkseq.verbs.output import Output

FOLDER, INDEX = "tunes", "collection.json"
MOST_COLLECTED = 2000
MOST_PLAYERS = 200
"""Maximum number of tunes in a book with sound."""
_HEADING = 1 << 14  # bytes read to find a title
_NUMBER = re.compile(r"\A\s*X:.*$", re.MULTILINE)
_lock, _binding = Lock(), Lock()


@dataclass(frozen=True)
class Collect:
    """A tune to collect."""

    abc: str = setting(REQUIRED, "The tune.")
    suffixes: tuple[str, ...] = setting((".mid",), "Formats beside .abc.", choices=SUFFIXES)


@dataclass(frozen=True)
class CollectedTune:
    """A tune of the collection."""

    name: str
    """The name of its files without a suffix."""
    title: str
    suffixes: tuple[str, ...]
    saved_s: float
    """Seconds since 1970."""
    own: bool
    """Whether the studio wrote it and can remove it."""


@dataclass(frozen=True)
class Collection:
    """The collected tunes, newest first."""

    folder: str
    tunes: tuple[CollectedTune, ...]


@dataclass(frozen=True)
class NamedTune:
    """A tune of the collection."""

    name: str = setting(REQUIRED, "Its name.")


@dataclass(frozen=True)
class CollectedText:
    """The text of a tune."""

    name: str
    abc: str


@dataclass(frozen=True)
class AskForBook:
    """The settings of a book of the collected tunes."""

    title: str = setting("Tunes", "Its title.")
    suffix: str = setting(
        ".html", "A page with players, a printed book, or a book in ABC.", choices=(".html", ".pdf", ".abc")
    )
    sound: bool = setting(True, "Whether the tunes of a page get players.")


@dataclass(frozen=True)
class BookProgress:
    """The number of finished tunes, and of all tunes."""

    done: int
    total: int


def collect(workshop: Workshop, request: Collect) -> CollectedTune:
    """Save a tune as files in the collection; no other file is replaced."""
    suffixes = tuple(dict.fromkeys((".abc", *request.suffixes)))
    files = {suffix: make_file(workshop, AskForFile(suffix, request.abc)).data for suffix in suffixes}
    folder = workshop.folder / FOLDER
    with _lock:
        if len(_texts(folder)) >= MOST_COLLECTED:
            raise RequestError(f"the collection holds {MOST_COLLECTED} tunes; remove some first")
        stem = Output(folder, suffixes, NATIVE).write(tune_stem(request.abc), files)[0].stem
        index = _index(workshop)
        index.setdefault(stem, {}).update((suffix, sha256(data).hexdigest()) for suffix, data in files.items())
        _write_index(workshop, index)
    return _described(folder / f"{stem}.abc", index)


def list_collection(workshop: Workshop, request: Nothing) -> Collection:
    """List the collected tunes and their folder."""
    folder, index = workshop.folder / FOLDER, _index(workshop)
    found = []
    for path in _texts(folder).values():
        with suppress(OSError):  # it was removed meanwhile
            found.append(_described(path, index))
    newest = sorted(found, key=lambda tune: tune.saved_s, reverse=True)
    return Collection(str(folder.resolve()), tuple(newest))


def open_collected(workshop: Workshop, request: NamedTune) -> CollectedText:
    """Open a collected tune."""
    path = _find(workshop, request.name)
    return CollectedText(request.name, path.read_bytes().decode(errors="replace"))


def remove_collected(workshop: Workshop, request: NamedTune) -> CollectedText:
    """Remove the files that the studio wrote for a tune; the answer holds its text, for undo."""
    with _lock:
        path, index = _find(workshop, request.name), _index(workshop)
        if request.name not in index:
            raise ConflictError(f"{path.name}: was not saved by the studio, so it stays; remove it in the folder")
        files = {path.with_name(f"{request.name}{suffix}"): digest for suffix, digest in index[request.name].items()}
        there = {each: digest for each, digest in files.items() if each.exists()}
        for each, digest in there.items():
            if sha256(each.read_bytes()).hexdigest() != digest:
                raise ConflictError(
                    f"{each.name}: was changed by another program, so it stays; remove it in the folder"
                )
        text = path.read_bytes().decode(errors="replace")
        for each in there:
            each.unlink()
        del index[request.name]
        _write_index(workshop, index)
    return CollectedText(request.name, text)


def make_book(workshop: Workshop, request: AskForBook) -> Iterator[BookProgress | Notice | Prepared]:
    """Make a book of the collected tunes, and store it for a link."""
    if not _binding.acquire(blocking=False):
        raise BusyError("another book is being made; try again when it is done")
    try:
        yield from _bind(workshop, request)
    finally:
        _binding.release()


def collected(workshop: Workshop) -> set[str]:
    """Return the texts of the collected tunes."""
    found = set()
    for path in _texts(workshop.folder / FOLDER).values():
        with suppress(OSError):
            found.add(path.read_bytes().decode(errors="replace"))
    return found


def _bind(workshop: Workshop, request: AskForBook) -> Iterator[BookProgress | Notice | Prepared]:
    paths = [path for _, path in sorted(_texts(workshop.folder / FOLDER).items())]
    lost, faults = Counter[str](), list[str]()
    found = [tune for path in paths for tune in read(path, lost, faults)]
    if not found:
        raise ParseError(faults[0] if faults else "the collection is empty; collect a tune first")
    title = " ".join(request.title.split())[:200] or "Tunes"
    if request.suffix == ".html":
        data = yield from _page(workshop, request, title, found, faults)
    elif request.suffix == ".pdf":
        data = score.format([tune.drawn for tune in found], request.suffix)
    else:
        texts = [path.read_bytes().decode(errors="replace").strip() for path in paths]
        numbered = (_NUMBER.sub(f"X:{number}", text, count=1) for number, text in enumerate(texts, 1))
        data = "\n\n".join(numbered).encode() + b"\n"
    yield from map(Notice, faults)
    stem = file_stem(title, "") or "tunes"
    file = File(f"{stem}{request.suffix}", TYPES[request.suffix], data)
    yield prepared(workshop, Made(file, lost))


def _page(
    workshop: Workshop, request: AskForBook, title: str, found: list[FoundTune], faults: list[str]
) -> Generator[BookProgress | Notice, None, bytes]:
    sound = request.sound
    if sound and len(found) > MOST_PLAYERS:
        raise RequestError(f"a book with players has at most {MOST_PLAYERS} tunes; make it without, or as .pdf")
    if sound and (missing := missing_for_sound(workshop.soundfont)):
        yield Notice(f"the book has no players: {missing}")
        sound = False
    entries = []
    for number, entry in enumerate(engraved(found, sound, workshop.soundfont), 1):
        if isinstance(entry, Entry):
            entries.append(entry)
        else:
            faults.append(entry)
        yield BookProgress(number, len(found))
    if not entries:
        raise ParseError(faults[0])
    return write(entries, title)


def _texts(folder: Path) -> dict[str, Path]:
    """Return the tunes of the folder by their names."""
    return {path.stem: path for path in folder.glob("*.abc") if not path.name.startswith(".") and path.is_file()}


def _find(workshop: Workshop, name: str) -> Path:
    """Return the path of a tune's text. Raises MissingError if no tune in the folder has this name."""
    path = _texts(workshop.folder / FOLDER).get(name)
    if path is None:
        raise MissingError("this tune is no longer in the collection")
    return path


def _described(path: Path, index: dict[str, dict[str, str]]) -> CollectedTune:
    with path.open("rb") as file:
        title = tune_title(file.read(_HEADING).decode(errors="replace"))
    suffixes = tuple(suffix for suffix in SUFFIXES if path.with_suffix(suffix).exists())
    return CollectedTune(path.stem, title, suffixes, path.stat().st_mtime, path.stem in index)


def _index(workshop: Workshop) -> dict[str, dict[str, str]]:
    """Return the digests of the files that the studio wrote, by tune and suffix."""
    try:
        found = json.loads((workshop.folder / INDEX).read_bytes())
        return {
            str(name): {suffix: files[suffix] for suffix in files if suffix in SUFFIXES}
            for name, files in found.items()
        }
    except (OSError, ValueError, AttributeError, TypeError):  # without it, nothing is removed
        return {}


def _write_index(workshop: Workshop, index: dict[str, dict[str, str]]) -> None:
    write_atomically(workshop.folder / INDEX, json.dumps(index, indent=1).encode())


OPERATIONS = (
    operation("POST", "/api/collection", collect),
    operation("GET", "/api/collection", list_collection),
    operation("GET", "/api/collection/tune", open_collected),
    operation("POST", "/api/collection/remove", remove_collected),
    operation("POST", "/api/book", make_book),
)
