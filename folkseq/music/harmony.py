"""Chord symbols as tune books print them over the staff: `Am7`, `D7/F#`, `Bb`.

ABC writes them in quotes before a note (standard 2.1, section 4.18), as it writes fingerings and remarks, which name no
chord.
"""

from __future__ import annotations

import re
from functools import lru_cache

from folkseq.music.pitch import LETTERS, SEMITONES

# Semitones above the root of each kind of chord.
KINDS: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(("", "maj", "M"), (0, 4, 7)),
    **dict.fromkeys(("m", "min", "-"), (0, 3, 7)),
    **dict.fromkeys(("dim", "o", "°"), (0, 3, 6)),
    **dict.fromkeys(("aug", "+"), (0, 4, 8)),
    "5": (0, 7),
    "6": (0, 4, 7, 9),
    **dict.fromkeys(("m6", "min6"), (0, 3, 7, 9)),
    "7": (0, 4, 7, 10),
    **dict.fromkeys(("maj7", "M7"), (0, 4, 7, 11)),
    **dict.fromkeys(("m7", "min7", "-7"), (0, 3, 7, 10)),
    **dict.fromkeys(("mM7", "mmaj7"), (0, 3, 7, 11)),
    **dict.fromkeys(("dim7", "o7"), (0, 3, 6, 9)),
    **dict.fromkeys(("m7b5", "ø"), (0, 3, 6, 10)),
    **dict.fromkeys(("sus", "sus4"), (0, 5, 7)),
    "sus2": (0, 2, 7),
    **dict.fromkeys(("7sus", "7sus4"), (0, 5, 7, 10)),
    "add9": (0, 2, 4, 7),
    "9": (0, 2, 4, 7, 10),
    **dict.fromkeys(("m9", "min9"), (0, 2, 3, 7, 10)),
    **dict.fromkeys(("maj9", "M9"), (0, 2, 4, 7, 11)),
}
_SYMBOL = re.compile(r"([A-G])([#b♯♭]?)([^/\s]*)(?:/([A-Ga-g])([#b♯♭]?))?")
_ALTERS = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}
_BASS, _CHORD = 36, 48  # where the octaves of the bass and of the chord above it begin


@lru_cache(maxsize=1024)
def chord_pitches(symbol: str) -> tuple[int, ...] | None:
    """MIDI pitches of the chord that `symbol` names, a bass note and a close chord; None if it names none.

    >>> chord_pitches("Am"), chord_pitches("G/B"), chord_pitches("Fine")
    ((45, 48, 52, 57), (47, 50, 55, 59), None)
    """
    match = _SYMBOL.fullmatch(symbol.strip())
    if match is None or match[3] not in KINDS:
        return None
    root = _pitch_class(match[1], match[2])
    bass = _pitch_class(match[4], match[5]) if match[4] else root
    return tuple(sorted({_BASS + bass, *(_CHORD + (root + interval) % 12 for interval in KINDS[match[3]])}))


def _pitch_class(letter: str, accidental: str) -> int:
    return (SEMITONES[LETTERS.index(letter.upper())] + _ALTERS[accidental]) % 12
