"""Splicing notes into MIDI files: every other event stays, compared by a naive reader."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from midi_files import END, events_one_by_one, midi_file, quantity, track

from folkseq.formats import midi
from folkseq.formats.midi.splice import splice
from folkseq.music.performance import Note

TAKE = {0: "90 3c40", 240: "80 3c00", 1000: "90 3e40", 1500: "80 3e00", 3000: "90 4040", 3500: "80 4000"}
"""Notes before, in and after the gap from 1 to 2 s, by tick; a second has 960."""
NEW = [Note(1.0, 1.25, 70, 90), Note(1.5, 2.0, 71, 50)]


def track_of(events, end=END):
    last, found = 0, []
    for tick, event in sorted(events, key=lambda each: each[0]):
        found.append(quantity(tick - last).hex() + event)
        last = tick
    return track(*found, end)


def take(*others):
    return midi_file(track_of([*TAKE.items(), *others]))


def spliced(data, notes=NEW, **changes):
    return splice(data, "take.mid", 1.0, 2.0, notes, **changes)


def chunks(data):
    """Return the name and content of every chunk."""
    found, at = [], 0
    while at + 8 <= len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "big")
        found.append((data[at : at + 4], data[at + 8 : at + 8 + length]))
        at += 8 + length
    return [*found, (b"", data[at:])]


def others_of(data):
    """Return what each chunk holds; of a track, without the notes of the gap."""
    found = []
    for name, content in chunks(data):
        if name != b"MTrk":
            found.append(content)
            continue
        messages, metas, end = events_one_by_one(content)
        notes = [each for each in messages if each[1] >> 4 in (8, 9)]
        inside = [each for each in notes if 960 <= each[0] < 1920 or (each[2] in (70, 71) and each[0] == 1920)]
        found.append(([each for each in messages if each not in inside], metas, end))
    return found


@pytest.mark.parametrize(
    "data",
    [
        take(),
        take((100, "ff 0a 02 6869")),
        take((100, "ff 60 03 616263")),
        take(
            (100, "ff 59 02 0900"), (100, "ff 59 01 00"), (100, "ff 58 02 0402"), (100, "ff 00 00"), (100, "ff 21 00")
        ),
        take((0, "c0 0a"), (0, "90 4040"), (240, "80 4000")),
        take((300, "90 3d40"), (300, "80 3d00")),
        take((300, "99 2440"), (300, "89 2400"), (1200, "99 2440"), (1200, "89 2400")),
        take((500, "ff 51 03 000000")),
        take((100, "f8"), (120, "f6")),
        take((100, "f0 03 431200"), (200, "f7 03 4312f7"), (300, "f7 02 f301"), (400, "f0 00")),
        take((100, "a0 3c40"), (100, "d0 40"), (1200, "e0 0040"), (1200, "a0 3e10"), (1300, "b0 407f")),
        take((200_000_000, "b0 4000")),
        midi_file(track_of(TAKE.items()), track_of([(0, "91 3c40"), (240, "81 3c00")]), count=1),
        midi_file(track_of(TAKE.items()), track_of(TAKE.items()), kind=0),
        midi_file(track_of(TAKE.items()), count=3),
        midi_file(track_of(TAKE.items())) + b"XFIH\0\0\0\4abcd" + track_of(TAKE.items()),
        midi_file(track_of(TAKE.items())) + b"junk",
        midi_file(track_of(TAKE.items(), end="")),
        midi_file(track_of(TAKE.items(), end=quantity(9000).hex() + "ff2f00" + "01 90 3c40")),
        midi_file(track("00 90 3c40", "81 70 3c00", "85 78 3e40", "83 74 3e00", "8b 5c 4040", "83 74 4000", END)),
        midi_file(track("00 90 3c40", "00 ff 01 01 78", "81 70 3c00", "85 78 3e40", "83 74 3e00", "8b 5c 4040", END)),
    ],
)
def test_every_other_event_stays_on_its_tick(data):
    after = spliced(data)
    midi.parse(after, "spliced")
    assert others_of(after) == others_of(data)
    new = [each for name, content in chunks(after) if name == b"MTrk" for each in events_one_by_one(content)[0]]
    for event in ((960, 0x90, 70, 90), (1200, 0x80, 70, 0), (1440, 0x90, 71, 50), (1920, 0x80, 71, 0)):
        assert new.count(event) == 1
    assert not [each for each in new if each[0] == 1000 and each[1] == 0x90]


def test_splicing_nothing_keeps_every_byte():
    data = midi_file(track("00 90 3c40", "81 70 3c00", "8f 00 4040", "83 74 4000", "00 f0 03 4312f7", END)) + b"junk"
    assert spliced(data, []) == data


def test_a_riff_file_stays_one():
    inner = take()
    data = b"RMIDdata" + struct.pack("<I", len(inner)) + inner + b"\0" * (len(inner) % 2)
    data += b"DISP" + struct.pack("<I", 4) + b"abcd"
    data = b"RIFF" + struct.pack("<I", len(data)) + data
    after = spliced(data)
    (size,) = struct.unpack("<I", after[16:20])
    assert after[20 : 20 + size] == spliced(inner)
    assert after[20 + size + size % 2 :] == data[-12:]
    assert struct.unpack("<I", after[4:8]) == (len(after) - 8,)


def test_texts_follow_the_track_name_in_utf_8():
    data = midi_file(track_of([(0, "ff 03 01 61"), *TAKE.items()]))
    (_, metas, _) = events_one_by_one(chunks(spliced(data, texts=["a", "дубль"]))[1][1])
    assert metas == [(0, 3, b"a"), (0, 1, b"a"), (0, 1, "дубль".encode())]


def test_at_one_tick_notes_end_before_other_events_and_begin_after_them():
    data = take((960, "c0 05"), (1920, "90 4740"), (2000, "80 4700"))
    messages, _, _ = events_one_by_one(chunks(spliced(data))[1][1])
    assert [each[1:3] for each in messages if each[0] == 960] == [(0xC0, 5), (0x90, 70)]
    assert [each[1:3] for each in messages if each[0] == 1920] == [(0x80, 71), (0x90, 71)]


@given(
    st.lists(st.tuples(st.integers(0, 99), st.integers(1, 100), st.integers(60, 63)), max_size=12),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(60, 63)), max_size=6),
    st.sampled_from([2, 24, 480]),
)
def test_new_notes_never_overlap_old_ones_of_their_pitch(new, old, division):
    """The old notes begin before the gap or after it."""
    events, sounding = [], set()
    for onset, length, pitch in old:  # in tenths of a second, before the gap or after it
        begin, end = (round((each + 10 * (onset >= 10)) / 5 * division) for each in (onset, onset + length))
        if (
            not 2 * division <= begin < 4 * division
            and not sounding & {(tick, pitch) for tick in range(begin, end + 1)}
            and begin < end
        ):
            sounding |= {(tick, pitch) for tick in range(begin, end + 1)}
            events += [(end, f"80 {pitch:02x}00"), (begin, f"90 {pitch:02x}40")]
    data = midi_file(track_of(events), division=division)
    notes = [Note(1 + begin / 100, min(1 + (begin + length) / 100, 2), pitch) for begin, length, pitch in new]
    after = spliced(data, notes)
    held = set()
    for _, status, pitch, velocity in events_one_by_one(chunks(after)[1][1])[0]:
        if status == 0x90 and velocity:
            assert pitch not in held
            held.add(pitch)
        else:
            held.remove(pitch)
    assert not held
    kept = set(events_one_by_one(chunks(data)[1][1])[0])
    assert kept <= set(events_one_by_one(chunks(after)[1][1])[0])


def test_drums_of_a_drum_bank_are_no_melody():
    kit = [(0, "ba 007f"), (0, "ca 00"), (1200, "9a 2440"), (1300, "8a 2400")]
    after = midi.parse(spliced(take(*kit))).performance
    melody, drums = after.tracks
    assert [note.pitch for note in drums] == [36]
    assert [note.pitch for note in melody] == [60, 70, 71, 64]
    after = midi.parse(spliced(take(*kit), [Note(1.0, 1.25, 38, 90)], drums=True)).performance
    melody, drums = after.tracks
    assert ([note.pitch for note in melody], [note.pitch for note in drums]) == ([60, 62, 64], [38])


def test_the_pedal_of_the_gap_can_go_with_its_notes():
    pedal = [
        (500, "b0 407f"),
        (1100, "b0 4000"),
        (1200, "b0 407f"),
        (1300, "b0 4000"),
        (1700, "b0 4050"),
        (3000, "b0 4000"),
    ]
    foot = [(1200, "b0 437f")]  # another pedal

    def moves(data):
        return [(tick, *rest) for tick, status, *rest in events_one_by_one(chunks(data)[1][1])[0] if status == 0xB0]

    kept = [(500, 64, 127), (1100, 64, 0), (1200, 67, 127), (1920, 64, 80), (3000, 64, 0)]
    assert moves(spliced(take(*pedal, *foot), lift=True)) == kept
    assert len(moves(spliced(take(*pedal, *foot)))) == 7
    after_the_end = midi_file(track_of([*TAKE.items(), (1700, "b0 407f")], end=quantity(0).hex() + "ff2f00"))
    assert moves(spliced(after_the_end, lift=True)) == [(1920, 64, 127)]
