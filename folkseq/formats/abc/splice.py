"""Where in the text of a tune book the bars of a tune stand, so that some can be put in place of others.

Everything else stays as it is, byte for byte: header, comments, line breaks, other voices. A bar stands from what
belongs to its first sound up to its last; a mark that nothing follows but the bar line is the line's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from folkseq.formats.abc.fields import default_unit, parse_key, parse_meter, parse_unit
from folkseq.formats.abc.lexer import KINDS, SYMBOL
from folkseq.formats.abc.lines import Block, Line, continued, cut_tunes
from folkseq.music.signature import Key, Meter

_SOUNDS = ("note", "rest", "chord", "old_chord", "multirest")
_AFTER = ("length", "broken", "tie", "unslur")  # what belongs to the sound before it
_BESIDE = ("space", "ignored", "ending")
_BREAK = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class TextBar:
    """One bar of a voice, and what holds where it begins."""

    parts: tuple[tuple[int, int], ...]
    """From which character on, and up to which, it stands on each of its lines."""
    key: Key
    meter: Meter
    unit: Fraction
    closes: int = 0
    """Slurs that end in it and began before it."""
    opens: int = 0
    """Slurs that begin in it and end after it."""
    symbols: int = 0
    """Chord symbols and other texts in it."""
    overlay: bool = False
    """Whether a second line of notes (&) stands in it."""


@dataclass(frozen=True)
class TextTune:
    """The bars of a tune's first voice, and whether words stand under it."""

    bars: tuple[TextBar, ...]
    words: bool


def find_tune(text: str, index: int = 0) -> TextTune:
    """The tune at a place in a book, from 0, with those that cannot be read counted."""
    header: list[Line] = []
    blocks = list(cut_tunes(text, header, Counter()))
    return _Scan(text).read(header, blocks[index])


def put(text: str, bars: Sequence[TextBar], written: Sequence[str]) -> str:
    """The text with what is written in place of bars, each of which may be on several lines, in rising order."""
    parts: list[tuple[int, int, str]] = []
    for bar, new in zip(bars, written, strict=True):
        first, *others = bar.parts
        parts += [(*first, new), *((*part, "") for part in others)]
    for start, stop, new in reversed(parts):
        text = text[:start] + new + text[stop:]
        if not new:
            text = _without_blank(text, start)
    return text


def _without_blank(text: str, at: int) -> str:
    """The text without the line of a character, if nothing is left on it: it would end the tune."""
    starts = [match.end() for match in _BREAK.finditer(text, 0, at)]
    start = starts[-1] if starts else 0
    found = _BREAK.search(text, at)
    stop = found.end() if found else len(text)
    return text[:start] + text[stop:] if not text[start:stop].strip() else text


@dataclass
class _Voice:
    """What holds in one voice, and its bars."""

    key: Key
    meter: Meter
    unit: Fraction
    bars: list[TextBar] = field(default_factory=list)
    parts: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Of the open bar, by line."""
    begun: tuple[Key, Meter, Fraction] | None = None
    waiting: dict[int, tuple[int, int]] = field(default_factory=dict)
    """What has come since the last sound, and belongs to the next, if there is one."""
    texts: int = 0
    symbols: int = 0
    opens: int = 0
    closes: int = 0
    slurs: tuple[int, int] = (0, 0)
    overlay: bool = False

    def content(self, line: int, kind: str, start: int, stop: int) -> None:
        """A symbol that is no bar line and no field."""
        if kind == "slur":
            self.opens += 1
        elif kind == "unslur":
            self.closes, self.opens = self.closes + (not self.opens), max(self.opens - 1, 0)
        self.texts += kind == "text"
        self.overlay |= kind == "overlay"
        if kind in _SOUNDS or (kind in _AFTER and self.parts and not self.waiting):
            if not self.parts:
                self.begun = self.key, self.meter, self.unit
            for each, (first, last) in (*self.waiting.items(), (line, (start, stop))):
                self.parts[each] = self.parts.get(each, (first, last))[0], last
            self.waiting = {}
            self.symbols, self.slurs = self.texts, (self.opens, self.closes)
        else:
            self.waiting[line] = self.waiting.get(line, (start, stop))[0], stop

    def field(self) -> None:
        """A field, before which what waits for a sound is left where it is."""
        self.waiting = {}

    def close(self) -> None:
        """A bar line, or the end."""
        if self.parts and self.begun is not None:
            opens, closes = self.slurs
            parts = tuple(self.parts.values())
            self.bars.append(TextBar(parts, *self.begun, closes, opens, self.symbols, self.overlay))
        self.parts, self.waiting, self.begun = {}, {}, None
        self.texts = self.symbols = self.opens = self.closes = 0
        self.overlay = False


class _Scan:
    """Reads the lines of one tune."""

    def __init__(self, text: str) -> None:
        self._firsts = [0, *(match.end() for match in _BREAK.finditer(text))]
        self._names: list[str] = []
        self._voices: dict[str, _Voice] = {}
        self._now = ""
        self._key, self._meter = Key(), Meter()
        self._unit: Fraction | None = None
        self._words = False

    def read(self, header: Iterable[Line], block: Block) -> TextTune:
        """The bars of the first voice."""
        in_body = False
        for line in continued([*header, *block.lines]):
            if not line.letter:
                if in_body:
                    self._music(line)
            elif line.letter == "V":
                if in_body:
                    self._now = _name(line.text)
                else:
                    self._names.append(_name(line.text))
            elif in_body:
                self._words |= line.letter == "w"
                self._change(line.letter, line.text)
            else:
                self._header(line.letter, line.text)
                in_body |= line.letter == "K"
        for voice in self._voices.values():
            voice.close()
        named = [name for name in self._names if name in self._voices] or list(self._voices)
        return TextTune(tuple(self._voices[named[0]].bars) if named else (), self._words)

    def _header(self, letter: str, value: str) -> None:
        if letter == "K":
            self._key = parse_key(value)[0] or self._key
        elif letter == "M":
            self._meter = parse_meter(value)
        elif letter == "L":
            self._unit = parse_unit(value)

    def _voice(self) -> _Voice:
        name = self._now or (self._names[0] if self._names else "1")
        if name not in self._voices:
            self._voices[name] = _Voice(self._key, self._meter, self._unit or default_unit(self._meter))
        return self._voices[name]

    def _change(self, letter: str, value: str) -> None:
        voice = self._voice()
        voice.field()
        if letter == "K":
            voice.key = parse_key(value)[0] or voice.key
        elif letter == "M":
            voice.meter = parse_meter(value)
        elif letter == "L":
            voice.unit = parse_unit(value)

    def _music(self, line: Line) -> None:
        first = self._firsts[line.number - 1]
        for match in SYMBOL.finditer(line.text):
            kind, text = KINDS[match.lastindex or 0], match[0]
            if kind == "bar":
                self._voice().close()
            elif kind == "field":
                if text[1] == "V":
                    self._now = _name(text[3:-1])
                else:
                    self._change(text[1], text[3:-1].strip())
            elif kind not in _BESIDE:
                self._voice().content(line.number, kind, first + match.start(), first + match.end())


def _name(text: str) -> str:
    """Of a voice."""
    return (text.split(maxsplit=1) or ["1"])[0]
