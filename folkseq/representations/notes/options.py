"""The sampling options of notes."""

from __future__ import annotations

from dataclasses import dataclass

from folkseq.representations.performance.options import PerformanceOptions
from folkseq.settings import setting


@dataclass(frozen=True)
class NotesOptions(PerformanceOptions):
    """The options for new performances; notes cannot hang, so by default there are no limits."""

    longest_note: float | None = setting(None, "Longest note in seconds.", low=0.1, high=3600, needs_grammar=True)
    most_notes: int | None = setting(None, "Maximum number of notes at once.", low=1, high=128, needs_grammar=True)
