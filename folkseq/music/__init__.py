"""Immutable musical values such as pitches, keys, tunes and performances."""

from folkseq.music.pitch import Interval, Pitch
from folkseq.music.signature import Key, Meter, Tempo
from folkseq.music.tune import Bar, Element, Instrument, Part, Sound, Tune, Tuplet

__all__ = [
    "Bar",
    "Element",
    "Instrument",
    "Interval",
    "Key",
    "Meter",
    "Part",
    "Pitch",
    "Sound",
    "Tempo",
    "Tune",
    "Tuplet",
]
