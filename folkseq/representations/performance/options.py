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
        "Duration of the file, with the prime if it is kept.  [default: up to 30 and the prime]",
        low=1,
        high=3600,
        needs_grammar=True,
    )
    density: str | None = setting(None, "Notes per second, or several values over time: 2,8,16.")
    pitch_classes: str | None = setting(
        None, "Pitch classes to favour: C,E,G, or several sets over time, of which an empty one is free: C,E,G//F,A,C."
    )
    longest_note: float | None = setting(
        None, "Longest note in seconds.  [default: 4]", low=0.1, high=3600, needs_grammar=True
    )
    most_notes: int | None = setting(None, "Most notes at once.  [default: 20]", low=1, high=128, needs_grammar=True)
    bpm: float | None = setting(None, "Tempo of the file's bars.  [default: 120]", low=20, high=400)
    pedal: str | None = setting(None, "Pedal as a controller (cc), or baked into the notes.", choices=("cc", "baked"))
    keep_prime: bool = setting(False, "Write the prime into the file, too.")
