"""A melody on a grid of sixteenths, bar by bar, and voices from such a grid back into notation.

Each bar of the melody begins a step of the grid, whatever it holds; so what does not lie on the grid, triplets and
grace notes, is kept in the melody itself, and the other voices go from sixteenth to sixteenth below it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from folkseq.errors import RequestError
from folkseq.music import Bar, Element, Interval, Key, Meter, Pitch, Sound, Tune, Tuplet
from folkseq.music.chorale import HOLD, RANGES, REST, VOICES
from folkseq.music.timeline import expand_parts
from folkseq.pairs import Integers

STEP = Fraction(1, 16)
MOST_STEPS = 4096
FERMATA = "!fermata!"
_FERMATAS = frozenset(("H", FERMATA))
_LENGTHS = [Fraction(*each) for each in ((1, 1), (3, 4), (1, 2), (3, 8), (1, 4), (3, 16), (1, 8), (3, 32), (1, 16))]
_MOST_ODD = 15  # of a tuplet's notes
_STEPS_UP = (0, 1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6)  # staff positions of each interval up to an octave, in semitones


@dataclass(frozen=True)
class _Measure:
    """A bar of the melody."""

    first: int
    """Its first step."""
    length: Fraction
    before: tuple[Element, ...]
    """What changes at its beginning."""
    line: Bar | None
    """What ends it."""
    key: Key
    anew: bool
    """Whether a repeat or an ending begins here, over which nothing is tied."""


@dataclass(frozen=True)
class Melody:
    """A tune of one voice, and its grid of N steps."""

    tune: Tune
    measures: tuple[_Measure, ...]
    pitches: Integers
    """(N,) the pitch that begins at each step, −1 for a hold or −2 for a rest."""
    fermatas: Integers
    places: Integers
    """(N,) sixteenths into the bar."""
    notices: tuple[str, ...] = ()

    @classmethod
    def of(cls, tune: Tune, file: str) -> Melody:
        """The melody of a tune's first voice, brought into the soprano's range.

        Raises:
            RequestError: it has chords, or no notes, or is too long.
        """
        written = replace(tune, voices=tune.voices[:1])
        tune = expand_parts(written)  # which no program plays of several voices
        number = 1
        for element in tune.body:
            if isinstance(element, Sound) and len(element.pitches) > 1:
                raise RequestError(f"{file}: bar {number} holds a chord; a melody has one note at a time")
            number += isinstance(element, Bar) and bool(element.style)
        heights = [sound.pitches[0].midi for sound in tune.sounds() if sound.pitches]
        if not heights:
            raise RequestError(f"{file}: the melody is empty; give one with notes")
        move, notices = _move(min(heights), max(heights))
        notices += [f"its parts are written out in their order, {written.parts}"] if tune is not written else []
        if move:
            octaves, rest = divmod(move, 12)
            tune = tune.transposed(Interval(_STEPS_UP[rest], rest).octaves(octaves))
        return cls(tune, *_gridded(tune, file), tuple(f"{file}: {notice}" for notice in notices))

    @cached_property
    def _held_out(self) -> NDArray[np.bool_]:
        """(N,) the last step of each note under a fermata, which all voices hold."""
        last = np.append((self.fermatas[1:] == 0) | (self.pitches[1:] != -1), True)
        return np.asarray((self.fermatas > 0) & last)

    def voice(self, cells: Sequence[str]) -> tuple[Element, ...]:
        """A voice of (N,) cells in the melody's bars."""
        elements: list[Element] = []
        for number, measure in enumerate(self.measures):
            stop = self.measures[number + 1].first if number + 1 < len(self.measures) else len(self.pitches)
            elements += measure.before
            held = self._held_out[measure.first : stop].tolist()
            elements += _sounds(cells[measure.first : stop], held, measure, elements)
            elements += [measure.line] if measure.line is not None else []
        return tuple(elements)


def _move(low: int, high: int) -> tuple[int, list[str]]:
    """By how many semitones a melody goes into the soprano's range: octaves, if they will do."""
    lowest, highest = RANGES[VOICES[0]]
    if lowest <= low and high <= highest:
        return 0, []

    def outside(move: int) -> int:
        return max(lowest - low - move, 0) + max(high + move - highest, 0)

    move = min(range(-60, 61), key=lambda move: (outside(move), bool(move % 12), abs(move)))
    way = f"moved {abs(move)} semitone{'s' * (abs(move) != 1)} {'up' if move > 0 else 'down'}"
    said = f"the melody goes from {low} to {high}, beyond a soprano's {lowest} to {highest}; "
    if not outside(move):
        return move, [f"{said}it is {way}"]
    where = f"even {way} it does not fit" if move else "it fits nowhere"
    return move, [f"{said}{where}, and the voices below may cross it"]


def _gridded(tune: Tune, file: str) -> tuple[tuple[_Measure, ...], Integers, Integers, Integers]:
    """The bars of a tune, and its grid: pitches, fermatas and places, (N,) each."""
    measures: list[_Measure] = []
    grids: list[tuple[list[int], list[int], list[int]]] = []
    key, meter, first, tied, section, anew = tune.key, tune.meter, 0, False, True, True
    for before, sounds, line in _bars(tune.body):
        for element in before:
            key = element if isinstance(element, Key) else key
            meter = element if isinstance(element, Meter) else meter
        length = sum((sound.duration for sound in sounds), Fraction(0))
        if _odd(length) > _MOST_ODD:
            raise RequestError(
                f"{file}: bar {len(measures) + 1} ends within several tuplets; write the rest of them, too"
            )
        grid, tied = _cells(sounds, tied)
        lead = meter.bar - length if section and 0 < length < meter.bar else Fraction(0)
        shift = int(lead / STEP)
        if sounds:
            section = line is not None and line.ends_section
        measures.append(_Measure(first, length, before, line, key, anew))
        anew = line is not None and bool(line.closes or line.opens or line.endings)
        grids.append((*grid, [shift + step for step in range(len(grid[0]))]))
        first += len(grid[0])
        if first > MOST_STEPS:
            raise RequestError(f"{file}: a melody of more than {MOST_STEPS:,} sixteenths; give a shorter one")
    pitches, fermatas, places = (np.array([one for grid in grids for one in grid[part]], np.int64) for part in range(3))
    return tuple(measures), pitches, fermatas, places


def _bars(body: Sequence[Element]) -> Iterator[tuple[tuple[Element, ...], list[Sound], Bar | None]]:
    """What changes at the beginning of each bar, its sounds and its line."""
    before: list[Element] = []
    sounds: list[Sound] = []
    for element in body:
        if isinstance(element, Sound):
            sounds.append(element)
        elif isinstance(element, Bar):
            yield tuple(before), sounds, replace(element, marks=())
            before, sounds = [], []
        elif isinstance(element, Key | Meter):
            before.append(element)
    if before or sounds:
        yield tuple(before), sounds, None


def _cells(sounds: Sequence[Sound], tied: bool) -> tuple[tuple[list[int], list[int]], bool]:
    """The grid of a bar, and whether its last sound is tied into the next bar's first."""
    length = sum((sound.duration for sound in sounds), Fraction(0))
    pitches, fermatas = [-2] * -(-length // STEP), [0] * -(-length // STEP)
    time, begun = Fraction(0), -1
    for sound in sounds:
        onset, stop = int(time // STEP), int(-(-(time + sound.duration) // STEP))
        if onset > begun or not sound.pitches:
            pitch = sound.pitches[0].midi if sound.pitches else -2
            pitches[onset:stop] = [-1 if tied and pitch >= 0 else pitch, *[min(pitch, -1)] * (stop - onset - 1)]
            fermatas[onset:stop] = [int(not _FERMATAS.isdisjoint(sound.marks))] * (stop - onset)
            begun = onset
        time, tied = time + sound.duration, sound.tied
    return (pitches, fermatas), tied


def _sounds(cells: Sequence[str], held_out: Sequence[bool], measure: _Measure, before: list[Element]) -> list[Element]:
    """The notes and rests of a bar's cells; of the notes before it, what it holds is tied over the line.

    Args:
        cells: of a voice.
        held_out: at which of its steps a fermata is held.
        measure: the bar.
        before: the elements before it.
    """
    goes_on = [cell == HOLD or (cell == REST and cells[step - 1] == REST) for step, cell in enumerate(cells)]
    starts = [step for step, going in enumerate(goes_on) if not step or not going]
    found: list[Element] = []
    held = _last_sound(before)
    for start, stop in pairwise([*starts, len(cells)]):
        cell, time = cells[start], start * STEP
        length = (measure.length if stop == len(cells) else stop * STEP) - time
        pitches: tuple[Pitch, ...] = (measure.key.spell(int(cell)),) if cell.isdecimal() else ()
        if cell == HOLD and held is not None and isinstance(sound := before[held], Sound) and sound.pitches:
            before[held], pitches = replace(sound, tied=not measure.anew), sound.pitches
        parts = list(_parts(length))
        marks = (FERMATA,) if pitches and any(held_out[start:stop]) else ()
        for place, (tuplet, part) in enumerate(parts, 1):
            over = place == len(parts)
            found += [tuplet] if tuplet is not None else []
            found.append(Sound(pitches, part, bool(pitches) and not over, marks=marks if over else ()))
    return found


def _last_sound(elements: Sequence[Element]) -> int | None:
    return next((place for place in range(len(elements) - 1, -1, -1) if isinstance(elements[place], Sound)), None)


def _odd(length: Fraction) -> int:
    """What a length's denominator is beyond powers of two."""
    below = length.denominator
    return below // (below & -below)


def _parts(length: Fraction) -> Iterator[tuple[Tuplet | None, Fraction]]:
    """A length as those of plain and dotted notes, the longest first.

    What is left of a melody that ends within a triplet, say, is in notes of such a tuplet, which stands before each.
    """
    for part in _LENGTHS:
        while part <= length:
            yield None, part
            length -= part
    odd = _odd(length)
    normal = 1 << (odd.bit_length() - 1)
    while length > 0:
        written = length * odd / normal
        part = Fraction(1 << (written.numerator.bit_length() - 1), written.denominator)  # a plain note's
        yield None if odd == 1 else Tuplet(odd, normal, 1), part * normal / odd
        length -= part * normal / odd
