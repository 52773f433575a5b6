"""MIDI files for the tests: made of readable bytes, and read by plain references."""

import io
import math
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
    """Return (name, program, drum, notes, pedal) of every track, as `midi.parse` is to read them, and the length.

    The messages of all tracks are followed one by one, as a synthesizer does. A note is (onset, offset, until when the
    pedal holds it, pitch, velocity); nothing is said of the pedal where nothing ends the note.
    """
    midi = mido.MidiFile(file=io.BytesIO(data))
    tempos, merged, names, ports, ends, end = {0: 500_000}, [], [], [], [], 0
    for number, messages in enumerate(midi.tracks):
        tick, name, port = 0, "", None
        for message in messages:
            tick += message.time
            if message.type == "end_of_track":
                break
            merged.append((tick, number, message))
            if message.type == "track_name":
                name = name or message.name
            elif message.type == "midi_port" and port is None:
                port = message.port
            elif message.type == "set_tempo" and message.tempo:
                tempos[tick] = message.tempo
        names.append(name)
        ports.append(port)
        ends.append(tick)
        end = max(end, tick)
    first_port = next((port for port in ports if port is not None), 0)
    ports = [first_port if port is None else port for port in ports]
    merged.sort(key=lambda each: each[:2])

    parts, programs, drums = defaultdict(list), {}, {}  # by track and channel
    sounding, ringing = defaultdict(deque), defaultdict(list)  # by track, channel and pitch; by port and channel
    program, bank, pedal = defaultdict(int), defaultdict(int), defaultdict(list)  # by port and channel

    def is_down(key: tuple[int, int]) -> bool:
        return bool(pedal[key]) and pedal[key][-1][1] >= 64

    def release(key: tuple[int, int], note: list, tick: int) -> None:
        note[1], note[2] = tick, math.inf if is_down(key) else tick
        if is_down(key):
            ringing[key].append(note)

    def move(key: tuple[int, int], tick: int, value: int) -> None:
        pedal[key].append((tick, value))
        if value < 64:
            for note in ringing.pop(key, []):
                note[2] = tick

    for at, (tick, number, message) in enumerate(merged):
        if not hasattr(message, "channel"):
            continue
        own, key = (number, message.channel), (ports[number], message.channel)
        if message.type == "note_on" and message.velocity:
            if own not in parts:
                beginning = [each for each in merged[at:] if each[0] == tick and ports[each[1]] == key[0]]
                beginning = [each for _, _, each in beginning if getattr(each, "channel", None) == key[1]]
                chosen = [each.program for each in beginning if each.type == "program_change"]
                banked = [each.value for each in beginning if each.is_cc(0)]
                programs[own] = program[key] if key in program else chosen[-1] if chosen else 0
                drums[own] = key[1] == 9 or (bank[key] if key in bank else [0, *banked][-1]) in (120, 126, 127)
            parts[own].append([tick, None, None, message.note, message.velocity])
            sounding[*own, message.note].append(parts[own][-1])
        elif message.type in ("note_on", "note_off"):
            if sounding[*own, message.note]:
                release(key, sounding[*own, message.note].popleft(), tick)
        elif message.type == "program_change":
            program[key] = message.program
        elif message.is_cc(0):
            bank[key] = message.value
        elif message.is_cc(64):
            move(key, tick, message.value)
        elif message.is_cc(121) and is_down(key):
            move(key, tick, 0)
        elif message.is_cc(120) or (message.type == "control_change" and message.control >= 123):
            for (track, channel, _), waiting in sounding.items():
                while (ports[track], channel) == key and waiting:
                    release(key, waiting.popleft(), tick)
            if message.is_cc(120) and is_down(key):
                value = pedal[key][-1][1]
                move(key, tick, 0)
                move(key, tick, value)
    for (number, *_), waiting in sounding.items():
        for note in waiting:  # nothing ends them
            note[1] = ends[number]

    changes = sorted(tempos.items())
    starts_s = [0.0]
    for (here, tempo), (there, _) in pairwise(changes):
        starts_s.append(starts_s[-1] + (there - here) * tempo / 1e6 / midi.ticks_per_beat)

    def seconds(tick: float) -> float:
        at = bisect_right(changes, (tick, 2**24)) - 1
        return starts_s[at] + (tick - changes[at][0]) * changes[at][1] / 1e6 / midi.ticks_per_beat

    tracks = []
    for number, channel in sorted(parts, key=lambda own: (own[0], ports[own[0]], own[1])):
        key, own = (ports[number], channel), (number, channel)
        timed = [(*map(seconds, note[:2]), note[2] and seconds(note[2]), *note[3:]) for note in parts[own]]
        timed.sort(key=lambda note: (note[0], note[3], note[1]))
        moves = [(seconds(tick), value) for tick, value in pedal[key]]
        tracks.append((names[number], programs[own], drums[own], timed, moves))
    return tracks, seconds(end)
