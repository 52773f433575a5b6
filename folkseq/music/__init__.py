"""Immutable musical values: pitches, keys, tunes."""

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
