"""MIDI files for the tests: made of readable bytes, and read by plain references."""

import io
from bisect import bisect_right
from collections import defaultdict, deque
from itertools import pairwise

import mido

END = "00 ff2f 00"


def track(*events: str, length: int | None = None) -> bytes:
    """Return the track chunk of events in hexadecimal; `length` is what it says instead of its own."""
    data = bytes.fromhex(" ".join(events))
    return b"MTrk" + (len(data) if length is None else length).to_bytes(4, "big") + data


def midi_file(*tracks: bytes, kind: int = 1, count: int | None = None, division: int = 480) -> bytes:
    head = (kind, len(tracks) if count is None else count, division % 65536)
    return b"MThd\0\0\0\6" + b"".join(value.to_bytes(2, "big") for value in head) + b"".join(tracks)


def quantity(value: int) -> bytes:
    """Return `value` as the bytes of a quantity of variable length."""
    septets = [value & 127]
    while value := value >> 7:
        septets.append(value & 127 | 128)
    return bytes(reversed(septets))


def events_one_by_one(data: bytes) -> tuple[list[tuple[int, int, int, int]], list[tuple[int, int, bytes]], int]:
    """Return (tick, status, data, data) of messages, (tick, kind, content) of metas, and the end."""
    messages, metas, tick, running, rest = [], [], 0, 0, list(data)

    def take() -> int:
        if not rest:
            raise ValueError("cut short")
        return rest.pop(0)

    def number() -> int:
        value = 0
        for _ in range(4):
            byte = take()
            value = value * 128 + byte % 128
            if byte < 128:
                return value
        raise ValueError("a number of five bytes")

    def value() -> int:
        byte = take()
        if byte > 127:
            raise ValueError("a data byte above 127")
        return byte

    while rest:
        tick += number()
        if not rest:
            raise ValueError("cut short")
        status = take() if rest[0] > 127 else running
        if 0x80 <= status < 0xF0:
            running = status
            messages.append((tick, status, value(), 0 if status >> 4 in (0xC, 0xD) else value()))
        elif status == 0xFF:
            kind = take()
            content = bytes(take() for _ in range(number()))
            if kind == 0x2F:
                break
            metas.append((tick, kind, content))
        elif status in (0xF0, 0xF7):
            _ = [take() for _ in range(number())]
        elif status in (0xF1, 0xF2, 0xF3, 0xF6, 0xF8, 0xFA, 0xFB, 0xFC, 0xFE):
            _ = [take() for _ in range({0xF1: 1, 0xF2: 2, 0xF3: 1}.get(status, 0))]
        else:
            raise ValueError("no status")
    return messages, metas, tick


def read_by_mido(data: bytes) -> tuple[list[tuple], float]:
    """Return (name, program, drum, notes, pedal) of every track, as `midi.parse` is to read them, and the length."""
    midi = mido.MidiFile(file=io.BytesIO(data))
    tempos, found, silent, end = {0: 500_000}, [], [], 0
    for messages in midi.tracks:
        tick, name, programs = 0, "", defaultdict(int)
        rows, pedals, sounding = defaultdict(list), defaultdict(list), defaultdict(deque)
        for message in messages:
            tick += message.time
            if message.type == "end_of_track":
                break
            if message.type == "note_on" and message.velocity:
                rows[message.channel].append([tick, tick, message.note, message.velocity])
                sounding[message.channel, message.note].append(rows[message.channel][-1])
            elif message.type in ("note_on", "note_off"):
                if sounding[message.channel, message.note]:
                    sounding[message.channel, message.note].popleft()[1] = tick
            elif message.type == "program_change" and message.channel not in rows:
                programs[message.channel] = message.program
            elif message.type == "control_change" and message.control == 64:
                pedals[message.channel].append((tick, message.value))
            elif message.type == "track_name":
                name = name or message.name
            elif message.type == "set_tempo" and message.tempo:
                tempos[tick] = message.tempo
        for row in (row for waiting in sounding.values() for row in waiting):
            row[1] = tick
        end = max(end, tick)
        found += [(name, programs[c], c, rows[c], pedals[c]) for c in sorted(rows)]
        silent += [(channel, pedal) for channel, pedal in pedals.items() if channel not in rows]
    changes = sorted(tempos.items())
    starts_s = [0.0]
    for (here, tempo), (there, _) in pairwise(changes):
        starts_s.append(starts_s[-1] + (there - here) * tempo / 1e6 / midi.ticks_per_beat)

    def seconds(tick: int) -> float:
        at = bisect_right(changes, (tick, 2**24)) - 1
        return starts_s[at] + (tick - changes[at][0]) * changes[at][1] / 1e6 / midi.ticks_per_beat

    tracks = []
    for name, program, channel, notes, own in found:
        pedal = sorted([*own, *(each for c, more in silent if c == channel for each in more)], key=lambda each: each[0])
        timed = [(seconds(onset), seconds(offset), *rest) for onset, offset, *rest in notes]
        timed.sort(key=lambda note: (note[0], note[2], note[1]))
        tracks.append((name, program, channel == 9, timed, [(seconds(tick), value) for tick, value in pedal]))
    return tracks, seconds(end)
