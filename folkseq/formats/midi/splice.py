"""Notes put in place of others in a MIDI file, every other event of which stays as it is, to the tick and the byte."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from folkseq.errors import ParseError
from folkseq.formats.midi import raw
from folkseq.formats.midi.chunks import locate
from folkseq.formats.midi.events import AFTERTOUCH, META, NOTE_ON, BrokenError
from folkseq.formats.midi.parts import DRUMS
from folkseq.formats.midi.raw import Event
from folkseq.formats.midi.reader import tempo_map
from folkseq.formats.ticks import TempoMap
from folkseq.music.performance import Note

_NOTE_OFF = 0x80
_CLOSE = 1e-6  # s, by which a tick's time may be off
_NEVER = 1 << 60

Key = tuple[int, int]
"""Channel and pitch."""


def within(onset_s: float, begin_s: float, end_s: float) -> bool:
    """Whether a note that begins then begins in a gap, to whose end the one at `end_s` does not belong."""
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
) -> bytes:
    """The file with the notes that begin in a gap left out, and others put in.

    Args:
        data: the file's bytes.
        file: its name.
        begin_s: of the gap.
        end_s: of it.
        notes: that are put in, on the track and the channel of the first note that goes, or else of the first there is.
            Each is moved or cut by the ticks that keep it apart from notes of its pitch and channel that stay.
        texts: put at the beginning.
        drums: whether it is the drums' notes that go and come; else all others.

    Raises:
        ParseError: it is no MIDI file that can be read.
    """
    try:
        _, places = locate(data, Counter())
        tracks = [raw.read(data, *place) for place in places]
        clock = tempo_map(data)
    except BrokenError as fault:
        raise ParseError(f"{file}: {fault}") from None
    if not tracks:
        raise ParseError(f"{file}: it has no track that notes could stand on")
    kept: list[list[Event]] = []
    stay: dict[Key, list[tuple[int, int]]] = defaultdict(list)  # from and up to which tick each sounds
    going: tuple[int, int] | None = None  # track and channel
    first: tuple[int, int] | None = None
    for number, (events, _) in enumerate(tracks):
        sounding: dict[Key, list[tuple[bool, int]]] = defaultdict(list)  # whether each goes, and when it began
        left = []
        for event in events:
            goes = False
            if event.status < AFTERTOUCH:
                channel, (pitch, velocity) = event.status & 15, event.data
                own = sounding[channel, pitch]
                if event.status >= NOTE_ON and velocity:
                    goes = (channel == DRUMS) == drums and within(float(clock.to_seconds(event.tick)), begin_s, end_s)
                    own.append((goes, event.tick))
                    first = first or ((number, channel) if (channel == DRUMS) == drums else None)
                    going = going or ((number, channel) if goes else None)
                elif own:
                    goes, begun = own.pop(0)
                    stay[channel, pitch] += [] if goes else [(begun, event.tick)]
            if not goes:
                left.append(event)
        for key, hanging in sounding.items():
            stay[key] += [(begun, _NEVER) for goes, begun in hanging if not goes]
        kept.append(left)
    number, channel = going or first or (len(tracks) - 1, DRUMS if drums else 0)
    window = _first(clock, begin_s), _first(clock, end_s)
    ends, begins = _placed(notes, clock, window, channel, stay)
    kept[number] = _merged(kept[number], ends, begins)
    heads = next((at for at, event in enumerate(kept[0]) if event.tick or event.status != META), len(kept[0]))
    heads -= bool(heads and kept[0][heads - 1].ends_track)
    kept[0][heads:heads] = [raw.text(text) for text in texts]
    return _whole(data, places, [raw.format(events) + rest for events, (_, rest) in zip(kept, tracks, strict=True)])


def _first(clock: TempoMap, seconds: float) -> int:
    """The first tick that is not before a time."""
    tick = max(int(clock.to_ticks(seconds)) - 1, 0)
    while float(clock.to_seconds(tick)) < seconds - _CLOSE:
        tick += 1
    return tick


def _placed(
    notes: Iterable[Note],
    clock: TempoMap,
    window: tuple[int, int],
    channel: int,
    stay: dict[Key, list[tuple[int, int]]],
) -> tuple[list[Event], list[Event]]:
    """The ends and the beginnings of notes on a channel; a note that ticks leave no room for is left out."""
    ends, begins = [], []
    free: dict[int, int] = {}  # from which tick on each pitch is, of the notes put in
    for note in sorted(notes, key=lambda note: (note.onset_s, note.pitch)):
        around = stay[channel, note.pitch]
        begin, end = (int(clock.to_ticks(each)) for each in (note.onset_s, note.offset_s))
        begin = min(max(begin, window[0], free.get(note.pitch, 0)), window[1] - 1)
        lowest = max([window[0], free.get(note.pitch, 0), *(stop for start, stop in around if start <= begin)])
        highest = min([_NEVER, *(start for start, _ in around if start > begin)])
        begin = max(begin, lowest)
        end = min(max(min(end, window[1]), begin + 1), highest)
        if not begin < min(end, window[1]):
            continue
        begins.append(Event(begin, NOTE_ON | channel, bytes((note.pitch, note.velocity))))
        ends.append(Event(end, _NOTE_OFF | channel, bytes((note.pitch, 0))))
        free[note.pitch] = end
    return ends, begins


def _merged(kept: Sequence[Event], ends: Sequence[Event], begins: Sequence[Event]) -> list[Event]:
    """All in their order; at one tick notes end before what stays, and others begin after it. A track ends last."""
    closing = [event for event in kept if event.ends_track]
    turns = [(event.tick, 0, event) for event in ends]
    turns += [(event.tick, 1, event) for event in kept if not event.ends_track]
    turns += [(event.tick, 2, event) for event in begins]
    merged = [event for _, _, event in sorted(turns, key=lambda turn: turn[:2])]
    last = merged[-1].tick if merged else 0
    return merged + [event._replace(tick=max(event.tick, last)) for event in closing]


def _whole(data: bytes, places: Sequence[tuple[int, int]], tracks: Sequence[bytes]) -> bytes:
    """The file with other tracks in the places of those there are; the lengths of what holds them are set right."""
    found, at = bytearray(), 0
    for (start, stop), track in zip(places, tracks, strict=True):
        found += data[at : start - 4] + len(track).to_bytes(4, "big") + track
        at = stop
    if data[:4] != b"RIFF":
        return bytes(found + data[at:])
    size = int.from_bytes(data[16:20], "little")
    end = min(20 + size, len(data))
    found += data[at:end]
    found[16:20] = (len(found) - 20).to_bytes(4, "little")
    found += b"\0" * (len(found) % 2) + data[end + size % 2 :]
    found[4:8] = (len(found) - 8).to_bytes(4, "little")
    return bytes(found)
