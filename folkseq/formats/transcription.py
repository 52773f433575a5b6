"""From a performance to a written tune: the melody on a grid, in bars, spelt in its key.

For files that keep time, such as those that folkseq writes; what a person plays freely has to be quantised first.
Every quarter takes the coarsest of its grids (down to thirty-seconds, and eighth or sixteenth triplets) that all its
onsets lie on to within a 96th of a whole note. Silence before the first note is a pickup's, and is not written; gaps
under a sixteenth are articulation. Repeats stay played out.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import takewhile
from typing import TypeVar

from folkseq.errors import ParseError
from folkseq.formats.ticks import TempoMap
from folkseq.music.performance import Performance, Track
from folkseq.music.signature import Key, Meter, Tempo
from folkseq.music.tune import Bar, Element, Sound, Tune, Tuplet

QUARTER = 24  # ticks: a thirty-second has 3, an eighth of a triplet 8
_GRIDS = (24, 12, 8, 6, 4, 3)
_TERNARY = (8, 4)
_ARTICULATION = 6  # ticks; a shorter gap is no rest
_SURE = 0.25  # ticks; a note that is moved farther did not keep time
_LENGTHS = (192, 144, 96, 72, 48, 36, 24, 18, 12, 9, 6, 3)  # of plain and dotted notes, from a breve down
_LONGEST = 100_000  # quarter notes; a day of music, but damaged files can say far more
Value = TypeVar("Value")


def transcription_notice(file: str, lost: Counter[str]) -> str:
    """That the melody of a file was written down, and what of the file that does not hold.

    >>> transcription_notice("take.mid", Counter({"tempo change": 2}))
    'take.mid: its melody is written down; lost: tempo change 2'
    """
    what = ", ".join(f"{kind} {count}" for kind, count in lost.items() if count)
    return f"{file}: its melody is written down{what and f'; lost: {what}'}"


@dataclass(frozen=True)
class _Event:
    """Pitches that begin together, or none for a rest; in ticks."""

    onset: int
    offset: int
    pitches: tuple[int, ...]


@dataclass(frozen=True)
class _Score:
    """What the events are written into: bar lines, meters and keys by tick, and the quarters that are in thirds."""

    bars: tuple[int, ...]
    meters: dict[int, Meter]
    keys: dict[int, Key]
    ternary: frozenset[int]


def transcribe(performance: Performance) -> tuple[Tune, Counter[str]]:
    """The melody of `performance` as a tune, and what of the performance the tune does not hold, by kind and count.

    The melody is the first track that is not drums; of notes that overlap the earlier is cut where the later begins.

    Raises:
        ParseError: if no track has a note, or the melody lasts longer than a tune can.
    """
    melodic = [track for track in performance.tracks if len(track) and not track.drum]
    if not melodic:
        raise ParseError("no melody in it: no track but drums has a note")
    lost = Counter({"note on another track": sum(map(len, performance.tracks)) - len(melodic[0])})
    lost["tempo change"] = len(performance.tempos) - 1
    tempo_map = TempoMap.at_seconds(performance.tempos, QUARTER)
    quarters = int(tempo_map.to_ticks(melodic[0].notes["offset_s"].max())) // QUARTER
    if quarters > _LONGEST:
        raise ParseError(f"the melody lasts {quarters:,} quarter notes; at most {_LONGEST:,} are written down")
    events, ternary = _events(melodic[0], tempo_map, lost)
    meters = {int(tempo_map.to_ticks(time_s)): meter for time_s, meter in performance.meters}
    keys = {int(tempo_map.to_ticks(time_s)): key for time_s, key in performance.keys}
    meters.setdefault(0, Meter())
    keys.setdefault(0, Key())
    bars = tuple(_bar_lines(meters, events[-1].offset))
    lost["change of key within a bar"] = sum(bars[0] < tick < bars[-1] and tick not in bars for tick in keys)
    score = _Score(bars, meters, keys, frozenset(ternary))
    first = bars[max(0, bisect_right(bars, events[0].onset) - 1)]
    key, meter = _at(keys, first), _at(meters, first)
    tune = Tune(
        voices=(tuple(_written(events, score, first)),),
        key=key,
        meter=meter,
        titles=(performance.name,) if performance.name else (),
        tempo=Tempo(Fraction(1, 4), min(max(round(performance.tempos[0][1], 2), 1.0), 2000.0)),
    )
    return tune, +lost


def _events(track: Track, tempo_map: TempoMap, lost: Counter[str]) -> tuple[list[_Event], set[int]]:
    """The track's notes on the grid, with rests between, and the quarters that are divided in thirds."""
    onsets = tempo_map.to_ticks(track.notes["onset_s"]).tolist()
    offsets = tempo_map.to_ticks(track.notes["offset_s"]).tolist()
    quarters: dict[int, set[int]] = {}
    for onset in onsets:
        quarters.setdefault(onset // QUARTER, set()).add(onset % QUARTER)
    grids = {quarter: _grid(places) for quarter, places in quarters.items()}
    starts: dict[int, list[tuple[int, int]]] = {}
    exact = track.notes["onset_s"].tolist()
    for onset, offset, pitch, onset_s in zip(onsets, offsets, track.notes["pitch"].tolist(), exact, strict=True):
        start = _snapped(onset, grids[onset // QUARTER])
        tick_s = float(tempo_map.to_seconds(start + 1) - tempo_map.to_seconds(start))
        lost["note moved to the grid"] += abs(float(tempo_map.to_seconds(start)) - onset_s) > _SURE * tick_s
        starts.setdefault(start, []).append((offset, pitch))
    events: list[_Event] = []
    order = sorted(starts)
    for index, start in enumerate(order):
        following = order[index + 1] if index + 1 < len(order) else None
        wanted = max(offset for offset, _ in starts[start])
        grid = grids.get(wanted // QUARTER)
        end = max(_snapped(wanted, grid if grid in _TERNARY else _GRIDS[-1]), start + _GRIDS[-1])
        together = starts[start]
        lost["chord's note of another length"] += sum(wanted - offset > _ARTICULATION for offset, _ in together)
        lost["note twice in a chord"] += len(together) - len({pitch for _, pitch in together})
        if following is not None:
            lost["note cut where another begins"] += wanted > following + 1
            end = following if following - end < _ARTICULATION else end
        events.append(_Event(start, end, tuple(sorted({pitch for _, pitch in starts[start]}))))
        if following is not None and end < following:
            events.append(_Event(end, following, ()))
    return events, {quarter for quarter, grid in grids.items() if grid in _TERNARY}


def _grid(places: set[int]) -> int:
    """The coarsest grid that the places of a quarter lie on, to within a tick if they lie on none exactly."""
    off = {grid: max(abs(_snapped(place, grid) - place) for place in places) for grid in _GRIDS}
    return min((grid for grid in _GRIDS if off[grid] <= 1), key=off.__getitem__, default=_GRIDS[-1])


def _snapped(tick: int, grid: int) -> int:
    return (2 * tick + grid) // (2 * grid) * grid


def _bar_lines(meters: dict[int, Meter], end: int) -> Iterator[int]:
    """The ticks of all bar lines up to `end`, from 0; a meter begins a bar."""
    changes = sorted(meters)
    for index, start in enumerate(changes):
        stop = min(changes[index + 1] if index + 1 < len(changes) else end, end)
        length = round(meters[start].bar * 4 * QUARTER) or stop - start or 1
        yield from range(start, stop, length)


def _at(values: dict[int, Value], tick: int) -> Value:
    return values[max(start for start in values if start <= tick or start == min(values))]


def _written(events: Sequence[_Event], score: _Score, first: int) -> Iterator[Element]:
    """The elements of the tune, from the bar at tick `first` on."""
    key = _at(score.keys, first)
    thirds = 0  # ticks of an open triplet still to come
    lines = frozenset(score.bars)
    cuts = sorted({*lines, *(quarter * QUARTER for quarter in score.ternary)})
    for event in events:
        pieces = list(_pieces(event, cuts, score.ternary))
        for start, length in pieces:
            if start in lines and start > first:
                yield Bar()
                if start in score.meters:
                    yield score.meters[start]
                if start in score.keys:
                    key = score.keys[start]
                    yield key
            in_thirds = start // QUARTER in score.ternary
            if in_thirds and not thirds:
                thirds = QUARTER
                yield Tuplet(3, 2, _count(events, start, cuts, score.ternary))
            thirds -= length if in_thirds else 0
            tied = bool(event.pitches) and (start, length) != pieces[-1]
            pitches = tuple(sorted(key.spell(pitch) for pitch in event.pitches))
            yield Sound(pitches, Fraction(length, 4 * QUARTER), tied)
    yield Bar("|]")


def _pieces(event: _Event, cuts: Sequence[int], ternary: frozenset[int]) -> Iterator[tuple[int, int]]:
    """Start and length of the notes that are tied together for one event: cut at bar lines and at triplets' ends."""
    start = event.onset
    while start < event.offset:
        end = min([event.offset, *cuts[bisect_right(cuts, start) :][:1]])
        quarter = start // QUARTER
        if quarter in ternary:
            length = min(end, (quarter + 1) * QUARTER) - start
        else:
            length = next(each for each in (*_LENGTHS, end - start) if each <= end - start)
        yield start, length
        start += length


def _count(events: Sequence[_Event], start: int, cuts: Sequence[int], ternary: frozenset[int]) -> int:
    """How many notes and rests the triplet that begins at `start` has."""
    end = (start // QUARTER + 1) * QUARTER
    first = bisect_right(events, start, key=lambda event: event.offset)
    near = takewhile(lambda event: event.onset < end, events[first:])
    return sum(start <= place < end for event in near for place, _ in _pieces(event, cuts, ternary))
