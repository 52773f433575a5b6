"""Export a tune or a performance as a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from folkseq.errors import RequestError
from folkseq.settings import REQUIRED, setting
from folkseq.studio.api.tunes import LONGEST_TEXT
from folkseq.studio.operations import File, operation
from folkseq.studio.takeaway import SUFFIXES, Made, from_abc, from_midi
from folkseq.studio.workshop import Workshop
from folkseq.verbs.convert import FASTEST, SLOWEST


@dataclass(frozen=True)
class AskForFile:
    """The music, as ABC or as a MIDI file, and the format."""

    suffix: str = setting(REQUIRED, "The format.", choices=SUFFIXES)
    abc: str = setting("", "A tune.", longest=LONGEST_TEXT)
    midi: str = setting("", "A performance in place of a tune: a MIDI file in base64.")
    name: str = setting("", "Title of the performance.")
    swing: float | None = setting(None, "Share of a beat that the first eighth takes.", low=0.5, high=0.75)
    tempo: float | None = setting(None, "Beats per minute, in place of the tune's own.", low=SLOWEST, high=FASTEST)


@dataclass(frozen=True)
class Prepared:
    """A stored file, for a link."""

    id: str
    name: str
    type: str
    size: int
    lost: Mapping[str, int]
    """The number of losses of each kind."""


@dataclass(frozen=True)
class Fetch:
    """A request for a prepared file."""

    id: str = setting(REQUIRED, "Its id.")


def make_file(workshop: Workshop, request: AskForFile) -> File:
    """Make a file of a tune or a performance, with its record."""
    return _made(workshop, request).file


def prepare_file(workshop: Workshop, request: AskForFile) -> Prepared:
    """Make a file and store it for a while, so that a link or a drag can fetch it."""
    made = _made(workshop, request)
    return prepared(workshop, made)


def fetch_file(workshop: Workshop, request: Fetch) -> File:
    """Fetch a prepared file."""
    return workshop.prepared.get(request.id)


def prepared(workshop: Workshop, made: Made) -> Prepared:
    """Store a file for a link."""
    file = made.file
    return Prepared(workshop.prepared.add(file), file.name, file.type, len(file.data), made.lost)


def _made(workshop: Workshop, request: AskForFile) -> Made:
    if bool(request.abc) == bool(request.midi):
        raise RequestError("there is no music to take away" if not request.abc else "send a tune or a performance")
    if request.midi:
        return from_midi(request.midi, request.suffix, request.name, workshop.soundfont)
    return from_abc(request.abc, request.suffix, swing=request.swing, bpm=request.tempo, soundfont=workshop.soundfont)


OPERATIONS = (
    operation("POST", "/api/files", make_file),
    operation("POST", "/api/prepare", prepare_file),
    operation("GET", "/api/prepared", fetch_file),
)
