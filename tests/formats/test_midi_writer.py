"""Formatting MIDI: golden bytes, other programs as judges, and the way back."""

import io
import subprocess
from dataclasses import replace

import mido
import numpy as np
import pytest
import symusic
from hypothesis import given
from hypothesis import strategies as st
from midi_files import END, midi_file
from midi_files import track as track_of

from folkseq.formats import abc, midi
from folkseq.formats.ticks import TempoMap
from folkseq.music.performance import CHANGE, Note, Performance, Track
from folkseq.music.playback import perform
from folkseq.music.signature import Key, Meter
from folkseq.music.sustain import bake
from folkseq.text import one_line

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
    assert midi.parse(TWO_NOTES_BYTES)[:2] == (perform(abc.parse(TWO_NOTES).tunes[0]), {})


def test_comments_are_at_the_beginning():
    data = midi.format(perform(abc.parse(TWO_NOTES).tunes[0]), ["seed 7, piece 1", "x" * 2000])
    assert [(tick, message.text) for tick, message in events(data, "text")] == [(0, "seed 7, piece 1"), (0, "x" * 1000)]
    assert midi.parse(data)[:2] == (perform(abc.parse(TWO_NOTES).tunes[0]), {"text": 2})


def test_a_parsed_file_is_formatted_to_the_same_bytes():
    data = midi.format(perform(abc.parse(TUNE).tunes[0], swing=2 / 3))
    assert midi.format(midi.parse(data).performance) == data


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
    assert [meter for _, meter in midi.parse(data).performance.meters] == meters


def test_tempos_beyond_midi_keep_the_seconds():
    data = midi.format(one_track(Note(0, 40, 60), Note(50, 60, 62), tempos=((0.0, 1.0), (45.0, 200.0))))
    assert [message.tempo for _, message in events(data, "set_tempo")] == [2**24 - 1, 300_000]
    assert [note.onset_s for note in midi.parse(data).performance.tracks[0]] == pytest.approx([0, 50], abs=0.02)


def test_overlaps_are_cut_and_every_note_has_a_length():
    performance = one_track(
        *(Note(0, 2, 60), Note(1, 3, 60), Note(1, 1.5, 60), Note(1, 1, 64), Note(2, 2.0001, 67), Note(2.0002, 3, 67)),
    )
    assert notes(midi.format(performance)) == [(0, 960, 60), (960, 961, 64), (960, 2880, 60), (1920, 2880, 67)]


def test_every_track_has_its_own_channel():
    tracks = [Track.of([Note(0, 1, 60)], f"{number}", drum=number == 3) for number in range(18)]
    data = midi.format(Performance(tuple(tracks)))
    channels = [message.channel for _, message in events(data, "note_on")]
    assert channels == [0, 1, 2, 9, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 0, 1]
    assert midi.parse(data).performance.tracks == tuple(tracks)


def test_tracks_of_one_program_share_scarce_channels():
    programs = [73, *[0] * 15, 40]
    tracks = [Track.of([Note(0, 1, 60 + number)], program=each) for number, each in enumerate(programs)]
    data = midi.format(Performance(tuple(tracks)))
    channels = [message.channel for _, message in events(data, "note_on")]
    assert channels == [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 1, 2, 15]
    assert midi.parse(data).performance.tracks == tuple(tracks)


def test_more_programs_than_channels_take_turns():
    tracks = [
        Track.of([Note(at, at + 0.4, 60)], f"{at}", at, pedal=[(0, 127 * (at % 2)), (at + 0.45, 0), (at + 0.5, 127)])
        for at in range(40)
    ]
    performance = Performance(tuple(tracks))
    data = midi.format(performance)
    assert heard(midi.parse(data).performance) == heard(performance)
    assert len({message.channel for _, message in events(data, "note_on")}) == 15
    assert not midi.unwritten(performance)


def heard(performance: Performance) -> list[tuple[int, float, float, int]]:
    """Return program, onset, end of sound and pitch of each note."""
    return [
        (track.program, pytest.approx(note.onset_s), pytest.approx(note.offset_s), note.pitch)
        for track in bake(performance).tracks
        for note in track
    ]


def test_programs_that_find_no_channel_are_named():
    tracks = [Track.of([Note(0, 1, 60 + at)], f"Part {at}", at) for at in range(17)]
    assert midi.unwritten(Performance(tuple(tracks))) == {
        "'Part 15' on the channel of 'Part 14'": 1,
        "'Part 16' on the channel of 'Part 14'": 1,
    }
    kits = Performance(tuple(Track.of([Note(at, 2, 36 + at)], drum=True, program=8 * at) for at in (0, 1)))
    assert midi.unwritten(kits) == {"'part 2' on the channel of 'part 1'": 1}


def test_equal_notes_on_a_shared_channel_are_counted():
    tracks = [Track.of([Note(0, 1, 60)], pedal=[(0, 127)]) for _ in range(16)]
    assert midi.unwritten(Performance(tuple(tracks))) == {"note cut off by another part on its channel": 1}


def test_tracks_that_change_their_channel_are_counted():
    data = midi_file(track_of("00 96 3c 40 60 86 3c 40", END), track_of("00 91 3c 40 60 81 3c 40", END))
    performance, _, channels = midi.parse(data)
    assert midi.unwritten(performance, channels) == {"track on another channel": 1}


def test_unwritten_notes_are_counted():
    track = Track.of([Note(0, 1, 60), Note(0, 2, 60), Note(1.5, 3, 60), Note(0, 1, 62)])
    assert midi.unwritten(Performance((track, track))) == {
        "note merged with its double": 2,
        "note shortened by its repeat": 2,
    }
    assert not midi.unwritten(Performance(()))


def test_text_is_utf_8_of_1000_bytes():
    performance = Performance((), name="小星星\n“Reel”\x07 " + "é" * 499, markers=((0.0, "Łódź €"),))
    data = midi.format(performance)
    assert events(data, "track_name")[0][1].name.encode("latin-1").decode() == "小星星 “Reel” " + "é" * 489
    assert events(data, "marker")[0][1].text.encode("latin-1").decode() == "Łódź €"
    assert midi.unwritten(performance) == {"text cut off": 1}


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=200), min_size=2, max_size=2))
def test_names_and_markers_come_back(texts):
    name, marker = (one_line(text) for text in texts)
    track = Track.of([Note(0, 1, 60)], name=name)
    performance, lost, *_ = midi.parse(midi.format(Performance((track,), name=name, markers=((0.0, marker),))))
    assert (performance.name, performance.tracks[0].name, performance.markers[0][1]) == (name, name, marker)
    assert not lost


def test_empty_performance():
    assert midi.parse(midi.format(Performance(())))[:2] == (Performance(()), {})
    assert notes(midi.format(one_track(name="Silence", length_s=2))) == []


def test_a_track_keeps_a_key_of_its_own():
    flute, clarinet = (Track.of([Note(0, 1, pitch)], name=str(pitch)) for pitch in (62, 64))
    clarinet = replace(clarinet, keys=((0.0, Key(1, 0, "maj")), (0.5, Key(4, 0, "maj"))))
    performance = Performance((flute, clarinet), keys=((0.0, Key(0, -1, "maj")),))
    found, lost, *_ = midi.parse(midi.format(performance))
    assert [track.keys for track in found.tracks] == [(), clarinet.keys]
    assert found.keys == performance.keys
    assert not lost


# -- pedals, tempos and lengths ----------------------------------------------------------------------------------------


def test_a_pedal_precedes_the_notes_of_its_tick_and_is_lifted_at_the_end():
    pedal = ((0.0, 127), (0.5, 10), (0.5, 90), (0.75, 90))
    data = midi.format(Performance((Track.of([Note(0, 0.5, 60, 64), Note(0.5, 1, 62, 64)], pedal=pedal),)))
    # fmt: off
    assert data.endswith(bytes.fromhex(
        "00 c0 00"
        "00 b0 40 7f 00 90 3c 40"                   # pedal down, note on
        "8360 b0 40 0a 00 40 5a"                    # 480 ticks on: up and down again,
        "00 80 3c 40 00 90 3e 40"                   # and only then note off, note on
        "8170 b0 40 5a"
        "8170 40 00 00 80 3e 40 00 ff2f 00"         # 960 ticks: up, note off, end of track
    ))
    # fmt: on
    (track,) = midi.parse(data).performance.tracks
    assert track.pedal.tolist() == [*pedal, (1.0, 0)]


@pytest.mark.parametrize(
    ("end", "down", "until"),
    [(959, 960, 959), (960, 959, 1440), (960, 960, 1440), (1, 2, 1)],  # 960 ticks a quarter become 480
)
def test_rounding_does_not_swap_the_pedal_and_the_end_of_a_note(end, down, until):
    tick_s = 0.5 / 960
    pedal = [(0, 0), (down * tick_s, 127), (1440 * tick_s, 0)]
    data = midi.format(Performance((Track.of([Note(0, end * tick_s, 60)], pedal=pedal),)))
    ((note,),) = bake(midi.parse(data).performance).tracks
    assert note.offset_s == pytest.approx(until * tick_s, abs=1.1 * tick_s)


def test_a_pedal_of_a_track_without_notes_is_not_written():
    data = midi.format(Performance((Track.of((), pedal=[(0.0, 127)]), Track.of([Note(0, 1, 60)]))))
    assert events(data, "control_change") == []


def test_extreme_tempos_keep_the_seconds():
    # At a microsecond a quarter, 40 s would be 19,200,000,000 ticks: more than an event can be away from another.
    data = midi.format(one_track(Note(0, 40, 60), Note(50, 60, 62), tempos=((0.0, 60e6), (45.0, 200.0))))
    assert [message.tempo for _, message in events(data, "set_tempo")] == [6000, 300_000]
    assert [note.onset_s for note in midi.parse(data).performance.tracks[0]] == pytest.approx([0, 50], abs=0.001)


def test_days_of_silence_are_bridged():
    data = midi.format(one_track(Note(864_000, 864_001, 60), tempos=((0.0, 1000.0),)))
    performance, lost, _ = midi.parse(data)
    assert performance.tracks[0].notes["onset_s"][0] == pytest.approx(864_000)
    assert lost == {"text": 2 * 25, "gap of more than an hour": 1}


@given(st.lists(st.tuples(st.floats(0.0001, 2), st.floats(20, 400)), min_size=1, max_size=200))
def test_many_tempos_do_not_drift(changes):
    time_s, tempos = 0.0, [(0.0, 97.0)]
    for length_s, bpm in changes:
        time_s += length_s
        tempos.append((time_s, 6e7 / round(6e7 / bpm)))  # as a file has it
    data = midi.format(one_track(Note(time_s + 1, time_s + 2, 60), tempos=tuple(tempos)))
    slowest_tick_s = 60 / 20 / 480
    assert midi.parse(data).performance.tracks[0].notes["onset_s"][0] == pytest.approx(time_s + 1, abs=slowest_tick_s)


@st.composite
def performances(draw):
    """Return tracks whose notes of one pitch do not overlap, with pedals that end up."""
    tempos = tuple((10.0 * at, 6e7 / draw(st.integers(150_000, 2_000_000))) for at in range(draw(st.integers(1, 3))))
    tracks = []
    for _ in range(draw(st.integers(0, 3))):
        sounding, notes = {}, []
        for pitch, wait_s, length_s, velocity in draw(
            st.lists(
                st.tuples(st.integers(0, 127), st.floats(0, 3), st.floats(0.02, 3), st.integers(1, 127)), min_size=1
            )
        ):
            onset_s = sounding.get(pitch, 0.0) + 0.02 + wait_s
            notes.append(Note(onset_s, onset_s + length_s, pitch, velocity))
            sounding[pitch] = onset_s + length_s
        pedal = draw(st.lists(st.tuples(st.floats(0, 30), st.integers(0, 127))))
        tracks.append(Track.of(notes, pedal=[*pedal, (31.0, 0)]))
    return Performance(tuple(tracks), tempos)


@given(performances())
def test_notes_come_back_within_half_a_tick_and_pedals_in_their_order(performance):
    back, lost, _ = midi.parse(midi.format(performance))
    assert lost == {}
    half_s = 60 / min(bpm for _, bpm in performance.tempos) / 480 / 2 * (1 + 1e-6)
    for here, there in zip(performance.tracks, back.tracks, strict=True):
        order, back_order = (np.lexsort((track.notes["onset_s"], track.notes["pitch"])) for track in (here, there))
        wanted, found = here.notes[order], there.notes[back_order]
        assert (wanted[["pitch", "velocity"]] == found[["pitch", "velocity"]]).all()
        np.testing.assert_allclose(found["onset_s"], wanted["onset_s"], rtol=0, atol=half_s)
        np.testing.assert_allclose(found["offset_s"], wanted["offset_s"], rtol=0, atol=half_s)
        assert here.pedal["value"].tolist() == there.pedal["value"].tolist()
        np.testing.assert_allclose(there.pedal["time_s"], here.pedal["time_s"], rtol=0, atol=half_s)
    assert midi.format(back) == midi.format(midi.parse(midi.format(back)).performance)


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


PEDALLED = Performance(
    (
        Track.of(
            [Note(0, 1, 60, 64), Note(0.5, 1, 64, 1), Note(1, 2, 60, 127)], "Piano", pedal=[(0.2, 127), (1, 0), (1, 90)]
        ),
        Track.of([Note(0.5, 0.51, 38)], "Drums", drum=True),
    ),
    tempos=((0.0, 90.0), (1.0, 143.21)),
)


@pytest.mark.judges
@pytest.mark.parametrize("performance", [perform(abc.parse(TUNE).tunes[0]), PEDALLED], ids=["tune", "pedalled"])
def test_midish_accepts_the_file(program, tmp_path, performance):
    path = tmp_path / "tune.mid"
    path.write_bytes(midi.format(performance))
    command = [program("midish"), "-b"]
    judged = subprocess.run(command, input=f'import "{path}"\n', capture_output=True, text=True, timeout=60)
    assert (judged.returncode, judged.stdout, judged.stderr) == (0, "", "")


@pytest.mark.judges
@pytest.mark.parametrize("performance", [perform(abc.parse(TUNE).tunes[0]), PEDALLED], ids=["tune", "pedalled"])
def test_musescore_imports_every_note(program, tmp_path, performance):
    path = tmp_path / "tune.mid"
    path.write_bytes(midi.format(performance))
    command = [program("mscore3"), "-o", str(tmp_path / "tune.musicxml"), str(path)]
    environment = {"QT_QPA_PLATFORM": "offscreen", "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    judged = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert judged.returncode == 0
    for complaint in ("no note-off", "readEvent", "empty score"):
        assert complaint not in judged.stdout + judged.stderr


messages = st.one_of(
    st.tuples(st.just(0xB0), st.sampled_from([1, 7, 10, 11, 91, 121]), st.integers(0, 127)),
    st.tuples(st.just(0xE0), st.integers(0, 127), st.integers(0, 127)),
    st.tuples(st.just(0xA0), st.integers(0, 127), st.integers(0, 127)),
    st.tuples(st.just(0xD0), st.integers(0, 127), st.just(0)),
)


@given(st.lists(st.lists(st.tuples(st.integers(0, 60), messages), max_size=20), min_size=1, max_size=15))
def test_what_changes_the_sound_comes_back(tracks):
    """Times are of 30 ticks; a controller 121 lifts the pedal, which is up here."""
    made = [
        replace(
            Track.of([Note(0, 2, 60)], program=number),
            changes=np.array(sorted(((time / 32, *each) for time, each in rows), key=lambda row: row[0]), CHANGE),
        )
        for number, rows in enumerate(tracks)
    ]
    read = midi.parse(midi.format(Performance(tuple(made))), whole=True)
    assert not read.lost
    for track, again in zip(made, read.performance.tracks, strict=True):
        assert np.array_equal(track.changes, again.changes)
        assert track.program == again.program


def test_a_channel_that_changes_hands_has_no_volume_of_another_part():
    """Sixteen parts of different programs one after the other, the first of which is soft."""
    soft = np.array([(0, 0xB0, 7, 10)], CHANGE)
    parts = [Track.of([Note(each, each + 0.5, 60)], program=each) for each in range(16)]
    data = midi.format(Performance((replace(parts[0], changes=soft), *parts[1:])))
    volume: dict[int, int] = {}
    heard = []
    both = events(data, "control_change") + events(data, "note_on")
    for _, message in sorted(both, key=lambda event: event[0]):
        if message.type == "note_on":
            heard.append(volume.get(message.channel, 100))
        elif message.control == 7:
            volume[message.channel] = message.value
    assert heard == [10] + [100] * 15


def test_lyrics_are_written_before_their_notes():
    data = midi.format(perform(abc.parse("X:1\nL:1/4\nQ:1/4=60\nK:C\nC D|\nw:Čas-to\n").tunes[0]))
    _, melody = mido.MidiFile(file=io.BytesIO(data), charset="utf-8").tracks
    sung = [(each.type, getattr(each, "text", "")) for each in melody if each.type in ("lyrics", "note_on")]
    assert sung == [("lyrics", "Čas-"), ("note_on", ""), ("lyrics", "to"), ("note_on", "")]
