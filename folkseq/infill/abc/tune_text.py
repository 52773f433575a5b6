"""A tune in the text of its book, and comparison of the tune with another text bar by bar."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from folkseq.errors import ParseError, RequestError, few
from folkseq.formats import abc, midi, musicxml, tunes
from folkseq.music import Bar, Element, Key, Meter, Sound, Tune, Tuplet


@dataclass(frozen=True)
class TuneText:
    """A tune, and the text of its book."""

    tune: Tune
    text: str = ""
    """Empty if the tune comes from MIDI."""
    encoding: str = ""
    added: str = ""
    """A header that was added before a text without one, so that it can be parsed."""
    index: int = 0
    """Of the tune in the book."""
    lost: Counter[str] = field(default_factory=Counter)
    """Counts of what the parser dropped, by kind."""

    @classmethod
    def find(cls, data: bytes, file: str, number: int | None) -> Self:
        """Find a tune in a file by its `X:` number. Raises RequestError unless exactly one tune matches."""
        try:
            if midi.is_midi(data) or musicxml.is_musicxml(data):
                book = tunes.parse_any(data, file)
                if not book.tunes:
                    raise RequestError(str(book.faults[0]))
                return cls(book.tunes[0], lost=Counter(book.lost[0]))
            text, encoding = abc.decode(data, file)
        except ParseError as error:
            raise RequestError(str(error)) from None
        added = "" if re.search(r"(?:^|[\r\n])[XTMLK]:", text) else "K:C\n"
        if not added and not re.search(r"(?:^|[\r\n])K:", text):
            raise RequestError(f"{file}: no K: line, which ends a tune's header; add one such as K:G")
        book = abc.parse(added + text, file)
        known = zip(book.tunes, book.lost, strict=True)
        meant = [(tune, lost) for tune, lost in known if number is None or tune.number == number]
        if len(meant) == 1:
            tune, lost = meant[0]
            index = next(place for place, entry in enumerate(book.entries) if entry is tune)
            return cls(tune, added + text, encoding.name, added, index, Counter(lost))
        if not book.tunes and book.faults:
            raise RequestError(str(book.faults[0]))
        numbers = [str(tune.number) for tune in book.tunes]
        shown = few(numbers)
        if number is None:
            raise RequestError(f"{file}: holds {len(book.tunes)} tunes; name one with --tune, of: {shown}")
        if meant:
            raise RequestError(f"{file}: holds {len(meant)} tunes X:{number}; renumber them")
        raise RequestError(f"{file}: there is no X:{number}; there are: {shown or 'none'}")

    def read(self, text: str) -> Tune | None:
        """Return the tune at the same position in another text, or None if it cannot be parsed."""
        entries = abc.parse(text).entries
        entry = entries[self.index] if self.index < len(entries) else None
        return entry if isinstance(entry, Tune) else None

    def differs_only_in(self, text: str, first: int, bars: Sequence[Sequence[Element]]) -> bool:
        """Return whether another text equals this one except for `bars` in place of the bars from index `first` on."""
        after = self.read(text)
        if after is None or replace(after, voices=after.voices[1:]) != replace(self.tune, voices=self.tune.voices[1:]):
            return False
        if _signs(self.tune.body) != _signs(after.body):
            return False
        last = first + len(bars)
        was, now = bars_of(self.tune.body), bars_of(after.body)
        if len(was) != len(now) or [_notes(bar) for bar in now[first:last]] != [_notes(bar) for bar in bars]:
            return False
        for place in (*range(first), *range(last, len(was))):
            if _notes(now[place]) != _notes(was[place]):
                return False
            at_edge = place in (first - 1, last)  # slurs and ties may end differently here
            if not at_edge and _marks(now[place]) != _marks(was[place]):
                return False
        return True


def _notes(bar: Sequence[Element]) -> list[Any]:
    """Return the notes and tuplets of a bar."""
    return [
        (each.pitches, each.duration, each.grace) if isinstance(each, Sound) else each
        for each in bar
        if isinstance(each, Sound | Tuplet)
    ]


def _marks(bar: Sequence[Element]) -> list[Any]:
    """Return the ties, slurs and marks of a bar."""
    return [(each.tied, each.opens, each.closes, each.marks) for each in bar if isinstance(each, Sound)]


def _signs(body: Sequence[Element]) -> list[Element]:
    """Return all elements except sounds and tuplets."""
    return [element for element in body if not isinstance(element, Sound | Tuplet)]


def bars_of(body: Sequence[Element]) -> list[list[Element]]:
    """Return the elements of each bar that has sounds, without keys, meters and endings."""
    bars: list[list[Element]] = [[]]
    for element in body:
        if isinstance(element, Bar) and element.style:
            if any(isinstance(each, Sound) for each in bars[-1]):
                bars.append([])
            else:
                bars[-1] = []
        elif not isinstance(element, Bar | Key | Meter):
            bars[-1].append(element)
    return bars if any(isinstance(each, Sound) for each in bars[-1]) else bars[:-1]
