"""Split a tune's voices into measures that are the same in every part, as MusicXML requires.

The voice with the most bar lines determines the measures. Sounds of other voices that cross a bar line are split and
tied.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise

from folkseq.music.repeats import match_repeats
from folkseq.music.tune import Bar, Element, Sound, Tune, Tuplet

_STYLES = ("", "|", "||", "|]")
Ratio = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Placed:
    """An element in a measure.

    Attributes:
        element: A sound, a change, or a bar line, of which only the marks matter.
        place: Its time since the start of the measure.
        ratio: The ratio of the sound's tuplet, such as (3, 2).
        begins: Whether the tuplet begins with the sound.
        ends: Whether the tuplet ends with the sound.
    """

    element: Element
    place: Fraction
    ratio: Ratio = (1, 1)
    begins: bool = False
    ends: bool = False


@dataclass(frozen=True)
class Frame:
    """The measures of all voices: N lengths, and the N + 1 bar lines around them."""

    lengths: tuple[Fraction, ...]
    lines: tuple[Bar, ...]


@dataclass
class _Cut:
    """Collects the elements of a voice, measure by measure."""

    times: Sequence[Fraction]
    measures: list[list[Placed]] = field(default_factory=list)

    def add(self, time: Fraction, placed: Placed) -> None:
        while len(self.measures) + 1 < len(self.times) and time >= self.times[len(self.measures)]:
            self.measures.append([])
        self.measures[-1].append(replace(placed, place=time - self.times[len(self.measures) - 1]))


def frame(tune: Tune) -> Frame:
    """Return the measures of a tune whose repeat signs are paired; none if the tune has no sound."""
    lines = max(map(_lines, tune.voices), key=len, default={})
    end = max(map(_length, tune.voices), default=Fraction(0))
    lines = {time: bar for time, bar in lines.items() if time < end} | {end: lines.get(end, Bar())}
    times = sorted({Fraction(0), *lines} if end else ())
    lengths = tuple(after - before for before, after in pairwise(times))
    return Frame(lengths, tuple(lines.get(time, Bar("")) for time in times))


def paired(tune: Tune) -> Tune:
    """Return a tune with its repeat signs paired."""
    return replace(tune, voices=tuple(map(match_repeats, tune.voices)))


def cut(voice: Iterable[Element], lengths: Sequence[Fraction]) -> list[list[Placed]]:
    """Return the elements of a voice in each measure; rests fill the measures after its end."""
    times = [Fraction(0)]
    for length in lengths:
        times.append(times[-1] + length)
    cut, time = _Cut(times), Fraction(0)
    for placed in _with_ratios(voice):
        sound = placed.element
        if not isinstance(sound, Sound):
            _add_other(cut, time, placed)
            continue
        for index, part in enumerate(pieces := list(_pieces(sound, time, times))):
            first, last = index == 0, index + 1 == len(pieces)
            kept = replace(placed, begins=placed.begins and first, ends=placed.ends and last)
            cut.add(time, replace(kept, element=part))
            time += part.duration
    while time < times[-1]:
        following = next(each for each in times if each > time)
        cut.add(time, Placed(Sound((), following - time), Fraction(0)))
        time = following
    return cut.measures


def _add_other(cut: _Cut, time: Fraction, placed: Placed) -> None:
    """Add an element other than a sound; the marks of a bar line belong to the measure that it ends."""
    if isinstance(placed.element, Bar):
        if placed.element.marks and time and cut.measures:
            place = time - cut.times[len(cut.measures) - 1]
            cut.measures[-1].append(replace(placed, place=place))
        elif placed.element.marks:
            cut.add(time, placed)
    else:
        cut.add(time, placed)


def _lines(voice: Iterable[Element]) -> dict[Fraction, Bar]:
    """Return the bar lines of a voice by their times; bar lines without a sound between them are merged."""
    lines: dict[Fraction, Bar] = {}
    time = Fraction(0)
    for element in voice:
        if isinstance(element, Sound):
            time += element.duration
        elif isinstance(element, Bar) and (element.style or element.endings):
            lines[time] = _joined(lines.get(time), element)
    return lines


def _joined(first: Bar | None, second: Bar) -> Bar:
    if first is None:
        return replace(second, marks=())
    return Bar(
        max(first.style, second.style, key=_STYLES.index),
        max(first.closes, second.closes),
        first.opens or second.opens,
        second.endings or first.endings,
    )


def _length(voice: Iterable[Element]) -> Fraction:
    return sum((element.duration for element in voice if isinstance(element, Sound)), Fraction(0))


def _with_ratios(voice: Iterable[Element]) -> Iterator[Placed]:
    """Yield the elements without tuplets; each sound carries the ratio of its tuplet."""
    ratio, left, begins = (1, 1), 0, False
    for element in voice:
        if isinstance(element, Tuplet):
            ratio, left, begins = (element.actual, element.normal), element.count, True
        elif isinstance(element, Sound) and left:
            left -= 1
            yield Placed(element, Fraction(0), ratio, begins, not left)
            begins = False
        else:
            yield Placed(element, Fraction(0))


def _pieces(sound: Sound, time: Fraction, times: Sequence[Fraction]) -> Iterator[Sound]:
    """Yield a sound split at the bar lines, with its parts tied."""
    end = time + sound.duration
    while line := next((each for each in times if time < each < end), None):
        yield replace(sound, duration=line - time, tied=bool(sound.pitches), untied=(), closes=0)
        sound = replace(sound, duration=end - line, grace=(), marks=(), opens=0, lyrics=())
        time = line
    yield sound
