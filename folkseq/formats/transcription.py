"""Transcribe a performance to a tune: the melody on a grid, in bars, spelt in its key.

The file must keep time, like those that folkseq writes; free playing must be quantised first. Each quarter note uses
the coarsest grid (down to thirty-seconds, and eighth or sixteenth triplets) that fits all its onsets to within a 96th
of a whole note. Silence before the first note belongs to a pickup and is not written, unless it is part of a triplet.
Repeats stay written out.

Sequencers shorten notes to a share of their length (gate time). A gap counts as articulation, not as a rest, if it is
shorter than a sixteenth, or if the note fills at least 70 % of the time to the next and either ends off the grid or has
the usual gate time. The last note, and each note before a rest, is lengthened by the usual gate time.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import chain, groupby, pairwise
from statistics import median
from typing import NamedTuple, TypeVar

import numpy as np

from folkseq.errors import ParseError, in_words
from folkseq.formats.ticks import TempoMap
from folkseq.music.performance import Performance, Track
from folkseq.music.playback import PIANO
from folkseq.music.signature import Key, Meter, Tempo
from folkseq.music.tune import VIOLIN, Bar, Element, Sound, Tune, Tuplet

QUARTER = 24  # ticks: a thirty-second has 3, an eighth of a triplet 8
_HALF = QUARTER // 2
_GRIDS = (24, 12, 8, 6, 4, 3)
_TERNARY = (8, 4)
_FINEST = 3
_ARTICULATION = 6  # ticks; a shorter gap is not a rest
_SHORTEST_GATE, _LONGEST_GATE = 0.69, 0.97  # share of an articulated note's length that sounds
_SLOWEST, _FASTEST = 10.0, 2000.0  # quarter notes per minute
_SURE = 0.25  # ticks; a note that moves farther is off the beat
_LENGTHS = (192, 144, 96, 72, 48, 36, 24, 18, 12, 9, 6, 3)  # of plain and dotted notes, from a breve down
_LONGEST = 100_000  # quarter notes, about a day of music; damaged files can exceed it
_Triplets = dict[int, tuple[int, int]]
Value = TypeVar("Value")


class _Event(NamedTuple):
    """Pitches with the same onset, or none for a rest; times are in ticks."""

    onset: int
    offset: int
    pitches: tuple[int, ...]
    tied: bool = False


def transcription_notice(file: str, lost: Counter[str]) -> str:
    """Return a one-line notice that the melody of a file was transcribed, with the losses.

    >>> transcription_notice("take.mid", Counter({"tempo change": 2}))
    'take.mid: its melody is written down; lost: tempo change 2'
    """
    what = in_words(lost)
    return f"{file}: its melody is written down{what and f'; lost: {what}'}"


def transcribe(performance: Performance) -> tuple[Tune, Counter[str]]:
    """Return the melody of `performance` as a tune, and the number of losses of each kind.

    The melody is the first track that is not drums. Where notes overlap, the earlier one ends as the later begins.

    Raises:
        ParseError: No track has a note, the melody is too long for a tune, or its tempo is out of range.
    """
    melody = next((track for track in performance.tracks if len(track) and not track.drum), None)
    if melody is None:
        raise ParseError("no melody in it: no track but drums has a note")
    lost = Counter({"note on another track": sum(map(len, performance.tracks)) - len(melody)})
    lost["tempo change"] = len(performance.tempos) - 1
    lost["marker"] = len(performance.markers)
    lost["pedal position"] = sum(len(track.pedal) for track in performance.tracks)
    lost["program"] = melody.program not in (PIANO, VIOLIN)
    tempo = _tempo(performance, melody)
    tempo_map = TempoMap.on_grid(performance.tempos, QUARTER)
    quarters = int(tempo_map.to_ticks(melody.notes["offset_s"].max())) // QUARTER
    if quarters > _LONGEST:
        raise ParseError(f"the melody lasts {quarters:,} quarter notes; at most {_LONGEST:,} are written down")
    events, triplets = _events(melody, tempo_map, lost)
    meters = {0: Meter()} | {int(tempo_map.to_ticks(time_s)): meter for time_s, meter in performance.meters}
    keys = {0: Key()} | {int(tempo_map.to_ticks(time_s)): key for time_s, key in melody.keys or performance.keys}
    bars = list(_bar_lines(meters, events[-1].offset))
    lost["change of key within a bar"] = sum(bars[0] < tick < bars[-1] and tick not in bars for tick in keys)
    first = bars[max(0, bisect_right(bars, events[0].onset) - 1)]
    changes = {bar: [each[bar] for each in (meters, keys) if bar in each] for bar in bars if bar > first}
    pieces = list(_pieces(events, {*bars, *chain.from_iterable(triplets.values())}, triplets))
    key = _at(keys, first)
    tune = Tune(
        voices=(tuple(_elements(pieces, key, changes, triplets)),),
        key=key,
        meter=_at(meters, first),
        titles=(performance.name,) if performance.name else (),
        tempo=Tempo(Fraction(1, 4), round(tempo, 2)),
    )
    return tune, +lost


def _tempo(performance: Performance, melody: Track) -> float:
    """Return the tempo of the first note. Raises ParseError if the tempo of a note is out of range."""
    times, bpm = np.array(performance.tempos, np.float64).T
    used = bpm[np.searchsorted(times, melody.notes["onset_s"], side="right") - 1]
    if odd := [each for each in used.tolist() if not _SLOWEST <= each <= _FASTEST]:
        allowed = f"{_SLOWEST:.0f} to {_FASTEST:,.0f} can be written down"
        raise ParseError(f"its tempo is {odd[0]:,.4g} quarter notes a minute; {allowed}: correct it in the file")
    return float(used[0])


def _events(track: Track, tempo_map: TempoMap, lost: Counter[str]) -> tuple[list[_Event], _Triplets]:
    """Return the track's notes on the grid, with rests between, and the triplets."""
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
        here_s, there_s = tempo_map.to_seconds([start, start + 1]).tolist()
        lost["note moved to the grid"] += abs(here_s - onset_s) > _SURE * (there_s - here_s)
        starts.setdefault(start, []).append((offset, pitch))
    events: list[_Event] = []
    order = sorted(starts)
    triplets = _triplets(order, grids)
    begin, _ = triplets.get(order[0] // _HALF, (order[0], 0))
    if begin < order[0]:  # the melody begins within a triplet
        events.append(_Event(begin, order[0], ()))
    gate = _gate(starts, order)
    for start, following in zip(order, [*order[1:], None], strict=True):
        together = starts[start]
        pitches = {pitch for _, pitch in together}
        latest = max(offset for offset, _ in together)
        lost["chord's note of another length"] += sum(latest - offset > _ARTICULATION for offset, _ in together)
        lost["note twice in a chord"] += len(together) - len(pitches)
        end = _end(start, latest, following, gate, grids, triplets)
        if following is not None:
            lost["note cut where another begins"] += latest > following + 1
            end = following if following - end < _ARTICULATION else end
        events.append(_Event(start, end, tuple(sorted(pitches))))
        if following is not None and end < following:
            events.append(_Event(end, following, ()))
    return events, triplets


def _triplets(order: Sequence[int], grids: Mapping[int, int]) -> _Triplets:
    """Return the first tick of the triplet that each eighth belongs to, and the tick after the triplet.

    A quarter note of sixteenth triplets has two triplets if no note crosses from one to the other.
    """
    triplets: _Triplets = {}
    for quarter, onsets in groupby(order, lambda onset: onset // QUARTER):
        begin, places = quarter * QUARTER, list(onsets)
        if grids.get(quarter) not in _TERNARY:
            continue
        apart = grids[quarter] < _HALF // 2 and (begin + _HALF in places or begin + _HALF < places[0])
        length = _HALF if apart else QUARTER
        for start in range(begin, begin + QUARTER, length):
            if any(start < place < start + length for place in places):
                triplets |= {eighth // _HALF: (start, start + length) for eighth in range(start, start + length, _HALF)}
    return triplets


def _gate(starts: Mapping[int, Sequence[tuple[int, int]]], order: Sequence[int]) -> float:
    """Return the usual sounding share of the time from one onset to the next, or 1 if it is not a gate time."""
    lengths = (max(offset for offset, _ in starts[start]) - start for start in order)
    shares = [length / (after - here) for length, (here, after) in zip(lengths, pairwise(order), strict=False)]
    gate = median(shares) if shares else 1.0
    return gate if _SHORTEST_GATE <= gate <= _LONGEST_GATE else 1.0


def _end(
    start: int, latest: int, following: int | None, gate: float, grids: Mapping[int, int], triplets: _Triplets
) -> int:
    """Return the notated end, in ticks, of a note that sounds from `start` to `latest`."""
    snapped = _snapped(latest, grids.get(latest // QUARTER, _FINEST) if latest // _HALF in triplets else _FINEST)
    length, off_grid = latest - start, snapped != latest
    if following is not None and length >= _SHORTEST_GATE * (following - start):
        usual = gate < 1 and abs(length - gate * (following - start)) <= 1
        if off_grid or usual:
            return following
    plain = _snapped(round(length / gate), _ARTICULATION)
    if gate < 1 and abs(plain - length / gate) <= 1:
        return max(start + plain, start + _FINEST)
    beat = -(-latest // QUARTER) * QUARTER
    if following is None and off_grid and length >= _SHORTEST_GATE * (beat - start):
        return beat
    return max(snapped, start + _FINEST)


def _grid(places: set[int]) -> int:
    """Return the coarsest grid that fits the onsets in a quarter note, to within a tick if no grid fits exactly."""
    off = {grid: max(abs(_snapped(place, grid) - place) for place in places) for grid in _GRIDS}
    return min((grid for grid in _GRIDS if off[grid] <= 1), key=off.__getitem__, default=_FINEST)


def _snapped(tick: int, grid: int) -> int:
    return (2 * tick + grid) // (2 * grid) * grid


def _bar_lines(meters: Mapping[int, Meter], end: int) -> Iterator[int]:
    """Yield the ticks of all bar lines from 0 to `end`; each meter begins a bar."""
    changes = sorted(meters)
    for start, following in zip(changes, [*changes[1:], end], strict=True):
        stop = min(following, end)
        yield from range(start, stop, round(meters[start].bar * 4 * QUARTER) or stop - start or 1)


def _at(values: Mapping[int, Value], tick: int) -> Value:
    return values[max(start for start in values if start <= tick)]


def _pieces(events: Iterable[_Event], cuts: Iterable[int], triplets: _Triplets) -> Iterator[_Event]:
    """Yield events as notes of single note values, tied together; bar lines and the ends of triplets split them."""
    cuts = sorted(cuts)
    for event in events:
        start = event.onset
        while start < event.offset:
            end = min([event.offset, *cuts[bisect_right(cuts, start) :][:1]])
            plain = next((length for length in _LENGTHS if length <= end - start), end - start)
            stop = end if start // _HALF in triplets else start + plain
            yield _Event(start, stop, event.pitches, bool(event.pitches) and stop < event.offset)
            start = stop


def _elements(
    pieces: Sequence[_Event], key: Key, bars: Mapping[int, Sequence[Key | Meter]], triplets: _Triplets
) -> Iterator[Element]:
    """Yield the elements of a tune that begins in `key`; `bars` are the bar lines, with the changes at each."""
    onsets = [piece.onset for piece in pieces]
    for index, (start, stop, pitches, tied) in enumerate(pieces):
        if start in bars:
            yield from (Bar(), *bars[start])
            key = next((change for change in bars[start] if isinstance(change, Key)), key)
        begin, end = triplets.get(start // _HALF, (-1, 0))
        if start == begin:
            yield Tuplet(3, 2, bisect_left(onsets, end) - index)
        yield Sound(tuple(sorted(key.spell(pitch) for pitch in pitches)), Fraction(stop - start, 4 * QUARTER), tied)
    yield Bar("|]")
