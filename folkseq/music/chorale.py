"""Four voices by sixteenths: what a chorale is on a grid, and where its voices can go.

A cell of a voice is the pitch (MIDI) that begins, a hold of it, or a rest.
"""

from __future__ import annotations

VOICES = ("soprano", "alto", "tenor", "bass")
FERMATA, PLACE = "fermata", "place"
COLUMNS = (*VOICES, FERMATA, PLACE)
"""Of a table: the voices; whether the soprano's note bears a fermata; how many sixteenths into the bar a step is."""
HOLD, REST = "hold", "rest"
STEPS = 4
"""In a quarter note."""
RANGES = {"soprano": (60, 81), "alto": (53, 74), "tenor": (48, 69), "bass": (40, 64)}
"""MIDI pitches that each voice is written for: C4–A5, F3–D5, C3–A4, E2–E4."""
