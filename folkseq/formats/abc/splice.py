"""Where in the text of a tune book the bars of a tune stand, so that some can be put in place of others.

Everything else stays as it is, byte for byte: header, comments, chord symbols, line breaks, other voices.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from folkseq.errors import RequestError
from folkseq.formats.abc.fields import default_unit, parse_key, parse_meter, parse_unit
from folkseq.formats.abc.lexer import KINDS, SYMBOL
from folkseq.formats.abc.lines import Block, Line, cut_tunes
from folkseq.music.signature import Key, Meter

_SOUNDS = ("note", "rest", "chord", "old_chord", "multirest")
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
    closes: int
    """Slurs that end in it and began before it."""
    opens: int
    """Slurs that begin in it and end after it."""


def find_tune(text: str, number: int | None = None) -> list[TextBar]:
    """The bars of a tune's first voice.

    Args:
        text: of a book.
        number: of the tune, as its `X:` says; it may be left out where there is but one.

    Raises:
        RequestError: there is no such tune, or there are several and none is named.
    """
    header: list[Line] = []
    blocks = list(cut_tunes(text, header, Counter()))
    numbers = [block.fields.get("X", "").strip() for block in blocks]
    if number is not None:
        blocks = [block for block, name in zip(blocks, numbers, strict=True) if name == str(number)]
    if len(blocks) != 1:
        shown = ", ".join(numbers[:8]) + (" …" if len(numbers) > 8 else "")
        which = f"no X:{number}" if number is not None and not blocks else f"{len(blocks)} tunes"
        raise RequestError(f"there is {which}; name one with --tune, of: {shown}")
    return _Scan(text, header).read(blocks[0])


def put(text: str, bars: Sequence[TextBar], written: Sequence[str]) -> str:
    """The text with what is written in place of bars, each of which may be on several lines, in rising order.

    Slurs that lead into a bar end at its first note, and those that lead out of it begin at its last.
    """
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


class _Scan:
    """Reads the lines of one tune."""

    def __init__(self, text: str, header: Sequence[Line]) -> None:
        self._firsts = [0, *(match.end() for match in _BREAK.finditer(text))]
        self._header = header
        self._names: list[str] = []
        self._voices: dict[str, list[TextBar]] = {}
        self._voice = ""
        self._opens = self._closes = 0
        self._key, self._meter = Key(), Meter()
        self._unit: Fraction | None = None
        self._open()

    def read(self, block: Block) -> list[TextBar]:
        """The bars of the first voice."""
        in_body = False
        for line in [*self._header, *block.lines]:
            if not line.letter:
                if in_body:
                    self._music(line)
            elif line.letter == "V" and not in_body:
                self._names.append(self._name(line.text))
            elif line.letter == "V":
                self._change_voice(line.text)
            else:
                self._field(line.letter, line.text)
                in_body |= line.letter == "K"
        self._close()
        found = [name for name in self._names if name in self._voices] or list(self._voices)
        return self._voices[found[0]] if found else []

    def _name(self, text: str) -> str:
        return (text.split(maxsplit=1) or ["1"])[0]

    def _change_voice(self, text: str) -> None:
        self._close()
        self._voice = self._name(text)

    def _field(self, letter: str, value: str) -> None:
        if letter == "K":
            self._key = parse_key(value)[0] or self._key
        elif letter == "M":
            self._meter = parse_meter(value)
        elif letter == "L":
            self._unit = parse_unit(value)

    def _music(self, line: Line) -> None:
        first = self._firsts[line.number - 1]
        for match in SYMBOL.finditer(line.text):
            kind, text = KINDS[match.lastindex or 0], match[0]
            if kind == "bar":
                self._close()
            elif kind == "field":
                if text[1] == "V":
                    self._change_voice(text[3:-1])
                else:
                    self._field(text[1], text[3:-1].strip())
            elif kind not in _BESIDE:
                self._content(line.number, kind, first + match.start(), first + match.end())

    def _content(self, line: int, kind: str, start: int, stop: int) -> None:
        if not self._parts:
            self._begun = self._key, self._meter, self._unit or default_unit(self._meter)
        begins = self._parts.get(line, (start, stop))[0]
        self._parts[line] = begins, stop
        self._sounded |= kind in _SOUNDS
        if kind == "slur":
            self._opens += 1
        elif kind == "unslur":
            self._closes, self._opens = self._closes + (not self._opens), max(self._opens - 1, 0)

    def _close(self) -> None:
        """A bar line, the end of a voice's lines or of the tune."""
        name = self._voice or (self._names[0] if self._names else "1")
        if self._sounded:
            bar = TextBar(tuple(self._parts.values()), *self._begun, self._closes, self._opens)
            self._voices.setdefault(name, []).append(bar)
        self._open()

    def _open(self) -> None:
        self._parts: dict[int, tuple[int, int]] = {}
        self._sounded = False
        self._opens = self._closes = 0
