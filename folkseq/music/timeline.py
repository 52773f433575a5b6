"""When everything of a tune is played: repeats and the order of `P:` played out, and the bars that this makes.

Times are exact, in whole notes. A sequencer draws its bar lines from the meters alone, so silence fills the pickup to
a whole bar; what ends one section and begins the next is one bar if it fills one; a bar of any other length has a meter
of its own.
"""

from __future__ import annotations

import math
import re
import string
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TypeAlias

from folkseq.music.dance import tempo_of
from folkseq.music.repeats import unfold
from folkseq.music.signature import Key, Meter, Tempo
from folkseq.music.tune import Bar, Element, Part, Sound, Tune

Event: TypeAlias = tuple[Fraction, Element]  # an element, and when it is met
_MOST_PARTS = 256  # played after one P: line; guards against numbers nested into billions


@dataclass(frozen=True, slots=True)
class Measure:
    """One bar as it is played, from `start` on, `length` long; `meter` is the one in force, whatever the length."""

    start: Fraction
    length: Fraction
    meter: Meter
    begins_section: bool = False

    @property
    def end(self) -> Fraction:
        """Where the next bar begins."""
        return self.start + self.length

    @property
    def incomplete(self) -> bool:
        """Whether the meter asks for more."""
        return self.length < self.meter.bar

    @property
    def sounding_meter(self) -> Meter | None:
        """The meter that a bar of this length has; None if no n/2^k is it (n and 2^k at most 64)."""
        if self.length == self.meter.bar:
            return self.meter
        unit = math.lcm(self.meter.unit, self.length.denominator)
        beats = self.length * unit
        if unit > 64 or unit & (unit - 1) or beats > 64:
            return None
        return Meter(int(beats), unit)


@dataclass(frozen=True)
class Timeline:
    """A tune as it is played: the events of each voice that holds any sound, and the bars of the first.

    Wherever a section begins, its name and the meter, key and tempo in force there are among the events.
    """

    voices: tuple[tuple[Event, ...], ...]
    measures: tuple[Measure, ...]

    @classmethod
    def of(cls, tune: Tune) -> Timeline:
        """The timeline of `tune`. Raises ValueError if no voice of it holds a note or rest."""
        sounding = [voice for voice in tune.voices if _sounds(voice)]
        if not sounding:
            raise ValueError("a tune without a note or rest cannot be played")
        tune = replace(tune, voices=tuple(sounding))
        voices = [list(_timed(_played(tune, voice))) for voice in tune.voices]
        measures = _complete(_measures(voices[0]))
        pickup = -measures[0].start
        shifted = tuple(
            # What holds from the start of the tune also holds for the silence before it.
            tuple((time + pickup if time or isinstance(element, Sound) else time, element) for time, element in voice)
            for voice in voices
        )
        return cls(shifted, tuple(replace(measure, start=measure.start + pickup) for measure in measures))

    @property
    def end(self) -> Fraction:
        """Where the last bar, or the longest voice, ends."""
        return max(self.measures[-1].end, *(voice[-1][0] for voice in self.voices))

    def measure_at(self, time: Fraction) -> Measure:
        """The bar that `time`, which is not before 0, lies in; the last one if it lies beyond."""
        return self.measures[bisect_right(self.measures, time, key=lambda measure: measure.start) - 1]


def _timed(elements: Iterable[Element]) -> Iterator[Event]:
    time = Fraction(0)
    for element in elements:
        yield time, element
        if isinstance(element, Sound):
            time += element.duration


def _played(tune: Tune, voice: Sequence[Element]) -> list[Element]:
    """The elements of `voice` as played, closed by a final bar line; as written if they would not sound otherwise."""
    elements = list(_with_context(tune, voice))
    order = expand_order(tune.parts)
    if order and all(set(order) <= _labels(voice) for voice in tune.voices):
        pieces: dict[str, list[Element]] = {"": []}
        label = ""
        for element in elements:
            if isinstance(element, Part):
                label = element.label.strip()
            pieces.setdefault(label, []).append(element)
        played = [element for label in ("", *order) for element in unfold(pieces[label])]
    else:
        played = list(unfold(elements))
    return [*(played if _sounds(played) else elements), Bar("|]")]


def in_order(tune: Tune) -> Tune:
    """`tune`, of one voice, with its parts written out in the order in which its header has them played, if it has one.

    Their repeats are written out, too.
    """
    order = expand_order(tune.parts)
    if not order or not set(order) <= _labels(tune.body):
        return tune
    held: dict[type, Element] = {Meter: tune.meter, Key: tune.key, Tempo: tempo_of(tune)}
    body: list[Element] = []
    for element in _played(tune, tune.body):
        if isinstance(element, Bar):
            body += [Bar()] if body and isinstance(body[-1], Sound) and element.style else []
        elif not isinstance(element, Part) and held.get(type(element)) != element:
            body.append(element)
            held |= {type(element): element} if type(element) in held else {}
    return replace(tune, voices=((*body[:-1], Bar("|]")),), parts="")


def _sounds(elements: Iterable[Element]) -> bool:
    return any(isinstance(element, Sound) for element in elements)


def _labels(voice: Iterable[Element]) -> set[str]:
    return {element.label.strip() for element in voice if isinstance(element, Part)}


def expand_order(text: str) -> str:
    """The parts that a header's `P:` plays, one letter each (ABC 2.1, section 3.1.9); nothing where it gives no order.

    >>> expand_order("A(A2B2)2"), expand_order("A.B.A"), expand_order("Modern Version")
    ('AAABBAABB', 'ABA', '')
    """
    order = text.replace(".", "").replace(" ", "")
    if re.search(r"[a-z]", order):
        return ""
    order = re.sub(r"([A-Z])(\d{1,2})", lambda match: match[1] * int(match[2]), order)
    count = 1
    while count and len(order) <= _MOST_PARTS:
        order, count = re.subn(r"\(([A-Z]*)\)(\d{0,2})", lambda match: match[1] * int(match[2] or 1), order)
    return order if re.fullmatch(r"[A-Z]+", order) and len(order) <= _MOST_PARTS else ""


def _with_context(tune: Tune, voice: Iterable[Element]) -> Iterator[Element]:
    """`voice` with what holds there said again wherever playing may jump to; sections without `P:` are lettered.

    A pickup before `|:` belongs to the section that it leads into.
    """
    voice = tuple(voice)
    lettered = not _labels(voice)
    section = Part(_letter(0) if lettered else "")
    context: dict[type, Element] = {Meter: tune.meter, Key: tune.key, Tempo: tempo_of(tune)}
    count, length = 1, Fraction(0)  # of sections, and since this one began
    yield from (section, *context.values())
    for element in voice:
        if isinstance(element, Part):
            section = element
            yield from (section, *context.values())
            continue
        yield element
        if isinstance(element, Sound):
            length += element.duration
        elif isinstance(element, Bar):
            if element.ends_section and not element.endings:
                if length and length >= tune.meter.bar:
                    section = Part(_letter(count)) if lettered else section
                    count, length = count + 1, Fraction(0)
                yield section
            if element.ends_section or element.endings:
                yield from context.values()
        elif type(element) in context:
            context[type(element)] = element


def _letter(index: int) -> str:
    return string.ascii_uppercase[index % 26] * (index // 26 + 1)


def _measures(events: Iterable[Event]) -> Iterator[Measure]:
    """The stretches between bar lines."""
    start, meter, coming, begins = Fraction(0), Meter(), Meter(), True
    for time, element in events:
        if isinstance(element, Sound):
            if time == start:
                meter = coming
        elif isinstance(element, Meter):
            coming = element
        elif isinstance(element, Part) or (isinstance(element, Bar) and element.style):
            if time > start:
                yield Measure(start, time - start, meter, begins)
                start, begins = time, False
            begins |= isinstance(element, Part) or element.ends_section


def _complete(measures: Iterable[Measure]) -> list[Measure]:
    """`measures` with two that fill a bar across the join of sections made one, and the first and last filled up."""
    joined: list[Measure] = []
    for measure in measures:
        last = joined[-1] if joined else None
        if last and measure.begins_section and last.length + measure.length == last.meter.bar:
            joined[-1] = replace(last, length=last.meter.bar)
        else:
            joined.append(measure)
    if len(joined) > 1 and joined[0].incomplete:
        first = joined[0]
        joined[0] = replace(first, start=first.end - first.meter.bar, length=first.meter.bar)
    if joined and joined[-1].incomplete:
        joined[-1] = replace(joined[-1], length=joined[-1].meter.bar)
    return joined
