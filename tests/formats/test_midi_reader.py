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
from folkseq.music.sustain import bake, held, presses
from folkseq.representations import find

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
        assert [note[2:] for note in here.notes.tolist()] == [note[3:] for note in notes]
        np.testing.assert_allclose(here.notes["onset_s"], [note[0] for note in notes], rtol=1e-12)
        np.testing.assert_allclose(here.notes["offset_s"], [note[1] for note in notes], rtol=1e-12, atol=TURNS_S)
        assert here.pedal["value"].tolist() == [value for _, value in pedal]
        np.testing.assert_allclose(here.pedal["time_s"], [time_s for time_s, _ in pedal], rtol=1e-12, atol=TURNS_S)
        ended = [number for number, note in enumerate(notes) if note[2] is not None and note[0] < note[1]]
        until_s = held(here.notes["offset_s"], *presses(here.pedal, np.inf))[ended]
        np.testing.assert_allclose(until_s, [notes[number][2] for number in ended], rtol=1e-12, atol=TURNS_S)


TURNS_S = 1e-7  # by which times keep the order within a tick


def made_tracks(seed: int, hanging: bool = True) -> list[list[mido.Message]]:
    """Return tracks that strike few pitches again and again, with pedals, programs, tempos and names between."""
    rng, tracks = random.Random(seed), []
    count = rng.randint(1, 4)
    rare = (0, 120, 121, 123, 126) if count == 1 else (0, 121)
    for number in range(count):
        channels = rng.sample(range(8, 11), 2)
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
                        mido.Message("program_change", channel=rng.choice(channels), program=value, time=time),
                        mido.Message("control_change", channel=channel, control=rng.choice(rare), value=127, time=time),
                        mido.MetaMessage("midi_port", port=value % 2, time=time),
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
PROGRAM_OF_ANOTHER = "program of another track on its channel"


def test_a_pedal_is_that_of_its_channel():
    data = midi_file(
        track("00 b0 40 7f", "60 40 00", "00 b5 40 7f", END),
        track(NOTE, END),
        track("30 b0 40 01", NOTE, END),
        track("00 91 3c 40 60 81 3c 40", END),
        division=96,
    )
    performance, missing, _ = midi.parse(data)
    assert [each.pedal.tolist() for each in performance.tracks] == [
        [(0.0, 127), (0.25, 1), (0.5, 0)],
        [(0.0, 127), (0.25, 1), (0.5, 0)],
        [],
    ]
    assert missing == {"pedal without notes": 1}
    assert_read_as_mido_reads(data)
    performance, missing, _ = midi.parse(data, shared=False)
    assert [each.pedal.tolist() for each in performance.tracks] == [[], [(0.25, 1)], []]
    assert missing == {"pedal without notes": 1, "pedal of another track": 5}


def test_pedal_positions_at_one_time_keep_their_order():
    (here,) = midi.parse(midi_file(track("00 b0 40 7f", "00 40 00", "00 40 03", NOTE, END))).performance.tracks
    assert here.pedal.tolist() == [(0.0, 127), (0.0, 0), (0.0, 3)]


def test_the_program_before_the_first_note():
    data = midi_file(track("00 c0 01", "00 c0 02", NOTE, "00 c0 03", NOTE, "00 c0 04", "00 c1 05", END))
    performance, missing, _ = midi.parse(data)
    assert [each.program for each in performance.tracks] == [2]
    assert missing == {"program change after the first note": 1, "program without notes": 1}


@pytest.mark.parametrize(
    ("tracks", "programs", "missing"),
    [
        ((["00 c0 13", "00 c1 2a", END], [NOTE, END], ["00 91 3c 40 60 81 3c 40", END]), [19, 42], {}),  # a conductor
        ((["00 c0 6d", NOTE, END], [NOTE, END]), [109, 109], {}),  # the second track has none of its own
        (([NOTE, END], ["00 c0 6d", NOTE, END]), [109, 109], {}),  # it comes at the tick of the first note
        (([NOTE, NOTE, END], ["30 c0 6d", NOTE, END]), [0, 109], {"program change after the first note": 1}),
        (([NOTE, END], ["60 c0 6d", NOTE, END]), [0, 109], {}),  # no note comes later
        ((["00 c0 01", "60" + NOTE[2:], END], ["00 c0 02", NOTE, END]), [2, 2], {PROGRAM_OF_ANOTHER: 1}),
        ((["00 ff21 01 00 00 c0 01", END], ["00 ff21 01 01", NOTE, END]), [0], {"port": 2, "program without notes": 1}),
        ((["00 ff21 01 05 00 c0 01", END], [NOTE, END]), [1], {"port": 1}),  # the first port where none is named
        ((["00 ff09 01 41 00 c0 01", NOTE, END], ["00 ff09 01 42", NOTE, END]), [1, 0], {"device name": 2}),
    ],
)
def test_a_program_is_that_of_its_channel_and_port(tracks, programs, missing):
    performance, lost, _ = midi.parse(midi_file(*(track(*events) for events in tracks)))
    assert [each.program for each in performance.tracks] == programs
    assert lost == missing


@pytest.mark.parametrize(("bank", "drum"), [(0, False), (120, True), (121, False), (126, True), (127, True)])
def test_drum_banks(bank, drum):
    chosen = f"00 ba 00 {bank:02x} 00 ca 00"
    performance, missing, channels = midi.parse(midi_file(track(chosen, "00 9a 24 40 60 8a 24 40", END)))
    assert [each.drum for each in performance.tracks] == [drum]
    assert (missing, channels) == ({"controller 0": 1}, ((0, 10),))


# -- the order within a tick -------------------------------------------------------------------------------------------

DOWN, UP, ON, OFF = "b0 40 7f", "b0 40 00", "90 3c 40", "80 3c 40"


@pytest.mark.parametrize(
    ("events", "until"),
    [
        (["00" + DOWN, "00" + ON, "60" + OFF, "60" + UP, "00" + DOWN, "60" + UP], 192),  # the pedal is changed
        (["00" + ON, "60" + OFF, "00" + DOWN, "60" + UP], 96),
        (["00" + ON, "60" + DOWN, "00" + OFF, "60" + UP], 192),
        (["00" + DOWN, "00" + ON, "60" + OFF, "00" + UP, "00" + DOWN, "60" + UP], 96),
        (["00" + DOWN, "00" + ON, "60" + UP, "00" + DOWN, "00" + OFF, "60" + UP], 192),
        (["00" + DOWN, "00" + ON, "60" + UP, "00" + OFF, "00" + DOWN, "60" + UP], 96),
        (["00" + DOWN, "00" + ON, "60" + OFF, "60 b0 79 00", "60" + UP], 192),  # all controllers are reset
        (["00" + DOWN, "00" + ON, "60 b0 7b 00", "60" + UP], 192),  # all notes end
        (["00" + DOWN, "00" + ON, "60 b0 78 00", "60" + UP], 96),  # all sound ends
    ],
)
def test_a_note_sounds_as_long_as_the_file_says(events, until):
    piece = midi.parse(midi_file(track(*events, END), division=96)).performance
    again = midi.parse(midi.format(piece)).performance
    for performance in (piece, again):
        ((note,),) = bake(performance).tracks
        assert note.offset_s == pytest.approx(until / 192)
    assert find("performance").codec(None).encode(piece).tolist()[3:] == [255 + 50 * until // 96, 188, 389][-3:]


@pytest.mark.parametrize("number", [120, 123, 124, 127])
def test_all_notes_end_on_every_track_of_the_channel(number):
    silence = f"60 b0 {number:02x} 00"
    data = midi_file(
        track("00 90 3c 40", silence, "60 80 3c 40", END),
        track("00 90 3e 40 00 91 40 40", "30 90 3e 40", "60 90 3e 40", "60 80 3e 40 00 81 40 40", END),
        division=96,
    )
    performance, missing, _ = midi.parse(data)
    ends = [[(note.onset_s, note.offset_s) for note in each] for each in performance.tracks]
    assert ends == [[(0, 0.5)], [(0, 0.5), (0.25, 0.5), (0.75, 1.25)], [(0, 1.25)]]
    counted = {} if number in (120, 123) else {f"controller {number}": 1}
    assert missing == {"end without a note": 1, **counted}


def test_an_event_hours_away_is_counted():
    hours = "85cbcf00"  # 12,150,000 ticks of 1/960 s
    assert lost(NOTE, hours + "90 3c 40 60 80 3c 40") == {"gap of more than an hour": 1}
    assert lost(NOTE, hours + "b0 40 00") == {"gap of more than an hour": 1}


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
        ("00 90 3c 40 60 80 3c 14", "release velocity"),
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
    riff = riff_file(b"data", plain) + b"LIST"
    assert midi.parse(riff)[:2] == (performance, {})
    named = riff_file(b"LIST", b"INFOINAM\5\0\0\0Tune\0", b"data", plain)
    assert midi.parse(named)[:2] == (performance, {"chunk of unknown kind": 1})


def riff_file(*names_and_contents: bytes) -> bytes:
    """Return a RIFF file of chunks, which begin on even bytes."""
    content = b"RMID"
    for name, data in zip(names_and_contents[::2], names_and_contents[1::2], strict=True):
        content += name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
    return b"RIFF" + struct.pack("<I", len(content)) + content


def test_one_track_of_type_2():
    assert len(midi.parse(midi_file(track(NOTE, END), kind=2)).performance.tracks[0]) == 1


@pytest.mark.parametrize("after", [b"", track(NOTE, END)])
def test_a_track_with_a_length_of_0_has_the_events_that_follow(after):
    named = "00 ff03 01 41"
    whole, hidden = (midi_file(track(named, END), track(NOTE, END, length=each), after, count=3) for each in (12, 0))
    wanted, lost, _ = midi.parse(whole)
    assert midi.parse(hidden)[:2] == (wanted, {**lost, "track with a length of 0": 1})
    assert not midi.parse(midi_file(track(END), b"MTrk\0\0\0\0")).performance.tracks
    assert len(midi.parse(midi_file(b"MTrk\0\0\0\0", track(NOTE, END))).performance.tracks) == 1


@pytest.mark.parametrize(("division", "second"), [(0xE728, 1000), (0xE250, 2400), (0xE350, 80 * 30 / 1.001)])
def test_ticks_of_frames_ignore_tempos(division, second):
    data = midi_file(track("00 ff51 03 000001", "8768 90 3c 40 00 80 3c 40", END), division=division)
    performance, missing, _ = midi.parse(data)
    assert performance.tracks[0].notes["onset_s"][0] == pytest.approx(1000 / second)
    assert performance.tempos == ((0.0, 120.0),)
    assert missing == {"tempo where frames count": 1}


def test_no_track_at_all():
    assert midi.parse(midi_file()).performance.tracks == ()
