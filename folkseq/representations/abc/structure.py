"""The canonical form of a tune's body: one way to write everything that is heard, and nothing that is not.

Bar lines are `|`, `||` between sections, `|]` at the end, and repeats, which always come in pairs; a tune ends with
`|]` or `:|`. Slurs, decorations, text and redundant changes of key or meter are dropped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from folkseq.music import Bar, Element, Instrument, Key, Meter, Part, Sound, Tempo, Tune, Tuplet
from folkseq.music.harmony import Chord, canonical
from folkseq.music.repeats import match_repeats


def structure(tune: Tune, *, whole: bool = True) -> tuple[Key, Meter, list[Element]]:
    """Return the key and meter at the first sound of a tune, and its canonical elements; sounds keep their marks.

    If `whole` is false, the tune is only the beginning of a tune, so repeats and ties may be open at its end.
    """
    key, meter = tune.key, tune.meter
    opening: tuple[Key, Meter] | None = None
    elements: list[Element] = []
    bar, bar_at = None, 0  # a bar line without a sound after it, and its index
    tied, tied_at = None, 0  # a sound tied to the next, and its index
    for element in tune.body:
        if isinstance(element, Sound):
            opening = opening or (key, meter)
            if tied is not None and not set(tied.tied_pitches) & set(element.pitches):
                elements[tied_at] = replace(tied, tied=False)
            tied, tied_at = element if element.tied else None, len(elements)
            elements.append(element)
            bar = None
        elif isinstance(element, Bar):
            line = _plain_bar(element if opening else replace(element, closes=0))  # nothing to repeat yet
            if bar is None:
                bar, bar_at = line, len(elements)
                elements.append(bar)
            else:
                elements[bar_at] = bar = _merge(bar, line)
        elif isinstance(element, Tuplet):
            elements.append(element)
            bar = None
        elif isinstance(element, Key):
            if opening and element != key:
                elements.append(element)
            key = element
        elif isinstance(element, Meter):
            if opening and element != meter:
                elements.append(element)
            meter = element
    matched = match_repeats(_with_end(elements) if whole else elements, whole=whole)
    elements = _with_beginning([_once(each) if isinstance(each, Bar) and each.closes > 1 else each for each in matched])
    return *(opening or (key, meter)), _with_end(elements) if whole else elements


def _plain_bar(bar: Bar) -> Bar:
    style = "|" if bar.closes or bar.opens else "||" if bar.style == "|]" else bar.style
    return Bar(style, min(bar.closes, 1), bar.opens, bar.endings)


def _merge(first: Bar, second: Bar) -> Bar:
    closes, opens = max(first.closes, second.closes), first.opens or second.opens
    style = "|" if closes or opens else max(first.style, second.style, key=len)
    return Bar(style, closes, opens, first.endings or second.endings)


def _once(bar: Bar) -> Bar:
    """Return a bar line without the `:|` of one more pass after the last ending."""
    return replace(bar, closes=0, style="|" if bar.opens else "||")


def _with_beginning(elements: Sequence[Element]) -> list[Element]:
    """Return elements with no bar line before the first sound, except one that opens a repeat."""
    sounds = (index for index, element in enumerate(elements) if isinstance(element, Sound | Tuplet))
    first = next(sounds, len(elements))
    opens = any(isinstance(element, Bar) and element.opens for element in elements[:first])
    return [*([Bar(opens=True)] if opens else []), *elements[first:]]


def _with_end(elements: Sequence[Element]) -> list[Element]:
    """Return elements with only one bar line after the last sound, which is not tied."""
    last = len(elements) - 1
    while last >= 0 and not isinstance(elements[last], Sound):
        last -= 1
    if last < 0:
        return [Bar("|]")]
    closes = next((element.closes for element in elements[last + 1 :] if isinstance(element, Bar)), 0)
    sound = elements[last]
    if isinstance(sound, Sound) and sound.tied:
        sound = replace(sound, tied=False)
    return [*elements[:last], sound, Bar(closes=1) if closes else Bar("|]")]


def dropped(body: Iterable[Element], grace: bool, chords: bool = False) -> Counter[str]:
    """Count the elements that the canonical form of a body drops, by kind."""
    lost: Counter[str] = Counter()
    for element in body:
        if isinstance(element, Sound):
            if element.opens:
                lost["slur"] += element.opens
            if element.untied:
                lost["tie of a part of a chord, written as of all of it"] += 1
            if len(element.pitches) > 1 and (twice := len(element.pitches) - len(set(element.pitches))):
                lost["note twice in a chord"] += twice
            if element.lyrics:
                lost["syllable"] += sum(map(bool, element.lyrics))
            if element.marks:
                lost.update(_dropped_marks(element.marks, chords))
            if element.grace and not grace:
                lost["grace note"] += len(element.grace)
        elif isinstance(element, Bar):
            for mark in element.marks:
                lost[_mark_kind(mark)] += 1
            if element.closes > 1:
                lost["repeat beyond the second time"] += element.closes - 1
        elif isinstance(element, Part):
            lost["part label"] += 1
        elif isinstance(element, Tempo):
            lost["tempo change"] += 1
        elif isinstance(element, Instrument):
            lost["instrument"] += 1
    return lost


def _dropped_marks(marks: Sequence[str], chords: bool) -> Iterator[str]:
    """Yield the kind of each dropped mark; of several chord symbols, only the last one is kept."""
    symbols = [mark for mark in marks if chords and canonical(mark.strip('"'))]
    for mark in marks:
        if mark in symbols:
            given, kept = (Chord.parse(text) for text in (mark.strip('"'), canonical(mark.strip('"'))))
            if given and kept and given.intervals != kept.intervals:
                yield "chord symbol, written as a simpler one"
        else:
            yield _mark_kind(mark)
    yield from ["chord symbol before another one"] * (len(symbols) - 1)


def _mark_kind(mark: str) -> str:
    if not mark.startswith('"'):
        return "decoration"
    text = mark.strip('"')
    if text.isdigit():
        return "fingering"
    return "annotation" if text[:1] not in "ABCDEFG" or not text else "chord symbol"
