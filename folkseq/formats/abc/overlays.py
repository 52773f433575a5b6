"""Read overlays (`&`), which sound together with the music before them (ABC 2.1, section 7.4).

Each `&` goes back by one bar line, and the overlay ends with the bars that it covers. In `(& … & … &)`, an extension of
abcm2ps, `&` goes back to `(&`. Overlays become voices with the bar lines of the main voice and rests in its other bars.
Accidentals and ties apply only within the same overlay. Lyrics follow the order of the text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise

from folkseq.formats.abc.lexer import KINDS, SYMBOL
from folkseq.formats.abc.lyrics import add_verse
from folkseq.formats.abc.voice import VoiceReader
from folkseq.music.repeats import repair_endings
from folkseq.music.tune import Bar, Element, Sound, Tuplet


@dataclass
class _Layer:
    """An overlay of a voice; `bars` maps the index at which a bar begins to a reader and the range of its elements."""

    reader: VoiceReader
    last: int = -1  # the last bar that was read
    bars: dict[int, tuple[VoiceReader, int, int]] = field(default_factory=dict)


class Overlays:
    """Reads the lines of a voice with overlays."""

    def __init__(self, voice: VoiceReader, change: Callable[[VoiceReader, str, str], None]) -> None:
        self._voice = voice
        self._change = change  # reads a field within an overlay
        self._readers: list[VoiceReader] = []
        self._layers: list[_Layer] = []
        self._layer: _Layer | None = None  # the layer that is being read
        self._bars: list[int] = []  # the starts of its remaining bars, beginning with the current one
        self._from = 0  # the reader's first element in the current bar
        self._group: tuple[int, Fraction] | None = None  # the bar of (& and the time in it
        self.line: list[tuple[VoiceReader, int, int]] = []  # the elements of the last line of music, for its lyrics
        self._verses, self._continues = 0, False

    def __len__(self) -> int:
        return len(self._layers)

    def read(self, line: str, inline: Callable[[str], None]) -> None:
        """Add the elements of a line of music; call `inline` with each field outside of overlays."""
        if not self._continues:
            self.line, self._verses = [], 0
        self._continues = line.endswith("\\")
        start = 0
        for match in SYMBOL.finditer(line):
            kind = KINDS[match.lastindex or 0]
            if kind == "overlay":
                opens, closes = line[start : match.start()].endswith("("), line.startswith(")", match.end())
                self._read(line[start : match.start() - opens], inline)
                start = match.end() + closes
                if opens or closes:
                    self._end()
                    bar = self._starts()[-1]
                    self._group = (bar, _length(self._voice.body[bar:])) if opens else None
                else:
                    self._begin(len(match[0]))
            elif kind == "bar" and self._layer:
                self._read(line[start : match.start()], inline)
                start = match.end() if self._pass_bar() else match.start()
        self._read(line[start:], inline)

    def sing(self, words: str) -> None:
        """Add a `w:` line to the last line of music."""
        places = [(reader.body, index) for reader, start, stop in self.line for index in range(start, stop)]
        elements = [body[index] for body, index in places]
        missing = add_verse(elements, 0, self._verses, words)
        for (body, index), element in zip(places, elements, strict=True):
            body[index] = element
        self._verses += 1
        self._continues = False
        if missing:
            self._voice.lost["syllable with no note"] += missing

    def finish(self) -> Iterator[tuple[Element, ...]]:
        """Yield the voices of the overlays; call this after finishing the main voice."""
        self._end()
        for reader in self._readers:
            reader.finish()
        for layer in self._layers:
            yield tuple(repair_endings(list(self._laid_out(layer)))[0])

    def _read(self, text: str, inline: Callable[[str], None]) -> None:
        reader = self._layer.reader if self._layer else self._voice

        def change(text: str) -> None:
            if text[0] in "KLM":
                self._change(reader, text[0], text[2:].strip())
            else:
                inline(text)

        start = len(reader.body)
        reader.read(text, change if self._layer else inline)
        self.line.append((reader, start, len(reader.body)))

    def _starts(self) -> list[int]:
        """Return the indices where the bars of the voice begin."""
        return [0, *(index for index, element in enumerate(self._voice.body, 1) if isinstance(element, Bar))]

    def _begin(self, back: int) -> None:
        """Go back by `back` bar lines, or to the beginning of the group."""
        voice, starts = self._voice, self._starts()
        if len(starts) > 1 and not _length(voice.body[starts[-1] :]):
            starts.pop()
        at = starts.index(self._bars[0]) if self._bars else len(starts) - 1
        first = starts.index(self._group[0]) if self._group and self._group[0] in starts else max(at + 1 - back, 0)
        self._end()
        self._bars = starts[first:]
        free = (layer for layer in self._layers if layer.bars.keys().isdisjoint(self._bars))
        self._layer = next(free, None)
        if self._layer is None or not first or self._layer.last != starts[first - 1]:
            reader = VoiceReader(voice.key, voice.meter, voice.unit, voice.lost)
            reader.use(voice.settings)
            self._readers.append(reader)
            if self._layer is None:
                self._layer = _Layer(reader)
                self._layers.append(self._layer)
            self._layer.reader = reader
        else:  # a tie may lead to the previous bar
            reader = self._layer.reader
            reader.read("|", _ignore)
            reader.unit = voice.unit
            if reader.key != voice.key:
                reader.change(voice.key)
        self._from = len(reader.body)
        if self._group and self._group[1]:
            reader.body.append(Sound((), self._group[1]))

    def _pass_bar(self) -> bool:
        """Pass a bar line; return whether it is within the overlay."""
        self._end_bar()
        if self._layer is None or not (self._bars or self._group):
            self._layer = None
            return False
        self._read("|", _ignore)
        self._from = len(self._layer.reader.body)
        return True

    def _end(self) -> None:
        self._end_bar()
        self._layer, self._bars = None, []

    def _end_bar(self) -> None:
        if self._layer is None:
            return
        reader, bar = self._layer.reader, (self._layer.reader, self._from, len(self._layer.reader.body))
        if self._bars:
            self._layer.last = self._bars.pop(0)
            self._layer.bars[self._layer.last] = bar
        elif beyond := sum(isinstance(each, Sound) for each in reader.body[self._from :]):
            self._voice.lost["note of an overlay (&) with more bars than its voice"] += beyond

    def _laid_out(self, layer: _Layer) -> Iterator[Element]:
        """Yield the elements of an overlay's voice."""
        body = self._voice.body
        starts = [*self._starts(), len(body)]
        for start, stop in pairwise(starts):
            bar = [each for each in body[start:stop] if not isinstance(each, Tuplet | Bar)]
            first = next((index for index, each in enumerate(bar) if isinstance(each, Sound)), len(bar))
            before, within = bar[:first], [each for each in bar[first:] if not isinstance(each, Sound)]
            room = _length(bar)
            yield from before
            if start in layer.bars:
                reader, begin, end = layer.bars[start]
                yield from self._fitted(reader.body[begin:end], room)
                yield from within
            elif within or self._voice.jumps:  # keep the position within the bar
                yield from (Sound((), each.duration) if isinstance(each, Sound) else each for each in bar[first:])
            elif room:
                yield Sound((), room)
            if stop > start and isinstance(last := body[stop - 1], Bar):
                yield replace(last, marks=())

    def _fitted(self, elements: Sequence[Element], room: Fraction) -> Iterator[Element]:
        """Yield the elements of a bar of length `room`, cut or followed by a rest to fit."""
        left = room - _length(elements)
        if left >= 0:
            yield from elements
            yield from [Sound((), left)] if left else []
            return
        self._voice.lost["overlay (&) longer than its bar, cut"] += 1
        for element in elements:
            if isinstance(element, Sound) and room:
                duration = min(element.duration, room)
                room -= duration
                yield replace(element, duration=duration)
            elif not isinstance(element, Sound | Tuplet):
                yield element


def _length(elements: Sequence[Element]) -> Fraction:
    return sum((each.duration for each in elements if isinstance(each, Sound)), Fraction(0))


def _ignore(text: str) -> None:
    """Ignore inline fields."""
