"""Broken MIDI files are refused in one line, or are read and their losses counted; both take little time."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from midi_files import END, midi_file, track

from folkseq.corpora.files import read_file
from folkseq.errors import ParseError
from folkseq.formats import midi
from folkseq.formats.transcription import transcribe
from folkseq.representations import find

NOTE = "00 90 3c 40 60 80 3c 40"
PLAIN = midi_file(
    track("00 ff03 02 4974", "00 ff51 03 07a120", "00 ff58 04 04 02 18 08", "00 ff59 02 01 00", END),
    track("00 c0 05", "00 b0 40 7f", NOTE, "00 90 3e 40 8360 3e 00", "00 b0 40 00", "00 f0 02 7e f7", END),
)


@pytest.mark.parametrize(
    ("data", "facts"),
    [
        (b"", "empty"),
        (b"X:1\nK:C\nabc", "MThd"),
        (b"\xf0\x7e\x7f\x06\x01\xf7", "MThd"),
        (b"RIFF\x20\0\0\0RMIDdata\x20\0\0\0junk", "MThd"),
        (b"RIFF\x20\0\0\0RMIDLIST\x04\0\0\0junk", "MThd"),
        (b"MThd", "cut short within its header"),
        (b"MThd\0\0\0\2" + bytes(20), "header has 2 bytes"),
        (b"MThd\x7f\0\0\0\0\1\0\1\0\x60" + bytes(20), "cut short .* byte 34"),
        (midi_file(track(END), track(END), kind=2), "type 2 with several pieces"),
        (midi_file(track(END), track(END), kind=2, count=1), "type 2 with several pieces"),
        (midi_file(kind=3), "type 3; types 0, 1 and 2"),
        (midi_file(division=0), "division.* 0x0000"),
        (midi_file(division=0xE200), "division.* 0xe200"),
        (midi_file(division=0xFF04), "division.* 0xff04"),
        (midi_file(track(NOTE, END, length=13)), "cut short.* byte 14 .* 13 bytes, but 12"),
        (midi_file(track(NOTE, END, length=2**31)), "cut short.* byte 14 is longer than any file, but 12"),
        (midi_file(track(NOTE, END, length=6)), "track from byte 22 to 28 ends within an event"),
        (midi_file(track(END), b"MTr", count=2), "cut short .* byte 26"),
        (midi_file(track("00")), "track from byte 22 to 23 ends within an event"),
        (midi_file(track(NOTE, "00 90 3c")), "track from byte 22 to 33 ends within an event"),
        (midi_file(track("00 3c 40", END)), "byte 60 before any status, at byte 22"),
        (
            midi_file(track("00 90 c3 60", END)),
            "above 127, at byte 22; write a readable copy: folkseq convert --repair tune.mid tune-repaired.mid",
        ),
        (midi_file(track("00 3c 40", END, length=0)), "byte 60 before any status, at byte 22"),
        (midi_file(track(*[NOTE] * 20, "00 90 3c c0", END)), "above 127, at byte 182"),
        (midi_file(track("00 c0 80", END)), "above 127, at byte 22"),
        (midi_file(track(NOTE, "00 f4", END)), "status 0xf4, at byte 31"),
        (midi_file(track("00 f2 00")), "2 bytes .* track, at byte 24"),
        (midi_file(track("00 ff01 05 41")), "5 bytes .* track, at byte 26"),
        (midi_file(track("00 f0 ffffff7f 41")), "268,435,455 bytes .* track, at byte 28"),
        (midi_file(track("8080808000 90 3c 40")), "more than four bytes, at byte 22"),
        (midi_file(track(*[NOTE] * 20, "8080808000 90 3c 40" + NOTE * 20, END)), "more than four bytes, at byte 182"),
        (midi_file(*[track(END)] * 1100), "more than 1,024 tracks"),
    ],
)
def test_the_fault_of_a_broken_file_is_one_line(data, facts):
    with pytest.raises(ParseError, match=rf"^tune\.mid: .*{facts}.*$") as error:
        midi.parse(data, "tune.mid")
    assert "\n" not in str(error.value)


def test_data_bytes_are_clipped_by_repair():
    broken = midi_file(track("00 ff01 02 c3a9", "00 b0 07 ff 00 c0 80 00 90 3c e0 60 80 bc 40", "00 f0 02 ff f7", END))
    with pytest.raises(ParseError, match="repair"):
        midi.parse(broken)
    data, count = midi.repair(broken, "tune.mid")
    clipped = midi_file(track("00 ff01 02 c3a9", "00 b0 07 7f 00 c0 7f 00 90 3c 7f 60 80 7f 40", "00 f0 02 ff f7", END))
    assert (data, count) == (clipped, 4)
    assert midi.repair(PLAIN, "tune.mid") == (PLAIN, 0)
    with pytest.raises(ParseError, match=r"^tune\.mid: .*status 0xf4"):
        midi.repair(midi_file(track(NOTE, "00 f4", END)), "tune.mid")


def read_or_refused(data: bytes) -> bool:
    try:
        midi.parse(data, "tune.mid")
    except ParseError as error:
        line = str(error)
    else:
        return True
    assert line.startswith("tune.mid: ")
    assert "\n" not in line
    return False


def test_a_file_cut_short_anywhere():
    read = [length for length in range(len(PLAIN)) if read_or_refused(PLAIN[:length])]
    # Between two tracks the file is whole but for what its header counts.
    assert read == [14, PLAIN.rindex(b"MTrk")]
    assert midi.parse(PLAIN[: read[1]]).lost["track that the header counts but is not there"] == 1


@settings(max_examples=300)
@given(st.data())
def test_damaged_bytes_are_read_or_refused(data):
    damaged = bytearray(PLAIN)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    read_or_refused(bytes(damaged))


def test_flipped_bits_are_read_or_refused():
    rng = random.Random(1)
    for _ in range(2000):
        damaged = bytearray(PLAIN)
        for _ in range(rng.randint(1, 6)):
            damaged[rng.randrange(14, len(damaged))] ^= 1 << rng.randrange(8)
        read_or_refused(bytes(damaged))


@given(st.binary(max_size=100))
def test_any_track_is_read_or_refused(data):
    read_or_refused(midi_file(track(data.hex())))


def test_a_million_notes_at_once():
    ons = b"\0\x90\x3c\x40" + b"\0\x3c\x40" * 999_999
    offs = b"\x60\x80\x3c\x40" + b"\0\x3c\x40" * 999_999
    performance, lost, _ = midi.parse(midi_file(track((ons + offs).hex(), END), division=96))
    assert (len(performance.tracks[0]), performance.length_s, lost) == (1_000_000, 0.5, {})
    performance, lost, _ = midi.parse(midi_file(track(ons.hex(), END)))
    assert (len(performance.tracks[0]), lost) == (1_000_000, {"note without an end": 1_000_000})


def test_a_tempo_of_a_microsecond():
    performance, *_ = midi.parse(midi_file(track("00 ff51 03 000001", NOTE, "ffffff7f 90 3c 40", "60 80 3c 40", END)))
    assert performance.tempos == ((0.0, 60e6),)
    assert performance.length_s == pytest.approx((2**28 - 1 + 192) / 480 * 1e-6)
    (again,) = midi.parse(midi.format(performance)).performance.tracks
    assert again.notes["onset_s"] == pytest.approx(performance.tracks[0].notes["onset_s"], abs=1e-5)
    with pytest.raises(ParseError, match=r"6e\+07 quarter notes a minute"):
        transcribe(performance)


def test_the_longest_delta_times():
    long = "ffffff7f 90 3c 40 ffffff7f 80 3c 40"
    performance, *_ = midi.parse(midi_file(track(long, END), division=32767))
    assert performance.length_s == pytest.approx(2 * (2**28 - 1) / 32767 * 0.5)
    with pytest.raises(ParseError, match=r"1,118,481 quarter notes.* 100,000"):
        transcribe(midi.parse(midi_file(track(long, END), division=480)).performance)
    with pytest.raises(ParseError, match=r"3,107 days.* 30"):
        midi.parse(midi_file(track(long, END), division=1))
    with pytest.raises(ParseError, match=r"days.* 30"):
        midi.parse(midi_file(track("00 ff51 03 ffffff", *[long] * 1000, END), division=1))


def test_a_pedal_for_too_many_tracks():
    pedal = track("00 b0 40 7f" + "00 40 00" * 20_000, END)
    with pytest.raises(ParseError, match=r"20,001 messages.* 1,000 tracks"):
        midi.parse(midi_file(pedal, *[track(NOTE, END)] * 1000))


def test_too_many_tracks_with_notes():
    every_channel = track(*(f"00 9{channel:x} 3c 40 00 9{channel:x} 3c 00" for channel in range(16)), END)
    with pytest.raises(ParseError, match=r"3,200 tracks.* 2,048"):
        midi.parse(midi_file(*[every_channel] * 200))


def test_many_short_stretches_of_events():
    turns = "00 90 3c 40" * 20 + "00 c0 01" + "00 ff01 00" + "00 d0 01" * 3
    midi.parse(midi_file(track(turns * 10_000, END)))


def test_huge_files_are_refused_unread(tmp_path):
    file = tmp_path / "huge.mid"
    with file.open("wb") as huge:
        huge.write(b"MThd")
        huge.truncate(3_000_000_000)  # a hole, which takes no room on the disk
    with pytest.raises(ParseError, match=r"huge\.mid.* 3,000,000,000 bytes.* 10,485,760"):
        next(read_file(find("performance").files, file))
    with pytest.raises(ParseError, match=r"tune\.mid: .*10,485,761 bytes"):
        midi.parse(bytes(midi.LARGEST + 1), "tune.mid")
