"""The sampling options of performances."""

from __future__ import annotations

from dataclasses import dataclass

from folkseq.representations.capabilities import Options
from folkseq.settings import setting


@dataclass(frozen=True)
class PerformanceOptions(Options):
    """The options for new performances."""

    seconds: float | None = setting(
        None,
        "Duration of the file, including a prime that is kept.  [default: up to 30 plus the prime]",
        low=1,
        high=3600,
        needs_grammar=True,
    )
    density: str | None = setting(None, "Notes per second, or several values over time: 2,8,16.")
    pitch_classes: str | None = setting(
        None, "Pitch classes to favour: C,E,G, or several sets over time: C,E,G//F,A,C. An empty set allows all."
    )
    longest_note: float | None = setting(
        None, "Longest note in seconds.  [default: 4]", low=0.1, high=3600, needs_grammar=True
    )
    most_notes: int | None = setting(
        None, "Maximum number of notes at once.  [default: 20]", low=1, high=128, needs_grammar=True
    )
    bpm: float | None = setting(None, "Tempo of the bars in the file.  [default: 120]", low=20, high=400)
    pedal: str | None = setting(
        None, "Write the pedal as a controller (cc), or lengthen the notes (baked).", choices=("cc", "baked")
    )
    keep_prime: bool = setting(False, "Also write the prime into the file.")
