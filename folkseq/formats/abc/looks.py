"""What of a sound is written in the same way wherever it is: found once, since tunes share most of their sounds."""

from __future__ import annotations

from functools import lru_cache
from math import gcd
from typing import NamedTuple

from folkseq.identity import ByIdentity
from folkseq.music.pitch import Pitch
from folkseq.music.signature import Key
from folkseq.music.tune import Sound


class Look(NamedTuple):
    """The look of a sound."""

    ticks: int
    room: float
    """How much of a line it takes, in sounds of the usual width."""
    sounds: int
    marks: str
    opens: str
    closes: str
    tie: str
    """Of all its pitches."""
    tied: tuple[Pitch, ...]


@lru_cache(maxsize=128)
def looks_in(key: Key, whole: int, unit: int) -> ByIdentity[Sound, Look]:
    """Return how sounds look in a key, with the ticks of a whole note and of a unit."""

    def look(sound: Sound) -> Look:
        ticks = sound.duration.numerator * (whole // sound.duration.denominator)
        altered = sum(pitch.alter != key.alters[pitch.step % 7] for pitch in (*sound.grace, *sound.pitches))
        dotted = ticks // gcd(ticks, unit) % 3 == 0
        room = 1 + (len(sound.grace) + altered) / 2 + dotted / 4
        tie, signs = "-" * (sound.tied and not sound.untied), ("(" * sound.opens, ")" * sound.closes)
        return Look(ticks, room, 1 + len(sound.grace) // 2, "".join(sound.marks), *signs, tie, sound.tied_pitches)

    return ByIdentity(look)
