"""Render a tune as a performance with exact timing.

Times stay exact until they become seconds. Each grace note takes a thirty-second note from the note that it leads to.
Fermatas have no effect, since a sequencer's grid does not wait; rolls and trills are plain notes.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, TypeAlias

from folkseq.music.accompaniment import BLOCK, accompany
from folkseq.music.dance import beat_and_bpm
from folkseq.music.performance import Note, Performance, Track, distinct_changes
from folkseq.music.signature import Key, Tempo
from folkseq.music.timeline import Event, Measure, Timeline
from folkseq.music.tune import VIOLIN, Instrument, Part, Sound, Tune

PIANO = 0  # the General MIDI program of chord symbols
ON_BAR, ON_BEAT, OFF_BEAT, GRACE = 96, 88, 80, 72  # velocities
STRAIGHT, MOST_SWING = 0.5, 0.75

_QUARTER, _EIGHTH = Fraction(1, 4), Fraction(1, 8)
_GRACE = Fraction(1, 32)
_Warp: TypeAlias = Callable[[Fraction], Fraction]


@dataclass(slots=True)
class _Played:
    """A note in whole notes; a tie may still lengthen it."""

    onset: Fraction
    offset: Fraction
    pitch: int
    velocity: int


@dataclass(frozen=True)
class Rendition:
    """A performance of a tune, and the origin of its notes.

    Attributes:
        performance: The performance.
        timeline: The elements of each voice in playing order, with their times in whole notes.
        voices: The index in the timeline of the voice that each track plays; None for a track of chord symbols.
        seconds: The function from times in whole notes to seconds.
    """

    performance: Performance
    timeline: Timeline
    voices: tuple[int | None, ...]
    seconds: Callable[[Fraction], float]


def perform(tune: Tune, **how: Any) -> Performance:
    """Return `tune` as played; see `render`."""
    return render(tune, **how).performance


def render(
    tune: Tune,
    *,
    bpm: float | None = None,
    swing: float = STRAIGHT,
    program: int | None = None,
    accompaniment: str = BLOCK,
) -> Rendition:
    """Return `tune` as played, with a track for each voice and one for the chord symbols.

    Args:
        tune: The tune; the performance's meters follow its bar lines.
        bpm: A constant tempo in beats of the dance per minute, 1 to 2000; replaces the tune's tempos.
        swing: The share of a quarter note that the first of its two eighths takes, 0.5 (even) to 0.75; hornpipes are
            played at about 2/3. Compound meters, and quarters that hold tuplets, are not swung.
        program: The General MIDI instrument of the voices, 0 to 127; replaces their own. The default is a violin if
            the tune names none.
        accompaniment: The style of the chord symbols, one of `folkseq.music.accompaniment.STYLES`.

    Raises:
        ValueError: An argument is out of range, or the tune holds neither note nor rest.
    """
    if not STRAIGHT <= swing <= MOST_SWING:
        raise ValueError(f"a swing of {swing} is not {STRAIGHT} to {MOST_SWING}")
    timeline = Timeline.of(tune)
    warp = _swing(timeline, Fraction(swing).limit_denominator(1000))
    main = timeline.voices[0]
    if bpm is None:
        tempos = distinct_changes((warp(time), e.quarter_bpm) for time, e in main if isinstance(e, Tempo))
    else:
        tempos = ((Fraction(0), Tempo(beat_and_bpm(tune.rhythm, tune.meter)[0], bpm).quarter_bpm),)
    seconds = _clock(tempos)

    def track(notes: Iterable[_Played], name: str, instrument: Instrument) -> Track:
        timed = (Note(seconds(note.onset), seconds(note.offset), note.pitch, note.velocity) for note in notes)
        usual = PIANO if instrument.drum else VIOLIN if program is None else program
        own = instrument.program if program is None or instrument.drum else None
        return Track.of(timed, name, usual if own is None else own, instrument.drum)

    def sung(index: int, voice: Sequence[Event]) -> Iterator[Track]:
        """Yield the tracks of a voice; the first one carries its lyrics."""
        name = f"Voice {index + 1}" if len(timeline.voices) > 1 else title
        first, *others = (track(notes, name, by) for by, notes in _notes(voice, warp, timeline).items())
        yield replace(first, lyrics=tuple((seconds(warp(time)), text) for time, text in _lyrics(voice)))
        yield from others

    title = tune.title or "Untitled"
    tracks = [(index, each) for index, voice in enumerate(timeline.voices) for each in sung(index, voice)]
    struck = (
        _Played(warp(onset), warp(offset), pitch, velocity)
        for onset, offset, pitches, velocity in accompany(timeline, accompaniment)
        for pitch in pitches
    )
    chords = replace(track(struck, "Chords", Instrument()), program=PIANO)
    every: list[tuple[int | None, Track]] = [*tracks, *([(None, chords)] if len(chords) else [])]
    meters = ((seconds(measure.start), measure.sounding_meter) for measure in timeline.measures)
    performance = Performance(
        tracks=tuple(each for _, each in every),
        tempos=tuple((seconds(time), quarter_bpm) for time, quarter_bpm in tempos),
        meters=distinct_changes((time_s, meter) for time_s, meter in meters if meter is not None),
        keys=distinct_changes((seconds(warp(time)), e) for time, e in main if isinstance(e, Key)),
        markers=tuple((seconds(warp(time)), text) for time, text in _markers(main, timeline)),
        name=title,
        length_s=seconds(timeline.end),
    )
    return Rendition(performance, timeline, tuple(index for index, _ in every), lambda time: seconds(warp(time)))


def _notes(events: Iterable[Event], warp: _Warp, timeline: Timeline) -> dict[Instrument, list[_Played]]:
    """Return the notes of one voice by instrument, with ties merged."""
    parts: dict[Instrument, list[_Played]] = {}
    notes = parts.setdefault(Instrument(), [])
    tied: dict[int, list[_Played]] = {}  # the notes that last into the next sound, by pitch
    for time, sound in events:
        if isinstance(sound, Instrument):
            notes = parts.setdefault(sound, [])
        if not isinstance(sound, Sound):
            continue
        onset, offset = warp(time), warp(time + sound.duration)
        pitches = sorted(_in_range(pitch.midi) for pitch in sound.pitches)
        if sound.grace and not tied.keys() & pitches:
            each = min(_GRACE, (offset - onset) / 2 / len(sound.grace))
            for pitch in sound.grace:
                notes.append(_Played(onset, onset + each, _in_range(pitch.midi), GRACE))
                onset += each
        if "." in sound.marks and not sound.tied:
            offset = (onset + offset) / 2
        velocity = _velocity(time, timeline.measure_at(time))
        sounding: dict[int, list[_Played]] = {}
        for midi in pitches:
            if before := tied.get(midi):
                note = before.pop()
                note.offset = offset
            else:
                notes.append(note := _Played(onset, offset, midi, velocity))
            sounding.setdefault(midi, []).append(note)
        lasting = {_in_range(pitch.midi) for pitch in sound.tied_pitches}
        tied = {midi: played for midi, played in sounding.items() if midi in lasting}
    return {instrument: notes for instrument, notes in parts.items() if notes} or {Instrument(): []}


def _lyrics(events: Iterable[Event]) -> Iterator[tuple[Fraction, str]]:
    """Yield the times and texts of syllables; each repetition of a sound takes its next verse."""
    passes: Counter[int] = Counter()
    for time, sound in events:
        if isinstance(sound, Sound) and sound.lyrics:
            verse = min(passes[id(sound)], len(sound.lyrics) - 1)
            passes[id(sound)] += 1
            text = re.sub(r"\\(.)", r"\1", sound.lyrics[verse].replace("~", " "))
            if text and text != "_":
                yield time, text


def _in_range(midi: int) -> int:
    """Return `midi`, moved by octaves into 0 to 127."""
    while not 0 <= midi <= 127:
        midi += 12 if midi < 0 else -12
    return midi


def _velocity(time: Fraction, measure: Measure) -> int:
    place = time - measure.start
    if measure.meter.free or place % measure.meter.beat:
        return OFF_BEAT
    return ON_BEAT if place else ON_BAR


def _markers(events: Iterable[Event], timeline: Timeline) -> Iterator[tuple[Fraction, str]]:
    """Yield the times and names of sections; a pickup and the bar line after it count as one position."""
    coming: tuple[Fraction, str] | None = None
    name, again = "", Fraction(0)  # the last marker, and the time from which it may recur
    for time, element in events:
        if isinstance(element, Part):
            coming = (time, element.label) if element.label else None
        elif isinstance(element, Sound) and coming is not None:
            if coming[1] != name or time >= again:
                name, again = coming[1], time + timeline.measure_at(time).length
                yield coming
            coming = None


def _swing(timeline: Timeline, share: Fraction) -> _Warp:
    """Return the function that swings times: the first eighth of a swung quarter takes `share` of it."""

    def quarter_at(time: Fraction) -> Fraction | None:
        """Return the start of the quarter at `time`, or None if it cannot swing."""
        measure = timeline.measure_at(time)
        if measure.meter.free or measure.meter.unit > 4:
            return None
        # Count a section's short first bar from its end, like a pickup.
        first = measure.start + (measure.length % _QUARTER if measure.begins_section else 0)
        quarter = first + (time - first) // _QUARTER * _QUARTER
        return quarter if measure.start <= quarter and quarter + _QUARTER <= measure.end else None

    def warp(time: Fraction) -> Fraction:
        quarter = quarter_at(time)
        if quarter is None or quarter in even:
            return time
        place = time - quarter
        if place <= _EIGHTH:
            return quarter + place * 2 * share
        return quarter + _QUARTER - (_QUARTER - place) * 2 * (1 - share)

    if share == Fraction(1, 2):
        return lambda time: time
    times = {time for voice in timeline.voices for time, _ in voice}
    even = {quarter_at(time) for time in times if time.denominator & (time.denominator - 1)}  # quarters with tuplets
    return warp


def _clock(tempos: Iterable[tuple[Fraction, float]]) -> Callable[[Fraction], float]:
    """Return the function from whole notes to seconds, given `tempos` of which the first is at 0."""
    points: list[tuple[Fraction, float, float]] = []  # whole notes, seconds, seconds per whole note
    for time, quarter_bpm in tempos:
        before, before_s, whole_s = points[-1] if points else (time, 0.0, 0.0)
        points.append((time, before_s + float(time - before) * whole_s, 240 / quarter_bpm))
    (_, _, first_s), *others = points
    if not others:
        return lambda time: float(time) * first_s

    def seconds(time: Fraction) -> float:
        start, start_s, whole_s = points[bisect_right(points, time, key=lambda point: point[0]) - 1]
        return start_s + float(time - start) * whole_s

    return seconds
