"""Keys, meters and tempos, which a tune declares before its first note.

The seven modes follow the ABC standard 2.1, section 3.1.14; Ionian is `maj` and Aeolian is `min`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from folkseq.music.pitch import LETTERS, SEMITONES, SIGNS, Interval, Pitch, natural_midi

MODES = {"maj": 0, "min": -3, "mix": -1, "dor": -2, "phr": -4, "lyd": 1, "loc": -5}
"""The number of fifths from the signature of the major key on the same tonic to the signature of each mode."""
_FIFTHS = (0, 2, 4, -1, 1, 3, 5)  # of each letter above C: the sharps of its major key
_SHARPS = (3, 0, 4, 1, 5, 2, 6)  # letters in the order in which sharps appear: F C G D A E B


@dataclass(frozen=True, slots=True)
class Key:
    """A tonic (letter index and alteration), a mode, and accidentals that replace the signature's own.

    >>> str(Key(1, 0, "dor")), Key(1, 0, "maj").alters
    ('Ddor', (1, 0, 0, 1, 0, 0, 0))
    """

    letter: int = 0
    alter: int = 0
    mode: str = "maj"
    extra: tuple[tuple[int, int], ...] = ()  # (letter, alteration)
    alters: tuple[int, ...] = field(init=False, compare=False, repr=False)  # of each letter C … B

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"{self.mode!r} is not a mode; there are {', '.join(MODES)}")
        if not -7 <= self.sharps <= 7:
            raise ValueError(f"{self} would need {abs(self.sharps)} accidentals; a key has at most 7")
        altered = _SHARPS[: self.sharps] if self.sharps > 0 else _SHARPS[7 + self.sharps :]
        alters = dict.fromkeys(altered, 1 if self.sharps > 0 else -1) | dict(self.extra)
        object.__setattr__(self, "alters", tuple(alters.get(letter, 0) for letter in range(7)))

    @classmethod
    def of_signature(cls, sharps: int, minor: bool = False) -> Key:
        """Return the major or minor key whose signature has `sharps` (−7 to 7; flats are negative).

        >>> str(Key.of_signature(2)), str(Key.of_signature(-2, minor=True))
        ('Dmaj', 'Gmin')
        """
        fifths = sharps + 3 * minor  # of the tonic above C
        return cls(fifths * 4 % 7, (fifths + 1) // 7, "min" if minor else "maj")

    def __str__(self) -> str:
        return f"{LETTERS[self.letter]}{SIGNS[self.alter]}{self.mode}"

    @property
    def sharps(self) -> int:
        """Return the number of sharps (flats are negative) in the signature of the tonic and mode."""
        return _FIFTHS[self.letter] + 7 * self.alter + MODES[self.mode]

    @property
    def tonic(self) -> int:
        """Return the tonic's pitch class, 0 (C) to 11 (B)."""
        return (SEMITONES[self.letter] + self.alter) % 12

    @property
    def major_or_minor(self) -> Key:
        """Return the major or minor key with this signature: A minor for D dorian."""
        return Key.of_signature(self.sharps, self.mode in ("min", "dor", "phr", "loc"))

    def spell(self, midi: int) -> Pitch:
        """Return the spelling of a MIDI pitch that is nearest to this key on the line of fifths; sharps win ties."""
        _, _, letter, alter = min(
            (abs(_FIFTHS[letter] + 7 * alter - self.sharps - 2), -alter, letter, alter)
            for letter, alter in _spellings(midi % 12)
        )
        return Pitch((midi - alter - natural_midi(letter)) // 12 * 7 + letter, alter)

    def interval_to(self, other: Key) -> Interval:
        """Return the interval from this tonic to the tonic of `other`, at most six semitones up or five down."""
        steps, semitones = (other.letter - self.letter) % 7, (other.tonic - self.tonic) % 12
        if steps == 0 and semitones > 6:  # C to C flat is a semitone down, not eleven up
            semitones -= 12
        elif steps == 6 and semitones < 6:  # C to B sharp
            semitones += 12
        return Interval(steps - 7, semitones - 12) if semitones > 6 else Interval(steps, semitones)

    def interval_up(self, semitones: int) -> Interval:
        """Return the interval of `semitones` (negative downwards) that leads to the key with the fewest accidentals.

        >>> Key().interval_up(2), Key().interval_up(-13)
        (Interval(steps=1, semitones=2), Interval(steps=-8, semitones=-13))
        """
        if not semitones % 12:
            return Interval(0, 0).octaves(semitones // 12)
        letter, alter = self._nearest(self.tonic + semitones)
        interval = self.interval_to(Key(letter, alter, self.mode))
        return interval.octaves((semitones - interval.semitones) // 12)

    def _nearest(self, tonic: int) -> tuple[int, int]:
        """Return the letter and alteration of a tonic, for the key of this mode with the fewest accidentals."""
        _, _, letter, alter = min(
            (abs(_FIFTHS[letter] + 7 * alter + MODES[self.mode]), abs(alter), letter, alter)
            for letter, alter in _spellings(tonic % 12)
        )
        return letter, alter

    def moved(self, interval: Interval) -> Key:
        """Return this key moved by `interval`, respelt if the signature would need more than seven accidentals."""
        letter = (self.letter + interval.steps) % 7
        alter = (self.tonic + interval.semitones - SEMITONES[letter] + 6) % 12 - 6
        if not (-2 <= alter <= 2 and abs(_FIFTHS[letter] + 7 * alter + MODES[self.mode]) <= 7):
            letter, alter = self._nearest(self.tonic + interval.semitones)
        moved = Key(letter, alter, self.mode)
        if not self.extra:
            return moved
        plain, extra = Key(self.letter, self.alter, self.mode), []
        for old, value in self.extra:
            new = (old + letter - self.letter) % 7
            extra.append((new, max(-2, min(2, moved.alters[new] + value - plain.alters[old]))))
        return Key(letter, alter, self.mode, tuple(extra))


def _spellings(pitch_class: int) -> list[tuple[int, int]]:
    """Return the spellings of a pitch class with at most one sharp or flat, as letters and alterations."""
    pairs = [(letter, alter) for letter in range(7) for alter in (-1, 0, 1)]
    return [(letter, alter) for letter, alter in pairs if (SEMITONES[letter] + alter) % 12 == pitch_class]


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
        """Return whether there is no meter."""
        return self.beats == 0

    @property
    def compound(self) -> bool:
        """Return whether beats come in threes, as in 6/8 and 9/8 (and, for ABC's tuplets, 3/8)."""
        return self.beats > 0 and self.beats % 3 == 0 and self.unit >= 8

    @property
    def bar(self) -> Fraction:
        """Return a bar's length in whole notes; 0 without a meter."""
        return Fraction(self.beats, self.unit)

    @property
    def beat(self) -> Fraction:
        """Return the beat in whole notes: a dotted note in compound meters, or else the meter's unit."""
        return Fraction(3 if self.compound else 1, self.unit)


@dataclass(frozen=True, slots=True)
class Tempo:
    """A tempo of `bpm` beats of `beat` whole notes per minute, and the words beside it in the score."""

    beat: Fraction
    bpm: float
    text: str = ""

    def __post_init__(self) -> None:
        if not (0 < self.beat <= 4 and 1 <= self.bpm <= 2000):
            raise ValueError(f"a tempo of {self.beat}={self.bpm:g} cannot be played: 1 to 2000 beats a minute")

    @property
    def quarter_bpm(self) -> float:
        """Return the tempo in quarter notes per minute."""
        return float(self.bpm * self.beat * 4)
