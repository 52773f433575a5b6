"""Count new tunes outside the range of an instrument, and measure the cost of keeping them within it.

python scripts/benchmark.py instruments [RUN] [PIECES]   tunes and 200 by default
"""

from __future__ import annotations

import folkseq
from folkseq.formats import abc
from folkseq.representations.abc.analysis import repeated_bars
from folkseq.representations.abc.instruments import INSTRUMENTS

PIECES = 200


def main(run: str = "tunes", pieces: str = str(PIECES)) -> None:
    """Print a row for each instrument, and one without an instrument; each tune is parsed again from its file."""
    model = folkseq.load(run)
    print(f"{'':13}{'outside':>9}{'last on tonic, %':>18}{'repeated bars, %':>18}{'semitones':>11}")
    for name in ("", *INSTRUMENTS):
        outside, tonic, repeated, bars, span = 0, 0.0, 0, 0, 0
        for sampled in model.sample(int(pieces), seed=1, **({"instrument": name} if name else {})):
            (tune,) = abc.parse(sampled.format(".abc").decode()).tunes
            notes = [pitch.midi for sound in tune.sounds() for pitch in (*sound.grace, *sound.pitches)]
            outside += bool(name) and not INSTRUMENTS[name].holds(min(notes), max(notes))
            span += max(notes) - min(notes)
            tonic += sampled.critique.merits["tonic"]
            again, every = repeated_bars(sampled.tokens)
            repeated, bars = repeated + again, bars + every
        shares = f"{100 * tonic / int(pieces):>18.1f}{100 * repeated / bars:>18.1f}"
        print(f"{name or 'none':13}{outside:>9}{shares}{span / int(pieces):>11.1f}", flush=True)
