"""The canonical form of a tune's body: one way to write each thing that is heard, and nothing that is not.

Bar lines are `|`, `||` between sections, `|]` at the end, and repeats, which always come in pairs; a tune ends with
`|]` or `:|`. Slurs, decorations and text go. A key or meter that is already in force is not stated again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from folkseq.music import Bar, Element, Key, Meter, Part, Sound, Tempo, Tuplet
from folkseq.music.repeats import match_repeats


def opening(body: Iterable[Element], key: Key, meter: Meter) -> tuple[Key, Meter]:
    """The key and meter in force at the first sound of `body`, whose header has `key` and `meter`."""
    for element in body:
        if isinstance(element, Sound):
            break
        if isinstance(element, Key):
            key = element
        elif isinstance(element, Meter):
            meter = element
    return key, meter


def structure(body: Iterable[Element], key: Key, meter: Meter, *, whole: bool = True) -> list[Element]:
    """The canonical elements of `body`, which begins in `key` and `meter`; its sounds as they are.

    With `whole` false the body is the beginning of a tune: what is open at its end stays open.
    """
    elements: list[Element] = []
    bar: Bar | None = None  # a bar line after which nothing has sounded
    place = 0  # its index
    sounded = False
    tied: int | None = None  # the index of a sound that is tied into the next
    for element in body:
        if isinstance(element, Sound):
            if tied is not None:
                _check_tie(elements, tied, element)
            tied = len(elements) if element.tied else None
            elements.append(element)
            bar, sounded = None, True
        elif isinstance(element, Bar):
            if not sounded:
                element = replace(element, closes=0)  # there is nothing to repeat
            if bar is None:
                bar, place = _plain_bar(element), len(elements)
                elements.append(bar)
            else:
                elements[place] = bar = _merged(bar, element)
        elif isinstance(element, Tuplet):
            elements.append(element)
            bar = None
        elif isinstance(element, Key):
            if sounded and element != key:
                elements.append(element)
            key = element
        elif isinstance(element, Meter):
            if sounded and element != meter:
                elements.append(element)
            meter = element
    if not whole:
        return _begun(match_repeats(elements, whole=False))
    return _ended(_begun(match_repeats(_ended(elements))))


def _check_tie(elements: list[Element], index: int, following: Sound) -> None:
    """Unties the sound at `index` if it shares no pitch with the one that follows."""
    sound = elements[index]
    if isinstance(sound, Sound) and not set(sound.pitches) & set(following.pitches):
        elements[index] = replace(sound, tied=False)


def clean(elements: Iterable[Element], grace: bool) -> list[Element]:
    """`elements` with nothing on their sounds that tokens do not hold."""
    return [_clean(element, grace) if isinstance(element, Sound) else element for element in elements]


def _clean(sound: Sound, grace: bool) -> Sound:
    return Sound(sound.pitches, sound.duration, sound.tied, sound.grace if grace else ())


def _plain_bar(bar: Bar) -> Bar:
    style = "|" if bar.closes or bar.opens else "||" if bar.style == "|]" else bar.style
    return Bar(style, min(bar.closes, 1), bar.opens, bar.endings)


def _merged(first: Bar, second: Bar) -> Bar:
    second = _plain_bar(second)
    closes, opens = max(first.closes, second.closes), first.opens or second.opens
    style = "|" if closes or opens else max(first.style, second.style, key=len)
    return Bar(style, closes, opens, first.endings or second.endings)


def _begun(elements: Sequence[Element]) -> list[Element]:
    """With at most one bar line before the first sound: one that opens a repeat."""
    first = next(
        (index for index, element in enumerate(elements) if isinstance(element, Sound | Tuplet)), len(elements)
    )
    opens = any(isinstance(element, Bar) and element.opens for element in elements[:first])
    return [*([Bar(opens=True)] if opens else []), *elements[first:]]


def _ended(elements: Sequence[Element]) -> list[Element]:
    """With one bar line after the last sound, and nothing else after it; with no tie that leads nowhere."""
    last = max((index for index, element in enumerate(elements) if isinstance(element, Sound)), default=-1)
    if last < 0:
        return [Bar("|]")]
    closes = next((element.closes for element in elements[last + 1 :] if isinstance(element, Bar)), 0)
    sound = elements[last]
    if isinstance(sound, Sound) and sound.tied:
        sound = replace(sound, tied=False)
    return [*elements[:last], sound, Bar(closes=1) if closes else Bar("|]")]


def dropped(body: Sequence[Element], grace: bool) -> Counter[str]:
    """What of `body` its canonical form does not hold, by kind and count."""
    lost: Counter[str] = Counter()
    for element in body:
        if isinstance(element, Sound):
            if element.opens:
                lost["slur"] += element.opens
            for mark in element.marks:
                lost[_kind(mark)] += 1
            if element.grace and not grace:
                lost["grace note"] += len(element.grace)
        elif isinstance(element, Bar):
            for mark in element.marks:
                lost[_kind(mark)] += 1
            if element.closes > 1:
                lost["repeat beyond the second time"] += element.closes - 1
        elif isinstance(element, Part):
            lost["part label"] += 1
        elif isinstance(element, Tempo):
            lost["tempo change"] += 1
    return lost


def _kind(mark: str) -> str:
    if not mark.startswith('"'):
        return "decoration"
    text = mark.strip('"')
    if text.isdigit():
        return "fingering"
    return "annotation" if text[:1] not in "ABCDEFG" or not text else "chord symbol"
