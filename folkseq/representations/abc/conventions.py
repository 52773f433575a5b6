"""The conventions of a corpus: the meter, unit, key and range of its tunes, which tokens omit or transpose.

Tokens have a tonic of C, so a new tune gets its key and octave after sampling, from a tune of the corpus with the same
rhythm, mode and range. Ranges are in staff positions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache, cached_property
from random import Random
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from folkseq.formats.abc.fields import parse_key, parse_meter
from folkseq.music import Interval, Key, Meter, Tune
from folkseq.music.pitch import Pitch
from folkseq.representations.abc.instruments import ANYWHERE, Instrument

_NO_RHYTHM = "-"
# Defaults without a corpus: the most common tonics on fiddle, flute and pipes, and the range of a flute.
_TONICS = {"maj": "DGA", "min": "EABD", "dor": "EAD", "mix": "DAG", "lyd": "GD", "phr": "BE", "loc": "B"}
_LOWEST, _HIGHEST = 1, 13  # D4 to B5
# A tune that misses an end of a range by n steps is 1 + 8 n times less likely to get this range.
_MISSED, _TOO_LOW = 8, 1000  # the latter for steps below every tune of the corpus
_MOST_OCTAVES = 4  # maximum transposition to the range of an instrument
Steps = NDArray[np.int64]


class Convention(NamedTuple):
    """The rhythm, meter, unit, key and range that some tunes of the corpus share."""

    key: Key
    low: int = _LOWEST
    high: int = _HIGHEST
    steps: int = 0
    """Steps from the written range to the range of the tokens."""
    rhythm: str = ""
    """The name in the token, or an empty string."""
    meter: Meter = Meter()
    unit: Fraction = Fraction(1, 8)
    tunes: int = 1
    """Number of such tunes."""

    @property
    def in_tokens(self) -> tuple[int, int]:
        """Return the range of the tokens."""
        return self.low + self.steps, self.high + self.steps

    def fits(self, instrument: Instrument) -> bool:
        """Return whether the range lies within the range of an instrument."""
        low, high = (Pitch(step, self.key.alters[step % 7]).midi for step in (self.low, self.high))
        return instrument.holds(low, high)

    @classmethod
    def parse(cls, text: str, tunes: int) -> Self:
        """Parse the result of `describe`."""
        rhythm, meter, unit, key, low, high, steps = text.split(" ")
        written = parse_key(key)[0] or Key(), int(low), int(high), int(steps)
        return cls(*written, rhythm.removeprefix(_NO_RHYTHM), parse_meter(meter), Fraction(unit), tunes)


def describe(tune: Tune, rhythm: str, interval: Interval) -> str:
    """Return the convention of a tune in one line, given the interval to its tokens; empty for a tune without notes."""
    steps = [pitch.step for sound in tune.sounds() for pitch in sound.pitches]
    if not steps:
        return ""
    key = Key(tune.key.letter, tune.key.alter, tune.key.mode)
    return f"{rhythm or _NO_RHYTHM} {tune.meter} {tune.unit} {key} {min(steps)} {max(steps)} {interval.steps}"


class _Ways(NamedTuple):
    """The transpositions to the keys of N conventions, (N,) each."""

    intervals: list[Interval]
    steps: Steps
    semitones: Steps
    low: Steps
    high: Steps
    tunes: Steps


class Conventions:
    """The conventions of a corpus; without a corpus, the usual conventions of players."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        """Store the results of `describe` with the number of tunes of each."""
        self._counts = counts
        self.like, self.units, self._moved = cache(self._like), cache(self._units), cache(self._moved_to)

    @cached_property
    def known(self) -> tuple[Convention, ...]:
        """Return the conventions of the corpus."""
        return tuple(Convention.parse(text, count) for text, count in self._counts.items())

    def _like(self, rhythm: str | None, mode: str, key: Key | None = None) -> Sequence[Convention]:
        """Return the conventions for a mode, restricted to the key and to the rhythm if these occur."""
        of_mode = [each for each in self.known if each.key.mode == mode] or _of_players(mode)
        of_key = [each for each in of_mode if each.key == key] or of_mode
        return [each for each in of_key if each.rhythm == rhythm] or of_key

    def tunes(self, rhythm: str, meter: str | None = None) -> int:
        """Return the number of tunes of a rhythm, optionally only in one meter."""
        return sum(each.tunes for each in self.known if each.rhythm == rhythm and meter in (None, str(each.meter)))

    def _units(self, rhythm: str, meter: Meter) -> Counter[Fraction]:
        """Return the number of tunes of a rhythm and meter with each unit."""
        found = Counter[Fraction]()
        for each in self.known:
            if each.rhythm == rhythm and each.meter == meter:
                found[each.unit] += each.tunes
        return found

    def shifts(self, tonic: Key, key: Key | None) -> set[int]:
        """Return the possible transpositions in semitones of a tune with this tonic, given the requested key if any."""
        octaves = range(-_MOST_OCTAVES, _MOST_OCTAVES + 1)
        return {each.semitones + 12 * count for each in self._moved(None, tonic, key).intervals for count in octaves}

    def interval(self, tune: Tune, key: Key | None, random: Random, instrument: Instrument | None = None) -> Interval:
        """Return the interval that transposes a tune to the key and octave of tunes with a similar range.

        Args:
            tune: a tune in any key.
            key: the requested key; then only the octave is chosen.
            random: chooses among the tunes of the corpus; without a corpus, the best of the usual keys is used.
            instrument: an instrument that can play the tune after one of the `shifts`, and thus after the interval.
        """
        room = ANYWHERE if instrument is None else instrument.room(tune)
        found = self._nearest(tune, tune.rhythm, key, random, room)
        return found if room[0] <= found.semitones <= room[1] else self._nearest(tune, None, key, random, room)

    def _nearest(
        self, tune: Tune, rhythm: str | None, key: Key | None, random: Random, room: tuple[int, int]
    ) -> Interval:
        """Return an interval to the range of tunes of a rhythm, if possible within the room."""
        steps = [pitch.step for sound in tune.sounds() for pitch in sound.pitches] or [_LOWEST, _HIGHEST]
        intervals, moved, semitones, low, high, tunes = self._moved(rhythm, tune.key, key)
        below, above = low - moved - min(steps), high - moved - max(steps)
        octaves: NDArray[Any] = np.round((below + above) / 14)
        if room != ANYWHERE:
            fewest, most = np.ceil((room[0] - semitones) / 12), np.floor((room[1] - semitones) / 12)
            octaves = np.clip(octaves, fewest, most)
            fits = np.flatnonzero(fewest <= most)
            if len(fits):
                intervals = [intervals[place] for place in fits.tolist()]
                octaves, low, tunes, below, above = (each[fits] for each in (octaves, low, tunes, below, above))
        below, above = below - 7 * octaves, above - 7 * octaves  # from the ends of the tune to those of each range
        if not self.known:
            place = int((np.abs(below) + np.abs(above)).argmin())
        else:
            too_low = np.maximum(low.min() - (low - below), 0)
            missed = (1 + _MISSED * np.abs(below)) * (1 + _MISSED * np.abs(above)) * (1 + _TOO_LOW * too_low)
            (place,) = random.choices(range(len(tunes)), (tunes / missed).tolist())
        return intervals[place].octaves(int(octaves[place]))

    def _moved_to(self, rhythm: str | None, tonic: Key, key: Key | None) -> _Ways:
        """Return the transpositions from a tonic to the keys of a rhythm's conventions, or to the requested key."""
        found = self.like(rhythm, tonic.mode, key)
        intervals = [tonic.interval_to(key or each.key) for each in found]
        ranges = np.array([(each.low, each.high, each.tunes) for each in found]).T
        return _Ways(intervals, *np.array([(each.steps, each.semitones) for each in intervals]).T, *ranges)


def _of_players(mode: str) -> list[Convention]:
    return [Convention(parse_key(letter + mode)[0] or Key()) for letter in _TONICS[mode]]
