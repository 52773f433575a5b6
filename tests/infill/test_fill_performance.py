"""Gaps in performances: the source, the grammar, and that every event outside the gap stays."""

import json
import re
from io import BytesIO

import mido
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from performances import solo

from folkseq import representations
from folkseq.cli import main
from folkseq.formats import midi
from folkseq.formats.midi.splice import within
from folkseq.infill.performance import gap
from folkseq.infill.performance.gap import CLOSE, CONTINUE, END, OPEN
from folkseq.infill.performance.task import FillPerformance
from folkseq.music.performance import Note, Performance, Track
from folkseq.representations.performance.events import Notes

CODEC = representations.find("performance").fit([])
TASK, CONFIG, LAYOUT = FillPerformance(CODEC), CODEC.config, CODEC.layout


def midi_of(seed=0, seconds=24):
    """A MIDI file of broken chords, with a pedal, a change of tempo and a note held over its middle."""
    random = np.random.default_rng(seed)
    file = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    file.tracks.append(track)
    events = [(0, mido.MetaMessage("track_name", name="Take")), (4000, mido.MetaMessage("set_tempo", tempo=400_000))]
    events += [(9600, mido.Message("note_on", note=40, velocity=70)), (16000, mido.Message("note_off", note=40))]
    for beat in range(seconds * 2):
        tick = beat * 480 + int(random.integers(0, 40))
        pitch = int(random.integers(60, 84))
        events.append((tick, mido.Message("note_on", note=pitch, velocity=int(random.integers(30, 100)))))
        events.append((tick + 430, mido.Message("note_off", note=pitch)))
        if beat % 4 == 0:
            events.append((tick + 3, mido.Message("control_change", control=64, value=127 * (beat // 4 % 2))))
    last = 0
    for tick, message in sorted(events, key=lambda event: event[0]):
        track.append(message.copy(time=tick - last))
        last = tick
    out = BytesIO()
    file.save(file=out)
    return out.getvalue()


def absolute(data):
    """(track, tick, message) of all events, without the delta times of the messages."""
    events = []
    for number, track in enumerate(mido.MidiFile(file=BytesIO(data)).tracks):
        tick = 0
        for message in track:
            tick += message.time
            events.append((number, tick, message.copy(time=0)))
    return events


def steps(*seconds):
    return np.array([round(each * 100) for each in seconds])


def test_the_source_has_an_element_for_each_note_and_each_half_second_of_the_gap():
    kept = Notes(
        steps(0, 0, 1, 4, 5), steps(0.5, 1, 3.5, 5, 6), np.array([60, 64, 62, 72, 64]), np.array([10, 9, 8, 7, 12])
    )
    source = gap.source_of(kept, 200, 390, CONFIG)
    assert gap.source_sizes(CONFIG) == (132, 33, 32, 32)
    assert source.ids[:, 0].tolist() == [60, 64, 62, OPEN, CONTINUE, CONTINUE, CONTINUE, CLOSE, 72, 64, END]
    assert source.ids[:, 1].tolist() == [10, 9, 8, 0, 0, 0, 0, 0, 7, 12, 0]
    # In thirds of an octave above 10 ms: 0.1, 0.4, 0.5, 1, 1.9 and 2.5 s are 10, 16, 17, 20, 23 and 24.
    assert source.ids[:, 2].tolist() == [17, 20, 24, 23, 0, 0, 0, 0, 20, 20, 0]
    assert source.ids[:, 3].tolist() == [0, 0, 20, 20, 17, 17, 17, 16, 10, 20, 20]
    assert source.positions[:, 0].tolist() == [-4, -4, -2, 0, 1, 2, 3, 3, 4, 6, 8]
    left = gap.source_of(kept, 200, 390, CONFIG, left_only=True)
    assert left.ids.tolist() == source.ids[:8].tolist()


def test_a_note_at_the_end_of_a_gap_comes_after_it():
    kept = Notes(steps(3), steps(4), np.array([60]), np.array([10]))
    assert gap.source_of(kept, 250, 300, CONFIG).ids[:, 0].tolist() == [OPEN, CLOSE, 60, END]


def test_a_pair_has_the_notes_of_the_gap_and_the_element_at_each_id():
    notes = Notes(steps(0, 2.5, 3, 5), steps(0.5, 3.5, 4.5, 6), np.array([60, 62, 64, 65]), np.array([9, 9, 11, 9]))
    pair = gap.training_pair(notes, 200, 400, CONFIG, left_only=False)
    assert " ".join(CODEC.vocabulary.decode(pair.ids.tolist())) == (
        "<s> TIME_SHIFT_50 VELOCITY_9 NOTE_ON_62 TIME_SHIFT_50 VELOCITY_11 NOTE_ON_64 TIME_SHIFT_50 NOTE_OFF_62 "
        "TIME_SHIFT_50 NOTE_OFF_64 </s>"
    )
    source = gap.source_of(notes.where(np.array([0, 3])), 200, 400, CONFIG)
    grammar = gap.PerformanceGapGrammar(source, gap.held_until(notes, 200), 200, CONFIG)
    rows, at = grammar.begin(1), []
    for one in pair.ids.tolist():
        assert grammar.allowed(rows, np.array([99]))[0, one]
        rows = grammar.advance(rows, np.array([one]))
        at.append(int(grammar.at(rows)[0]))
    assert at[:-1] == pair.at.tolist()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), begin=st.integers(0, 20), length=st.integers(1, 6))
def test_every_event_outside_the_gap_stays(seed, begin, length):
    data = midi_of(seed % 5)
    question = TASK.ask(data, "take.mid", seconds=f"{begin}-{begin + length}")
    grammar, random = question.grammar, np.random.default_rng(seed)
    rows, ids = grammar.begin(1), []
    while not ids or ids[-1] != question.end_id:
        choices = np.flatnonzero(grammar.allowed(rows, np.array([question.limit - len(ids)]))[0])
        assert len(choices)
        assert len(ids) < question.limit
        weights = np.where((choices >= LAYOUT.time_shift) & (choices < LAYOUT.velocity), 4.0, 1.0)
        ids.append(int(random.choice(choices, p=weights / weights.sum())))
        rows = grammar.advance(rows, np.array(ids[-1:]))
        assert grammar.at(rows)[0] < len(question.source)
    after = question.answer(ids).format(".mid")

    def inside(note):
        return within(note.onset_s, begin, begin + length)

    old, new = (midi.parse(each, "x")[0].tracks[0] for each in (data, after))
    assert [note for note in new if not inside(note)] == [note for note in old if not inside(note)]
    others = [[event for event in absolute(each) if not event[2].type.startswith("note")] for each in (data, after)]
    assert [event for event in others[1] if event[2].type != "end_of_track"] == [
        event for event in others[0] if event[2].type != "end_of_track"
    ]
    written = [note for note in new if inside(note)]
    assert written
    assert all(note.offset_s <= begin + length + 0.006 for note in written)


def test_a_held_pitch_does_not_begin_again():
    data = midi.format(solo((60, 80, 0.0, 9.0), (62, 80, 12.0, 13.0)))
    grammar = TASK.ask(data, "take.mid", seconds="2-6").grammar
    rows = grammar.begin(1)
    for one in (LAYOUT.start, LAYOUT.velocity + 3):
        rows = grammar.advance(rows, np.array([one]))
    allowed = grammar.allowed(rows, np.array([500]))[0]
    assert not allowed[60]
    assert allowed[61]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of a few steps on a few files."""
    folder = tmp_path_factory.mktemp("fill")
    for number in range(4):
        (folder / f"{number}.mid").write_bytes(midi_of(number))
    words = ["train", "performance", str(folder), "--task", "fill", "--steps", "3", "--hidden", "16", "-q", "--out"]
    result = CliRunner().invoke(main, [*words, str(folder / "r")])
    assert result.exit_code == 0, result.output
    return folder / "r"


def invoke(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_fill_on_the_command_line(run, tmp_path):
    file = tmp_path / "take.mid"
    file.write_bytes(midi_of(9))
    words = ("fill", run, file, "--seconds", "4.5-7", "-n", "2", "--seed", "5")
    result = invoke(*words, "-o", tmp_path / "out", "--json")
    assert result.exit_code == 0, result.output
    facts = [json.loads(line) for line in result.stdout.splitlines()]
    assert [each["index"] for each in facts] == [1, 2]
    first = (tmp_path / "out" / "take-5-1.mid").read_bytes()
    assert b'"folkseq"' in first
    assert " notes from 4.5 to 7 s, where " in facts[0]["written"]
    invoke(*words, "-o", tmp_path / "again")
    assert (tmp_path / "again" / "take-5-1.mid").read_bytes() == first
    again = invoke("sample", run, "--again", tmp_path / "out" / "take-5-2.mid", "-o", tmp_path / "x.mid")
    assert again.exit_code == 0, again.output
    assert (tmp_path / "x.mid").read_bytes() == (tmp_path / "out" / "take-5-2.mid").read_bytes()


def test_a_second_gap_has_the_second_record(run, tmp_path):
    (tmp_path / "take.mid").write_bytes(midi_of(9))
    for source, seconds, target in (("take.mid", "4.5-7", "one.mid"), ("one.mid", "12-14", "two.mid")):
        invoke("fill", run, tmp_path / source, "--seconds", seconds, "--seed", 5, "-o", tmp_path / target)
    two = (tmp_path / "two.mid").read_bytes()
    assert two.count(b'"folkseq"') == 1
    invoke("sample", run, "--again", tmp_path / "two.mid", "-o", tmp_path / "again.mid")
    assert (tmp_path / "again.mid").read_bytes() == two


@pytest.mark.parametrize(
    ("words", "facts"),
    [
        ([], "--seconds .*12-20"),
        (["--seconds", "3"], "--seconds 3: .*12-20"),
        (["--seconds", "9-3"], "--seconds 9-3: .*3-9"),
        (["--seconds", "3.001-3.002"], "--seconds 3.001-3.002: .*0.01"),
        (["--seconds", "٣-٤"], "--seconds ٣-٤: .*12-20"),
        (["--seconds", "900-903"], r"--seconds 900-903: .* lasts \d\d\.\d s"),
        (["--seconds", "0-20"], "--seconds 0-20: .*16 seconds"),
        (["--bars", "1-2"], "--bars: .*take.mid .*--seconds 12-20"),
    ],
)
def test_a_gap_that_cannot_be_filled_is_an_error_in_one_line(run, tmp_path, words, facts):
    file = tmp_path / "take.mid"
    file.write_bytes(midi_of())
    result = invoke("fill", run, file, *words)
    assert result.exit_code == 1
    assert re.search(facts, result.stderr)
    assert len(result.stderr.splitlines()) == 1


def test_a_file_that_is_not_midi_is_an_error(run, tmp_path):
    file = tmp_path / "take.mid"
    file.write_bytes(b"no music")
    result = invoke("fill", run, file, "--seconds", "1-2")
    assert result.exit_code == 1
    assert "take.mid" in result.stderr


def test_a_passage_begins_with_the_velocity_in_force():
    """In music of one velocity, the VELOCITY comes once, thousands of ids before."""
    notes = [Note(0.2 * number, 0.2 * number + 0.1, 48 + number * 7 % 30, 100) for number in range(3000)]
    ids = CODEC.encode(Performance((Track.of(notes),)))
    number = LAYOUT.bins(np.array([100]))[0]
    for turn in range(8):
        pair = TASK.hold_out(ids, 0, turn)
        loud = [token for token in CODEC.vocabulary.decode(pair.ids.tolist()) if token.startswith("VELOCITY")]
        assert set(loud) <= {f"VELOCITY_{number}"}
        assert set(pair.source.ids[:, 1].tolist()) <= {0, number}  # 0 of a mark


def test_drums_are_not_transposed():
    drums = representations.find("performance:drums=true").fit([])
    notes = [Note(0.25 * number, 0.25 * number + 0.1, (36, 38)[number % 2], 90) for number in range(400)]
    ids = drums.encode(Performance((Track.of(notes, drum=True),)))
    task, random = FillPerformance(drums), np.random.default_rng(0)
    struck = [gap.notes_of(task.draw(ids, random).ids, drums.config).pitch.tolist() for _ in range(20)]
    assert {pitch for pitches in struck for pitch in pitches} == {36, 38}


@pytest.mark.parametrize(("seconds", "pressed"), [("5-6", True), ("1-1.9", False)])
def test_a_notice_tells_that_the_pedal_holds_new_notes(seconds, pressed):
    question = TASK.ask(midi_of(), "take.mid", seconds=seconds)
    assert any("pedal" in notice for notice in question.notices) == pressed
