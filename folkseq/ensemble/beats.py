"""The beats of a tune as arrays: its notes relative to the tonic, and the chord over each.

A beat is a dotted note in compound meters; in other meters it is a quarter, or a shorter note if the meter has shorter
units. A short bar at the beginning of a section is aligned with the end of a full bar, like a pickup. Repeats are not
played out. Only the first voice counts, and only the highest note of a chord. Pitch classes and roots are semitones
above the tonic of the tune's key, so that all keys look the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TypeVar

import numpy as np

from folkseq.music import Bar, Key, Meter, Pitch, Sound, Tune
from folkseq.music.harmony import NO_CHORD, Chord, canonical
from folkseq.music.signature import MODES
from folkseq.pairs import EncoderSource, Integers

SAMPLES = 6
"""Sampling points per beat: the sixteenths of a dotted quarter, or the eighths and triplet eighths of a quarter."""
SILENT = 12
"""Stands for a missing pitch class."""
MOST_BEATS = 15
"""Number of beats of a bar with distinct ids."""
_QUARTER = Fraction(1, 4)
_MODES = list(MODES)
SOURCE_SIZES = (*[SILENT + 1] * SAMPLES, MOST_BEATS + 1, MOST_BEATS + 1, 2, len(_MODES), 12, 2, 2)
"""Numbers of ids in the fields of a source: pitch classes, the beat, the number of beats in the bar, whether the meter
is compound, the mode, the current key, and whether a section begins or ends with the bar."""

T = TypeVar("T")
Label = tuple[int, str]
"""A chord without its bass: semitones from the tonic to the root, and one of the canonical qualities."""


@dataclass(frozen=True, eq=False)
class Beats:
    """The N beats of a tune."""

    fields: Integers
    """(N, F) fields of a source; the pitch classes come first."""
    positions: Integers
    """(N, 2) the bar, and the beat in it."""
    labels: tuple[Label | None, ...]
    """The chord in the middle of each beat, or at the first sound if that is later; None for no chord."""
    sounds: Integers
    """(N,) index of the first sound that begins in each beat; −1 for none."""
    symbols: int
    """Number of chord symbols."""

    def __len__(self) -> int:
        return len(self.fields)

    @property
    def pitches(self) -> Integers:
        """Return the pitch class at each sampling point, (N, SAMPLES)."""
        return self.fields[:, :SAMPLES]

    @property
    def source(self) -> EncoderSource:
        """Return the source for an encoder."""
        return EncoderSource(self.fields, self.positions)

    @property
    def bars(self) -> int:
        """Return the number of bars."""
        return int(self.positions[-1, 0]) + 1 if len(self) else 0

    @property
    def opens_section(self) -> Integers:
        """Return whether each beat is the first of a section, (N,)."""
        first = np.append(True, np.diff(self.positions[:, 0]) > 0) if len(self) else np.zeros(0, np.bool_)
        return np.asarray(first & (self.fields[:, -2] > 0))

    @classmethod
    def of(cls, tune: Tune) -> Beats:
        """Return the beats of a tune's first voice."""
        rows: list[list[int]] = []
        positions: list[tuple[int, int]] = []
        labels: list[Label | None] = []
        begins: list[int] = []
        label: Label | None = None
        tonic, count, symbols = tune.key.tonic, 0, 0
        for bar, (sounds, meter, key, opens, closes) in enumerate(_bars(tune)):
            length, beat = sum((sound.duration for sound in sounds), Fraction(0)), beat_of(meter)
            full = meter.bar or length
            place = full - length if opens and length < full else Fraction(0)
            begin, first, last = place, place // beat, math.ceil((place + length) / beat)
            heard: list[tuple[Fraction, int]] = []  # onsets and pitch classes
            changes: list[tuple[Fraction, Label | None]] = [(Fraction(0), label)]
            starts: dict[int, int] = {}
            for sound in sounds:
                highest = max((pitch.midi for pitch in sound.pitches), default=None)
                heard.append((place, SILENT if highest is None else (highest - tonic) % 12))
                for mark in sound.marks:
                    if symbol := canonical(mark[1:-1]) if mark.startswith('"') else "":
                        label, symbols = label_of(symbol, tonic), symbols + 1
                        changes.append((place, label))
                starts.setdefault(int(place // beat), count)
                place, count = place + sound.duration, count + 1
            heard.append((place, SILENT))
            given = (min(math.ceil(full / beat), MOST_BEATS), int(meter.compound), _MODES.index(tune.key.mode))
            edges = ((key.tonic - tonic) % 12, int(opens), int(closes))
            for number in range(int(first), last):
                points = [(number + Fraction(point, SAMPLES)) * beat for point in range(SAMPLES)]
                pitches = [_at(heard, point, SILENT) for point in points]
                rows.append([*pitches, min(number, MOST_BEATS), *given, *edges])
                positions.append((bar, number))
                labels.append(_at(changes, max((number + Fraction(1, 2)) * beat, begin), None))
                begins.append(starts.get(number, -1))
        fields = np.array(rows, np.int64).reshape(-1, len(SOURCE_SIZES))
        return cls(fields, np.array(positions, np.int64).reshape(-1, 2), tuple(labels), np.array(begins), symbols)


@lru_cache(maxsize=256)
def beat_of(meter: Meter) -> Fraction:
    """Return the length of a beat in whole notes."""
    return _QUARTER if meter.free else meter.beat if meter.compound else min(meter.beat, _QUARTER)


@lru_cache(maxsize=4096)
def label_of(symbol: str, tonic: int) -> Label | None:
    """Return the label of a chord symbol in a key with this tonic; None for `N.C.`.

    >>> label_of("F#m7/A", 2)
    (4, 'm7')
    """
    chord = None if symbol == NO_CHORD else Chord.parse(symbol)
    return None if chord is None else ((chord.root.midi - tonic) % 12, chord.canonical.quality)


@lru_cache(maxsize=4096)
def intervals_of(label: Label | None) -> frozenset[int]:
    """Return the pitch classes of a chord, in semitones above the tonic of the key; none for no chord."""
    if label is None:
        return frozenset()
    return frozenset((label[0] + each) % 12 for each in Chord(Pitch(0), label[1]).intervals)


def _at(changes: Sequence[tuple[Fraction, T]], time: Fraction, before: T) -> T:
    """Return the value at a time, given the changes; `before` is the value before the first change."""
    for since, value in reversed(changes):
        if since <= time:
            return value
    return before


def _bars(tune: Tune) -> Iterator[tuple[list[Sound], Meter, Key, bool, bool]]:
    """Yield the sounds, meter and key of each non-empty bar, and whether a section begins and ends with the bar."""
    meter, key, sounds, opens = tune.meter, tune.key, list[Sound](), True
    for element in (*tune.body, Bar("|]")):
        if isinstance(element, Sound):
            sounds.append(element)
        elif isinstance(element, Meter):
            meter = element
        elif isinstance(element, Key):
            key = element
        elif isinstance(element, Bar) and element.style:
            if sounds:
                yield sounds, meter, key, opens, element.ends_section
                sounds, opens = [], element.ends_section
            opens = opens or element.ends_section
