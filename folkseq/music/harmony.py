"""Chord symbols as tune books print them over the staff: `Am7`, `D7/F#`, `Bb`.

ABC writes them in quotes before a note (standard 2.1, section 4.18), as it does fingerings and remarks.
"""

from __future__ import annotations

import re
from functools import lru_cache

from folkseq.music.pitch import ALTERS, LETTERS, SEMITONES

_KINDS = {  # semitones above the root of each kind of chord
    ("", "maj", "M"): (0, 4, 7),
    ("m", "min", "-"): (0, 3, 7),
    ("dim", "o", "°"): (0, 3, 6),
    ("aug", "+"): (0, 4, 8),
    ("5",): (0, 7),
    ("6",): (0, 4, 7, 9),
    ("m6", "min6"): (0, 3, 7, 9),
    ("7",): (0, 4, 7, 10),
    ("maj7", "M7"): (0, 4, 7, 11),
    ("m7", "min7", "-7"): (0, 3, 7, 10),
    ("mM7", "mmaj7"): (0, 3, 7, 11),
    ("dim7", "o7"): (0, 3, 6, 9),
    ("m7b5", "ø"): (0, 3, 6, 10),
    ("sus", "sus4"): (0, 5, 7),
    ("sus2",): (0, 2, 7),
    ("7sus", "7sus4"): (0, 5, 7, 10),
    ("add9",): (0, 2, 4, 7),
    ("9",): (0, 2, 4, 7, 10),
    ("m9", "min9"): (0, 2, 3, 7, 10),
    ("maj9", "M9"): (0, 2, 4, 7, 11),
}
_INTERVALS = {name: intervals for names, intervals in _KINDS.items() for name in names}
_SYMBOL = re.compile(r"([A-G])([#b♯♭]?)([^/\s]*)(?:/([A-Ga-g])([#b♯♭]?))?")
_BASS, _CHORD = 36, 48  # MIDI pitches where the octaves of the bass and of the chord above it begin


@lru_cache(maxsize=1024)
def chord_pitches(symbol: str) -> tuple[int, ...] | None:
    """Return the MIDI pitches of a chord symbol, a bass note and a close chord; None if it names no chord.

    >>> chord_pitches("Am"), chord_pitches("G/B"), chord_pitches("Fine")
    ((45, 48, 52, 57), (47, 50, 55, 59), None)
    """
    match = _SYMBOL.fullmatch(symbol.strip())
    if match is None or match[3] not in _INTERVALS:
        return None
    root = SEMITONES[LETTERS.index(match[1])] + ALTERS[match[2]]
    bass = SEMITONES[LETTERS.index(match[4].upper())] + ALTERS[match[5]] if match[4] else root
    chord = {_CHORD + (root + interval) % 12 for interval in _INTERVALS[match[3]]}
    return tuple(sorted({_BASS + bass % 12, *chord}))
