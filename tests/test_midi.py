import io
import subprocess

import mido
import pytest
import symusic
from hypothesis import given, settings
from hypothesis import strategies as st

from folkseq.errors import ParseError
from folkseq.formats import abc, midi
from folkseq.formats.ticks import TempoMap
from folkseq.music.performance import Note, Performance, Track
from folkseq.music.playback import perform
from folkseq.music.signature import Key, Meter

TWO_NOTES = "X:1\nT:Two Notes\nM:2/4\nL:1/4\nQ:1/4=120\nK:G\nGf|]\n"
# fmt: off
TWO_NOTES_BYTES = bytes.fromhex(
    "4d546864 00000006 0001 0002 01e0"          # MThd, 6 bytes: type 1, 2 tracks, 480 ticks a quarter
    "4d54726b 0000002c"                         # MTrk, 44 bytes: the conductor
    "00 ff03 09 54776f204e6f746573"             # at 0, the name Two Notes
    "00 ff51 03 07a120"                         # tempo: 500,000 µs a quarter
    "00 ff58 04 02 02 18 08"                    # meter 2/2^2, a click every 24 clocks, 8 32nds a quarter
    "00 ff59 02 01 00"                          # key: one sharp, major
    "00 ff06 01 41"                             # marker A
    "8740 ff2f 00"                              # 960 ticks on: end of track
    "4d54726b 00000026"                         # MTrk, 38 bytes: the melody
    "00 ff03 09 54776f204e6f746573"             # its name
    "00 c0 28"                                  # program 40: a violin
    "00 90 43 60"                               # note on, G4, velocity 96
    "8360 80 43 40"                             # 480 ticks on: note off
    "00 90 4e 58"                               # note on, F sharp 5, velocity 88
    "8360 80 4e 40"
    "00 ff2f 00"
)
# fmt: on

TUNE = """X:1
T:Ceilidh: “Žofín’s” Reel
R:reel
M:C|
L:1/8
K:Ador
e2|:"Am"A2 {c}BA (3cde dB|[M:6/8][K:Em].e2 d cBA|[M:C|]G4-[GB]4|1 A6 e2:|2 A4||
"""


def one_track(*notes: Note, **maps) -> Performance:
    return Performance((Track.of(notes, "Flute", 73),), **maps)


def events(data: bytes, kind: str) -> list[tuple[int, mido.Message]]:
    """Return the messages of a kind with their ticks, of all tracks."""
    found = []
    for track in mido.MidiFile(file=io.BytesIO(data)).tracks:
        tick = 0
        for message in track:
            tick += message.time
            if message.type == kind:
                found.append((tick, message))
    return found


def notes(data: bytes) -> list[tuple[int, int, int]]:
    """Return onset, offset and pitch of a file's notes; it has none that hang, overlap or have no length."""
    found = []
    for track in mido.MidiFile(file=io.BytesIO(data)).tracks:
        assert [message.type == "end_of_track" for message in track] == [False] * (len(track) - 1) + [True]
        tick, sounding = 0, {}
        for message in track:
            tick += message.time
            if message.type == "note_on":
                assert message.velocity > 0
                assert message.note not in sounding
                sounding[message.note] = tick
            elif message.type == "note_off":
                onset = sounding.pop(message.note)
                assert onset < tick
                found.append((onset, tick, message.note))
        assert not sounding
    return sorted(found)


def test_bytes_of_two_notes():
    data = midi.format(perform(abc.parse(TWO_NOTES).tunes[0]))
    assert data.hex(" ") == TWO_NOTES_BYTES.hex(" ")


def test_performance_of_two_notes():
    assert midi.parse(TWO_NOTES_BYTES) == perform(abc.parse(TWO_NOTES).tunes[0])


def test_what_was_read_is_written_again_to_the_byte():
    data = midi.format(perform(abc.parse(TUNE).tunes[0], swing=2 / 3))
    assert midi.format(midi.parse(data)) == data


def test_times_on_the_grid_become_exact_ticks():
    data = midi.format(perform(abc.parse(TUNE).tunes[0], bpm=107))
    assert [onset for onset, _, pitch in notes(data) if pitch > 60][:9] == [
        *(1440, 1920, 2400, 2460, 2640, 2880, 3040, 3200, 3360),
    ]


def test_meters_and_keys_that_midi_cannot_hold():
    keys = ((0.0, Key(1, 0, "dor")), (1.0, Key(4, 0, "mix")), (2.0, Key(0, -1)), (3.0, Key(0, 0, "maj", ((3, 1),))))
    meters = ((0.0, Meter(0, 4)), (1.0, Meter(12, 64)))
    data = midi.format(one_track(Note(0, 4, 60), keys=keys, meters=meters))
    assert [message.key for _, message in events(data, "key_signature")] == ["Am", "C", "Cb", "C"]
    assert [(message.numerator, message.denominator) for _, message in events(data, "time_signature")] == [(12, 64)]


def test_every_meter_can_be_written():
    meters = [Meter(beats, unit) for beats in range(1, 65) for unit in (1, 2, 4, 8, 16, 32, 64)]
    data = midi.format(one_track(meters=tuple((float(index), meter) for index, meter in enumerate(meters))))
    assert [meter for _, meter in midi.parse(data).meters] == meters


def test_tempos_beyond_midi_keep_the_seconds():
    data = midi.format(one_track(Note(0, 40, 60), Note(50, 60, 62), tempos=((0.0, 1.0), (45.0, 200.0))))
    assert [message.tempo for _, message in events(data, "set_tempo")] == [2**24 - 1, 300_000]
    assert [note.onset_s for note in midi.parse(data).tracks[0]] == pytest.approx([0, 50], abs=0.02)


def test_overlaps_are_cut_and_no_note_is_without_length():
    performance = one_track(
        *(Note(0, 2, 60), Note(1, 3, 60), Note(1, 1.5, 60), Note(1, 1, 64), Note(2, 2.0001, 67), Note(2.0002, 3, 67)),
    )
    assert notes(midi.format(performance)) == [(0, 960, 60), (960, 961, 64), (960, 2880, 60), (1920, 2880, 67)]


def test_tracks_keep_to_channels_of_their_own_and_drums_to_theirs():
    tracks = [Track.of([Note(0, 1, 60)], f"{number}", drum=number == 3) for number in range(18)]
    data = midi.format(Performance(tuple(tracks)))
    channels = [message.channel for _, message in events(data, "note_on")]
    assert channels == [0, 1, 2, 9, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 0, 1]
    assert midi.parse(data).tracks == tuple(tracks)


def test_text_is_latin_1_of_120_characters():
    performance = Performance((), name="Žofín’s\n“Reel”\x07 " + "x" * 200, markers=((0.0, "Łódź €"),))
    data = midi.format(performance)
    assert events(data, "track_name")[0][1].name == "Zofín?s ?Reel? " + "x" * 105
    assert events(data, "marker")[0][1].text == "?ódz ?"


def test_empty_performance():
    assert midi.parse(midi.format(Performance(()))) == Performance(())
    assert notes(midi.format(one_track(name="Silence", length_s=2))) == []


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"X:1\nK:C\nabc", "begins with MThd"),
        (b"MThd", "cut short"),
        (TWO_NOTES_BYTES[:30], "cut short"),
        (TWO_NOTES_BYTES[:-3], "cut short"),
        (TWO_NOTES_BYTES.replace(b"MTrk", b"MTrx"), "broken"),
        (TWO_NOTES_BYTES.replace(bytes.fromhex("90 43 60"), bytes.fromhex("90 c3 60")), "broken"),
        (TWO_NOTES_BYTES[:8] + b"\0\2" + TWO_NOTES_BYTES[10:], "type 2"),
        (TWO_NOTES_BYTES[:12] + b"\xe2\x50" + TWO_NOTES_BYTES[14:], "frames"),
        (TWO_NOTES_BYTES[:12] + b"\0\0" + TWO_NOTES_BYTES[14:], "frames"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(data, reason):
    with pytest.raises(ParseError, match=reason) as error:
        midi.parse(data, "tune.mid")
    assert str(error.value).startswith("tune.mid: ")
    assert "\n" not in str(error.value)


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_damaged_bytes_are_read_or_refused(data):
    damaged = bytearray(TWO_NOTES_BYTES)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        midi.parse(bytes(damaged))
    except ParseError:
        return


def test_notes_are_paired_first_in_first_out_and_open_ones_last_to_the_end():
    track = mido.MidiTrack(
        [
            mido.Message("note_off", note=60, time=0),  # ends nothing
            mido.Message("program_change", channel=2, program=5, time=0),
            mido.Message("note_on", channel=2, note=60, velocity=50, time=0),
            mido.Message("note_on", channel=2, note=60, velocity=60, time=480),
            mido.Message("note_on", channel=2, note=60, velocity=0, time=480),
            mido.Message("note_off", channel=2, note=60, time=480),
            mido.Message("note_on", channel=9, note=35, velocity=70, time=0),
            mido.MetaMessage("end_of_track", time=480),
        ]
    )
    file = io.BytesIO()
    mido.MidiFile(type=0, tracks=[track]).save(file=file)
    melody, drums = midi.parse(file.getvalue()).tracks
    assert list(melody) == [Note(0, 1, 60, 50), Note(0.5, 1.5, 60, 60)]
    assert (melody.program, melody.drum, drums.drum) == (5, False, True)
    assert list(drums) == [Note(1.5, 2, 35, 70)]


@given(st.lists(st.tuples(st.integers(1, 5000), st.integers(150_000, 3_000_000)), max_size=6), st.integers(0, 50_000))
def test_ticks_and_seconds_are_inverse(changes, tick):
    tempos, place = [(0, 500_000)], 0
    for length, tempo in changes:
        place += length
        tempos.append((place, tempo))
    there = TempoMap.at_ticks(tempos, 480)
    back = TempoMap.at_seconds(zip(there.seconds, 60 / (there.tick_s * 480), strict=True), 480)
    assert int(back.to_ticks(there.to_seconds(tick))) == tick


def test_symusic_reads_the_same_notes():
    data = midi.format(perform(abc.parse(TUNE).tunes[0]))
    score = symusic.Score.from_midi(data)
    read = sorted((note.time, note.end, note.pitch) for track in score.tracks for note in track.notes)
    assert read == notes(data)


@pytest.mark.judges
def test_midish_has_nothing_to_say(program, tmp_path):
    path = tmp_path / "tune.mid"
    path.write_bytes(midi.format(perform(abc.parse(TUNE).tunes[0])))
    command = [program("midish"), "-b"]
    judged = subprocess.run(command, input=f'import "{path}"\n', capture_output=True, text=True, timeout=60)
    assert (judged.returncode, judged.stdout, judged.stderr) == (0, "", "")


@pytest.mark.judges
def test_musescore_imports_every_note(program, tmp_path):
    path = tmp_path / "tune.mid"
    path.write_bytes(midi.format(perform(abc.parse(TUNE).tunes[0])))
    command = [program("mscore3"), "-o", str(tmp_path / "tune.musicxml"), str(path)]
    environment = {"QT_QPA_PLATFORM": "offscreen", "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    judged = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert judged.returncode == 0
    for complaint in ("no note-off", "readEvent", "empty score"):
        assert complaint not in judged.stdout + judged.stderr
