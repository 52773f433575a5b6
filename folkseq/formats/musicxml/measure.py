"""A parsed measure of a part: the sounds of each voice, and the changes and marks at their times."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from fractions import Fraction

from folkseq.music.pitch import Interval, Pitch
from folkseq.music.tune import Element, Instrument


@dataclass
class Sounding:
    """A note, chord or rest of a voice; `tied` holds the pitches that are tied to the next."""

    place: Fraction
    duration: Fraction
    pitches: tuple[Pitch, ...] = ()
    tied: set[Pitch] = field(default_factory=set)
    grace: tuple[Pitch, ...] = ()
    marks: tuple[str, ...] = ()
    opens: int = 0
    closes: int = 0
    lyrics: tuple[str, ...] = ()
    ratio: tuple[int, int] = (1, 1)
    begins: bool = False
    ends: bool = False
    marked: bool = False  # whether it belongs to a tuplet with a marked end


@dataclass
class BarLine:
    """A bar line in one part."""

    style: str = ""
    closes: int = 0
    opens: bool = False
    endings: tuple[int, ...] = ()
    stops: bool = False  # ends an ending


@dataclass
class ReadMeasure:
    """A measure of a part: sounds by voice, changes and marks by place, and the bar lines on both sides."""

    voices: dict[str, list[Sounding]] = field(default_factory=dict)
    changes: list[tuple[Fraction, Element]] = field(default_factory=list)
    marks: list[tuple[Fraction, str, str]] = field(default_factory=list)
    """Place, decoration or text, and voice ("" if it belongs to none)."""
    left: BarLine = field(default_factory=BarLine)
    right: BarLine = field(default_factory=BarLine)
    length: Fraction = Fraction(0)


_LONGEST = 1000


class Position:
    """The position of a reader in a part."""

    def __init__(self) -> None:
        self.divisions = Fraction(1)
        self.transposition = Interval(0, 0)
        self.instrument: Instrument | None = None  # the last stated instrument
        self.begin()

    def begin(self) -> None:
        """Begin a measure."""
        self.measure = ReadMeasure()
        self.ticks = 0
        self.exact = {0: Fraction(0)}  # exact times in the measure, by ticks

    @property
    def time(self) -> Fraction:
        """Return the time in the measure, in whole notes."""
        if self.ticks not in self.exact:
            self.exact[self.ticks] = self.length(self.ticks)
        return self.exact[self.ticks]

    def length(self, ticks: float) -> Fraction:
        """Return the length of `ticks` in whole notes."""
        return Fraction(ticks) / self.divisions / 4

    def move(self, ticks: int) -> None:
        """Move forward or back in the measure. Raises ValueError if the measure gets too long."""
        self.ticks = max(self.ticks + ticks, 0)
        if self.time > _LONGEST:
            raise ValueError(f"a measure of more than {_LONGEST} whole notes")
        self.measure.length = max(self.measure.length, self.time)

    def change(self, place: Fraction, element: Element) -> None:
        """Add a change, unless it repeats the current instrument."""
        if isinstance(element, Instrument):
            if element == self.instrument:
                return
            self.instrument = element
        self.measure.changes.append((place, element))

    def mark(self, place: Fraction, mark: str, direction: ET.Element | None = None) -> None:
        """Add a mark to the measure, in the voice of its direction if there is one."""
        if mark.startswith('"'):
            mark = f'"{" ".join(mark[1:-1].replace(chr(34), chr(39)).split())}"'
        voice = direction.findtext("voice", "") if direction is not None else ""
        self.measure.marks.append((place, mark, voice.strip()))
