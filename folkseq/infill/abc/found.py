"""A tune in the text of its book, and whether another text is the same but for some of its bars."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from folkseq.errors import ParseError, RequestError
from folkseq.formats import abc, midi
from folkseq.formats.transcription import transcribe
from folkseq.music import Bar, Element, Key, Meter, Pitch, Sound, Tune, Tuplet

_SHOWN = 8  # numbers of tunes that are named


@dataclass(frozen=True)
class Found:
    """A tune, and the text that it stands in."""

    tune: Tune
    text: str = ""
    """Of the whole book; empty where the tune comes from MIDI."""
    encoding: str = ""
    added: str = ""
    """What was put before a text typed without a header, so that it can be read."""
    index: int = 0
    """Of the tune in the book."""
    lost: Counter[str] | None = None

    def with_text(self, text: str) -> Tune | None:
        """The tune as it stands in another text, if it can be read there."""
        entries = abc.parse(text).entries
        found = entries[self.index] if self.index < len(entries) else None
        return found if isinstance(found, Tune) else None


def find(data: bytes, file: str, number: int | None) -> Found:
    """The tune that a user means. Raises RequestError if there is none, or not one alone."""
    if midi.is_midi(data):
        try:
            tune, lost = transcribe(midi.parse(data, file)[0])
        except ParseError as error:
            raise RequestError(_named(file, error)) from None
        return Found(tune, lost=lost)
    try:
        text, encoding = abc.decode(data, file)
    except ParseError as error:
        raise RequestError(str(error)) from None
    if text.encode(encoding) != data:  # some bytes mean nothing, or come in the other order
        raise RequestError(f"{file}: its bytes would not all come back as they are; save it as UTF-8")
    added = "" if re.search(r"(?:^|[\r\n])[XTMLK]:", text) else "K:C\n"
    if not added and not re.search(r"(?:^|[\r\n])K:", text):
        raise RequestError(f"{file}: no K: line, which ends a tune's header; add one such as K:G")
    book = abc.parse(added + text, file)
    tunes = [(index, entry) for index, entry in enumerate(book.entries) if isinstance(entry, Tune)]
    meant = [(index, tune) for index, tune in tunes if number is None or tune.number == number]
    if len(meant) == 1:
        (index, tune), *_ = meant
        return Found(tune, added + text, encoding, added, index)
    if not tunes and book.faults:
        raise RequestError(str(book.faults[0]))
    numbers = [str(tune.number) for _, tune in tunes]
    shown = ", ".join(numbers[:_SHOWN]) + (" …" if len(numbers) > _SHOWN else "")
    if number is None:
        raise RequestError(f"{file}: holds {len(tunes)} tunes; name one with --tune, of: {shown}")
    some = f"{len(meant)} tunes X:{number}; renumber them" if meant else f"no X:{number}; there are: {shown or 'none'}"
    raise RequestError(f"{file}: there is {some}" if not meant else f"{file}: holds {some}")


def keeps(found: Found, text: str, first: int, count: int, new: Sequence[Sequence[Element]]) -> bool:
    """Whether a text is that of a tune with bars put in place of `count` from `first` on, and nothing else is new.

    Args:
        found: the tune before.
        text: after.
        first: of the bars.
        count: of them.
        new: what stands there, by bar.
    """
    after = found.with_text(text)
    if after is None or after.voices[1:] != found.tune.voices[1:]:
        return False
    before = replace(found.tune, voices=())
    if replace(after, voices=()) != before or _rest(found.tune.body) != _rest(after.body):
        return False
    was, now = bars_of(found.tune.body), bars_of(after.body)
    if len(was) != len(now):
        return False
    heard = [_heard(bar) for bar in now[first : first + count]]
    if heard != [_heard(bar) for bar in new]:
        return False
    edges = {first - 1, first + count}
    return all(
        _heard(now[place], place in edges) == _heard(was[place], place in edges)
        for place in range(len(was))
        if not first <= place < first + count
    )


def _heard(bar: Sequence[Element], at_edge: bool = True) -> list[Any]:
    """What is heard of a bar; at a gap's edge slurs and ties may end otherwise than they did."""
    found: list[Any] = []
    for element in bar:
        if isinstance(element, Sound):
            more = () if at_edge else (element.tied, element.opens, element.closes)
            found.append(
                (element.pitches, element.duration, element.grace, element.marks if not at_edge else (), *more)
            )
        elif isinstance(element, Tuplet):
            found.append(element)
    return found


def _rest(body: Sequence[Element]) -> list[Element]:
    """All that is neither a sound nor a tuplet, in its order."""
    return [element for element in body if not isinstance(element, Sound | Tuplet)]


def trial_of(bar: Sequence[Element]) -> list[Element]:
    """One plain pitch in the rhythm of a bar."""
    return [Sound((Pitch(4),), element.duration) for element in bar if isinstance(element, Sound)]


def bars_of(body: Sequence[Element]) -> list[list[Element]]:
    """The elements of each bar that holds sounds, without what stands at its lines."""
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


def _named(file: str, error: Exception) -> str:
    return str(error) if str(error).startswith(file) else f"{file}: {error}"
