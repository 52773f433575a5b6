"""Replace notes in a MIDI file; every other event stays unchanged, to the tick and the byte."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence

from folkseq.errors import ParseError
from folkseq.formats.midi import events
from folkseq.formats.midi.channels import DRUMS
from folkseq.formats.midi.chunks import locate, replace_tracks
from folkseq.formats.midi.events import AFTERTOUCH, CONTROL, META, NOTE_OFF, NOTE_ON, TEXT, BrokenError, MidiEvent, walk
from folkseq.formats.midi.reader import parse, tempo_map
from folkseq.formats.ticks import TempoMap
from folkseq.music.performance import PEDAL_DOWN, SUSTAIN, Note

_CLOSE = 1e-6  # s, rounding error of a tick's time
_NEVER = 1 << 60
_RECORD = re.compile(rb'folkseq [0-9]|\{"folkseq": ')

_Key = tuple[int, int]  # channel and pitch
_Spans = dict[_Key, list[tuple[int, int]]]  # (onset, offset) of notes, in ticks


def within(onset_s: float, begin_s: float, end_s: float) -> bool:
    """Return whether `onset_s` lies in a gap; the gap excludes its end."""
    return begin_s - _CLOSE <= onset_s < end_s - _CLOSE


def splice(
    data: bytes,
    file: str,
    begin_s: float,
    end_s: float,
    notes: Iterable[Note],
    texts: Iterable[str] = (),
    *,
    drums: bool = False,
    lift: bool = False,
) -> bytes:
    """Return a MIDI file in which new notes replace the notes that begin in a gap.

    Args:
        data: The file's bytes.
        file: Its name.
        begin_s: The gap's beginning.
        end_s: The gap's end.
        notes: The new notes. They go to the track and channel of the first removed note, or else of the file's first
            note. Each is moved or shortened as needed to avoid kept notes of its pitch and channel.
        texts: Texts for the beginning of the file, such as a record; they replace existing records.
        drums: Whether to replace the notes of drums; otherwise all other notes are replaced.
        lift: Whether to drop the presses of the sustain pedal that begin in the gap, since they belong to the old
            notes. A press that lasts beyond the gap begins at the end of the gap.

    Raises:
        ParseError: The file is not a readable MIDI file.
    """
    try:
        header, places = locate(data, Counter())
        tracks = [_read(data, *place) for place in places]
    except BrokenError as fault:
        raise ParseError(fault.of(file)) from None
    if not tracks:
        raise ParseError(f"{file}: it has no track for notes")
    read = parse(data, file)
    drum_channels = {DRUMS} | {
        channel for (_, channel), track in zip(read.channels, read.performance.tracks, strict=True) if track.drum
    }
    metas = [(event.tick, *event.meta) for track, _ in tracks for event in track if event.status == META]
    clock = tempo_map(header, metas)
    kept: list[list[MidiEvent]] = []
    spans: _Spans = defaultdict(list)  # of the kept notes
    first_removed: tuple[int, int] | None = None  # track and channel
    first: tuple[int, int] | None = None
    for number, (track, _) in enumerate(tracks):
        sounding: dict[_Key, list[tuple[bool, int]]] = defaultdict(list)  # whether each is removed, and its onset
        kept.append([])
        for event in track:
            removed = False
            if event.status < AFTERTOUCH:
                channel, (pitch, velocity) = event.status & 15, event.data
                if event.status >= NOTE_ON and velocity:
                    meant = (channel in drum_channels) == drums
                    removed = meant and within(float(clock.to_seconds(event.tick)), begin_s, end_s)
                    sounding[channel, pitch].append((removed, event.tick))
                    first = first or ((number, channel) if meant else None)
                    first_removed = first_removed or ((number, channel) if removed else None)
                elif sounding[channel, pitch]:
                    removed, begun = sounding[channel, pitch].pop(0)
                    spans[channel, pitch] += [] if removed else [(begun, event.tick)]
            if not removed:
                kept[-1].append(event)
        for key, hanging in sounding.items():
            spans[key] += [(begun, _NEVER) for removed, begun in hanging if not removed]
    number, channel = first_removed or first or (len(tracks) - 1, DRUMS if drums else 0)
    gap = _first_tick(clock, begin_s), _first_tick(clock, end_s)
    if lift:
        kept = [_lifted(track, gap, drum_channels) for track in kept]
    ends, begins = _placed(notes, clock, gap, channel, spans)
    kept[number] = _merged(kept[number], ends, begins)
    if record := [MidiEvent.of_meta(0, TEXT, text.encode()) for text in texts]:
        kept[0] = [event for event in kept[0] if event.status != META or not _RECORD.match(event.meta[1])]
    heads = next((at for at, event in enumerate(kept[0]) if event.tick or event.status != META), len(kept[0]))
    heads -= bool(heads and kept[0][heads - 1].ends_track)
    kept[0][heads:heads] = record
    chunks = [events.format(track) + rest for track, (_, rest) in zip(kept, tracks, strict=True)]
    return replace_tracks(data, places, chunks)


def _read(data: bytes, start: int, stop: int) -> tuple[list[MidiEvent], bytes]:
    """Return the events of a track, and the bytes after its end."""
    chunk = data[start:stop]
    found = list(walk(chunk, start))
    return [event for event, _ in found], chunk[found[-1][1] if found else 0 :]


def _lifted(track: Sequence[MidiEvent], gap: tuple[int, int], drums: Collection[int]) -> list[MidiEvent]:
    """Return a track's events without the pedal presses in a gap; a press that outlasts the gap begins at its end."""
    found: list[MidiEvent] = []
    latest: dict[int, MidiEvent] = {}  # by channel
    down: set[int] = set()  # channels whose pedal is down in the result
    ended = False
    for event in track:
        if not ended and event.tick >= gap[1]:
            ended = True
            pressed = (move for channel, move in latest.items() if channel not in down and move.data[1] >= PEDAL_DOWN)
            found += [move._replace(tick=gap[1]) for move in pressed]
        channel = event.status & 15
        if event.status == CONTROL | channel and event.data[0] == SUSTAIN and channel not in drums and not ended:
            latest[channel] = event
            if event.tick >= gap[0] and channel not in down:
                continue
            (down.add if event.data[1] >= PEDAL_DOWN else down.discard)(channel)
        found.append(event)
    return found


def _first_tick(clock: TempoMap, seconds: float) -> int:
    """Return the first tick at or after a time."""
    tick = max(int(clock.to_ticks(seconds)) - 1, 0)
    while float(clock.to_seconds(tick)) < seconds - _CLOSE:
        tick += 1
    return tick


def _placed(
    notes: Iterable[Note], clock: TempoMap, gap: tuple[int, int], channel: int, spans: _Spans
) -> tuple[list[MidiEvent], list[MidiEvent]]:
    """Return the ends and the beginnings of notes on a channel; drop notes that do not fit between kept notes."""
    ends, begins = [], []
    free: dict[int, int] = {}  # the tick at which the last new note of each pitch ends
    for note in sorted(notes, key=lambda note: (note.onset_s, note.pitch)):
        around = spans[channel, note.pitch]
        begin, end = (int(clock.to_ticks(each)) for each in (note.onset_s, note.offset_s))
        earliest = max(gap[0], free.get(note.pitch, 0))
        begin = min(max(begin, earliest), gap[1] - 1)
        latest = [start for start, _ in around if start > begin]
        begin = max([begin, earliest, *(stop for start, stop in around if start <= begin)])
        end = min([max(min(end, gap[1]), begin + 1), *latest])
        if begin < min(end, gap[1]):
            begins.append(MidiEvent(begin, NOTE_ON | channel, bytes((note.pitch, note.velocity))))
            ends.append(MidiEvent(end, NOTE_OFF | channel, bytes((note.pitch, 0))))
            free[note.pitch] = end
    return ends, begins


def _merged(kept: Sequence[MidiEvent], ends: Sequence[MidiEvent], begins: Sequence[MidiEvent]) -> list[MidiEvent]:
    """Return all events in order; at one tick, new notes end before the kept events and begin after them."""
    closing = [event for event in kept if event.ends_track]
    others = [event for event in kept if not event.ends_track]
    merged = sorted([*ends, *others, *begins], key=lambda event: event.tick)
    last = merged[-1].tick if merged else 0
    return merged + [event._replace(tick=max(event.tick, last)) for event in closing]
