"""Locate sounds and losses in the text of a tune.

Each sound gets a mark that names its symbol; players ignore it. The mark stays with the sound in transposed voices,
overlays and repeats.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import chain
from typing import Any, NamedTuple

from folkseq.errors import ParseError
from folkseq.formats.abc.book import cut_tunes
from folkseq.formats.abc.lexer import KINDS, NOTE, SYMBOL
from folkseq.formats.abc.tune import Line, TuneReader
from folkseq.formats.abc.voice import VoiceReader
from folkseq.music.tune import Sound, Tune

_BREAK = re.compile(r"\r\n|\r|\n")
_SINGLE = ("note", "rest", "old_chord", "microtone")  # symbols for one sound
_UNSUNG = re.compile(r'"[^"]*"|![^!]*!')
_NAMED = re.compile(r"""'(.+?)'|(".+")|^a (\S) that""")  # the symbol that a fault's message names
_MARK = "@"


class Span(NamedTuple):
    """A range of characters."""

    start: int
    stop: int


@dataclass(frozen=True)
class PlacedFault:
    """An error or a loss, and its place; None if it has no single place."""

    text: str
    place: Span | None
    lost: bool
    """Whether the rest of the tune can be read."""


@dataclass(frozen=True)
class PlacedTune:
    """The first tune of a text.

    Attributes:
        tune: The tune, or None if it cannot be read.
        index: Its index among the entries of the book.
        symbols: The places of its notes, chords and rests; `symbol_of` gives the index of a sound.
        faults: The errors and losses with their places.
        lost: The number of losses of each kind.
    """

    tune: Tune | None
    index: int
    symbols: tuple[Span, ...]
    faults: tuple[PlacedFault, ...]
    lost: Counter[str]


def read_first(text: str) -> PlacedTune:
    """Return the first tune in a text with the places of its symbols."""
    header: list[Line] = []
    stray: Counter[str] = Counter()
    blocks = list(cut_tunes(text, header, stray))
    faults = [PlacedFault(f"{count} × {kind}", None, True) for kind, count in stray.items()]
    if len(blocks) > 1:
        faults.append(PlacedFault(f"the text holds {len(blocks)} tunes, of which this is the first", None, True))
    reader = _PlaceReader(text)
    try:
        if not blocks:
            raise ParseError("no tune in it: write a line such as X:1, then the fields, of which K: is the last")
        tune = reader.read(chain(header, blocks[0]))
    except (ParseError, ValueError) as error:
        faults.append(PlacedFault(str(error), reader.place(str(error)), False))
        return PlacedTune(None, 0, (), (*reader.lost.faults, *faults), stray)
    return PlacedTune(tune, 0, tuple(reader.symbols), (*reader.lost.faults, *faults), Counter(reader.lost) + stray)


def symbol_of(sound: Sound) -> int | None:
    """Return the index of the symbol that a sound comes from; None if it was added."""
    return next((int(mark[1:]) for mark in sound.marks if mark[0] == _MARK), None)


class _Lost(Counter[str]):
    """Losses with their places."""

    def __init__(self, reader: _PlaceReader) -> None:
        super().__init__()
        self._reader = reader
        self.faults: list[PlacedFault] = []

    def __setitem__(self, kind: str, count: int) -> None:
        self.faults.append(PlacedFault(kind, self._reader.place(kind), True))
        super().__setitem__(kind, count)

    def update(self, kinds: Any) -> None:  # type: ignore[override]  # Counter's takes more
        """Add losses, each with its place."""
        for kind, count in Counter(kinds).items():
            self[kind] += count


class _PlaceReader(TuneReader):
    """Reads a tune and marks its sounds."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.lost: _Lost = _Lost(self)
        self.symbols: list[Span] = []
        self._text = text
        self._starts = [0, *(match.end() for match in _BREAK.finditer(text))]
        self._stops = [*(match.start() for match in _BREAK.finditer(text)), len(text)]
        self._origins: dict[int, Span] = {}  # places of the symbols, by their start in the expanded line
        self._ended = False

    def place(self, words: str) -> Span | None:
        """Return the place of the symbol on the current line that a message names, or else of the line."""
        if not self.line or self._ended:
            return None
        line = Span(self._starts[self.line - 1], self._stops[self.line - 1])
        named = _NAMED.search(words)
        symbol = (named[1] or named[2] or named[3]) if named else ""
        at = self._text.find(symbol, *line) if symbol else -1
        return Span(at, at + len(symbol)) if at >= 0 else line

    def read_voices(self, lines: Iterable[Line]) -> list[VoiceReader]:
        """Return the voices; losses at the end of a voice have no place."""
        voices = super().read_voices(lines)
        self._ended = True
        return voices

    def read_music(self, line: str) -> None:
        """Read a line of music, which may be nested in a line that names its voice."""
        outer = self._origins
        super().read_music(line)
        self._origins = outer

    def expand(self, line: str) -> str:
        """Return the expanded line, and store the places of its symbols."""
        expanded = super().expand(line)
        at = self._text.find(line, self._starts[self.line - 1])
        self._origins = _origins(line, expanded, at)
        return expanded

    def read_voice(self, text: str, start: int) -> None:
        """Read music of the current voice and mark its sounds."""
        voice = self.current_voice()
        before = len(voice.body)
        super().read_voice(text, start)
        overlays = self.overlays.get(voice)
        pieces = overlays.line if overlays else [(voice, before, len(voice.body))]
        sounds = [
            (body, index)
            for body, first, last in ((reader.body, first, last) for reader, first, last in pieces)
            for index in range(first, last)
            if isinstance(each := body[index], Sound) and symbol_of(each) is None
        ]
        symbols = [
            span
            for match in SYMBOL.finditer(text)
            if (span := self._origins.get(start + match.start()))
            for _ in range(_sounds(KINDS[match.lastindex or 0], match[0]))
        ]
        if len(sounds) != len(symbols):
            return
        for (body, index), span in zip(sounds, symbols, strict=True):
            sound = body[index]
            if isinstance(sound, Sound):
                body[index] = replace(sound, marks=(*sound.marks, f"{_MARK}{len(self.symbols)}"))
                self.symbols.append(span)


def _origins(line: str, expanded: str, at: int) -> dict[int, Span]:
    """Return the places in a text of the symbols of an expanded line, by their start in that line.

    Args:
        line: the line as written.
        expanded: the expanded line.
        at: the index in the text at which `line` begins.
    """
    written, read = ([Span(*match.span()) for match in SYMBOL.finditer(each)] for each in (line, expanded))
    if line == expanded:
        return {span.start: Span(at + span.start, at + span.stop) for span in written}
    before, after = [line[slice(*span)] for span in written], [expanded[slice(*span)] for span in read]
    found: dict[int, Span] = {}
    for _, first, last, new_first, new_last in SequenceMatcher(None, before, after).get_opcodes():
        for place in range(new_first, new_last):
            one = last - first == new_last - new_first
            start = written[first + place - new_first if one else min(first, len(written) - 1)]
            stop = start if one else written[max(last - 1, 0)]
            found[read[place].start] = Span(at + start.start, at + max(stop.stop, start.start))
    return found


def _sounds(kind: str, text: str) -> int:
    """Return the number of sounds that a symbol stands for."""
    if kind == "multirest":
        return int(text[1:6] or 1)
    if kind == "chord":
        return bool(NOTE.search(_UNSUNG.sub("", text)))
    return kind in _SINGLE
