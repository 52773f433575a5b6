"""From the text of a tune book to tunes: their headers, their voices, and what could not be read (ABC 2.1, section 3).

Music before the first `V:` of the body belongs to the first voice that the header names. `I:` lines shape the page
only, and are passed over.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain
from pathlib import Path

from folkseq.errors import ParseError
from folkseq.formats.abc.fields import default_unit, parse_key, parse_meter, parse_settings, parse_tempo, parse_unit
from folkseq.formats.abc.lines import Line, continued, cut_tunes
from folkseq.formats.abc.voice import VoiceReader
from folkseq.music.signature import Key, Meter, Tempo
from folkseq.music.tune import Part, Sound, Tune

_VOICE = re.compile(r"\[V:([^\]]*)\]")
_KEPT = "ABCDFGHNOSZ"  # header fields that a tune keeps as they are
_MOST_VOICES = 100


@dataclass(frozen=True)
class Fault:
    """A tune that could not be read: where, and why."""

    file: str
    number: str
    title: str
    line: int
    reason: str

    def __str__(self) -> str:
        title = f" ({self.title})" if self.title else ""
        return f"{self.file}, X:{self.number}{title}, line {self.line}: {self.reason}"


@dataclass(frozen=True)
class Book:
    """What a file of ABC holds: the tunes read, those that could not be, and what was lost inside those read, by kind.

    `lost[i]` belongs to `tunes[i]`; `stray` counts what lies outside every tune.
    """

    tunes: tuple[Tune, ...]
    lost: tuple[Mapping[str, int], ...] = ()
    faults: tuple[Fault, ...] = ()
    stray: Mapping[str, int] = field(default_factory=dict)


def parse(text: str, file: str = "<text>") -> Book:
    """Reads every tune in `text`; a tune that cannot be read is a fault, never an exception.

    Args:
        text: a tune book.
        file: the book's name in faults.
    """
    tunes: list[Tune] = []
    lost: list[Mapping[str, int]] = []
    faults: list[Fault] = []
    stray: Counter[str] = Counter()
    for found, lost_in_it in parse_each(text, file, stray):
        if isinstance(found, Fault):
            faults.append(found)
        else:
            tunes.append(found)
            lost.append(lost_in_it)
    return Book(tuple(tunes), tuple(lost), tuple(faults), stray)


def parse_each(text: str, file: str, stray: Counter[str]) -> Iterator[tuple[Tune | Fault, Mapping[str, int]]]:
    """The same tune by tune, in their order, those that cannot be read among them; adds to what is stray."""
    header: list[Line] = []
    for number, block in enumerate(cut_tunes(text, header, stray), 1):
        reader = _TuneReader(number)
        try:
            yield reader.read(chain(header, block.lines)), reader.lost
        except (ParseError, ValueError) as error:
            name, title = (block.fields.get(letter, "")[:80] for letter in "XT")
            yield Fault(file, name or "?", title, reader.line, str(error)), {}


def parse_bytes(data: bytes, file: str = "<bytes>") -> Book:
    """Reads the tunes of a file's bytes, UTF-8 or else Latin-1 (or UTF-16 with its byte-order mark).

    Raises:
        ParseError: if the bytes are no text, or hold no tune at all.
    """
    book = parse(decode(data, file)[0], file)
    if not book.tunes and not book.faults:
        raise ParseError(f"{file}: no tune in it (no line begins with X:, and no block of fields has a K:)")
    return book


def decode(data: bytes, file: str) -> tuple[str, str]:
    """The text of a file's bytes and its encoding, which gives the bytes again. Raises ParseError if they are none."""
    if not data.strip():
        raise ParseError(f"{file}: the file is empty; an ABC file holds tunes that begin with an X: line")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace"), "utf-16"
    if b"\0" in data:
        raise ParseError(f"{file}: not text, and so not ABC (it holds zero bytes)")
    encoding = "utf-8-sig" if data[:3] == b"\xef\xbb\xbf" else "utf-8"
    try:
        return data.decode(encoding), encoding
    except UnicodeDecodeError:
        return data.decode("latin-1"), "latin-1"


def read(path: Path | str) -> Book:
    """Reads the file at `path`. Raises ParseError if it cannot be opened, is no text, or holds no tune."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ParseError(f"{path}: cannot be read ({error.strerror or error})") from None
    return parse_bytes(data, str(path))


class _TuneReader:
    """Reads the lines of one tune; `line` is where it is, for the fault if there is one."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.line = 0
        self.lost: Counter[str] = Counter()
        self.titles: list[str] = []
        self.fields: list[tuple[str, str]] = []
        self.rhythm = self.parts = ""
        self.key, self.meter = Key(), Meter()
        self.unit: Fraction | None = None
        self.tempo: Tempo | None = None
        self.tempo_text = ""
        self.names: list[str] = []  # of voices, in the order in which the header has them
        self.voices: dict[str, VoiceReader] = {}
        self.voice: VoiceReader | None = None
        self.in_body = False

    def read(self, lines: Iterable[Line]) -> Tune:
        for self.line, letter, text in continued(lines):
            if not letter:
                if self.in_body:
                    self._music(text)
                else:
                    self.lost["line of text in the header"] += 1
            elif self.in_body:
                self._body_field(letter, text)
            else:
                self._header_field(letter, text)
        if not self.in_body:
            raise ParseError("no K: line, which ends a tune's header; add one such as K:G")
        names = [name for name in self.names if name in self.voices]
        voices = tuple(self.voices[name].finish() for name in dict.fromkeys([*names, *self.voices]))
        if not any(isinstance(element, Sound) and element.pitches for voice in voices for element in voice):
            raise ParseError("no note in it")
        return Tune(
            voices=voices,
            key=self.key,
            meter=self.meter,
            number=self.number,
            titles=tuple(self.titles),
            rhythm=self.rhythm,
            unit=self.unit or default_unit(self.meter),
            tempo=self.tempo,
            parts=self.parts,
            fields=tuple(self.fields),
        )

    def _header_field(self, letter: str, value: str) -> None:
        if letter == "X":
            digits = re.match(r"\d{1,9}", value)
            self.number = int(digits[0]) if digits else self.number
        elif letter == "T":
            self.titles.append(value)
        elif letter == "R":
            self.rhythm = self.rhythm or value
        elif letter == "M":
            self.meter = parse_meter(value)
        elif letter == "L":
            self.unit = parse_unit(value)
        elif letter == "P":
            self.parts = value
        elif letter == "Q":
            self.tempo_text = value
        elif letter == "V":
            name, settings = _parse_voice(value)
            self.names.append(name)
            self._settings(settings)
        elif letter == "K":
            key, settings = parse_key(value)
            self.key = key or Key()
            self._settings(settings)
            if self.tempo_text:
                self.tempo = parse_tempo(self.tempo_text, self.unit or default_unit(self.meter))
                if self.tempo is None:
                    self.fields.append(("Q", self.tempo_text))
            self.in_body = True
        elif letter in _KEPT:
            self.fields.append((letter, value))
        elif letter == "m":
            self.lost["macro, not expanded"] += 1
        elif letter in "wW":
            self.lost["line of words"] += 1
        elif letter not in "rI":
            self.lost[f"{letter}: field"] += 1

    def _body_field(self, letter: str, value: str) -> None:
        if letter == "V":
            self._change_voice(value)
        elif letter in "KMLQP":
            self._change(letter, value)
        elif letter in "wW":
            self.lost["line of words"] += 1
        elif letter == "T":
            self.titles.append(value)
        elif letter not in "rIN":
            self.lost[f"{letter}: field in the body"] += 1

    def _change(self, letter: str, value: str) -> None:
        """A change of key, meter, unit, tempo or part in the voice that is being read."""
        voice = self._voice()
        if letter == "K":
            key, settings = parse_key(value)
            self._settings(settings)
            if key is not None:
                voice.change_key(key)
        elif letter == "M":
            voice.change_meter(parse_meter(value))
        elif letter == "L":
            voice.unit = parse_unit(value)
        elif letter == "P":
            voice.body.append(Part(" ".join(value.split())))
        else:
            tempo = parse_tempo(value, voice.unit)
            if tempo is None:
                self.lost["tempo in words"] += 1
            else:
                voice.body.append(tempo)

    def _settings(self, settings: tuple[str, ...]) -> None:
        for setting in settings:
            self.lost[f"setting {setting}"] += 1

    def _change_voice(self, value: str) -> None:
        name, settings = _parse_voice(value)
        self._settings(settings)
        if name not in self.voices:
            if len(self.voices) == _MOST_VOICES:
                raise ParseError(f"more than {_MOST_VOICES} voices")
            self.voices[name] = VoiceReader(self.key, self.meter, self.unit or default_unit(self.meter), self.lost)
        self.voice = self.voices[name]

    def _voice(self) -> VoiceReader:
        if self.voice is None:
            self._change_voice(self.names[0] if self.names else "1")
        assert self.voice is not None
        return self.voice

    def _music(self, line: str) -> None:
        if "[V:" not in line:
            self._voice().read(line, self._inline)
            return
        before, *voices = _VOICE.split(line)  # text, name, text, name, text …
        if before.strip():
            self._voice().read(before, self._inline)
        for name, music in zip(voices[::2], voices[1::2], strict=True):
            self._change_voice(name)
            self._voice().read(music, self._inline)

    def _inline(self, text: str) -> None:
        self._body_field(text[0], text[2:].strip())


def _parse_voice(value: str) -> tuple[str, tuple[str, ...]]:
    """The name that a `V:` line gives, and the settings after it."""
    name, *rest = value.split(maxsplit=1) or ["1"]
    return name, parse_settings(rest[0]) if rest else ()
