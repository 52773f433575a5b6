"""Format a performance as a MIDI file that sequencers and notation programs import well.

Files have type 1 and 480 ticks per quarter note. Track 0 is the conductor track (name, comments, tempos, meters, keys,
markers); each other track holds a track of the performance, with its name and program. All tracks end together. Seconds
are rounded to ticks once, through the tempo map, so that notes on the grid stay on it. Equal pitches of a track never
overlap: the earlier note is shortened. MIDI cannot hold free meters, nor more of a key than its signature and third.
Text is UTF-8 of at most 1,000 bytes.

Controller 64 holds a track's pedal. Rounding to ticks keeps the order of pedal moves and note ends. At equal times the
pedal moves before the notes, so that a pedal pressed at the end of a note holds the note. A pedal that is still down at
the end is lifted there. The pedal of a track without notes is left out, since it would affect another track on its
channel. A track's other changes precede all other events at their ticks.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from folkseq.formats.midi import events
from folkseq.formats.midi.assignment import assign, merged, within
from folkseq.formats.midi.changes import Channel
from folkseq.formats.midi.events import (
    BEND,
    CONTROL,
    END_OF_TRACK,
    KEY,
    LYRIC,
    MARKER,
    METER,
    NAME,
    NOTE_OFF,
    NOTE_ON,
    PROGRAM,
    TEMPO,
    TEXT,
    MidiEvent,
    Ticks,
)
from folkseq.formats.midi.order import turns
from folkseq.formats.ticks import TempoMap, microseconds
from folkseq.music.performance import PEDAL_DOWN, SUSTAIN, Changes, Performance, Track, distinct_changes
from folkseq.music.signature import Key
from folkseq.music.sustain import Seconds
from folkseq.text import one_line

TICKS_PER_BEAT = 480
_FRESH = ((121, 0), (7, 100), (10, 64))  # resets the changes of another part to General MIDI's defaults
_RELEASE = 64  # the default release velocity
_LONGEST_TEXT = 1000  # bytes


def format(performance: Performance, comments: Iterable[str] = ()) -> bytes:
    """Return the bytes of `performance` as a MIDI file, with `comments` as texts."""
    tempo_map = TempoMap.at_seconds(performance.tempos, TICKS_PER_BEAT)
    assignments = assign(performance, tempo_map)
    sounds = [
        _sounds(track, tempo_map, performance.length_s, each.span_s)
        for track, each in zip(performance.tracks, assignments, strict=True)
    ]
    end = max([int(tempo_map.to_ticks(performance.length_s)), *(tick for each in sounds for tick, *_ in each[-1:])])
    tracks = [list(_conductor(performance, comments, tempo_map))]
    changed: set[tuple[int, bytes]] = set()  # channels, and the changes written on them
    for track, rows, (channel, span_s, _) in zip(performance.tracks, sounds, assignments, strict=True):
        begin = int(tempo_map.to_ticks(span_s[0])) if span_s else 0
        changes = within(track, span_s).changes if span_s else track.changes
        new = len(changes) and (channel, changes.tobytes()) not in changed
        changed.add((channel, changes.tobytes()))
        others = list(_changes(changes, channel, tempo_map)) if new else []
        fresh = _FRESH if span_s and any(len(each.changes) for each in performance.tracks) else ()
        head = [_text(0, NAME, track.name), *(_message(begin, CONTROL | channel, *each) for each in fresh)]
        if not any(each.tick <= begin and each.status == PROGRAM | channel for each in others):
            head.append(_message(begin, PROGRAM | channel, track.program))
        head += others
        head += _keys(track.keys, tempo_map)
        head += (_text(int(tempo_map.to_ticks(time_s)), LYRIC, text) for time_s, text in track.lyrics)
        tracks.append([*head, *(_message(tick, kind | channel, *data) for tick, kind, *data in rows)])
    data = b"MThd" + struct.pack(">IHHH", 6, 1, len(tracks), TICKS_PER_BEAT)
    for track_events in tracks:
        track_events.sort(key=lambda event: event.tick)
        chunk = events.format([*track_events, MidiEvent.of_meta(end, END_OF_TRACK)])
        data += b"MTrk" + struct.pack(">I", len(chunk)) + chunk
    return data


def unwritten(performance: Performance, channels: Sequence[Channel] = ()) -> Counter[str]:
    """Return the number of notes, texts and other items that `format` does not write exactly, by kind.

    Args:
        performance: The performance.
        channels: The original port and channel of each track; changes are counted.
    """
    tempo_map = TempoMap.at_seconds(performance.tempos, TICKS_PER_BEAT)
    lost = sum((_paired_ticks(track, tempo_map)[2] for track in performance.tracks), Counter())
    names = [performance.name, *(track.name for track in performance.tracks)]
    texts = [*names, *(text for _, text in performance.markers)]
    lost["text cut off"] += sum(len(one_line(text).encode()) > _LONGEST_TEXT for text in texts)
    assignments = assign(performance, tempo_map)
    lost["track on another channel"] += sum(
        here != (0, there.channel) for here, there in zip(channels, assignments, strict=False)
    )
    return +lost + merged(performance, assignments)


def _paired_ticks(track: Track, tempo_map: TempoMap) -> tuple[Ticks, Seconds, Counter[str]]:
    """Return the (N, 4) onsets, offsets, pitches and velocities of notes, their ends in seconds, (N,), and the losses.

    Notes last at least one tick, and end at the next note of their pitch at the latest.
    """
    notes = track.notes
    onsets, offsets = tempo_map.to_ticks(notes["onset_s"]), tempo_map.to_ticks(notes["offset_s"])
    rows = np.stack([onsets, np.maximum(offsets, onsets + 1), notes["pitch"], notes["velocity"]], axis=1)  # (N, 4)
    order = np.lexsort((-rows[:, 1], rows[:, 0], rows[:, 2]))  # by pitch, then onset, then the longest first
    begun_twice = (rows[order[1:]][:, [0, 2]] == rows[order[:-1]][:, [0, 2]]).all(axis=1)
    order = np.delete(order, np.flatnonzero(begun_twice) + 1)
    rows, onset_s, offset_s = rows[order], notes["onset_s"][order], notes["offset_s"][order]
    here, following = rows[:-1], rows[1:]
    cut = (here[:, 2] == following[:, 2]) & (here[:, 1] > following[:, 0])
    here[:, 1] = np.where(cut, following[:, 0], here[:, 1])
    offset_s[:-1] = np.where(here[:, 2] == following[:, 2], np.minimum(offset_s[:-1], onset_s[1:]), offset_s[:-1])
    lost = {"note merged with its double": begun_twice.sum(), "note shortened by its repeat": cut.sum()}
    return rows, offset_s, +Counter({kind: int(count) for kind, count in lost.items()})


def _conductor(performance: Performance, comments: Iterable[str], tempo_map: TempoMap) -> Iterator[MidiEvent]:
    def tick(time_s: float) -> int:
        return int(tempo_map.to_ticks(time_s))

    yield _text(0, NAME, performance.name)
    for comment in comments:
        yield _text(0, TEXT, comment)
    tempos = zip(tempo_map.ticks.tolist(), (microseconds(bpm) for _, bpm in performance.tempos), strict=True)
    for at, tempo in distinct_changes(tempos):
        yield MidiEvent.of_meta(int(at), TEMPO, tempo.to_bytes(3, "big"))
    for time_s, meter in distinct_changes(pair for pair in performance.meters if not pair[1].free):
        click = max(1, int(meter.beat * 96))  # MIDI clocks per beat; a quarter note has 24
        yield MidiEvent.of_meta(tick(time_s), METER, bytes((meter.beats, meter.unit.bit_length() - 1, click, 8)))
    yield from _keys(performance.keys, tempo_map)
    for time_s, text in performance.markers:
        yield _text(tick(time_s), MARKER, text)


def _keys(keys: Iterable[tuple[float, Key]], tempo_map: TempoMap) -> Iterator[MidiEvent]:
    for time_s, key in distinct_changes((time_s, key.major_or_minor) for time_s, key in keys):
        data = bytes((key.sharps % 256, key.mode == "min"))
        yield MidiEvent.of_meta(int(tempo_map.to_ticks(time_s)), KEY, data)


def _sounds(
    track: Track, tempo_map: TempoMap, length_s: float, span_s: tuple[float, float] | None
) -> list[tuple[int, int, int, int]]:
    """Return the messages of a track's notes and pedal, in order."""
    if span_s:
        track, length_s = within(track, span_s), span_s[1]
    rows, released_s, _ = _paired_ticks(track, tempo_map)
    onsets, offsets, pitches, _ = rows.T
    pedal = track.pedal if len(rows) else track.pedal[:0]
    time_s, values = pedal["time_s"], pedal["value"]
    if len(pedal) and values[-1] >= PEDAL_DOWN:
        time_s, values = np.append(time_s, length_s), np.append(values, 0)
    moves = tempo_map.to_ticks(time_s)
    count = len(moves)
    found = np.zeros(count + len(rows), np.int64)  # the turns before each move and before each end, at its tick
    if count:
        is_move = np.arange(len(found)) < count
        order = np.lexsort((~is_move, np.append(time_s, released_s)))
        # Notes last at least one tick, so their ends may fall after the pedal moves that follow them.
        sorted_moves, ticks = is_move[order], np.append(moves, offsets)[order]
        ticks = np.maximum(ticks, sorted_moves * np.maximum.accumulate(np.where(sorted_moves, 0, ticks)))
        ticks = np.maximum(ticks, np.maximum.accumulate(np.where(sorted_moves, ticks, 0)))
        both = np.empty_like(ticks)
        both[order] = ticks
        both[count:][:-1] = np.where(np.diff(pitches) == 0, np.minimum(both[count:-1], onsets[1:]), both[count:-1])
        order = order[np.argsort(both[order], kind="stable")]
        found[order] = turns(both[order], is_move[order])
        moves, offsets = both[:count], both[count:]
    last = int(found.max(initial=0)) + 1  # notes begin last at each tick
    messages: list[tuple[int, int, int, int, int, int, int]] = []
    for number, (tick, turn, value) in enumerate(zip(moves.tolist(), found.tolist(), values.tolist(), strict=False)):
        messages.append((tick, turn, 0, number, CONTROL, SUSTAIN, value))
    for offset, turn, (onset, _, pitch, velocity) in zip(
        offsets.tolist(), found[count:].tolist(), rows.tolist(), strict=True
    ):
        messages += [
            (offset, turn, 1, pitch, NOTE_OFF, pitch, _RELEASE),
            (onset, last, 2, pitch, NOTE_ON, pitch, velocity),
        ]
    return [(tick, kind, first, second) for tick, _, _, _, kind, first, second in sorted(messages)]


def _changes(changes: Changes, channel: int, tempo_map: TempoMap) -> Iterator[MidiEvent]:
    """Yield the events that change the sound of a channel, except notes and pedal."""
    ticks = tempo_map.to_ticks(changes["time_s"])
    for tick, (_, status, *data) in zip(ticks.tolist(), changes.tolist(), strict=True):
        yield _message(int(tick), status | channel, *data[: 1 if PROGRAM <= status < BEND else 2])


def _message(tick: int, status: int, *data: int) -> MidiEvent:
    return MidiEvent(tick, status, bytes(data), stated=False)


def _text(tick: int, kind: int, text: str) -> MidiEvent:
    """Return a meta event of text on one line."""
    data = one_line(text).encode()[:_LONGEST_TEXT]
    return MidiEvent.of_meta(tick, kind, data.decode(errors="ignore").encode())
