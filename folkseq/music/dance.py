"""The usual tempo of a tune, given by its dance or else by its meter.

Tune books rarely give a tempo; these are the tempos that dancers and sessions use.
"""

from __future__ import annotations

import re
from fractions import Fraction

from folkseq.music.signature import Meter, Tempo
from folkseq.music.tune import Tune

_EIGHTH, _QUARTER, _HALF, _DOTTED = Fraction(1, 8), Fraction(1, 4), Fraction(1, 2), Fraction(3, 8)

# The beat belongs to the meter in which the dance is usually written.
_DANCES: dict[tuple[str, ...], tuple[Fraction, float]] = {
    ("slip jig", "slipjig"): (_DOTTED, 120),
    ("hop jig",): (_DOTTED, 132),
    ("single jig",): (_DOTTED, 120),
    ("double jig", "jig"): (_DOTTED, 112),
    ("slide",): (_DOTTED, 132),
    ("reel",): (_HALF, 108),
    ("hornpipe",): (_HALF, 80),
    ("clog", "highland fling", "fling"): (_HALF, 76),
    ("strathspey",): (_HALF, 66),
    ("highland schottische", "schottische"): (_HALF, 72),
    ("barndance", "barn dance", "walkaround"): (_HALF, 80),
    ("quickstep",): (_HALF, 104),
    ("march",): (_QUARTER, 108),
    ("polka",): (_QUARTER, 124),
    ("mazurka",): (_QUARTER, 138),
    ("waltz",): (_QUARTER, 144),
    ("gavotte",): (_HALF, 72),
    ("minuet",): (_QUARTER, 112),
    ("air",): (_QUARTER, 80),
    ("lament",): (_QUARTER, 60),
}
_METERS: dict[Meter, tuple[Fraction, float]] = {
    Meter(2, 2): (_HALF, 92),
    Meter(3, 2): (_HALF, 92),
    Meter(4, 4): (_QUARTER, 138),
    Meter(2, 4): (_QUARTER, 92),
    Meter(3, 4): (_QUARTER, 120),
    Meter(6, 4): (_QUARTER, 138),
    Meter(3, 8): (_EIGHTH, 168),
    Meter(6, 8): (_DOTTED, 104),
    Meter(9, 8): (_DOTTED, 104),
    Meter(12, 8): (_DOTTED, 104),
}
_OTHER_METERS = (_QUARTER, 112.0)
PLAYABLE = 20, 400  # quarter notes per minute


def beat_and_bpm(rhythm: str, meter: Meter) -> tuple[Fraction, float]:
    """Return the beat of a dance in whole notes, and the tempo in beats per minute.

    A reel or hornpipe has two beats per bar in C, C| and 2/4 alike; a march in 6/8 is counted in dotted quarters.

    Args:
        rhythm: The value of an `R:` field, in any spelling; the first dance whose words all occur in it applies.
        meter: The tune's meter.

    >>> beat_and_bpm("Hornpipe", Meter(2, 4))
    (Fraction(1, 4), 80)
    """
    words = {word.removesuffix("s") for word in re.findall(r"[a-z]+", rhythm.lower())}
    dances = (tempo for names, tempo in _DANCES.items() if any(words.issuperset(name.split()) for name in names))
    beat, bpm = next(dances, None) or _METERS.get(meter, _OTHER_METERS)
    if meter.compound:
        return (meter.beat, bpm) if beat > _EIGHTH else (beat, bpm)
    if beat == _DOTTED:
        return _QUARTER, bpm
    return (beat / 2 if beat == _HALF and 0 < meter.bar < 1 else beat), bpm


def tempo_of(tune: Tune) -> Tempo:
    """Return the tempo that `tune` gives, or else the usual tempo of its dance or meter.

    A tempo outside of `PLAYABLE` is a misprint: a bare `Q:60`, which counts sixteenths, means beats.
    """
    slowest, fastest = PLAYABLE
    if tune.tempo is not None and slowest <= tune.tempo.quarter_bpm <= fastest:
        return tune.tempo
    return Tempo(*beat_and_bpm(tune.rhythm, tune.meter))
