"""The sampling options of grids."""

from __future__ import annotations

from dataclasses import dataclass

from folkseq.representations.capabilities import Options
from folkseq.settings import setting

MOST_STEPS = 1_000_000


@dataclass(frozen=True)
class PackedOptions(Options):
    """The options for new grids; each medium has some of them."""

    steps: int | None = setting(
        None,
        "Number of steps, including the prime.  [default: the model decides]",
        low=1,
        high=MOST_STEPS,
        needs_grammar=True,
    )
    bars: int | None = setting(
        None, "Number of bars, including the prime, in MIDI.", low=1, high=MOST_STEPS, needs_grammar=True
    )
    bpm: float | None = setting(None, "Tempo of the MIDI file.  [default: 120]", low=20, high=400)
    lead: str | None = setting(
        None,
        "Part of one player that the others follow: a table, or - for lines of standard input.",
        needs_grammar=True,
    )
    lead_column: str | None = setting(
        None, "Name or number of the leading player.  [default: the first]", needs_grammar=True
    )
    size: str | None = setting(None, "Size of a picture: 48x32.  [default: the model decides]", needs_grammar=True)
