"""A tune in playing order, with times and bars.

Times are exact, in whole notes. A sequencer draws its bar lines from the meters alone. Silence therefore fills the
pickup to a whole bar, the end of one section and the start of the next become one bar if they fill it, and a bar of any
other length has a separate meter.
"""

from __future__ import annotations

import math
import string
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TypeAlias

from folkseq.music.dance import tempo_of
from folkseq.music.parts import labels, played_order
from folkseq.music.repeats import unfold
from folkseq.music.route import Route, find_route, follow
from folkseq.music.signature import Key, Meter, Tempo
from folkseq.music.tune import Bar, Element, Instrument, Part, Sound, Tune

Event: TypeAlias = tuple[Fraction, Element]  # a time and an element


@dataclass(frozen=True, slots=True)
class Measure:
    """One bar as played; `meter` is the meter in force, whatever the bar's length."""

    start: Fraction
    length: Fraction
    meter: Meter
    begins_section: bool = False

    @property
    def end(self) -> Fraction:
        """Return the time at which the next bar begins."""
        return self.start + self.length

    @property
    def sounding_meter(self) -> Meter | None:
        """Return the meter of a bar of this length; None if it is not n/2^k with both numbers at most 64."""
        if self.length == self.meter.bar:
            return self.meter
        unit = math.lcm(self.meter.unit, self.length.denominator)
        beats = self.length * unit
        if unit > 64 or unit & (unit - 1) or beats > 64:
            return None
        return Meter(int(beats), unit)


@dataclass(frozen=True)
class Timeline:
    """The events of each voice that holds any sound, and the bars of the first voice.

    At the start of each section, the events include its name and the meter, key and tempo in force.
    """

    voices: tuple[tuple[Event, ...], ...]
    measures: tuple[Measure, ...]

    @classmethod
    def of(cls, tune: Tune) -> Timeline:
        """Return the timeline of `tune`. Raises ValueError if no voice holds a note or rest."""
        tune = replace(tune, voices=tuple(filter(_sounds, tune.voices)))
        if not tune.voices:
            raise ValueError("a tune without a note or rest cannot be played")
        route = None if played_order(tune) else find_route(tune.voices)[0]
        voices = [list(_timed(_played(tune, voice, route))) for voice in tune.voices]
        measures = _measures(voices[0])
        pickup = -measures[0].start
        if not pickup:
            return cls(tuple(map(tuple, voices)), tuple(measures))
        shifted = tuple(
            # The settings at the start of the tune also apply to the silence before it.
            tuple((time + pickup if time or isinstance(element, Sound) else time, element) for time, element in voice)
            for voice in voices
        )
        return cls(shifted, tuple(replace(measure, start=measure.start + pickup) for measure in measures))

    @property
    def end(self) -> Fraction:
        """Return the time at which the last bar or the longest voice ends, whichever is later."""
        return max(self.measures[-1].end, *(voice[-1][0] for voice in self.voices))

    def measure_at(self, time: Fraction) -> Measure:
        """Return the bar at `time`, which must not be negative; return the last bar for later times."""
        return self.measures[bisect_right(self.measures, time, key=lambda measure: measure.start) - 1]


def expand_parts(tune: Tune) -> Tune:
    """Return a `tune` of one voice with parts and repeats written out, in the header's order if it gives one."""
    if not played_order(tune):
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


def _timed(elements: Iterable[Element]) -> Iterator[Event]:
    time = Fraction(0)
    for element in elements:
        yield time, element
        if isinstance(element, Sound):
            time += element.duration


def _played(tune: Tune, voice: Sequence[Element], route: Route | None = None) -> list[Element]:
    """Return `voice` as played, closed by a final bar line; return it as written if playing would leave no sound."""
    elements = list(_with_context(tune, voice))
    order, label = played_order(tune), ""
    sections: dict[str, list[Element]] = {}
    for element in elements:
        if order and isinstance(element, Part):
            label = element.label.strip()
        sections.setdefault(label, []).append(element)
    if route is not None:
        played = list(follow(elements, route))
    else:
        played = [element for label in ("", *order) for element in unfold(sections[label])]
    return [*(played if _sounds(played) else elements), Bar("|]")]


def _with_context(tune: Tune, voice: Sequence[Element]) -> Iterator[Element]:
    """Yield `voice` with the settings in force restated at each target of a jump; sections without `P:` get letters.

    A pickup before `|:` belongs to the section that it leads to.
    """
    lettered = not labels(voice)
    section = Part(_letter(0) if lettered else "")
    context: dict[type, Element] = {Meter: tune.meter, Key: tune.key, Tempo: tempo_of(tune)}
    if any(isinstance(element, Instrument) for element in voice):
        context[Instrument] = Instrument()
    count, length = 1, Fraction(0)  # sections so far, and the length of this one
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


def _measures(events: Iterable[Event]) -> list[Measure]:
    """Return the bars; partial bars across a section boundary are joined, and the first and last bars are filled up."""
    measures: list[Measure] = []
    start, meter, coming, begins = Fraction(0), Meter(), Meter(), True
    for time, element in events:
        if isinstance(element, Sound):
            meter = coming if time == start else meter
        elif isinstance(element, Meter):
            coming = element
        elif isinstance(element, Part) or (isinstance(element, Bar) and element.style):
            if time > start:
                last = measures[-1] if measures and begins else None
                if last and last.length + time - start == last.meter.bar:
                    measures[-1] = replace(last, length=last.meter.bar)
                else:
                    measures.append(Measure(start, time - start, meter, begins))
                start, begins = time, False
            begins |= isinstance(element, Part) or element.ends_section
    first = measures[0]
    if len(measures) > 1 and first.length < first.meter.bar:
        measures[0] = replace(first, start=first.end - first.meter.bar, length=first.meter.bar)
    last = measures[-1]
    measures[-1] = replace(last, length=max(last.length, last.meter.bar))
    return measures
