"""Cache the parts of a sound's spelling that do not depend on its position, since tunes share most of their sounds."""

from __future__ import annotations

from functools import lru_cache
from math import gcd
from typing import NamedTuple

from folkseq.identity import ByIdentity
from folkseq.music.pitch import Pitch
from folkseq.music.signature import Key
from folkseq.music.tune import Sound


class Look(NamedTuple):
    """The spelling of a sound, as far as it does not depend on its position."""

    ticks: int
    room: float
    """The width on the line, in sounds of usual width."""
    sounds: int
    marks: str
    opens: str
    closes: str
    tie: str
    """The tie sign, if all pitches are tied."""
    tied: tuple[Pitch, ...]


@lru_cache(maxsize=128)
def looks_in(key: Key, whole: int, unit: int) -> ByIdentity[Sound, Look]:
    """Return the `Look` of sounds in a key, given the ticks of a whole note and of a unit."""

    def look(sound: Sound) -> Look:
        ticks = sound.duration.numerator * (whole // sound.duration.denominator)
        altered = sum(pitch.alter != key.alters[pitch.step % 7] for pitch in (*sound.grace, *sound.pitches))
        dotted = ticks // gcd(ticks, unit) % 3 == 0
        room = 1 + (len(sound.grace) + altered) / 2 + dotted / 4
        tie, signs = "-" * (sound.tied and not sound.untied), ("(" * sound.opens, ")" * sound.closes)
        return Look(ticks, room, 1 + len(sound.grace) // 2, "".join(sound.marks), *signs, tie, sound.tied_pitches)

    return ByIdentity(look)
