"""Find and replace bars of a tune in the text of its book.

Everything else stays unchanged, byte for byte: header, comments, line breaks, other voices. A bar extends from its
first to its last sound, with the symbols that belong to them; a mark before the bar line belongs to the line.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain

from folkseq.formats.abc.book import cut_tunes
from folkseq.formats.abc.lexer import KINDS, SYMBOL
from folkseq.formats.abc.tune import Line, TuneReader
from folkseq.formats.abc.voice import VoiceReader
from folkseq.music.signature import Key, Meter

_SOUNDS = ("note", "rest", "chord", "old_chord", "multirest")
_AFTER = ("length", "broken", "tie", "unslur")  # symbols that belong to the sound before them
_BESIDE = ("space", "ignored", "ending")
_BREAK = re.compile(r"\r\n|\r|\n")
_RECORD = re.compile(r"(?:(?<=[\r\n])|\A)% (?:folkseq [0-9]|\{\"folkseq\": )[^\r\n]*(?:\r\n|\r|\n)")


@dataclass(frozen=True)
class TextBar:
    """One bar of a voice, and the settings at its beginning.

    Attributes:
        parts: Its character range on each of its lines.
        key: The key at its beginning; `meter` and `unit` are the meter and the unit note length there.
        closes: The number of slurs that end in it and began before it.
        opens: The number of slurs that begin in it and end after it.
        symbols: The number of chord symbols and other texts in it.
        overlay: Whether it has an overlay (&).
    """

    parts: tuple[tuple[int, int], ...]
    key: Key
    meter: Meter
    unit: Fraction
    closes: int = 0
    opens: int = 0
    symbols: int = 0
    overlay: bool = False


def find_bars(text: str, index: int = 0) -> tuple[list[TextBar], bool]:
    """Return the bars of a tune's first voice, and whether it has lyrics.

    Args:
        text: The text of a book.
        index: The place, in the book's entries, of a tune that can be read.
    """
    header: list[Line] = []
    block = list(cut_tunes(text, header, Counter()))[index]
    finder = _BarFinder(text)
    voice = next(iter(finder.read_voices(chain(header, block))), None)
    if voice is None:
        return [], finder.words
    finder.end_bar(voice)
    return finder.bars[voice], finder.words


def replace_bars(text: str, bars: Sequence[TextBar], written: Sequence[str]) -> str:
    """Return the text with `bars` replaced, in rising order; each bar may span several lines."""
    parts: list[tuple[int, int, str]] = []
    for bar, new in zip(bars, written, strict=True):
        first, *others = bar.parts
        parts += [(*first, new), *((*part, "") for part in others)]
    for start, stop, new in reversed(parts):
        text = text[:start] + new + text[stop:]
        if not new:
            text = _without_blank_line(text, start)
    return text


def replace_record(text: str, index: int, start: int, comments: Sequence[str]) -> str:
    """Return the text with the comments of a record after the `X:` of a tune; they replace an existing record.

    Args:
        text: The text of a book.
        index: The place, in the book's entries, of a tune that can be read.
        start: The index for the comments if the tune has no `X:`.
        comments: The new comments.
    """
    lines = list(cut_tunes(text, [], Counter()))[index]
    breaks = list(_BREAK.finditer(text))
    starts = [0, *(match.end() for match in breaks), len(text)]
    at, end = starts[lines[0].number] if lines[0].letter == "X" else start, starts[lines[-1].number]
    line_break = breaks[0][0] if breaks else "\n"
    new = "".join(f"% {comment}{line_break}" for comment in comments)
    return text[:at] + new + _RECORD.sub("", text[at:end]) + text[end:]


def _without_blank_line(text: str, at: int) -> str:
    """Return the text without the line at index `at` if that is blank, since it would end the tune."""
    starts = [match.end() for match in _BREAK.finditer(text, 0, at)]
    start = starts[-1] if starts else 0
    found = _BREAK.search(text, at)
    stop = found.end() if found else len(text)
    return text[:start] + text[stop:] if not text[start:stop].strip() else text


class _OpenBar:
    """The contents of a voice since its last bar line."""

    def __init__(self) -> None:
        self.state: tuple[Key, Meter, Fraction] | None = None  # at its first sound
        self.parts: dict[int, tuple[int, int]] = {}  # character ranges, by line
        self.waiting: dict[int, tuple[int, int]] = {}  # parts since the last sound, which belong to the next
        self.opens = self.closes = self.texts = 0
        self.counts = (0, 0, 0)  # closes, opens and texts up to the last sound
        self.overlay = False

    def add(self, voice: VoiceReader, line: int, kind: str, start: int, stop: int) -> None:
        """Add a symbol other than a bar line or a field."""
        if kind == "slur":
            self.opens += 1
        elif kind == "unslur":
            self.closes, self.opens = self.closes + (not self.opens), max(self.opens - 1, 0)
        self.texts += kind == "text"
        self.overlay |= kind == "overlay"
        if kind in _SOUNDS or (kind in _AFTER and self.parts and not self.waiting):
            self.state = self.state or (voice.key, voice.meter, voice.unit)
            for each, (first, last) in (*self.waiting.items(), (line, (start, stop))):
                self.parts[each] = self.parts.get(each, (first, last))[0], last
            self.waiting = {}
            self.counts = self.closes, self.opens, self.texts
        else:
            self.waiting[line] = self.waiting.get(line, (start, stop))[0], stop


class _BarFinder(TuneReader):
    """Finds the places of a tune's bars instead of reading its music."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words = False
        self.bars: dict[VoiceReader, list[TextBar]] = defaultdict(list)
        self._open: dict[VoiceReader, _OpenBar] = defaultdict(_OpenBar)
        self._text = text
        self._line_starts = [0, *(match.end() for match in _BREAK.finditer(text))]

    def read_body_field(self, letter: str, value: str) -> None:
        """Read a field; symbols before it that wait for a sound stay in place."""
        self.words |= letter == "w"
        super().read_body_field(letter, value)
        if letter != "V":
            self._open[self.current_voice()].waiting = {}

    def read_music(self, line: str) -> None:
        """Find the places of the symbols in a line of music."""
        first = self._text.find(line, self._line_starts[self.line - 1])
        for match in SYMBOL.finditer(line):
            kind = KINDS[match.lastindex or 0]
            if kind == "field":
                self.read_body_field(match[0][1], match[0][3:-1].strip())
            elif kind == "bar":
                self.end_bar(self.current_voice())
            elif kind not in _BESIDE:
                voice = self.current_voice()
                self._open[voice].add(voice, self.line, kind, first + match.start(), first + match.end())

    def end_bar(self, voice: VoiceReader) -> None:
        """End the open bar of a voice, if it has a sound."""
        bar = self._open.pop(voice, _OpenBar())
        if bar.state:
            self.bars[voice].append(TextBar(tuple(bar.parts.values()), *bar.state, *bar.counts, bar.overlay))
