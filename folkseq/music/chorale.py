"""Four-part chorales as grids of sixteenth notes: their columns, and the ranges of their voices.

A cell of a voice is the MIDI pitch that begins there, `HOLD` or `REST`.
"""

from __future__ import annotations

VOICES = ("soprano", "alto", "tenor", "bass")
FERMATA, PLACE = "fermata", "place"
COLUMNS = (*VOICES, FERMATA, PLACE)
"""The voices, the soprano's fermatas, and the distance of each step from the bar line, in sixteenths."""
HOLD, REST = "hold", "rest"
STEPS = 4
"""Steps in a quarter note."""
RANGES = {"soprano": (60, 81), "alto": (53, 74), "tenor": (48, 69), "bass": (40, 64)}
"""The range of each voice in MIDI pitches: C4–A5, F3–D5, C3–A4, E2–E4."""
