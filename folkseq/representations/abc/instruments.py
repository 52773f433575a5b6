"""The instruments of new tunes, with their ranges in the usual position.

The ranges follow from common tunings and fingerings, which the table lists. Pitches are as written in tune books and as
played in MIDI: a whistle and a recorder sound an octave higher, a tenor banjo and a guitar an octave lower.
"""

from __future__ import annotations

from typing import NamedTuple

from folkseq.formats.abc.lexer import parse_note
from folkseq.music import Tune
from folkseq.music.pitch import LETTERS, MIDDLE_C, natural_midi


class Instrument(NamedTuple):
    """The range of an instrument, as MIDI numbers."""

    lowest: int
    highest: int

    def __str__(self) -> str:
        return f"{_named(self.lowest)} to {_named(self.highest)}"

    def holds(self, lowest: int, highest: int) -> bool:
        """Return whether the range contains two MIDI numbers."""
        return self.lowest <= lowest and highest <= self.highest

    def room(self, tune: Tune) -> tuple[int, int]:
        """Return the smallest and largest transposition in semitones that make a tune with its grace notes playable."""
        found = [pitch.midi for sound in tune.sounds() for pitch in (*sound.grace, *sound.pitches)]
        return (self.lowest - min(found), self.highest - max(found)) if found else ANYWHERE


ANYWHERE = (-(1 << 20), 1 << 20)
"""The room of a tune without a limit."""
_RANGES = {
    "accordion": "B, d'",  # button accordion in B/C: between these it has every note
    "banjo": "G, b",  # tenor, GDAE: from the lowest string to the seventh fret of the highest
    "concertina": "G, c''",  # English, treble: all of it
    "fiddle": "G, b",  # GDAE: from the lowest string to the fourth finger on the highest, in first position
    "flute": "D b",  # wooden, in D: two octaves but for the shrill last notes
    "guitar": "E, b",  # EADGBE: from the lowest string to the seventh fret of the highest
    "mandolin": "G, b",  # GDAE: from the lowest string to the seventh fret of the highest
    "pipes": "D b",  # uilleann, in D: like the flute
    "recorder": "C d'",  # soprano: two octaves and a note
    "whistle": "D b",  # in D: like the flute
}
INSTRUMENTS = {
    name: Instrument(*(natural_midi(parse_note(note)[0]) for note in notes.split())) for name, notes in _RANGES.items()
}


def _named(midi: int) -> str:
    """Return the name of a white key, as in G3."""
    octave, above = divmod(midi - MIDDLE_C, 12)
    return f"{next(LETTERS[step] for step in range(7) if natural_midi(step) == MIDDLE_C + above)}{octave + 4}"
