"""What can be counted in a tune: sections, ends, bars that come back, pitches and durations.

All is as written: a repeated section counts once. What is beyond the notes of a melody (rests, grace notes, the lower
notes of chords) has no pitch or duration here.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from folkseq.music import Bar, Element, Key, Meter, Sound, Tune
from folkseq.representations.abc.merits import heard_again
from folkseq.representations.capabilities import Features

MELODY_UNITS = 322_560  # of a melody's durations in a whole note: 128ths, by tuplets of two to ten
SECTION = 8  # bars of most sections of dance tunes


def melody(tune: Tune) -> NDArray[np.int64]:
    """The highest notes of a tune's sounds, (N, 2): pitch, and duration in `MELODY_UNITS`; ties are one note."""
    notes: list[list[int]] = []
    tied = False
    for sound in tune.sounds():
        if not sound.pitches:
            tied = False
            continue
        pitch, duration = sound.pitches[-1].midi, _units(sound.duration)
        if tied and notes[-1][0] == pitch:
            notes[-1][1] += duration
        else:
            notes.append([pitch, duration])
        tied = sound.tied
    return np.array(notes, np.int64).reshape(-1, 2)


@lru_cache(maxsize=1 << 12)
def _units(duration: Fraction) -> int:
    return round(duration * MELODY_UNITS)


def features(tune: Tune, tokens: Sequence[str]) -> Features:
    """The traits of a tune that has these tokens."""
    lengths = sections(tune.body, tune.meter)
    notes = melody(tune)
    return Features(
        shares={
            f"sections_of_{SECTION}_bars": (lengths.count(SECTION), len(lengths)),
            "last_note_on_tonic": (int(_ends_on_tonic(tune)), 1),
            "bars_heard_again": heard_again(tokens),
        },
        values={"pitch": notes[:, 0], "duration": notes[:, 1], "section_length": np.array(lengths, np.int64)},
    )


def sections(body: Sequence[Element], meter: Meter) -> list[int]:
    """How many bars each section has as it is read once, in which a second ending stands in place of the first.

    A section goes from one bar line that ends or begins a section to the next. A short bar that it begins with is a
    pickup, and does not count; what is nothing but a pickup is no section.
    """
    lengths: list[int] = []
    bars, branch = 0, 0  # of this section; as many where its first ending began
    length, first_is_short = Fraction(0), False
    for element in body:
        if isinstance(element, Meter):
            meter = element
        elif isinstance(element, Sound):
            length += element.duration
        elif isinstance(element, Bar):
            if length:
                first_is_short = length < meter.bar if not bars else first_is_short
                bars, length = bars + 1, Fraction(0)
            if element.endings:  # of which all but the first follow a `:|`
                bars = branch = branch if element.closes else bars
            elif element.ends_section:
                if bars - first_is_short > 0:
                    lengths.append(bars - first_is_short)
                bars, branch, first_is_short = 0, 0, False
    return lengths


def _ends_on_tonic(tune: Tune) -> bool:
    """Whether the tonic is in the last sound that has a pitch."""
    key, last, at = tune.key, None, tune.key
    for element in tune.body:
        if isinstance(element, Key):
            key = element
        elif isinstance(element, Sound) and element.pitches:
            last, at = element, key
    return last is not None and any(pitch.midi % 12 == at.tonic for pitch in last.pitches)
