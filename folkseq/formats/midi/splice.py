"""Notes put in place of others in a MIDI file, every other event of which stays as it is, to the tick.

The file is read and written by mido, which keeps what it does not understand.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

import mido

from folkseq.errors import ParseError
from folkseq.music.performance import Note

DRUMS = 9
"""The channel of drums, from 0."""
_USUAL = 500_000  # µs a quarter


def splice(
    data: bytes, file: str, leaves: Callable[[float, bool], bool], notes: Iterable[Note], texts: Iterable[str] = ()
) -> bytes:
    """The file with some notes left out and others put in.

    Args:
        data: the file's bytes.
        file: its name.
        leaves: whether a note goes, of its onset in seconds and whether it is a drum's.
        notes: that are put in, on the track and the channel of the first note that goes, or else of the first there is.
        texts: put at the beginning.

    Raises:
        ParseError: mido cannot read the file, or it counts time in frames.
    """
    try:
        found = mido.MidiFile(file=BytesIO(data), clip=True)
    except (OSError, ValueError, EOFError, KeyError, IndexError) as error:
        raise ParseError(f"{file}: mido cannot read it: {error}") from None
    if found.ticks_per_beat <= 0 or found.type == 2:
        raise ParseError(f"{file}: its time is not counted in beats common to all its tracks")
    clock = _Clock(found)
    tracks = [_timed(track) for track in found.tracks]
    home: tuple[int, int] | None = None
    first: tuple[int, int] | None = None
    for number, events in enumerate(tracks):
        gone: dict[tuple[int, int], list[bool]] = defaultdict(list)  # of the notes that sound, whether each goes
        kept = []
        for tick, message in events:
            if message.type == "note_on" and message.velocity:
                goes = leaves(clock.seconds(tick), message.channel == DRUMS)
                gone[message.channel, message.note].append(goes)
                first = first or (number, message.channel)
                home = home or ((number, message.channel) if goes else None)
            elif message.type in ("note_on", "note_off"):
                sounding = gone[message.channel, message.note]
                goes = sounding.pop(0) if sounding else False
            else:
                goes = False
            if not goes:
                kept.append((tick, message))
        tracks[number] = kept
    number, channel = home or first or (len(tracks) - 1, 0)
    for note in notes:
        begin, end = clock.tick(note.onset_s), clock.tick(note.offset_s)
        own = {"channel": channel, "note": note.pitch}
        tracks[number].append((begin, mido.Message("note_on", velocity=note.velocity, **own)))
        tracks[number].append((max(end, begin + 1), mido.Message("note_off", velocity=0, **own)))
    tracks[0][:0] = [(0, mido.MetaMessage("text", text=text)) for text in texts]
    for track, events in zip(found.tracks, tracks, strict=True):
        track[:] = _untimed(events)
    out = BytesIO()
    found.save(file=out)
    return out.getvalue()


def _timed(track: Any) -> list[tuple[int, Any]]:
    """A track's messages with their ticks."""
    tick, events = 0, []
    for message in track:
        tick += message.time
        events.append((tick, message))
    return events


def _untimed(events: list[tuple[int, Any]]) -> list[Any]:
    """Messages with the ticks between them; at one tick notes end before others begin, and a track ends last."""

    def order(event: tuple[int, Any]) -> tuple[bool, int, bool]:
        message = event[1]
        ends = message.type == "note_off" or (message.type == "note_on" and not message.velocity)
        return message.type == "end_of_track", event[0], message.type == "note_on" and not ends

    last, found = 0, []
    for tick, message in sorted(events, key=order):
        found.append(message.copy(time=max(tick - last, 0)))
        last = max(tick, last)
    return found


class _Clock:
    """From ticks to seconds and back, by the tempos of all tracks."""

    def __init__(self, file: Any) -> None:
        changes: dict[int, int] = {0: _USUAL}
        for track in file.tracks:
            changes |= {tick: message.tempo for tick, message in _timed(track) if message.type == "set_tempo"}
        self._ticks: list[int] = sorted(changes)
        self._rates = [changes[tick] / 1e6 / file.ticks_per_beat for tick in self._ticks]  # seconds a tick
        self._starts: list[float] = [0.0]
        for place in range(1, len(self._ticks)):
            passed = (self._ticks[place] - self._ticks[place - 1]) * self._rates[place - 1]
            self._starts.append(self._starts[-1] + passed)

    def seconds(self, tick: int) -> float:
        """When a tick is."""
        place = bisect_right(self._ticks, tick) - 1
        return float(self._starts[place] + (tick - self._ticks[place]) * self._rates[place])

    def tick(self, seconds: float) -> int:
        """The tick nearest to a time."""
        place = max(bisect_right(self._starts, seconds) - 1, 0)
        passed: float = (seconds - self._starts[place]) / max(self._rates[place], 1e-12)
        return self._ticks[place] + round(passed)
