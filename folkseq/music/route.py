"""The way through a tune with D.C., D.S., fine and coda.

The signs are decorations (ABC 2.1, section 4.14), or texts such as "D.C. al Fine". A sign at a note holds for its bar:
playing goes back, ends or leaves for the coda at the end of the bar, but leaves before a bar whose first note has the
sign; a segno or coda begins at its note. After going back, repeats are not played again, and of endings only the last.
A text "D.C." without "Fine" does not say where to end, so it is not followed; nor is a way that would leave notes out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from math import lcm

from folkseq.music.repeats import match_repeats, unfold
from folkseq.music.signature import Key, Meter, Tempo
from folkseq.music.tune import Bar, Element, Instrument, Part, Sound

_LETTERS = {"O": "coda", "S": "segno"}  # decorations of one letter
_NAMES = {"dc": "D.C.", "dacapo": "D.C.", "ds": "D.S.", "dalsegno": "D.S.", "dacoda": "tocoda"}
_SIGN = re.compile(r"(dc|ds|dacapo|dalsegno)(?:al(?:fine|coda))?|(?:to|da)?coda|fine|segno")
_JUMP = re.compile(r"\W*(d\.? ?[cs]\b(?!/)|da ?capo|dal ?segno)", re.IGNORECASE)
BACK = ("D.C.", "D.S.")
_CONTEXT = (Key, Meter, Tempo, Instrument, Part)


@dataclass(frozen=True)
class Route:
    """Times as written: playing goes `back` to `start`, and there on to `stop`, then from `coda` to the end.

    A whole note has `unit` of them, so that all times are whole numbers, which are far quicker to add than fractions.
    """

    unit: int
    back: int
    start: int
    stop: int
    coda: int | None = None


@dataclass(frozen=True, slots=True)
class _Sign:
    """A sign, the time of its note or bar line, and its bar, which has no length if it is at a bar line."""

    kind: str
    is_text: bool
    time: int
    bar_start: int
    bar_end: int

    @property
    def leaves(self) -> int:
        """Return the time at which a sign that leads to the coda holds."""
        return self.bar_start if self.time == self.bar_start else self.bar_end


@lru_cache(maxsize=1024)
def sign(mark: str) -> str:
    """Return what a decoration or text tells the player: "D.C.", "D.S.", "fine", "tocoda", "coda", "segno" or "".

    >>> sign("!D.C.alfine!"), sign('"^Fine"'), sign("O"), sign('"D.S. al Coda"'), sign('"D/C"')
    ('D.C.', 'fine', 'coda', 'D.S.', '')
    """
    if mark[:1] not in '!+"':
        return _LETTERS.get(mark, "")
    match = _SIGN.fullmatch(re.sub(r"[\s<>^_@!+.,\d\"]", "", mark).lower())
    name = (match[1] or match[0]) if match else ""
    return _NAMES.get(name, name)


def is_unknown_jump(mark: str) -> bool:
    """Return whether a text seems to send the player elsewhere, in words that `sign` does not know."""
    return mark[:1] == '"' and _JUMP.match(mark) is not None and not sign(mark)


def find_route(voices: Iterable[Sequence[Element]]) -> tuple[Route | None, bool]:
    """Return the way that signs give through voices, None if none do, and whether a D.C. or D.S. is not followed."""
    voices = tuple(voices)
    unit = lcm(*(each.duration.denominator for voice in voices for each in voice if isinstance(each, Sound)))
    signs = sorted({each for voice in voices for each in _signs(voice, unit)}, key=lambda each: each.time)
    if not any(each.kind in BACK for each in signs):
        return None, False
    route = _route(signs, voices, unit)
    times = (route.back, route.start, route.stop, route.coda or 0) if route else ()
    clear = bool(times) and all(_index_at(voice, time, unit) is not None for voice in voices for time in times)
    return route if clear else None, not clear


def _route(signs: Sequence[_Sign], voices: Sequence[Sequence[Element]], unit: int) -> Route | None:
    backs = {(each.kind, each.bar_end): each for each in signs if each.kind in BACK}
    (kind, back), jump = next(iter(backs.items()))
    segnos = [each.time for each in signs if each.kind == "segno" and each.time < back]
    fines = [each.bar_end for each in signs if each.kind == "fine" and each.bar_end <= back]
    codas = [each.time for each in signs if each.kind == "coda" and each.time >= back]
    leaves = [each.leaves for each in signs if each.kind in ("tocoda", "coda") and each.time < back]
    if len(backs) > 1 or (kind == "D.S." and not segnos):
        return None
    start = segnos[0] if kind == "D.S." else 0
    if codas and leaves and start < leaves[0]:
        return Route(unit, back, start, leaves[0], codas[0]) if codas[0] == back else None
    fine = fines[0] if fines and start < fines[0] else None
    if fine is None and jump.is_text:
        return None
    end = max(sum(_duration(each, unit) for each in voice) for voice in voices)
    if fine is None:
        return Route(unit, back, start, end)
    return Route(unit, back, start, fine) if back == end else None


def _duration(element: Element, unit: int) -> int:
    if not isinstance(element, Sound):
        return 0
    return element.duration.numerator * (unit // element.duration.denominator)


def _signs(voice: Iterable[Element], unit: int) -> Iterator[_Sign]:
    time = bar_start = 0
    waiting: list[tuple[str, bool, int]] = []  # of this bar

    def signs(marks: tuple[str, ...]) -> Iterable[tuple[str, bool, int]]:
        return ((kind, mark[0] == '"', time) for mark in marks if (kind := sign(mark)))

    for element in voice:
        if isinstance(element, Sound):
            if element.marks:
                waiting += signs(element.marks)
            time += _duration(element, unit)
        elif isinstance(element, Bar):
            yield from (_Sign(*each, time, time) for each in signs(element.marks))
            if element.style:
                yield from (_Sign(*each, bar_start, time) for each in waiting)
                waiting, bar_start = [], time
    yield from (_Sign(*each, bar_start, time) for each in waiting)


def follow(elements: Sequence[Element], route: Route) -> Iterator[Element]:
    """Yield a voice in the order in which it is played; its repeats are played before it goes back, and in its coda."""
    back, start, stop, coda = (
        _index_at(elements, time, route.unit) if time is not None else None
        for time in (route.back, route.start, route.stop, route.coda)
    )
    yield from unfold(elements[:back])
    yield from _context(elements[:start])
    yield from _once(match_repeats(elements[start:stop], whole=False))
    if coda is not None:
        yield from _context(elements[:coda])
        yield from unfold(elements[coda:])


def _context(elements: Iterable[Element]) -> Iterable[Element]:
    """Return what is in force after some elements."""
    return {type(element): element for element in elements if isinstance(element, _CONTEXT)}.values()


def _once(elements: Sequence[Element]) -> Iterator[Element]:
    """Yield elements without repeats, and of the endings of a section the last."""
    skipping = False
    for index, element in enumerate(elements):
        if isinstance(element, Bar):
            if element.endings:
                skipping = _has_later_ending(elements, index)
            elif element.ends_section:
                skipping = False
            yield replace(element, closes=0, opens=False, endings=())
        elif not skipping:
            yield element


def _has_later_ending(elements: Sequence[Element], index: int) -> bool:
    for each in islice(elements, index + 1, None):
        if isinstance(each, Bar) and (each.endings or each.ends_section):
            return bool(each.endings)
    return False


def _index_at(voice: Sequence[Element], time: int, unit: int) -> int | None:
    """Return the index of what a voice has at a time as written, after a bar line there; None if a sound lasts over it.

    A time after the end is the end.
    """
    now = 0
    if not time:
        return 0
    for index, element in enumerate(voice):
        if now == time and not isinstance(element, Bar):
            return index
        if isinstance(element, Sound):
            now += _duration(element, unit)
            if now > time:
                return None
    return len(voice)
