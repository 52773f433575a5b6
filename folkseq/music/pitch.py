"""Spelt pitches and the intervals between them.

F sharp and G flat are the same piano key but different notes, so a pitch is a staff position and an alteration.
Staff positions count diatonic steps from middle C (ABC's `C`, MIDI's 60).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

LETTERS = "CDEFGAB"
SEMITONES = (0, 2, 4, 5, 7, 9, 11)  # of each letter above C
PITCH_CLASSES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")  # in their usual spellings
MIDDLE_C = 60  # MIDI number of staff position 0
SIGNS = {-2: "bb", -1: "b", 0: "", 1: "#", 2: "##"}
"""The sign of each alteration, in semitones."""
ALTERS = {"b": -1, "♭": -1, "": 0, "#": 1, "♯": 1}
"""The alteration of each accidental in keys and chord symbols."""


def natural_midi(step: int) -> int:
    """Return the MIDI number of the unaltered note `step` diatonic steps above middle C.

    >>> natural_midi(0), natural_midi(7), natural_midi(-1)
    (60, 72, 59)
    """
    octave, letter = divmod(step, 7)
    return MIDDLE_C + 12 * octave + SEMITONES[letter]


@dataclass(frozen=True, slots=True, order=True)
class Pitch:
    """A spelt pitch: `step` diatonic steps above middle C, altered by `alter` semitones (−2 to 2)."""

    step: int
    alter: int = 0

    def __post_init__(self) -> None:
        if not -2 <= self.alter <= 2:
            raise ValueError(f"a pitch is altered by −2 to 2 semitones, not {self.alter}")

    @property
    def midi(self) -> int:
        """Return the MIDI number (60 is middle C), which may lie outside of 0 to 127."""
        return natural_midi(self.step) + self.alter

    @property
    def letter(self) -> int:
        """Return the letter as an index into `LETTERS`."""
        return self.step % 7


@dataclass(frozen=True, slots=True)
class Interval:
    """A distance between spelt pitches, in diatonic steps and in semitones; both are negative downwards."""

    steps: int
    semitones: int

    def __neg__(self) -> Interval:
        return Interval(-self.steps, -self.semitones)

    def octaves(self, count: int) -> Interval:
        """Return this interval widened by `count` octaves."""
        return Interval(self.steps + 7 * count, self.semitones + 12 * count)

    def apply(self, pitch: Pitch) -> Pitch:
        """Return `pitch` moved by this interval, respelt if it would need more than two sharps or flats."""
        return _moved(pitch.step, pitch.alter, self.steps, self.semitones)


@lru_cache(maxsize=1 << 14)
def _moved(step: int, alter: int, steps: int, semitones: int) -> Pitch:
    midi = natural_midi(step) + alter + semitones
    step += steps
    while abs(midi - natural_midi(step)) > 2:
        step += 1 if midi > natural_midi(step) else -1
    return Pitch(step, midi - natural_midi(step))
