"""Parse the lines of a tune to its header and voices (ABC 2.1, section 3).

Music before the first `V:` of the body belongs to the first voice that the header names. A directive in the header
applies to the last named voice, or else to all; in the body, it applies to the current voice. Directives that only
shape the page are ignored.
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
from folkseq.formats.abc.macros import Macros
from folkseq.formats.abc.overlays import Overlays
from folkseq.formats.abc.settings import DRUMS, Settings, is_heard, page_clef
from folkseq.formats.abc.voice import VoiceReader
from folkseq.music.parts import played_order, spread_parts, unfollowed_parts
from folkseq.music.route import find_route
from folkseq.music.signature import Key, Meter, Tempo
from folkseq.music.tune import Element, Instrument, Part, Sound, Tune

_VOICE = re.compile(r'"[^"]*"|\[V:([^\]]*)\]')
_PROGRAM = re.compile(r"MIDI\s+program\s+(\d{1,2})\s+\d")  # sets the program of a channel
_SETTINGS = re.compile(r'\s*(?:[a-z]+ ?= ?(?:"[^"]*"|\S+)\s*)*')
_ZERO = re.compile(r'"[^"]*"|![^!\s]*!|(?<=[A-Ga-g,\'\]])0+(?![0-9/])')
_NAME = re.compile(r'(?<!\S)(name|nm|subname|sname|snm) ?= ?("[^"]*"|[^\s"]+)')  # names of a voice on the page
_KEPT = "ABCDFGHNOSWZ"  # header fields that a tune keeps unchanged
_MOST_VOICES = 100


class Line(NamedTuple):
    """A line of the file: its number, the letter of its field ("" for music), and its text after the letter."""

    number: int
    letter: str
    text: str


class TuneReader:
    """Reads the lines of one tune; `line` is the number of the current line, for error messages."""

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
        self.settings = Settings()  # the defaults of every voice
        self.names: dict[str, list[Line]] = {}  # the header's lines for each voice, by name, in its order
        self.named: list[Line] | None = None  # the lines for the last named voice
        self.labels: dict[str, dict[str, str]] = {}  # page settings of each voice, such as name and clef
        self.clef: dict[str, str] = {}  # page settings of every voice
        self.programs: list[tuple[int, str]] = []  # channels, and the directives that set their programs
        self.voices: dict[str, VoiceReader] = {}
        self.voice: VoiceReader | None = None
        self.overlays: dict[VoiceReader, Overlays] = {}  # of the voices that have overlays
        self.unnamed: VoiceReader | None = None  # the voice of the music before the first V:
        self.macros: Macros | None = None
        self.in_body = self.labelled = False

    def read(self, lines: Iterable[Line]) -> Tune:
        """Return the tune. Raises ParseError or ValueError if it cannot be read."""
        readers = self.read_voices(lines)
        if self.overlays:
            voices = tuple(each for voice in readers for each in self._finish(voice))
        else:
            voices = tuple(voice.finish() for voice in readers)
        if self.settings.semitones % 12:
            voices = self._with_key(voices)
        if not any(isinstance(element, Sound) and element.pitches for voice in voices for element in voice):
            raise ParseError("no note in it")
        if self.labelled and len(voices) > 1:
            voices = spread_parts(voices)
        tune = Tune(
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
            voice_fields=self._voice_fields() if self.labels or self.clef else (),
        )
        if self.labelled or self.parts:
            self.lost.update(unfollowed_parts(tune))
        if any(voice.jumps for voice in self.voices.values()) and (find_route(voices)[1] or played_order(tune)):
            self.lost["D.C. or D.S. that is not followed"] += 1
        return tune

    def _finish(self, voice: VoiceReader) -> Iterator[tuple[Element, ...]]:
        """Yield a voice and its overlays."""
        yield voice.finish()
        if voice in self.overlays:
            yield from self.overlays[voice].finish()

    def _voice_fields(self) -> tuple[str, ...]:
        """Return the `V:` field of each voice, or nothing if the fields hold only numbers."""
        fields: list[str] = []
        for name in self._order():
            if name in self.voices:
                label = {**self.clef, **self.labels.get(name, {})}
                said = [f"{key}={value}" for key, value in label.items() if value != "treble"]
                overlays = self.overlays.get(self.voices[name])
                fields += [" ".join([name, *said]), *[""] * (len(overlays) if overlays else 0)]
        plain = all(field in ("", str(number)) for number, field in enumerate(fields, 1))
        return () if plain else tuple(fields)

    def _with_key(self, voices: tuple[tuple[Element, ...], ...]) -> tuple[tuple[Element, ...], ...]:
        """Return the voices without the transposed key in which all begin; it becomes the tune's key."""
        keys = [next((e for e in voice if not isinstance(e, Instrument)), None) for voice in voices]
        first = keys[0] if keys else None
        if not isinstance(first, Key) or any(key != first for key in keys):
            return voices
        self.key = first
        rests = [list(voice) for voice in voices]
        for rest in rests:
            rest.remove(first)
        return tuple(map(tuple, rests))

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
        return [self.voices[name] for name in self._order() if name in self.voices]

    def _order(self) -> Iterable[str]:
        return dict.fromkeys([*self.names, *self.voices])

    def current_voice(self) -> VoiceReader:
        """Return the voice that is being read."""
        if self.voice is None:
            self.voice = self._voice_of(next(iter(self.names), "1"))
            self.unnamed = None if self.names else self.voice
        return self.voice

    def read_music(self, line: str) -> None:
        """Read a line of music, which may change from voice to voice."""
        line = self.expand(line)
        if "[V:" not in line:
            self.read_voice(line, 0)
            return
        start = 0
        for match in _VOICE.finditer(line):
            if match[1] is None:  # a text
                continue
            if line[start : match.start()].strip():
                self.read_voice(line[start : match.start()], start)
            self.read_body_field("V", match[1].strip())
            start = match.end()
        self.read_voice(line[start:], start)

    def expand(self, line: str) -> str:
        """Return a line of music with macros expanded and without lengths of 0."""
        if self.macros:
            line = self.macros.expand(line)
        return _ZERO.sub(self._without_zero, line) if "0" in line else line

    def read_voice(self, text: str, start: int) -> None:
        """Read music of the current voice, which begins at index `start` of the expanded line."""
        voice = self.current_voice()
        if "&" in text or (self.overlays and voice in self.overlays):
            self.overlays.setdefault(voice, Overlays(voice, self._change)).read(text, self._read_inline_field)
        else:
            voice.read(text, self._read_inline_field)

    def _without_zero(self, match: re.Match[str]) -> str:
        if match[0][0] != "0":
            return match[0]
        self.lost["note of no length (0), read as one unit long"] += 1
        return ""

    def read_body_field(self, letter: str, value: str) -> None:
        """Read a field after the header, on a line of its own or inline."""
        if letter == "V":
            name, settings, music = _parse_voice(value)
            if self.unnamed and name not in self.voices and not self.unnamed.has_sound():
                self.voices = {name: self.unnamed}  # music before the first V: belongs to its voice
            self.unnamed = None
            label = self._label(name, value)
            for voice in self.voices.values() if name == "*" else [self._voice_of(name)]:
                voice.use(self._with_settings(voice.settings, settings, label))
                self.voice = voice if name != "*" else self.voice
            if music:
                self.read_music(music)
        elif letter in "%I":
            self._direct(value)
        elif letter in "KMLQP":
            self._change(self.current_voice(), letter, value)
        elif letter == "T":
            self.titles.append(value)
        elif letter == "w":
            voice = self.current_voice()
            (self.overlays.get(voice) or voice).sing(value)
        elif letter == "W":
            self.fields.append((letter, value))
        elif letter == "m":
            self._define(value)
        elif letter not in "rN":
            self.lost[f"{letter}: field in the body"] += 1

    def _change(self, voice: VoiceReader, letter: str, value: str) -> None:
        if letter == "K":
            key, settings = parse_key(value)
            voice.use(self._with_settings(voice.settings, settings))
            if key is not None:
                voice.change(key)
        elif letter == "M":
            voice.change(parse_meter(value))
        elif letter == "L":
            voice.unit = parse_unit(value)
        elif letter == "P":
            self.labelled = True
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
            name, settings, _ = _parse_voice(value)
            label = self._label(name, value)
            if name == "*":
                self.settings = self._with_settings(self.settings, settings, label)
            else:
                self.named = self.names.setdefault(name, [])
                self.named += [Line(self.line, "V", setting) for setting in settings]
        elif letter in "%I":
            if channel := _PROGRAM.match(value):
                self.programs.append((int(channel[1]), value))
            elif self.named is None:
                self.settings = self._with_directive(self.settings, value)
            else:
                self.named.append(Line(self.line, letter, value))
        elif letter == "K":
            key, settings = parse_key(value)
            self.key, self.in_body = key or Key(), True
            self.settings = self._with_settings(self.settings, settings, self.clef)
            if self.tempo_text:
                self.tempo = self._tempo(self.tempo_text, self.unit or default_unit(self.meter))
                if self.tempo is None:
                    self.fields.append(("Q", self.tempo_text))
                    self.lost.update(["tempo that cannot be read"] * any(map(str.isdigit, self.tempo_text)))
        elif letter in _KEPT:
            self.fields.append((letter, value))
        elif letter == "m":
            self._define(value)
        elif letter == "w":
            self.lost["line of words"] += 1
        elif letter != "r":
            self.lost[f"{letter}: field"] += 1

    def _define(self, macro: str) -> None:
        self.macros = self.macros or Macros()
        if not self.macros.define(macro):
            self.lost["macro (m:) that cannot be read"] += 1

    def _tempo(self, text: str, unit: Fraction) -> Tempo | None:
        tempo = parse_tempo(text, unit)
        if tempo and is_tempo_range(text):
            self.lost["tempo range, read as its first number"] += 1
        return tempo

    def _voice_of(self, name: str) -> VoiceReader:
        if name not in self.voices:
            if len(self.voices) == _MOST_VOICES:
                raise ParseError(f"more than {_MOST_VOICES} voices")
            voice = VoiceReader(self.key, self.meter, self.unit or default_unit(self.meter), self.lost)
            self.voices[name], settings = voice, self.settings
            for line in self.names.get(name, ()):
                if line.letter == "V":
                    settings = self._with_settings(settings, (line.text,), self.labels[name])
                else:
                    settings = self._with_directive(settings, line.text)
            voice.use(settings)
            for channel, text in self.programs:
                self._set_program(name, channel, text)
        return self.voices[name]

    def _direct(self, text: str) -> None:
        """Apply a directive in the body, or count it as lost."""
        if channel := _PROGRAM.match(text):
            self.programs.append((int(channel[1]), text))
            for name in self.voices:
                self._set_program(name, *self.programs[-1])
        else:
            voice = self.current_voice()
            voice.use(self._with_directive(voice.settings, text))

    def _set_program(self, name: str, channel: int, text: str) -> None:
        """Apply a directive that sets the program of a channel, if a voice uses the channel."""
        number = list(self._order()).index(name) + 1
        settings = self.voices[name].settings
        if (settings.channel or number + (number >= DRUMS)) == channel:
            self.voices[name].use(self._with_directive(settings, text))

    def _label(self, name: str, value: str) -> dict[str, str]:
        """Return the page settings of a voice, with the names in a `V:` line."""
        label = self.clef if name == "*" else self.labels.setdefault(name, {})
        for key, text in _NAME.findall(value):
            label.setdefault(key, text)
        return label

    def _with_settings(self, settings: Settings, texts: Iterable[str], label: dict[str, str] | None = None) -> Settings:
        """Return settings after those of a `K:` or `V:` line; add its clef to `label` and count losses."""
        for text in texts:
            changed, clef = settings.with_setting(text), page_clef(text)
            kept = clef and label is not None and label.setdefault("clef", clef) == clef
            if changed is None and not kept:
                self.lost[f"setting {text}"] += 1
            settings = changed or settings
        return settings

    def _with_directive(self, settings: Settings, text: str) -> Settings:
        """Return settings after a directive; count an unsupported one that may change the sound."""
        changed = settings.with_directive(text)
        if changed is None and is_heard(text):
            self.lost[f"directive {' '.join(text.split()[:2])}"] += 1
        return changed or settings


def _continued(lines: Iterable[Line]) -> Iterator[Line]:
    """Yield the lines, with `+:` lines appended to the fields that they continue."""
    held: list[Line] = []
    for line in chain(lines, [Line(0, "", "")]):
        if line.letter == "+" and held and held[0].letter:
            held.append(line)
            continue
        if held:
            yield held[0] if len(held) == 1 else held[0]._replace(text=" ".join(each.text for each in held))
        held = [line]


def _parse_voice(value: str) -> tuple[str, tuple[str, ...], str]:
    """Return the voice name in a `V:` field, the settings after it, and the music after these."""
    name, _, rest = (value or "1").partition(" ")
    music = _SETTINGS.sub("", rest)
    if "|" not in music:
        return name, parse_settings(rest), ""
    return name, parse_settings(rest.removesuffix(music)), music
