"""From the lines of a tune to its header and voices (ABC 2.1, section 3).

Music before the first `V:` of the body belongs to the first voice that the header names. `I:` lines only shape the
page, and are ignored.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain
from typing import NamedTuple

from folkseq.errors import ParseError
from folkseq.formats.abc.fields import (
    default_unit,
    is_tempo_range,
    parse_key,
    parse_meter,
    parse_settings,
    parse_tempo,
    parse_unit,
)
from folkseq.formats.abc.voice import VoiceReader
from folkseq.music.signature import Key, Meter, Tempo
from folkseq.music.tune import Part, Sound, Tune

_VOICE = re.compile(r'"[^"]*"|\[V:([^\]]*)\]')
_KEPT = "ABCDFGHNOSZ"  # header fields that a tune keeps as they are
_MOST_VOICES = 100


class Line(NamedTuple):
    """A line of the file: its number, the letter of its field ("" for music), and its text after the letter."""

    number: int
    letter: str
    text: str


class TuneReader:
    """Reads the lines of one tune; `line` is the current one's number, for the fault if there is one."""

    def __init__(self, number: int = 1) -> None:
        self.number = number
        self.line = 0
        self.lost: Counter[str] = Counter()
        self.titles: list[str] = []
        self.fields: list[tuple[str, str]] = []
        self.rhythm = self.parts = self.tempo_text = ""
        self.key, self.meter = Key(), Meter()
        self.unit: Fraction | None = None
        self.tempo: Tempo | None = None
        self.names: list[str] = []  # of voices, in the header's order
        self.voices: dict[str, VoiceReader] = {}
        self.voice: VoiceReader | None = None
        self.in_body = False

    def read(self, lines: Iterable[Line]) -> Tune:
        """Return the tune. Raises ParseError or ValueError if it cannot be read."""
        voices = tuple(voice.finish() for voice in self.read_voices(lines))
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

    def read_voices(self, lines: Iterable[Line]) -> list[VoiceReader]:
        """Return the voices, in the header's order."""
        for self.line, letter, text in _continued(lines):
            if letter:
                (self.read_body_field if self.in_body else self._read_header_field)(letter, text)
            elif self.in_body:
                self.read_music(text)
            else:
                self.lost["line of text in the header"] += 1
        if not self.in_body:
            raise ParseError("no K: line, which ends a tune's header; add one such as K:G")
        return [self.voices[name] for name in dict.fromkeys([*self.names, *self.voices]) if name in self.voices]

    def current_voice(self) -> VoiceReader:
        """Return the voice that is being read."""
        if self.voice is None:
            self.voice = self._voice_of(self.names[0] if self.names else "1")
        return self.voice

    def read_music(self, line: str) -> None:
        """Read a line of music, which may change from voice to voice."""
        if "[V:" not in line:
            self.current_voice().read(line, self._read_inline_field)
            return
        start = 0
        for match in _VOICE.finditer(line):
            if match[1] is None:  # a text
                continue
            if line[start : match.start()].strip():
                self.current_voice().read(line[start : match.start()], self._read_inline_field)
            self.read_body_field("V", match[1])
            start = match.end()
        self.current_voice().read(line[start:], self._read_inline_field)

    def read_body_field(self, letter: str, value: str) -> None:
        """Read a field after the header, on a line of its own or inline."""
        if letter == "V":
            name, settings = _parse_voice(value)
            self._count_settings(settings)
            self.voice = self._voice_of(name)
        elif letter in "KMLQP":
            self._change(self.current_voice(), letter, value)
        elif letter == "T":
            self.titles.append(value)
        elif letter in "wW":
            self.lost["line of words"] += 1
        elif letter not in "rIN":
            self.lost[f"{letter}: field in the body"] += 1

    def _change(self, voice: VoiceReader, letter: str, value: str) -> None:
        if letter == "K":
            key, settings = parse_key(value)
            self._count_settings(settings)
            if key is not None:
                voice.change(key)
        elif letter == "M":
            voice.change(parse_meter(value))
        elif letter == "L":
            voice.unit = parse_unit(value)
        elif letter == "P":
            voice.change(Part(" ".join(value.split())))
        elif tempo := self._tempo(value, voice.unit):
            voice.change(tempo)
        else:
            self.lost["tempo in words"] += 1

    def _read_inline_field(self, text: str) -> None:
        self.read_body_field(text[0], text[2:].strip())

    def _read_header_field(self, letter: str, value: str) -> None:
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
            self._count_settings(settings)
        elif letter == "K":
            key, settings = parse_key(value)
            self.key, self.in_body = key or Key(), True
            self._count_settings(settings)
            if self.tempo_text:
                self.tempo = self._tempo(self.tempo_text, self.unit or default_unit(self.meter))
                if self.tempo is None:
                    self.fields.append(("Q", self.tempo_text))
                    self.lost.update(["tempo that cannot be read"] * any(map(str.isdigit, self.tempo_text)))
        elif letter in _KEPT:
            self.fields.append((letter, value))
        elif letter == "m":
            self.lost["macro, not expanded"] += 1
        elif letter in "wW":
            self.lost["line of words"] += 1
        elif letter not in "rI":
            self.lost[f"{letter}: field"] += 1

    def _tempo(self, text: str, unit: Fraction) -> Tempo | None:
        tempo = parse_tempo(text, unit)
        if tempo and is_tempo_range(text):
            self.lost["tempo range, read as its first number"] += 1
        return tempo

    def _voice_of(self, name: str) -> VoiceReader:
        if name not in self.voices:
            if len(self.voices) == _MOST_VOICES:
                raise ParseError(f"more than {_MOST_VOICES} voices")
            self.voices[name] = VoiceReader(self.key, self.meter, self.unit or default_unit(self.meter), self.lost)
        return self.voices[name]

    def _count_settings(self, settings: tuple[str, ...]) -> None:
        self.lost.update(f"setting {setting}" for setting in settings)


def _continued(lines: Iterable[Line]) -> Iterator[Line]:
    """Yield the lines, each field with the `+:` lines that continue it."""
    held: list[Line] = []
    for line in chain(lines, [Line(0, "", "")]):
        if line.letter == "+" and held and held[0].letter:
            held.append(line)
            continue
        if held:
            yield held[0] if len(held) == 1 else held[0]._replace(text=" ".join(each.text for each in held))
        held = [line]


def _parse_voice(value: str) -> tuple[str, tuple[str, ...]]:
    """Return the name that a `V:` field gives, and the settings after it."""
    name, *rest = value.split(maxsplit=1) or ["1"]
    return name, parse_settings(rest[0]) if rest else ()
