"""Parsing MIDI: every event, note and pedal beside naive readers, and losses by name."""

import random
import struct
from unittest import mock

import mido
import numpy as np
import pytest
import symusic
from hypothesis import given
from hypothesis import strategies as st
from midi_files import END, events_one_by_one, midi_file, quantity, read_by_mido, track

from folkseq.formats import midi
from folkseq.formats.midi import events
from folkseq.music.performance import Note
from folkseq.music.signature import Key, Meter

# fmt: off
PIANO = midi_file(
    track(
        "00 ff03 05 5361696e74",            # the piece's name: Saint
        "00 ff51 03 07a120",                # 500,000 µs a quarter
        "00 ff58 04 06 03 24 08",           # 6/8
        "00 ff59 02 fd 01",                 # three flats, minor
        "8360 ff51 03 0f4240",              # 480 ticks on: 1,000,000 µs a quarter
        "00 ff06 05 436f646120",            # marker "Coda "
        END,
    ),
    track(
        "00 ff03 05 5069616e6f",            # Piano
        "00 c0 05",                         # program 5 on channel 0
        "00 b0 40 7f",                      # pedal down
        "00 90 3c 40",                      # note on, C4, velocity 64
        "8170 3c 00",                       # 240 ticks on, running status: off
        "00 3e 50 00 3b 51",                # D4 and B3 at once
        "8170 b0 40 00",                    # 240 ticks on: pedal up
        "00 80 3e 40 00 3b 40",             # offs
        "8360 90 3c 40 00 3c 00",           # 480 ticks on: a note without length
        END,
    ),
)
# fmt: on


def lost(*events: str, **options) -> dict[str, int]:
    return dict(midi.parse(midi_file(track(*events, END), **options)).lost)


def test_literal_file():
    performance, missing, _ = midi.parse(PIANO)
    (piano,) = performance.tracks
    assert list(piano) == [
        Note(0, 0.25, 60, 64),
        Note(0.25, 0.5, 59, 81),
        Note(0.25, 0.5, 62, 80),
        Note(1.5, 1.5, 60, 64),
    ]
    assert (piano.name, piano.program, piano.drum) == ("Piano", 5, False)
    assert piano.pedal.tolist() == [(0.0, 127), (0.5, 0)]
    assert performance.tempos == ((0.0, 120.0), (0.5, 60.0))
    assert performance.meters == ((0.0, Meter(6, 8)),)
    assert performance.keys == ((0.0, Key(0, 0, "min")),)
    assert (performance.name, performance.markers, performance.length_s) == ("Saint", ((0.5, "Coda"),), 1.5)
    assert missing == {}


# -- events ------------------------------------------------------------------------------------------------------------


def read_in_bulk(data: bytes) -> tuple[list[tuple[int, int, int, int]], list[tuple[int, int, bytes]], int]:
    found = events.read(b"before" + data + b"after", 6, 6 + len(data))
    return [*zip(found.ticks.tolist(), *found.messages.tolist(), strict=True)], found.metas, found.end


def assert_read_the_same(data: bytes, worth: int, largest: int) -> None:
    """Check that both readers agree; a stretch is tried after `worth` events, in blocks of `largest` bytes."""
    sizes = {"SMALLEST_BLOCK": min(largest, 512), "LARGEST_BLOCK": largest}
    with mock.patch.multiple(events, PLAIN_BEFORE_STRETCH=worth, **sizes):
        try:
            wanted = events_one_by_one(data)
        except ValueError:
            with pytest.raises(events.BrokenError):
                read_in_bulk(data)
        else:
            assert read_in_bulk(data) == wanted


def made_events(seed: int, count: int, odd: float) -> bytes:
    """Return a track's events: mostly notes and controls, with running status and long deltas; `odd` are others."""
    rng, data, running = random.Random(seed), bytearray(), 0
    for _ in range(count):
        data += quantity(rng.choice((0, 0, rng.randrange(128), rng.randrange(2**14), rng.randrange(2**28))))
        if rng.random() < odd:
            if rng.random() < 0.5:
                running = rng.choice((0xC0, 0xD3))
                data += bytes((running, rng.randrange(128)))
            else:
                content = rng.randbytes(rng.choice((0, 1, 3, 200)))
                data += rng.choice((b"\xff\x01", b"\xff\x51", b"\xf0", b"\xf7")) + quantity(len(content)) + content
            continue
        status = rng.choice((0x90, 0x90, 0x80, 0xB0, 0xA1, 0xEF))
        data += bytes(
            (rng.randrange(128), rng.randrange(128)) if status == running else (status, rng.randrange(128), 0)
        )
        running = status
    return bytes(data)


@given(
    st.integers(0, 2**32),
    st.integers(0, 200),
    st.sampled_from((0, 0.01, 0.1)),
    st.sampled_from((1, 16)),
    st.sampled_from((16, 100, 1 << 16)),
)
def test_events_in_bulk_equal_a_naive_reader(seed, count, odd, worth, largest):
    assert_read_the_same(made_events(seed, count, odd), worth, largest)


@given(st.integers(0, 2**32), st.sampled_from((1, 16)), st.sampled_from((16, 100, 1 << 16)), st.data())
def test_damaged_events_are_read_or_refused_by_both(seed, worth, largest, data):
    damaged = bytearray(made_events(seed, 60, 0.02))
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    assert_read_the_same(bytes(damaged), worth, largest)


@given(st.binary(max_size=60), st.sampled_from((1, 16)))
def test_any_bytes_are_read_or_refused_by_both(data, worth):
    assert_read_the_same(data, worth, 1 << 16)


# -- notes -------------------------------------------------------------------------------------------------------------


def test_notes_are_paired_first_in_first_out_and_open_ones_last_to_the_end():
    performance, missing, _ = midi.parse(
        midi_file(
            track(
                "00 80 3c 40",  # ends nothing
                "00 c2 05",
                "00 92 3c 32",
                "8360 92 3c 3c",  # the same pitch again while it sounds
                "8360 92 3c 00",
                "8360 82 3c 40",
                "00 99 23 46",  # a drum that nothing ends
                "8360 ff2f 00",
            ),
            kind=0,
        )
    )
    melody, drums = performance.tracks
    assert list(melody) == [Note(0, 1, 60, 50), Note(0.5, 1.5, 60, 60)]
    assert (melody.program, melody.drum, drums.drum) == (5, False, True)
    assert list(drums) == [Note(1.5, 2, 35, 70)]
    assert missing == {"note without an end": 1, "end without a note": 1}


def test_a_note_off_of_another_pitch_ends_nothing():
    performance, missing, _ = midi.parse(midi_file(track("00 90 3c 40", "60 80 3d 40", "60 ff2f 00"), division=96))
    assert list(performance.tracks[0]) == [Note(0, 1, 60, 64)]
    assert missing == {"note without an end": 1, "end without a note": 1}


def assert_read_as_mido_reads(data: bytes) -> None:
    performance = midi.parse(data).performance
    tracks, length_s = read_by_mido(data)
    assert performance.length_s == pytest.approx(length_s, rel=1e-12)
    assert [(track.name, track.program, track.drum) for track in performance.tracks] == [each[:3] for each in tracks]
    for here, (*_, notes, pedal) in zip(performance.tracks, tracks, strict=True):
        assert [note[2:] for note in here.notes.tolist()] == [note[2:] for note in notes]
        np.testing.assert_allclose(here.notes["onset_s"], [note[0] for note in notes], rtol=1e-12)
        np.testing.assert_allclose(here.notes["offset_s"], [note[1] for note in notes], rtol=1e-12)
        assert here.pedal["value"].tolist() == [value for _, value in pedal]
        np.testing.assert_allclose(here.pedal["time_s"], [time_s for time_s, _ in pedal], rtol=1e-12)


def made_tracks(seed: int, hanging: bool = True) -> list[list[mido.Message]]:
    """Return tracks that strike few pitches again and again, with pedals, programs, tempos and names between."""
    rng, tracks = random.Random(seed), []
    for number in range(rng.randint(1, 4)):
        channels = rng.sample(range(16), 2)
        messages = [mido.MetaMessage("track_name", name=f"Track {number}")]
        for _ in range(rng.randrange(150)):
            channel, time = rng.choice(channels), rng.choice((0, 0, 1, 7, 200))
            pitch, value = rng.randrange(60, 64), rng.randrange(128)
            messages.append(
                rng.choice(
                    [
                        mido.Message("note_on", channel=channel, note=pitch, velocity=value, time=time),
                        mido.Message("note_on", channel=channel, note=pitch, velocity=0, time=time),
                        mido.Message("note_off", channel=channel, note=pitch, time=time),
                        mido.Message("note_off", channel=channel, note=pitch, time=time),
                        mido.Message("control_change", channel=channel, control=64, value=value, time=time),
                        mido.Message("control_change", channel=rng.randrange(16), control=64, value=value, time=time),
                        mido.Message("program_change", channel=channel, program=value, time=time),
                        mido.MetaMessage("set_tempo", tempo=rng.randrange(1, 2**24), time=time),
                        mido.Message("pitchwheel", channel=channel, pitch=value, time=time),
                    ]
                    if rng.random() < 0.5 or not hanging
                    else [mido.Message("note_on", channel=channel, note=pitch, velocity=value, time=time)]
                )
            )
        tracks.append([*messages, mido.MetaMessage("end_of_track", time=rng.randrange(2000))])
    return tracks


def saved(tracks: list[list[mido.Message]], division: int) -> bytes:
    def one(messages: list[mido.Message]) -> bytes:
        return track(*(quantity(message.time).hex() + bytes(message.bytes()).hex() for message in messages))

    return midi_file(*map(one, tracks), division=division)


@given(st.integers(0, 2**32), st.sampled_from((1, 96, 480, 32767)))
def test_any_file_is_read_as_mido_reads_it(seed, division):
    assert_read_as_mido_reads(saved(made_tracks(seed), division))


def test_literal_files_are_read_as_mido_reads_them():
    assert_read_as_mido_reads(PIANO)


@given(st.integers(0, 2**32), st.integers(1, 300))
def test_symusic_reads_the_same_notes_where_it_loses_none(seed, count):
    rng, data, tick = random.Random(seed), [], 0
    for _ in range(count):  # notes one after another, of one instrument: what it holds on to
        pitch, wait, length = rng.randrange(128), rng.randrange(500), rng.randrange(1, 500)
        data.append(f"{quantity(wait).hex()} 90 {pitch:02x} 40 {quantity(length).hex()} 80 {pitch:02x} 40")
        tick += wait + length
    file = midi_file(track(*data, END), kind=0)
    (here,), (there,) = midi.parse(file).performance.tracks, symusic.Score.from_midi(file).tracks
    notes = [(note.time / 960, note.end / 960, note.pitch, note.velocity) for note in there.notes]
    assert here.notes.tolist() == [pytest.approx(note, rel=1e-12) for note in sorted(notes)]


def test_many_tempos_add_up_in_double_precision():
    # 10,000 quarters of 333,333 and 333,334 µs in turn; single precision would be 1e-4 s off by the end.
    changes = [f"{'8360' if at else '00'} ff51 03 {333_333 + at % 2:06x}" for at in range(10_000)]
    performance = midi.parse(midi_file(track(*changes, "8360 90 3c 40 00 80 3c 40", END))).performance
    assert performance.tracks[0].notes["onset_s"][0] == pytest.approx(10_000 * 0.3333335, abs=1e-9)
    assert len(performance.tempos) == 10_000


def test_tempos_at_equal_times_are_merged():
    # After 22 days a tick of a 32,767th of a microsecond is less than doubles can hold apart.
    days = "00 ff51 03 ffffff" + "ffffff7f ff01 00" * 14
    fast = ["00 ff51 03 000001", *["01 ff51 03 000002", "01 ff51 03 000001"] * 50]
    performance = midi.parse(midi_file(track(days, *fast, END), division=32767)).performance
    assert 2 <= len(performance.tempos) < 100
    assert performance.tempos[0] == (0.0, 6e7 / 0xFFFFFF)


# -- pedals, programs, names -------------------------------------------------------------------------------------------

NOTE = "00 90 3c 40 60 80 3c 40"


def test_a_pedal_on_a_track_without_notes_is_that_of_its_channel():
    data = midi_file(
        track("00 b0 40 7f", "60 40 00", "00 b5 40 7f", END),
        track(NOTE, END),
        track("30 b0 40 01", NOTE, END),
        track("00 91 3c 40 60 81 3c 40", END),
        division=96,
    )
    performance, missing, own = midi.parse(data)
    assert [each.pedal.tolist() for each in performance.tracks] == [
        [(0.0, 127), (0.5, 0)],
        [(0.0, 127), (0.25, 1), (0.5, 0)],
        [],
    ]
    assert [pedal.tolist() for pedal in own] == [[], [(0.25, 1)], []]
    assert missing == {"pedal without notes": 1}
    assert_read_as_mido_reads(data)


def test_pedal_positions_at_one_time_keep_their_order():
    (here,) = midi.parse(midi_file(track("00 b0 40 7f", "00 40 00", "00 40 03", NOTE, END))).performance.tracks
    assert here.pedal.tolist() == [(0.0, 127), (0.0, 0), (0.0, 3)]


def test_the_program_before_the_first_note():
    data = midi_file(track("00 c0 01", "00 c0 02", NOTE, "00 c0 03", "00 c1 04", END))
    performance, missing, _ = midi.parse(data)
    assert [each.program for each in performance.tracks] == [2]
    assert missing == {"program change after the first note": 1, "program without notes": 1}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("5a6f65", "Zoe"),
        ("5a6fc3ab", "Zoë"),  # UTF-8
        ("5a6feb", "Zoë"),  # Latin-1
        ("20 5a6f 0d0a 65 00 09", "Zo e"),
    ],
)
def test_names_are_one_line(text, name):
    length = len(bytes.fromhex(text))
    assert midi.parse(midi_file(track(f"00 ff03 {length:02x} {text}", END))).performance.name == name


# -- what is lost ------------------------------------------------------------------------------------------------------


def test_texts_that_are_not_utf_8_share_an_encoding_that_is_reported_once():
    def meta(kind: int, text: bytes) -> str:
        return f"00 ff {kind:02x} {len(text):02x} {text.hex()}"

    texts = ["主題歌".encode("cp932"), "ピアノ・メロディ".encode("cp932"), "サビ".encode("cp932"), "サビ".encode()]
    conductor = track(meta(3, texts[0]), meta(6, texts[2]), meta(6, texts[3]), END)
    performance, lost, *_ = midi.parse(midi_file(conductor, track(meta(3, texts[1]), "00 903c40", "10 803c40", END)))
    assert (performance.name, performance.tracks[0].name) == ("主題歌", "ピアノ・メロディ")
    assert [text for _, text in performance.markers] == ["サビ", "サビ"]
    assert lost == {"text in cp932, not UTF-8": 1}


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("00 a0 3c 40", "aftertouch"),
        ("00 d0 40", "channel pressure"),
        ("00 e0 00 40", "pitch bend"),
        ("00 b0 0b 40", "controller 11"),
        ("00 f0 02 7e f7", "system exclusive"),
        ("00 f7 01 f8", "system exclusive"),
        ("00 f2 01 02", "system message"),
        ("00 ff01 01 41", "text"),
        ("00 ff05 01 41", "lyric"),
        ("00 ff60 01 41", "unknown meta event"),
        ("00 ff51 03 000000", "tempo that cannot be"),
        ("00 ff51 02 0000", "tempo that cannot be"),
        ("00 ff58 04 04 c8 18 08", "meter that cannot be"),
        ("00 ff58 04 00 02 18 08", "meter that cannot be"),
        ("00 ff58 00", "meter that cannot be"),
        ("00 ff59 02 08 00", "key that cannot be"),
        ("00 ff59 02 00 02", "key that cannot be"),
        ("00 b0 40 7f", "pedal without notes"),
        ("00 ff03 01 41 00 ff03 01 42", "further name of a track"),
        ("00 80 3c 40", "end without a note"),
        ("00 90 3c 40", "note without an end"),
    ],
)
def test_losses_are_counted(event, kind):
    assert lost(event) == {kind: 1}


def test_a_name_of_a_track_without_notes_is_counted():
    named = track("00 ff03 01 41", END)
    assert midi.parse(midi_file(named, named)).lost == {"name of a track without notes": 1}


# -- what is odd and read all the same ---------------------------------------------------------------------------------


def test_tracks_that_the_header_does_not_count():
    one = track(NOTE, END)
    assert midi.parse(midi_file(one, one, count=1)).lost == {"track that the header does not count": 1}
    assert midi.parse(midi_file(one, one, count=5)).lost == {"track that the header counts but is not there": 3}
    assert len(midi.parse(midi_file(one, one, count=5)).performance.tracks) == 2


def test_other_chunks_and_trailing_bytes_are_skipped_and_counted():
    data = midi_file(b"XFIH\0\0\0\2ab", track(NOTE, END), count=1) + b"\r\n"
    performance, missing, _ = midi.parse(data)
    assert len(performance.tracks) == 1
    assert missing == {"chunk of unknown kind": 1, "byte after the last track": 2}


def test_a_missing_and_an_early_end_of_track_are_counted():
    assert midi.parse(midi_file(track(NOTE))).lost == {"track without an end": 1}
    assert lost(NOTE, END, "00 90") == {"byte after the end of its track": 6}


def test_a_longer_header_and_a_riff_file():
    plain = midi_file(track(NOTE, END))
    performance = midi.parse(plain).performance
    longer = plain[:7] + b"\x08" + plain[8:14] + b"??" + plain[14:]
    assert midi.parse(longer).performance == performance
    riff = b"RIFF" + struct.pack("<I", len(plain) + 12) + b"RMIDdata" + struct.pack("<I", len(plain)) + plain + b"LIST"
    assert midi.parse(riff)[:2] == (performance, {})


@pytest.mark.parametrize(("division", "second"), [(0xE728, 1000), (0xE250, 2400), (0xE350, 80 * 30 / 1.001)])
def test_ticks_of_frames_ignore_tempos(division, second):
    data = midi_file(track("00 ff51 03 000001", "8768 90 3c 40 00 80 3c 40", END), division=division)
    performance, missing, _ = midi.parse(data)
    assert performance.tracks[0].notes["onset_s"][0] == pytest.approx(1000 / second)
    assert performance.tempos == ((0.0, 120.0),)
    assert missing == {"tempo where frames count": 1}


def test_no_track_at_all():
    assert midi.parse(midi_file()).performance.tracks == ()
