"""A tune as notated, with exact durations and spelled pitches.

Durations are in sounding whole notes, with the factors of tuplets applied. Pitches are sounding pitches, with the key
signature and the accidentals of the bar applied. Repeats are as written; `folkseq.music.repeats` expands them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from typing import TypeAlias

from folkseq.identity import ByIdentity
from folkseq.music.harmony import move_symbol
from folkseq.music.pitch import Interval, Pitch
from folkseq.music.signature import Key, Meter, Tempo

VIOLIN = 40
FERMATA = "!fermata!"
"""The default General MIDI program of a voice."""


@dataclass(frozen=True, slots=True)
class Sound:
    """A note (one pitch), a chord (several) or a rest (none)."""

    pitches: tuple[Pitch, ...]
    duration: Fraction
    tied: bool = False  # to the next sound, for the pitches that both have
    grace: tuple[Pitch, ...] = ()  # grace notes before it, first to last
    marks: tuple[str, ...] = ()  # decorations and quoted text before it, as ABC writes them
    opens: int = 0  # slurs that begin here
    closes: int = 0  # slurs that end here
    untied: tuple[Pitch, ...] = ()  # pitches of a tied chord that are struck again
    lyrics: tuple[str, ...] = ()  # one syllable per verse in ABC: "Hal-", "_" to hold, "" for none

    def __post_init__(self) -> None:
        if self.duration.numerator <= 0:  # same as duration <= 0, but five times as fast
            raise ValueError(f"a sound lasts longer than {self.duration} of a whole note")
        if self.tied and not self.pitches:
            raise ValueError("a rest cannot be tied")

    def moved(self, interval: Interval) -> Sound:
        """Return this sound with its pitches, grace notes and chord symbols moved by `interval`."""
        pitches, grace, untied = (tuple(map(interval.apply, each)) for each in (self.pitches, self.grace, self.untied))
        ornaments = _moved_marks(self.marks, interval), self.opens, self.closes, untied, self.lyrics
        return Sound(pitches, self.duration, self.tied, grace, *ornaments)  # replace() takes twice as long

    @property
    def tied_pitches(self) -> tuple[Pitch, ...]:
        """Return the pitches that are tied to the next sound if it also has them."""
        return tuple(pitch for pitch in self.pitches if pitch not in self.untied) if self.tied else ()

    @property
    def has_fermata(self) -> bool:
        """Return whether it has a fermata, in either spelling."""
        return "H" in self.marks or FERMATA in self.marks


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar line, the repeats that it ends and begins, and the ending that it opens."""

    style: str = "|"  # "|", "||", "|]", or "" where an ending begins without a line
    closes: int = 0  # ends a section that is repeated this many times
    opens: bool = False  # begins a section that is repeated
    endings: tuple[int, ...] = ()  # the passes in which the ending is played
    marks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.style not in ("", "|", "||", "|]"):
            raise ValueError(f"{self.style!r} is not a bar line")

    @property
    def ends_section(self) -> bool:
        """Return whether a section of the tune ends or begins here."""
        return bool(self.closes or self.opens or self.style in ("||", "|]"))


@dataclass(frozen=True, slots=True)
class Tuplet:
    """The next `count` sounds are `actual` in the time of `normal`."""

    actual: int
    normal: int
    count: int

    def __post_init__(self) -> None:
        if not (1 <= self.actual <= 64 and 1 <= self.normal <= 64 and 1 <= self.count <= 64):
            raise ValueError(f"({self.actual}:{self.normal}:{self.count} is not a tuplet")


@dataclass(frozen=True, slots=True)
class Part:
    """The label (`P:`) of the section that begins here."""

    label: str


@dataclass(frozen=True, slots=True)
class Instrument:
    """The instrument of a voice from here on: a General MIDI program (None for the default), or a drum kit."""

    program: int | None = None
    drum: bool = False


Element: TypeAlias = Sound | Bar | Tuplet | Part | Key | Meter | Tempo | Instrument


@dataclass(frozen=True)
class Tune:
    """A tune: its header, and its voices from first to last element."""

    voices: tuple[tuple[Element, ...], ...]
    key: Key = field(default_factory=Key)
    meter: Meter = field(default_factory=Meter)
    number: int = 1
    titles: tuple[str, ...] = ()
    rhythm: str = ""
    unit: Fraction = Fraction(1, 8)  # the length of ABC's bare letters
    tempo: Tempo | None = None
    parts: str = ""  # the order in which parts are played, as in P:AABB
    fields: tuple[tuple[str, str], ...] = ()  # (letter, value) of the other header lines
    voice_fields: tuple[str, ...] = ()  # the V: field of each voice: its name in the text, and its names on the page

    @property
    def body(self) -> tuple[Element, ...]:
        """Return the first voice."""
        return self.voices[0] if self.voices else ()

    @property
    def title(self) -> str:
        """Return the first title, or an empty string."""
        return self.titles[0] if self.titles else ""

    def sounds(self) -> Iterator[Sound]:
        """Return the notes, chords and rests of the first voice, as written."""
        return (element for element in self.body if isinstance(element, Sound))

    def transposed(self, interval: Interval) -> Tune:
        """Return the tune moved by `interval`: pitches, grace notes, chord symbols and keys."""

        def moved(voice: Iterable[Element]) -> Iterator[Element]:
            drum, move = False, _mover(interval)
            for element in voice:
                if isinstance(element, Sound):
                    yield element if drum else move(element)
                elif isinstance(element, Instrument):
                    drum = element.drum
                    yield element
                elif isinstance(element, Key):
                    yield element.moved(interval)
                elif isinstance(element, Bar) and element.marks:
                    yield replace(element, marks=_moved_marks(element.marks, interval))
                else:
                    yield element

        voices = tuple(tuple(moved(voice)) for voice in self.voices)
        return replace(self, voices=voices, key=self.key.moved(interval))


@lru_cache(maxsize=128)
def _mover(interval: Interval) -> ByIdentity[Sound, Sound]:
    return ByIdentity(lambda sound: sound.moved(interval))


def _moved_marks(marks: tuple[str, ...], interval: Interval) -> tuple[str, ...]:
    """Return marks with the chord symbols among them moved."""
    return tuple(f'"{move_symbol(mark[1:-1], interval)}"' if mark.startswith('"') else mark for mark in marks)
