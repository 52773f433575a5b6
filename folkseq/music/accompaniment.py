"""The accompaniment of a tune: chord symbols as held chords, alternating bass and chord, or broken chords.

A chord lasts until the next symbol in any voice, or until the end of its section. `boom-chuck` follows the meter as
guitarists and abc2midi do: `boom chuck boom chuck` in 4/4 and 2/2, twice as fast in 2/4, `boom chuck chuck` in 3/4, and
in compound meters a long boom and a short chuck on each beat. A chord that begins between strokes begins with a boom.
Without a meter every chord is held.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

from folkseq.music.harmony import chord_pitches
from folkseq.music.timeline import Event, Measure, Timeline
from folkseq.music.tune import Bar, Sound

STYLES = NONE, BLOCK, BOOM_CHUCK, ARPEGGIO = ("none", "block", "boom-chuck", "arpeggio")
ACCOMPANIMENT_HELP = (
    "How chord symbols are played in MIDI and sound: none, block, boom-chuck or arpeggio.  [default: block]"
)
CHORD, BOOM = 52, 62  # velocities

_QUARTER, _EIGHTH = Fraction(1, 4), Fraction(1, 8)


class Struck(NamedTuple):
    """Notes with the same onset; times are in whole notes."""

    onset: Fraction
    offset: Fraction
    pitches: tuple[int, ...]
    velocity: int


def accompany(timeline: Timeline, style: str = BLOCK) -> Iterator[Struck]:
    """Yield the notes that accompany a tune in one of the `STYLES`.

    Raises:
        ValueError: The style is unknown.
    """
    if style not in STYLES:
        raise ValueError(f"an accompaniment is {', '.join(STYLES)}, not {style!r}")
    for start, stop, pitches in chord_spans(timeline.voices) if style != NONE else ():
        if style == BLOCK or not pitches:
            yield from [Struck(start, stop, pitches, CHORD)] if pitches else []
            continue
        time = start
        while time < stop:
            measure = timeline.measure_at(time)
            end = min(stop, measure.end) if time < measure.end else stop
            yield from _in_bar(measure, time, end, pitches, style)
            time = end


def chord_spans(voices: Sequence[Sequence[Event]]) -> Iterator[tuple[Fraction, Fraction, tuple[int, ...]]]:
    """Yield the onset and the end, in whole notes, and the MIDI pitches, bass first, of each chord."""
    changes: dict[Fraction, frozenset[int]] = {}
    for number, events in enumerate(voices):
        own: dict[Fraction, tuple[int, ...]] = {}
        for time, element in events:
            if not isinstance(element, Sound | Bar):
                continue
            if number == 0 and isinstance(element, Bar) and element.ends_section:
                own[time] = ()
            for mark in element.marks:
                if mark.startswith('"') and (pitches := chord_pitches(mark[1:-1])) is not None:
                    own[time] = pitches
        for time, pitches in own.items():
            changes[time] = changes.get(time, frozenset()).union(pitches)
    times = sorted(changes)
    end = max(events[-1][0] for events in voices)
    for time, following in zip(times, [*times[1:], end], strict=True):
        if following > time:
            yield time, following, tuple(sorted(changes[time]))


def _in_bar(
    measure: Measure, start: Fraction, stop: Fraction, pitches: tuple[int, ...], style: str
) -> Iterator[Struck]:
    """Yield the notes of one chord from `start` to `stop`, which lie in the same bar."""
    if measure.meter.free:
        yield Struck(start, stop, pitches, CHORD)
        return
    pulse, group = _pulse(measure, style)
    # Count a section's short first bar from its end, like a pickup.
    first = measure.end - measure.meter.bar if measure.begins_section else measure.start
    number = (start - first) // pulse
    onset, begins = start, True
    while onset < stop:
        number += 1
        offset = min(first + number * pulse, stop)
        place = (number - 1) % group
        if style == ARPEGGIO:
            yield Struck(onset, offset, (_rung(pitches, place),), CHORD)
        elif begins or not place:
            if measure.meter.beat > pulse and group == 3 and not place and offset < stop:  # the long boom of a jig
                number += 1
                offset = min(first + number * pulse, stop)
            yield Struck(onset, offset, pitches[:1], BOOM)
        else:
            yield Struck(onset, offset, pitches[1:] or pitches, CHORD)
        onset, begins = offset, False


def _pulse(measure: Measure, style: str) -> tuple[Fraction, int]:
    """Return the time from one stroke to the next, and the number of strokes in the pattern."""
    meter = measure.meter
    if meter.beats % 3 == 0:
        pulse = Fraction(1, meter.unit)
        if style == ARPEGGIO and not meter.compound:
            return pulse / 2, 6
        return pulse, 6 if style == ARPEGGIO and meter.beats % 6 == 0 else 3
    if style == ARPEGGIO:
        return min(_EIGHTH, Fraction(1, meter.unit)), 4
    return min(_QUARTER, Fraction(1, meter.unit), meter.bar / 4), 2


def _rung(pitches: tuple[int, ...], place: int) -> int:
    """Return a note of a broken chord, which rises from the bass and, in groups of six, falls again."""
    ladder = (*pitches, *pitches[-2:0:-1])
    return ladder[place % len(ladder)]
