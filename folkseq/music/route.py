"""The playing order of a tune with D.C., D.S., fine and coda.

The signs are decorations (ABC 2.1, section 4.14), or texts such as "D.C. al Fine". A sign at a note applies to its bar:
the jump back, the end or the jump to the coda comes at the end of the bar, but the jump to the coda comes before a bar
whose first note has the sign. A segno or coda begins at its note. After a jump back, repeats are skipped, and only the
last ending is played. A text "D.C." without "Fine" does not say where to end, so it is not followed. Neither is a route
that would skip notes.
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
    """Written times: playing jumps at `back` to `start`, continues to `stop`, and then from `coda` to the end.

    A whole note is `unit` ticks, so that all times are integers, which add much faster than fractions.
    """

    unit: int
    back: int
    start: int
    stop: int
    coda: int | None = None


@dataclass(frozen=True, slots=True)
class _Sign:
    """A sign, the time of its note or bar line, and its bar (of length 0 for a sign at a bar line)."""

    kind: str
    is_text: bool
    time: int
    bar_start: int
    bar_end: int

    @property
    def leaves(self) -> int:
        """Return the time of the jump to the coda."""
        return self.bar_start if self.time == self.bar_start else self.bar_end


@lru_cache(maxsize=1024)
def sign(mark: str) -> str:
    """Return the meaning of a decoration or text: "D.C.", "D.S.", "fine", "tocoda", "coda", "segno" or "".

    >>> sign("!D.C.alfine!"), sign('"^Fine"'), sign("O"), sign('"D.S. al Coda"'), sign('"D/C"')
    ('D.C.', 'fine', 'coda', 'D.S.', '')
    """
    if mark[:1] not in '!+"':
        return _LETTERS.get(mark, "")
    match = _SIGN.fullmatch(re.sub(r"[\s<>^_@!+.,\d\"]", "", mark).lower())
    name = (match[1] or match[0]) if match else ""
    return _NAMES.get(name, name)


def is_unknown_jump(mark: str) -> bool:
    """Return whether a text looks like a jump that `sign` does not know."""
    return mark[:1] == '"' and _JUMP.match(mark) is not None and not sign(mark)


def find_route(voices: Iterable[Sequence[Element]]) -> tuple[Route | None, bool]:
    """Return the route that the signs of voices give, or None, and whether a D.C. or D.S. is not followed."""
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
    """Yield a voice in playing order; repeats are played before the jump back, and in the coda."""
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
    """Return the key, meter and other settings in force after some elements."""
    return {type(element): element for element in elements if isinstance(element, _CONTEXT)}.values()


def _once(elements: Sequence[Element]) -> Iterator[Element]:
    """Yield elements without repeats, and only the last ending of each section."""
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
    """Return the index of a voice's element at a written time, after any bar line; None if a sound lasts over it.

    A time after the end counts as the end.
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
