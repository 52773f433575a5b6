"""Convert a tune in four voices to the grid of a chorale; see `folkseq.music.chorale`.

The voices are found by name (soprano, alto, tenor and bass, or Sopran, Alt, S, A …), or else from the highest down.
Two voices on one staff may be written as chords: the lowest note of a chord over a silent lower voice belongs to that
voice, and if most such notes are chords, the others are unisons. Repeats are written once. If several notes fall on one
step, the first counts. A chord in one voice is reduced to its highest note, or in the bass to its lowest.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from statistics import median

from folkseq.errors import ParseError
from folkseq.music.chorale import COLUMNS, HOLD, RANGES, REST, STEPS, VOICES
from folkseq.music.grid import Grid
from folkseq.music.harmony import chord_pitches
from folkseq.music.parts import played_order
from folkseq.music.route import BACK, sign
from folkseq.music.signature import Meter
from folkseq.music.tune import Bar, Element, Sound, Tune

MOST_STEPS = 4096
_WHOLE = 4 * STEPS  # steps in a whole note
_SMALL = 3  # a voice that sounds for less than a third of the longest is not one of the four
_NAME = re.compile(r'(?:^|\b(?:name|nm) ?= ?)"?([A-Za-z]+)')


@dataclass(frozen=True, eq=False)
class _Note:
    """A note or chord of a voice, in steps."""

    onset: Fraction
    stop: Fraction
    pitches: tuple[int, ...]
    """MIDI pitches, lowest first."""
    tied: frozenset[int]
    fermata: bool


def to_grid(tune: Tune) -> tuple[Grid, Counter[str]]:
    """Return the chorale in a tune, and the number of losses of each kind.

    Raises:
        ParseError: The tune is not in four voices of a choir, or is too long.
    """
    lost: Counter[str] = Counter()
    heard = {number: notes for number, voice in enumerate(tune.voices) if (notes := _notes(voice))}
    numbers = _choose(tune, heard)
    _count(tune, lost)
    lost["note of another voice"] += sum(len(notes) for number, notes in heard.items() if number not in numbers)
    voices = _four([heard[number] for number in numbers])
    for (name, (low, high)), notes in zip(RANGES.items(), voices, strict=True):
        middle = median(note.pitches[-1] for note in notes)
        if not low <= middle <= high:
            raise ParseError(f"is not for a choir: the {name} is about {middle:g}, outside {low} to {high}")
    length = max(_rounded(notes[-1].stop) for notes in voices)
    if length > MOST_STEPS:
        raise ParseError(f"has {length:,} sixteenths, and the limit is {MOST_STEPS:,}")
    fermatas = ["0"] * length
    for note in voices[0]:
        if note.fermata:
            fermatas[_rounded(note.onset) : _rounded(note.stop)] = "1" * (_rounded(note.stop) - _rounded(note.onset))
    cells = [_cells(notes, length, voice == VOICES[-1], lost) for voice, notes in zip(VOICES, voices, strict=True)]
    rows = zip(*cells, fermatas, _places(tune.voices[numbers[0]], tune.meter, length), strict=True)
    return Grid(COLUMNS, tuple(rows), title=tune.title), +lost


def _count(tune: Tune, lost: Counter[str]) -> None:
    """Count the elements that a grid cannot hold."""
    lost["order of parts (P:)"] += bool(played_order(tune))
    for voice in tune.voices:
        for element in voice:
            if not isinstance(element, Sound | Bar):
                continue
            if isinstance(element, Sound):
                lost["grace note"] += len(element.grace)
                lost["syllable"] += sum(map(bool, element.lyrics))
            for mark in element.marks:
                lost["chord symbol"] += mark.startswith('"') and chord_pitches(mark[1:-1]) is not None
    for element in tune.body:
        if isinstance(element, Bar):
            lost["repeat, written once"] += bool(element.closes)
        if isinstance(element, Bar | Sound):
            lost["D.C. or D.S., not followed"] += any(sign(mark) in BACK for mark in element.marks)


def _choose(tune: Tune, heard: Mapping[int, list[_Note]]) -> list[int]:
    """Return the indices of the voices that make up the four parts, soprano first."""
    fields = [*tune.voice_fields, *[""] * len(tune.voices)]
    called = {number: [name.lower() for name in _NAME.findall(fields[number])] for number in heard}
    named = [[number for number in heard if any(map(voice.startswith, called[number]))] for voice in VOICES]
    if all(len(found) == 1 for found in named):
        return [found[0] for found in named]
    sounding = {number: sum(note.stop - note.onset for note in notes) for number, notes in heard.items()}
    kept = list(heard)
    while len(kept) == 3 or len(kept) > 4:
        smallest = min(kept, key=sounding.__getitem__)
        if sounding[smallest] * _SMALL >= max(sounding.values()):
            break
        kept.remove(smallest)
    heights = [median(note.pitches[-1] for note in heard[number]) for number in kept]
    return kept[::-1] if heights[0] < heights[-1] else kept


def _four(voices: list[list[_Note]]) -> list[list[_Note]]:
    """Return four voices, split from chords where needed. Raises ParseError if there are not four."""
    if len(voices) == 4:
        return [*_share(*voices[:2]), *_share(*voices[2:])]
    parts: list[list[_Note]] = []
    for notes in voices:
        upper, lower = _share(notes, [])
        parts += [upper, lower] if len(lower) == len(notes) else [notes]
    if len(parts) != 4:
        raise ParseError(f"has {len(parts)} voice{'s' * (len(parts) != 1)} with notes, and a chorale has four")
    return parts


def _share(upper: list[_Note], lower: list[_Note]) -> tuple[list[_Note], list[_Note]]:
    """Return the two voices of a staff, with the notes of their chords distributed."""
    onsets = [note.onset for note in lower]

    def is_alone(note: _Note) -> bool:
        before = bisect_left(onsets, note.stop)
        return not before or lower[before - 1].stop <= note.onset

    alone = list(filter(is_alone, upper))
    chords = [note for note in alone if len(note.pitches) > 1]
    shared = set(alone if 2 * len(chords) > len(alone) else chords)
    tops = [replace(note, pitches=note.pitches[1:] or note.pitches) if note in shared else note for note in upper]
    bottoms = [replace(note, pitches=note.pitches[:1]) for note in upper if note in shared]
    return tops, sorted([*lower, *bottoms], key=lambda note: note.onset)


def _notes(voice: Sequence[Element]) -> list[_Note]:
    """Return the notes of a voice, as written."""
    notes: list[_Note] = []
    time = Fraction(0)
    for sound in voice:
        if isinstance(sound, Sound):
            onset, time = time, time + sound.duration * _WHOLE
            if sound.pitches:
                tied = frozenset(pitch.midi for pitch in sound.tied_pitches)
                pitches = tuple(sorted({pitch.midi for pitch in sound.pitches}))
                notes.append(_Note(onset, time, pitches, tied, sound.has_fermata))
    return notes


def _cells(notes: Iterable[_Note], length: int, lowest: bool, lost: Counter[str]) -> list[str]:
    """Return the cells of a voice, and count the notes that they do not hold."""
    cells = [REST] * length
    tied: frozenset[int] = frozenset()
    for note in notes:
        onset, stop = _rounded(note.onset), _rounded(note.stop)
        lost["note beside another of its voice"] += len(note.pitches) - 1
        if stop == onset:
            lost["note shorter than a sixteenth"] += 1
            continue
        lost["note moved to the grid"] += onset != note.onset or stop != note.stop
        pitch = note.pitches[0 if lowest else -1]
        continues = pitch in tied and onset > 0 and cells[onset - 1] != REST
        cells[onset:stop] = [HOLD if continues else str(pitch), *[HOLD] * (stop - onset - 1)]
        tied = note.tied
    return cells


def _places(voice: Iterable[Element], meter: Meter, length: int) -> list[str]:
    """Return the distance of each step from its bar line.

    A short first bar of a section is a pickup. A bar that completes the short bar before it continues that bar.
    """
    places = ["0"] * length
    start, time, before, begins = Fraction(0), Fraction(0), Fraction(0), True
    for element in (*voice, Bar()):
        if isinstance(element, Sound):
            time += element.duration * _WHOLE
        elif isinstance(element, Meter):
            meter = element
        elif isinstance(element, Bar) and time > start:
            first, stop = _rounded(start), min(_rounded(time), length)
            missing = meter.bar * _WHOLE - (time - start)
            pickup = max(int(missing), 0) if begins or missing == before else 0
            places[first:stop] = map(str, range(pickup, pickup + stop - first))
            before = Fraction(0) if pickup else time - start
            start, begins = time, element.ends_section
    return places


def _rounded(steps: Fraction) -> int:
    """Return the nearest step; of two equally near ones, return the later."""
    return int(steps + Fraction(1, 2))
