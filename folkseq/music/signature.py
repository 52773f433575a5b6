"""Keys, meters and tempos: what a tune declares before its first note.

Modes are those of the ABC standard 2.1, section 3.1.14, brought to seven names. Ionian is `maj` and Aeolian is `min`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from folkseq.music.pitch import LETTERS, SEMITONES, Interval

# How many fifths each mode's signature lies above that of the major key on the same tonic.
MODES = {"maj": 0, "min": -3, "mix": -1, "dor": -2, "phr": -4, "lyd": 1, "loc": -5}
_FIFTHS = (0, 2, 4, -1, 1, 3, 5)  # sharps in the major key on C D E F G A B
_SHARPS = (3, 0, 4, 1, 5, 2, 6)  # letters in the order in which sharps appear: F C G D A E B
_ACCIDENTALS = {-2: "bb", -1: "b", 0: "", 1: "#", 2: "##"}


@dataclass(frozen=True, slots=True)
class Key:
    """A tonic (letter index and alteration), a mode, and accidentals that the signature has besides.

    >>> str(Key(1, 0, "dor")), Key(1, 0, "maj").alters
    ('Ddor', (1, 0, 0, 1, 0, 0, 0))
    """

    letter: int = 0
    alter: int = 0
    mode: str = "maj"
    extra: tuple[tuple[int, int], ...] = ()  # (letter, alteration) that replace the signature's own
    alters: tuple[int, ...] = field(init=False, compare=False, repr=False)  # of each letter C … B

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"{self.mode!r} is not a mode; there are {', '.join(MODES)}")
        if not -7 <= self.sharps <= 7:
            raise ValueError(f"{self} would need {abs(self.sharps)} accidentals; a key has at most 7")
        alters = [0] * 7
        for index in range(abs(self.sharps)):
            alters[_SHARPS[index] if self.sharps > 0 else _SHARPS[6 - index]] = 1 if self.sharps > 0 else -1
        for letter, alter in self.extra:
            alters[letter] = alter
        object.__setattr__(self, "alters", tuple(alters))

    def __str__(self) -> str:
        return f"{LETTERS[self.letter]}{_ACCIDENTALS[self.alter]}{self.mode}"

    @property
    def sharps(self) -> int:
        """Sharps (positive) or flats (negative) in the signature of the tonic and mode."""
        return _FIFTHS[self.letter] + 7 * self.alter + MODES[self.mode]

    @property
    def tonic(self) -> int:
        """The tonic's pitch class, 0 (C) to 11 (B)."""
        return (SEMITONES[self.letter] + self.alter) % 12

    def interval_to(self, other: Key) -> Interval:
        """From this tonic to `other`'s, at most six semitones up or five down."""
        steps = (other.letter - self.letter) % 7
        semitones = (SEMITONES[other.letter] + other.alter - SEMITONES[self.letter] - self.alter) % 12
        if steps == 0 and semitones > 6:  # C to C flat is a semitone down, not eleven up
            semitones -= 12
        elif steps == 6 and semitones < 6:  # C to B sharp
            semitones += 12
        return Interval(steps - 7, semitones - 12) if semitones > 6 else Interval(steps, semitones)

    def moved(self, interval: Interval) -> Key:
        """This key moved by `interval`, respelt where the signature would need more than seven accidentals."""
        letter = (self.letter + interval.steps) % 7
        alter = (self.tonic + interval.semitones - SEMITONES[letter] + 6) % 12 - 6
        if not (-2 <= alter <= 2 and abs(_FIFTHS[letter] + 7 * alter + MODES[self.mode]) <= 7):
            letter, alter = _simplest_spelling((self.tonic + interval.semitones) % 12, self.mode)
        if not self.extra:
            return Key(letter, alter, self.mode)
        here, there = Key(self.letter, self.alter, self.mode).alters, Key(letter, alter, self.mode).alters
        moved = ((old, (old + letter - self.letter) % 7, value) for old, value in self.extra)
        extra = tuple((new, max(-2, min(2, there[new] + value - here[old]))) for old, new, value in moved)
        return Key(letter, alter, self.mode, extra)


def _simplest_spelling(tonic: int, mode: str) -> tuple[int, int]:
    """The letter and alteration of pitch class `tonic` that give `mode` the fewest accidentals."""
    spellings = [
        (abs(_FIFTHS[letter] + 7 * alter + MODES[mode]), abs(alter), letter, alter)
        for letter in range(7)
        for alter in (-1, 0, 1)
        if (SEMITONES[letter] + alter) % 12 == tonic
    ]
    _, _, letter, alter = min(spellings)
    return letter, alter


@dataclass(frozen=True, slots=True)
class Meter:
    """A time signature; `beats` 0 means none (free rhythm)."""

    beats: int = 4
    unit: int = 4

    def __post_init__(self) -> None:
        if not (0 <= self.beats <= 64 and self.unit in (1, 2, 4, 8, 16, 32, 64)):
            raise ValueError(f"{self.beats}/{self.unit} is not a meter: 1 to 64 beats of a 1st to a 64th note")

    def __str__(self) -> str:
        return f"{self.beats}/{self.unit}" if self.beats else "none"

    @property
    def free(self) -> bool:
        """Whether there is no meter."""
        return self.beats == 0

    @property
    def compound(self) -> bool:
        """Whether beats come in threes, as in 6/8 and 9/8 (and, for ABC's tuplets, 3/8)."""
        return self.beats > 0 and self.beats % 3 == 0 and self.unit >= 8

    @property
    def bar(self) -> Fraction:
        """A bar's length in whole notes; 0 without a meter."""
        return Fraction(self.beats, self.unit)

    @property
    def beat(self) -> Fraction:
        """What a musician counts, in whole notes: a dotted note in compound meters, else the unit."""
        return Fraction(3, self.unit) if self.compound else Fraction(1, self.unit)


@dataclass(frozen=True, slots=True)
class Tempo:
    """So many beats (each `beat` whole notes long) a minute, and what the score says in words."""

    beat: Fraction
    bpm: float
    text: str = ""

    def __post_init__(self) -> None:
        if not (0 < self.beat <= 4 and 1 <= self.bpm <= 2000):
            raise ValueError(f"a tempo of {self.beat}={self.bpm:g} cannot be played: 1 to 2000 beats a minute")

    @property
    def quarter_bpm(self) -> float:
        """Quarter notes a minute."""
        return float(self.bpm * self.beat * 4)
