"""The history of tunes: each tune is a document with its versions, a JSON file in the folder `history`.

A page chooses a UUID for each document, and sends the revision that it knows. If this is not the newest revision, the
save fails with a conflict, and the page continues under another id, so that nothing is overwritten. Each save also has
an id: a page that was reloaded before the answer to a save sends that id, and continues from there.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock

from folkseq.errors import RequestError
from folkseq.files import write_atomically
from folkseq.settings import REQUIRED, from_json, setting, validate
from folkseq.studio.api.collection import collected
from folkseq.studio.api.tunes import LONGEST_TEXT
from folkseq.studio.errors import ConflictError, MissingError
from folkseq.studio.operations import operation
from folkseq.studio.takeaway import tune_title
from folkseq.studio.workshop import Workshop

FOLDER = "history"
MOST_VERSIONS = 1000
MOST_DOCUMENTS = 2000
"""Maximum number of documents, apart from those of collected tunes; new ones displace the oldest."""
_LARGEST = 1 << 23  # bytes of a readable document; a request is smaller
_LONGEST_ID = 36
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_lock = Lock()


@dataclass(frozen=True)
class TuneVersion:
    """A version of a tune."""

    abc: str = setting(REQUIRED, "Its text.", longest=LONGEST_TEXT)
    label: str = setting("", "What made it.", longest=200)

    def __post_init__(self) -> None:
        validate(self)


@dataclass(frozen=True)
class Document:
    """A tune with its versions, oldest first."""

    id: str = setting(REQUIRED, "A UUID.")
    versions: tuple[TuneVersion, ...] = setting(REQUIRED, f"At least one and at most {MOST_VERSIONS}.")
    at: int = setting(0, "The open version, from 0.", low=0, high=MOST_VERSIONS - 1)
    revision: int = setting(0, "The number of changes so far; 0 for a new document.", low=0)
    save: str = setting("", "Any id of this save.", longest=_LONGEST_ID)

    def __post_init__(self) -> None:
        validate(self)
        if not _ID.fullmatch(self.id):
            raise ValueError("id must be a UUID")
        if not self.at < len(self.versions) <= MOST_VERSIONS:
            raise ValueError(f"versions must be at most {MOST_VERSIONS}, and one of them open")


@dataclass(frozen=True)
class SaveDocument(Document):
    """A document to save."""

    unheard: tuple[str, ...] = setting((), "Ids of its saves that the page has not heard of.")


@dataclass(frozen=True)
class Saved:
    """The new revision, which the next save must send."""

    revision: int


@dataclass(frozen=True)
class AskForHistory:
    """A part of the list of documents."""

    count: int = setting(50, "Number of documents.", low=1, high=200)
    skip: int = setting(0, "Newer documents that are left out.", low=0)


@dataclass(frozen=True)
class Remembered:
    """A document without its versions."""

    id: str
    title: str
    versions: int
    saved_s: float
    """Seconds since 1970."""


@dataclass(frozen=True)
class TuneHistory:
    """Documents, newest first."""

    documents: tuple[Remembered, ...]
    count: int
    """Number of all documents."""
    folder: str
    faults: tuple[str, ...]
    """Unreadable files, which stay unchanged."""


@dataclass(frozen=True)
class AskForDocument:
    """A request for one document."""

    id: str = setting(REQUIRED, "Its id.")


def save_history(workshop: Workshop, request: SaveDocument) -> Saved:
    """Save a tune with its versions, unless another page has changed it."""
    folder = workshop.folder / FOLDER
    path = folder / f"{request.id}.json"
    with _lock:
        try:
            known = _read(path) if path.exists() else None
        except RequestError as error:
            raise ConflictError(f"{error}; go on with a copy") from None
        revision = request.revision
        if known is not None:
            if (known.versions, known.at) == (request.versions, request.at):
                return Saved(known.revision)
            if revision != known.revision and (not known.save or known.save not in request.unheard):
                raise ConflictError("another page has changed this tune; go on with a copy")
            revision = known.revision
        saved = asdict(request) | {"revision": revision + 1}
        del saved["unheard"]
        write_atomically(path, json.dumps(saved, ensure_ascii=False).encode())
        if known is None:
            _make_room(workshop, folder)
    return Saved(revision + 1)


def list_history(workshop: Workshop, request: AskForHistory) -> TuneHistory:
    """List the tunes that were open, newest first."""
    paths, found, faults = _paths(workshop.folder / FOLDER), list[Remembered](), list[str]()
    for path in paths[request.skip : request.skip + request.count]:
        try:
            document, saved_s = _read(path), path.stat().st_mtime
        except (RequestError, OSError) as error:
            faults.append(str(error))
            continue
        title = tune_title(document.versions[document.at].abc)
        found.append(Remembered(document.id, title, len(document.versions), saved_s))
    return TuneHistory(tuple(found), len(paths), str(workshop.folder.resolve()), tuple(faults))


def open_history(workshop: Workshop, request: AskForDocument) -> Document:
    """Open a tune with its versions."""
    path = workshop.folder / FOLDER / f"{request.id}.json"
    if not _ID.fullmatch(request.id) or not path.exists():
        raise MissingError("this tune is no longer in the history")
    return _read(path)


def _read(path: Path) -> Document:
    """Return a document. Raises RequestError if the file is not one."""
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise ValueError("too large")
        found = json.loads(data)
        document = from_json(Document, found if isinstance(found, dict) else {})
        if path.stem != document.id:
            raise ValueError("the name is not its id")
    except (OSError, ValueError, TypeError, RecursionError):
        raise RequestError(f"{path}: cannot be read as history; it is left as it is") from None
    return document


def _paths(folder: Path) -> list[Path]:
    """Return the files of the documents, newest first."""

    def dated() -> Iterator[tuple[int, Path]]:
        for path in folder.glob("*.json"):
            if _ID.fullmatch(path.stem):
                try:
                    yield path.stat().st_mtime_ns, path
                except OSError:  # it was removed meanwhile
                    continue

    return [path for _, path in sorted(dated(), reverse=True)]


def _make_room(workshop: Workshop, folder: Path) -> None:
    """Remove the oldest excess documents, except those of collected tunes and unreadable ones."""
    old = deque(_paths(folder)[MOST_DOCUMENTS:])
    kept = collected(workshop) if old else set()
    while old:
        path = old.pop()
        try:
            texts = {version.abc for version in _read(path).versions}
        except RequestError:
            continue
        if not texts & kept:
            path.unlink(missing_ok=True)


OPERATIONS = (
    operation("POST", "/api/history", save_history),
    operation("GET", "/api/history", list_history),
    operation("GET", "/api/history/tune", open_history),
)
