"""Export a tune or a performance as a file, with the record from its text or MIDI file."""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from threading import BoundedSemaphore, Lock

from folkseq.errors import FolkseqError, ParseError, RequestError
from folkseq.files import file_stem
from folkseq.formats import abc, audio, derived, midi, musicxml, score
from folkseq.music.playback import STRAIGHT, perform
from folkseq.music.tune import Tune
from folkseq.studio.errors import BusyError, MissingError
from folkseq.studio.operations import File
from folkseq.studio.performing import decoded
from folkseq.verbs.convert import NATIVE
from folkseq.verbs.record import Record

TYPES = {
    ".abc": "text/vnd.abc",
    ".mid": "audio/midi",
    ".musicxml": "application/vnd.recordare.musicxml+xml",
    ".mxl": "application/vnd.recordare.musicxml",
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
    ".svg": "image/svg+xml",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".html": "text/html",
}
"""The MIME type of each suffix."""
SUFFIXES = tuple(derived.possible(NATIVE))
LONGEST_S = 600.0
"""Maximum duration of an audio file."""
_COMMENT, _TITLE = re.compile(r"^% ?(.*)$", re.MULTILINE), re.compile(r"^T:(.*)$", re.MULTILINE)
_MOST_WAITING = 8
_waiting, _making = BoundedSemaphore(_MOST_WAITING), Lock()


@dataclass(frozen=True)
class Made:
    """A file, and the number of losses of each kind."""

    file: File
    lost: Counter[str]


def from_abc(
    text: str, suffix: str, *, swing: float | None = None, bpm: float | None = None, soundfont: Path | None = None
) -> Made:
    """Return a tune as a file; ABC is the text itself, and other formats contain its comments.

    Raises:
        FolkseqError: the text holds no tune, or the file cannot be made.
    """
    stem = tune_stem(text)
    if suffix == ".abc":
        return Made(_file(stem, suffix, text.encode()), Counter())
    tune, comments = read_tune(text), _COMMENT.findall(text)

    def native(kind: str) -> bytes:
        if kind == ".musicxml":
            return musicxml.format(tune, comments)
        performance = perform(tune, swing=swing or STRAIGHT, bpm=bpm)
        _check_duration(performance.length_s, suffix)
        return midi.format(performance, comments)

    try:
        with _in_turn(suffix):
            data = derived.format(native, suffix, NATIVE, soundfont)
    except ValueError as error:
        raise RequestError(str(error)) from None
    lost = musicxml.unwritten(tune) if derived.origin(suffix) == ".abc" else Counter[str]()
    return Made(_file(stem, suffix, data), Counter(lost))


def from_midi(encoded: str, suffix: str, name: str, soundfont: Path | None = None) -> Made:
    """Return a performance, given as MIDI in base64, as a MIDI or audio file. Raises FolkseqError if that fails."""
    data = decoded(encoded, "the performance")
    if derived.origin(suffix) != ".mid":
        raise RequestError(f"a performance can be taken away as .mid or as sound, not as {suffix}")
    performance = midi.parse(data, "the performance").performance
    _check_duration(performance.length_s, suffix)
    with _in_turn(suffix):
        made = derived.format(lambda _: data, suffix, (".mid",), soundfont)
    return Made(_file(_stem(name or performance.name, data) or "performance", suffix, made), Counter())


def read_tune(text: str) -> Tune:
    """Return the first tune of a text, which the page shows. Raises ParseError if there is none."""
    entries = abc.parse(text).entries
    if not entries:
        raise ParseError("no tune in it: write a line such as X:1, then the fields, of which K: is the last")
    first = entries[0]
    if isinstance(first, abc.Fault):
        raise ParseError(f"line {first.line}: {first.reason}")
    return first


def tune_title(text: str) -> str:
    """Return the first title in a text; `Untitled` if there is none."""
    found = _TITLE.search(text)
    return (found[1].strip() if found else "") or "Untitled"


def tune_stem(text: str) -> str:
    """Return the stem of a tune's file names: its title, and the seed and number in its record."""
    return _stem(tune_title(text), text.encode()) or "tune"


def _stem(title: str, data: bytes) -> str:
    number = ""
    with suppress(FolkseqError):
        record = Record.find(data, title)[0]
        number = f"{record.seed}-{record.index}"
    return file_stem(title, number)


def _file(stem: str, suffix: str, data: bytes) -> File:
    return File(f"{stem}{suffix}", TYPES[suffix], data)


def _check_duration(duration_s: float, suffix: str) -> None:
    if suffix in audio.SUFFIXES and duration_s > LONGEST_S:
        raise RequestError(
            f"the music lasts {duration_s / 60:.0f} minutes; sound is made of {LONGEST_S / 60:.0f} at most; take .mid"
        )


@contextmanager
def _in_turn(suffix: str) -> Iterator[None]:
    """Allow one audio file or score at a time, since they take memory; refuse more than a few waiting requests."""
    if suffix not in (*audio.SUFFIXES, *score.SUFFIXES):
        yield
        return
    if not _waiting.acquire(blocking=False):
        raise BusyError(f"{_MOST_WAITING} other files are being made; try again when they are done")
    try:
        with _making:
            yield
    finally:
        _waiting.release()


@dataclass
class PreparedFiles:
    """Files in memory that links can fetch; new files displace the oldest."""

    most: int = 64
    most_bytes: int = 1 << 27
    _files: OrderedDict[str, File] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def add(self, file: File) -> str:
        """Store a file, and return the id for fetching it, which is a digest of its name and contents."""
        key = sha256(file.name.encode() + b"\0" + file.data).hexdigest()[:32]
        with self._lock:
            self._files[key] = self._files.pop(key, file)
            while len(self._files) > 1 and (len(self._files) > self.most or self._size() > self.most_bytes):
                self._files.popitem(last=False)
        return key

    def get(self, key: str) -> File:
        """Return a file. Raises MissingError if it has been displaced."""
        with self._lock:
            if key not in self._files:
                raise MissingError("this file is no longer kept; make it again with its button")
            self._files.move_to_end(key)
            return self._files[key]

    def _size(self) -> int:
        return sum(len(file.data) for file in self._files.values())
