"""A melody on a grid of sixteenth notes, and the notation of voices on this grid.

Each bar of the melody begins a new step. The melody keeps details that the grid does not represent, such as triplets
and grace notes. The other voices move only at sixteenths.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

import numpy as np

from folkseq.ensemble.cells import HOLD, REST
from folkseq.errors import RequestError
from folkseq.music import Bar, Element, Interval, Key, Meter, Pitch, Sound, Tune, Tuplet
from folkseq.music.chorale import RANGES, VOICES
from folkseq.music.timeline import expand_parts
from folkseq.music.tune import FERMATA
from folkseq.pairs import Integers

STEP = Fraction(1, 16)
MOST_STEPS = 4096
_LENGTHS = [Fraction(*each) for each in ((1, 1), (3, 4), (1, 2), (3, 8), (1, 4), (3, 16), (1, 8), (3, 32), (1, 16))]
_MOST_ODD = 15  # notes of a tuplet
_STEPS_UP = (0, 1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6)  # staff positions of each interval below an octave, in semitones


def _highest(voice: Sequence[Element]) -> tuple[Element, ...]:
    """Return a voice with only the highest note of each chord; a tie is kept if the next sound has the same pitch."""
    found: list[Element] = []
    after: Pitch | None = None  # the highest note of the next sound
    for element in reversed(voice):
        if isinstance(element, Sound):
            highest = max(element.pitches, key=lambda pitch: pitch.midi, default=None)
            if highest is not None and len(element.pitches) > 1:
                tied = highest == after and highest in element.tied_pitches
                element = replace(element, pitches=(highest,), untied=(), tied=tied)
            after = highest
        found.append(element)
    return tuple(reversed(found))


@dataclass(frozen=True)
class _Measure:
    """A bar of the melody."""

    first: int
    """The first step of the bar."""
    length: Fraction
    changes: tuple[Element, ...]
    """Keys and meters that begin here."""
    line: Bar | None
    """The bar line that ends it."""
    key: Key
    restarts: bool
    """Whether a repeat or an ending begins with the bar, so that nothing is tied over its first bar line."""


@dataclass(frozen=True, eq=False)
class Melody:
    """A tune of one voice, and its grid of N steps."""

    tune: Tune
    measures: tuple[_Measure, ...]
    cells: Integers
    """(N, 3) melody, fermata and position in the bar; see `folkseq.ensemble.cells`."""
    notices: tuple[str, ...] = ()

    @classmethod
    def of(cls, tune: Tune, file: str, notices: Sequence[str] = ()) -> Melody:
        """Return the melody of a tune: the highest notes of its first voice, transposed to the soprano's range.

        Raises:
            RequestError: the melody has no notes, or is too long.
        """
        dropped = len(tune.voices) - 1
        others = f"the melody is its first voice; left out: {dropped} more" * (dropped > 0)
        chords = sum(len(each.pitches) > 1 for each in tune.voices[0] if isinstance(each, Sound))
        lower = f"the melody is the highest note of each chord; {chords} have lower notes" * (chords > 0)
        written = replace(tune, voices=(_highest(tune.voices[0]),))
        tune = expand_parts(written)
        pitches = [sound.pitches[0].midi for sound in tune.sounds() if sound.pitches]
        if not pitches:
            raise RequestError(f"{file}: the melody is empty; give one with notes")
        interval, notice = _transposition(min(pitches), max(pitches))
        found = [
            others,
            lower,
            notice,
            f"its parts are written out in their order, {written.parts}" * (tune is not written),
        ]
        octaves, rest = divmod(interval, 12)
        tune = tune.transposed(Interval(_STEPS_UP[rest], rest).octaves(octaves)) if interval else tune
        measures, cells = _grid(tune, file)
        return cls(tune, measures, cells, (*notices, *(f"{file}: {notice}" for notice in found if notice)))

    def voice(self, cells: Integers) -> tuple[Element, ...]:
        """Return the notation of a voice of (N,) cells, with the melody's bars and fermatas."""
        last = np.append((self.cells[1:, 1] == 0) | (self.cells[1:, 0] != HOLD), True)  # last step of a fermata's note
        fermatas = (self.cells[:, 1] > 0) & last
        elements: list[Element] = []
        ends = [measure.first for measure in self.measures[1:]] + [len(cells)]
        for measure, end in zip(self.measures, ends, strict=True):
            elements += measure.changes
            steps = slice(measure.first, end)
            elements += _notation(cells[steps].tolist(), fermatas[steps].tolist(), measure, elements)
            elements += [measure.line] if measure.line is not None else []
        return tuple(elements)


def _transposition(low: int, high: int) -> tuple[int, str]:
    """Return the interval to the soprano's range in semitones, preferably whole octaves, and a notice."""
    lowest, highest = RANGES[VOICES[0]]

    def outside(interval: int) -> int:
        return max(lowest - low - interval, 0) + max(high + interval - highest, 0)

    if not outside(0):
        return 0, ""
    interval = min(range(-60, 61), key=lambda each: (outside(each), bool(each % 12), abs(each)))
    moved = f"moved {abs(interval)} semitone{'s' * (abs(interval) != 1)} {'up' if interval > 0 else 'down'}"
    if not outside(interval):
        result = f"it is {moved}"
    else:
        result = f"even {moved} it does not fit" if interval else "it fits nowhere"
        result += ", and the voices below may cross it"
    return interval, f"the melody goes from {low} to {high}, beyond a soprano's {lowest} to {highest}; {result}"


def _grid(tune: Tune, file: str) -> tuple[tuple[_Measure, ...], Integers]:
    """Return the bars of a tune, and its cells (N, 3)."""
    measures: list[_Measure] = []
    steps: list[tuple[int, int, int]] = []
    key, meter, tied, section, restarts = tune.key, tune.meter, False, True, True
    before = Fraction(0)  # length of the last bar; a bar that completes it continues its positions, as in chorales
    for changes, sounds, line in _bars(tune.body):
        for change in changes:
            key = change if isinstance(change, Key) else key
            meter = change if isinstance(change, Meter) else meter
        length = sum((sound.duration for sound in sounds), Fraction(0))
        if _odd_part(length) > _MOST_ODD:
            raise RequestError(f"{file}: bar {len(measures) + 1} ends within several tuplets; complete them")
        measures.append(_Measure(len(steps), length, changes, line, key, restarts))
        missing = meter.bar - length
        pickup = int(missing / STEP) if 0 < length < meter.bar and (section or missing == before) else 0
        steps += [(*cells, pickup + place) for place, cells in enumerate(_cells(sounds, length, tied))]
        tied = sounds[-1].tied if sounds else tied
        if sounds:
            section, before = line is not None and line.ends_section, Fraction(0) if pickup else length
        restarts = line is not None and bool(line.closes or line.opens or line.endings)
        if len(steps) > MOST_STEPS:
            raise RequestError(f"{file}: a melody of more than {MOST_STEPS:,} sixteenths; give a shorter one")
    return tuple(measures), np.array(steps, np.int64)


def _bars(body: Sequence[Element]) -> Iterator[tuple[tuple[Element, ...], list[Sound], Bar | None]]:
    """Yield the changes at the beginning of each bar, its sounds, and its bar line."""
    changes: list[Element] = []
    sounds: list[Sound] = []
    for element in body:
        if isinstance(element, Sound):
            sounds.append(element)
        elif isinstance(element, Bar):
            yield tuple(changes), sounds, replace(element, marks=())
            changes, sounds = [], []
        elif isinstance(element, Key | Meter):
            changes.append(element)
    if changes or sounds:
        yield tuple(changes), sounds, None


def _cells(sounds: Sequence[Sound], length: Fraction, tied: bool) -> list[tuple[int, int]]:
    """Return the melody and fermata cells of each step of a bar; `tied` if its first note continues the last one."""
    cells = [(REST, 0)] * math.ceil(length / STEP)
    time, latest = Fraction(0), -1
    for sound in sounds:
        first, stop = int(time // STEP), math.ceil((time + sound.duration) / STEP)
        if first > latest or not sound.pitches:
            begin, hold = (HOLD if tied else sound.pitches[0].midi, HOLD) if sound.pitches else (REST, REST)
            fermata = int(sound.has_fermata)
            cells[first:stop] = [(begin, fermata), *[(hold, fermata)] * (stop - first - 1)]
            latest = first
        time, tied = time + sound.duration, sound.tied
    return cells


def _notation(
    cells: Sequence[int], fermatas: Sequence[bool], measure: _Measure, before: list[Element]
) -> list[Element]:
    """Return the notes and rests of a voice in a bar; if the bar holds the last note in `before`, tie this note."""
    continues = [step > 0 and (cell == HOLD or cell == cells[step - 1] == REST) for step, cell in enumerate(cells)]
    starts = [step for step, continued in enumerate(continues) if not continued]
    found: list[Element] = []
    held = next((place for place in range(len(before) - 1, -1, -1) if isinstance(before[place], Sound)), None)
    for start, stop in pairwise([*starts, len(cells)]):
        pitches: tuple[Pitch, ...] = (measure.key.spell(cells[start]),) if cells[start] >= 0 else ()
        if cells[start] == HOLD and held is not None and isinstance(sound := before[held], Sound) and sound.pitches:
            before[held], pitches = replace(sound, tied=not measure.restarts), sound.pitches
        length = (measure.length if stop == len(cells) else stop * STEP) - start * STEP
        parts = list(_note_lengths(length))
        marks = (FERMATA,) if pitches and any(fermatas[start:stop]) else ()
        for place, (tuplet, part) in enumerate(parts, 1):
            last = place == len(parts)
            found += [tuplet] if tuplet is not None else []
            found.append(Sound(pitches, part, tied=bool(pitches) and not last, marks=marks if last else ()))
    return found


def _odd_part(length: Fraction) -> int:
    """Return the largest odd divisor of the denominator: 3 for triplets."""
    return length.denominator // (length.denominator & -length.denominator)


def _note_lengths(length: Fraction) -> Iterator[tuple[Tuplet | None, Fraction]]:
    """Yield plain and dotted notes that add up to a length, the longest first.

    If a melody ends within a tuplet, the remainder is split into notes of such tuplets, each with a separate tuplet
    sign.
    """
    for part in _LENGTHS:
        while part <= length:
            yield None, part
            length -= part
    odd = _odd_part(length)
    normal = 1 << (odd.bit_length() - 1)
    while length > 0:
        written = length * odd / normal
        part = Fraction(1 << (written.numerator.bit_length() - 1), written.denominator)  # a plain note
        yield None if odd == 1 else Tuplet(odd, normal, 1), part * normal / odd
        length -= part * normal / odd
