"""MIDI files as sequencers and notation programs import them best.

Type 1, 480 ticks a quarter. Track 0 conducts (name, comments, tempos, meters, keys, markers); each other track is one
of the performance's, with its name and program; every track ends where the performance does. Seconds are rounded to
ticks once, through the tempo map, so that what lies on the grid is written on it. Equal pitches of a track never
overlap: the earlier is cut short. Left out is what MIDI cannot hold: free meters, and all but the signature and third
of a key. Text is Latin-1 of at most 120 characters, a comment of 1,000.

A track's pedal is written as controller 64, at one tick before the notes, so that a pedal put down where a note ends
holds it; a pedal that is still down at the end is lifted there. That of a track without notes is left out, since it
would be taken for that of another on its channel.
"""

from __future__ import annotations

import io
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from folkseq.formats.midi.parts import DRUMS
from folkseq.formats.midi.raw import LONGEST_DELTA
from folkseq.formats.ticks import TempoMap, microseconds
from folkseq.music.performance import PEDAL_DOWN, SUSTAIN, Performance, Track, distinct_changes

if TYPE_CHECKING:
    from mido import MidiTrack

TICKS_PER_BEAT = 480
_MELODIC = [channel for channel in range(16) if channel != DRUMS]  # shared where there are more tracks
_RELEASE = 64  # the velocity of a note's end where none is meant
_LONGEST_TEXT = 120
_LONGEST_COMMENT = 1000


def format(performance: Performance, comments: Iterable[str] = ()) -> bytes:
    """The bytes of `performance` as a MIDI file, with `comments` as texts; the same of both gives the same bytes."""
    import mido

    tempo_map = TempoMap.at_seconds(performance.tempos, TICKS_PER_BEAT)
    tracks = [_paired_ticks(track, tempo_map)[0] for track in performance.tracks]
    end = max([int(tempo_map.to_ticks(performance.length_s)), *(int(ticks[:, 1].max(initial=0)) for ticks in tracks)])
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_BEAT)
    file.tracks.append(_delta(_conductor(performance, comments, tempo_map), end))
    for track, ticks, channel in zip(performance.tracks, tracks, _channels(performance.tracks), strict=True):
        pedal = _pedal_events(track, tempo_map, end, channel)
        file.tracks.append(_delta(chain(_head(track, channel), pedal, _note_events(ticks, channel)), end))
    data = io.BytesIO()
    file.save(file=data)
    return data.getvalue()


def unwritten(performance: Performance) -> Counter[str]:
    """What of a performance's notes `format` does not write, by kind and count."""
    tempo_map = TempoMap.at_seconds(performance.tempos, TICKS_PER_BEAT)
    return sum((_paired_ticks(track, tempo_map)[1] for track in performance.tracks), Counter())


def _channels(tracks: Sequence[Track]) -> Iterator[int]:
    """Each track's own; where there are too few, tracks of one program share those that their program has, in turn."""
    programs = Counter(track.program for track in tracks if not track.drum)
    if programs.total() <= len(_MELODIC):
        free = iter(_MELODIC)
        yield from (DRUMS if track.drum else next(free) for track in tracks)
        return
    rooms = dict.fromkeys(programs, 1)  # the channels of each
    for _ in range(len(_MELODIC) - len(programs)):
        rooms[max(programs, key=lambda program: programs[program] / rooms[program])] += 1
    firsts = dict(zip(rooms, accumulate(rooms.values(), initial=0), strict=False))
    seen: Counter[int] = Counter()
    for track in tracks:
        if track.drum:
            yield DRUMS
            continue
        own = firsts[track.program] + seen[track.program] % rooms[track.program]
        seen[track.program] += 1
        yield _MELODIC[own % len(_MELODIC)]


def _paired_ticks(track: Track, tempo_map: TempoMap) -> tuple[npt.NDArray[np.int64], Counter[str]]:
    """(N, 4) onset, offset, pitch, velocity: each note lasts a tick or more, to its pitch's next at most; what goes."""
    notes = track.notes
    onsets, offsets = tempo_map.to_ticks(notes["onset_s"]), tempo_map.to_ticks(notes["offset_s"])
    rows = np.stack([onsets, np.maximum(offsets, onsets + 1), notes["pitch"], notes["velocity"]], axis=1)  # (N, 4)
    rows = rows[np.lexsort((-rows[:, 1], rows[:, 0], rows[:, 2]))]  # by pitch, then onset, then the longest first
    begun_twice = (rows[1:, [0, 2]] == rows[:-1, [0, 2]]).all(axis=1)
    rows = np.delete(rows, np.flatnonzero(begun_twice) + 1, axis=0)
    here, following = rows[:-1], rows[1:]
    cut = (here[:, 2] == following[:, 2]) & (here[:, 1] > following[:, 0])
    here[:, 1] = np.where(cut, following[:, 0], here[:, 1])
    lost = {"note merged with its double": begun_twice.sum(), "note shortened by its repeat": cut.sum()}
    return rows, +Counter({kind: int(count) for kind, count in lost.items()})


def _conductor(performance: Performance, comments: Iterable[str], tempo_map: TempoMap) -> Iterator[tuple[int, Any]]:
    from mido import MetaMessage

    yield 0, MetaMessage("track_name", name=_latin(performance.name))
    for comment in comments:
        yield 0, MetaMessage("text", text=_latin(comment, most=_LONGEST_COMMENT))
    tempos = zip(tempo_map.ticks.tolist(), (microseconds(bpm) for _, bpm in performance.tempos), strict=True)
    for tick, tempo in distinct_changes(tempos):
        yield int(tick), MetaMessage("set_tempo", tempo=tempo)
    for time_s, meter in distinct_changes(pair for pair in performance.meters if not pair[1].free):
        message = MetaMessage(
            "time_signature",
            numerator=meter.beats,
            denominator=meter.unit,
            clocks_per_click=max(1, int(meter.beat * 96)),  # on the musician's beat; 24 clocks are a quarter note
        )
        yield int(tempo_map.to_ticks(time_s)), message
    for time_s, key in distinct_changes((time_s, key.major_or_minor) for time_s, key in performance.keys):
        name = str(key).removesuffix("maj").replace("min", "m")
        yield int(tempo_map.to_ticks(time_s)), MetaMessage("key_signature", key=name)
    for time_s, text in performance.markers:
        yield int(tempo_map.to_ticks(time_s)), MetaMessage("marker", text=_latin(text))


def _head(track: Track, channel: int) -> Iterator[tuple[int, Any]]:
    from mido import Message, MetaMessage

    yield 0, MetaMessage("track_name", name=_latin(track.name))
    yield 0, Message("program_change", channel=channel, program=track.program)


def _pedal_events(track: Track, tempo_map: TempoMap, end: int, channel: int) -> Iterator[tuple[int, Any]]:
    from mido import Message

    ticks, values = tempo_map.to_ticks(track.pedal["time_s"]).tolist(), track.pedal["value"].tolist()
    if not len(track) or not values:
        return
    if values[-1] >= PEDAL_DOWN:
        ticks, values = [*ticks, end], [*values, 0]
    for tick, value in zip(ticks, values, strict=True):
        yield tick, Message("control_change", channel=channel, control=SUSTAIN, value=value)


def _note_events(ticks: npt.NDArray[np.int64], channel: int) -> Iterator[tuple[int, Any]]:
    from mido import Message

    events: list[tuple[int, bool, int, int]] = []  # a note's end sorts before the beginning of the next
    for onset, offset, pitch, velocity in ticks.tolist():
        events += [(onset, True, pitch, velocity), (offset, False, pitch, _RELEASE)]
    for tick, begins, pitch, velocity in sorted(events):
        kind = "note_on" if begins else "note_off"
        yield tick, Message(kind, channel=channel, note=pitch, velocity=velocity)


def _delta(events: Iterable[tuple[int, Any]], end: int) -> MidiTrack:
    """The track of messages at ticks, closed at `end`; those of one tick keep their order."""
    from mido import MetaMessage, MidiTrack

    track, last = MidiTrack(), 0
    for tick, message in [*sorted(events, key=lambda event: event[0]), (end, MetaMessage("end_of_track"))]:
        while tick - last > LONGEST_DELTA:
            track.append(MetaMessage("text", time=LONGEST_DELTA))
            last += LONGEST_DELTA
        message.time, last = tick - last, tick
        track.append(message)
    return track


def _latin(text: str, most: int = _LONGEST_TEXT) -> str:
    """`text` as MIDI files hold it: letters beyond Latin-1 lose their marks, or become question marks."""
    text = "".join(char for char in " ".join(text.split()) if char.isprintable())[:most]
    parts = (char if ord(char) < 256 else unicodedata.normalize("NFKD", char)[0] for char in text)
    return "".join(parts).encode("latin-1", "replace").decode("latin-1")
