"""A tune as folkseq reads it: its bars and notes in the text, its notes as played, and its errors.

The events are the same as in folkseq's MIDI file. Positions in the text count UTF-16 units, as in JavaScript.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from folkseq.formats.abc.places import PlacedFault, PlacedTune, Span, read_first, symbol_of
from folkseq.formats.abc.splice import find_bars
from folkseq.infill.abc.tune_text import bars_of
from folkseq.music.dance import tempo_of
from folkseq.music.performance import Track
from folkseq.music.playback import MOST_SWING, STRAIGHT, Rendition, render
from folkseq.music.timeline import Measure
from folkseq.music.tune import Element, Sound, Tune
from folkseq.representations.abc import AbcRepresentation
from folkseq.representations.abc.bars import read_bars
from folkseq.settings import setting
from folkseq.studio.api.tunes import LONGEST_TEXT
from folkseq.studio.operations import operation
from folkseq.studio.workshop import Workshop

_MOST_FAULTS = 100
_DRUMS = 9  # General MIDI's channel, counted from 0


@dataclass(frozen=True)
class AskForReading:
    """A tune to read."""

    abc: str = setting("", f"A tune in ABC, of at most {LONGEST_TEXT} characters; of several, the first.")
    swing: float = setting(
        STRAIGHT, "Share of a quarter note that its first eighth takes.", low=STRAIGHT, high=MOST_SWING
    )


@dataclass(frozen=True)
class ReadFault:
    """An error, or an element that is not heard."""

    text: str
    start: int | None
    """The place in the text, if there is a single one."""
    stop: int | None
    lost: bool
    """Whether the rest can be read and heard."""


@dataclass(frozen=True)
class ReadBar:
    """A bar of the first voice."""

    number: int
    """The bar number; a pickup belongs to the bar before it, and the first one is 0."""
    start: int
    stop: int


@dataclass(frozen=True)
class ReadNote:
    """A written note, chord or rest."""

    start: int
    stop: int
    bar: int | None
    """The number of its bar."""


@dataclass(frozen=True)
class SoundingNote:
    """A note as played, with repeats unfolded."""

    onset_s: float
    duration_s: float
    pitch: int
    velocity: int
    channel: int
    """Counted from 0; each port has 16 channels, of which number 9 plays drums."""
    note: int | None
    """The index of the written note; None for notes of chord symbols."""


@dataclass(frozen=True)
class Step:
    """One playing of a written note, chord or rest."""

    onset_s: float
    duration_s: float
    note: int
    voice: int


@dataclass(frozen=True)
class Beat:
    """A beat of the first voice."""

    onset_s: float
    bar: bool
    """Whether it begins a bar."""


@dataclass(frozen=True)
class TuneReading:
    """A tune as folkseq reads it. It holds no notes if the text cannot be read."""

    title: str
    faults: tuple[ReadFault, ...]
    lost: Mapping[str, int]
    """The number of written elements of each kind that are not heard."""
    bars: tuple[ReadBar, ...] = ()
    notes: tuple[ReadNote, ...] = ()
    events: tuple[SoundingNote, ...] = ()
    steps: tuple[Step, ...] = ()
    beats: tuple[Beat, ...] = ()
    duration_s: float = 0.0
    tempo_bpm: float = 0.0
    """At the beginning of the tune."""
    programs: Mapping[int, int] | None = None
    """The General MIDI program of each channel, 0 to 127."""
    chords: int | None = None
    """The channel of chord symbols, if there are any."""


def read_tune(workshop: Workshop, request: AskForReading) -> TuneReading:
    """Read a tune: its bars and notes in the text, its notes as played, and its errors.

    A text that cannot be read gives a reading with faults.
    """
    if len(request.abc) > LONGEST_TEXT:
        too_long = f"the text has {len(request.abc)} characters; the studio reads at most {LONGEST_TEXT}"
        return TuneReading("", (ReadFault(too_long, None, None, False),), {})
    return reading(request.abc, request.swing)


def reading(text: str, swing: float = STRAIGHT) -> TuneReading:
    """Return the reading of a text."""
    placed, at = read_first(text), in_utf16(text)
    tune, faults = placed.tune, tuple(_fault(each, at) for each in placed.faults[:_MOST_FAULTS])
    if tune is None:
        return TuneReading("", faults, placed.lost)
    bars, bar_of = _bars(text, tune, placed)
    played = render(tune, swing=swing)
    channels = list(_channels(played))
    return TuneReading(
        title=tune.title,
        faults=faults,
        lost=placed.lost,
        bars=tuple(ReadBar(number, at(span.start), at(span.stop)) for number, span in bars),
        notes=tuple(ReadNote(at(each.start), at(each.stop), bar_of.get(i)) for i, each in enumerate(placed.symbols)),
        events=tuple(sorted(_events(played, channels), key=lambda event: event.onset_s)),
        steps=tuple(sorted(_steps(played), key=lambda step: step.onset_s)),
        beats=tuple(
            Beat(played.seconds(time), time == measure.start)
            for measure in played.timeline.measures
            for time in _beats(measure)
        ),
        duration_s=played.performance.length_s,
        tempo_bpm=tempo_of(tune).bpm,
        programs={channel: each.program for channel, each in zip(channels, played.performance.tracks, strict=True)},
        chords=next((channel for channel, voice in zip(channels, played.voices, strict=True) if voice is None), None),
    )


def _fault(fault: PlacedFault, at: Callable[[int], int]) -> ReadFault:
    start, stop = fault.place or (None, None)
    return ReadFault(fault.text, None if start is None else at(start), None if stop is None else at(stop), fault.lost)


def in_utf16(text: str) -> Callable[[int], int]:
    """Return the function from indices in a text to UTF-16 indices; a character above U+FFFF counts twice."""
    above = [place for place, character in enumerate(text) if character > "\uffff"]
    return lambda place: place + bisect_right(above, place - 1)


def _bars(text: str, tune: Tune, placed: PlacedTune) -> tuple[list[tuple[int, Span]], dict[int, int]]:
    """Return the number and place of each bar of the first voice, and the bar number of each symbol in any voice."""
    voices = [[_symbols(bar) for bar in bars_of(voice)] for voice in tune.voices]
    first = voices[0]
    spans = read_bars(AbcRepresentation().tokenize(tune)).spans
    numbers = [span.number for span in spans] if len(spans) == len(first) else list(range(1, len(first) + 1))
    found, _ = find_bars(text, placed.index)
    places = [Span(bar.parts[0][0], bar.parts[-1][1]) for bar in found]
    if len(places) != len(first):  # a rest of several bars is one symbol
        ranges = [[placed.symbols[symbol] for symbol in bar] for bar in first]
        places = [Span(min(each)[0], max(stop for _, stop in each)) if each else Span(0, 0) for each in ranges]
    bar_of = {symbol: number for voice in voices for number, bar in zip(numbers, voice, strict=False) for symbol in bar}
    return list(zip(numbers, places, strict=True)), bar_of


def _symbols(elements: Sequence[Element]) -> list[int]:
    sounds = (symbol_of(each) for each in elements if isinstance(each, Sound))
    return [symbol for symbol in sounds if symbol is not None]


def _channels(played: Rendition) -> Iterator[int]:
    """Yield a separate channel for each track, on as many ports as needed."""
    free = (channel for channel in range(1 << 16) if channel % 16 != _DRUMS)
    for track in played.performance.tracks:
        yield _DRUMS if track.drum else next(free)


def _steps(played: Rendition) -> Iterator[Step]:
    for index, voice in enumerate(played.timeline.voices):
        for time, each in voice:
            if isinstance(each, Sound) and (symbol := symbol_of(each)) is not None:
                onset_s = played.seconds(time)
                yield Step(onset_s, played.seconds(time + each.duration) - onset_s, symbol, index)


def _events(played: Rendition, channels: Sequence[int]) -> Iterator[SoundingNote]:
    sounds = [
        [(played.seconds(time), symbol_of(each)) for time, each in voice if isinstance(each, Sound)]
        for voice in played.timeline.voices
    ]
    starts = [[start_s for start_s, _ in voice] for voice in sounds]
    each: Track
    for each, voice, channel in zip(played.performance.tracks, played.voices, channels, strict=True):
        for note in each:
            symbol = None
            if voice is not None:  # a grace note belongs to the sound that it leads to
                symbol = sounds[voice][bisect_right(starts[voice], note.onset_s) - 1][1]
            yield SoundingNote(note.onset_s, note.offset_s - note.onset_s, note.pitch, note.velocity, channel, symbol)


def _beats(measure: Measure) -> Iterator[Fraction]:
    """Yield the times of a bar's start and of its beats, counted from its end."""
    yield measure.start
    if not measure.meter.free:
        time = measure.start + (measure.length % measure.meter.beat or measure.meter.beat)
        while time < measure.end:
            yield time
            time += measure.meter.beat


OPERATIONS = (operation("POST", "/api/read", read_tune),)
