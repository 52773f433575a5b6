"""Converting: what decides how a file is read, repairs, and what is reported."""

import io
import shlex

import mido
import pytest
from click.testing import CliRunner
from midi_files import END, midi_file, track

from folkseq.cli import main
from folkseq.errors import ParseError, RequestError
from folkseq.formats import midi
from folkseq.verbs.convert import convert

PLAIN = midi_file(track("00 c0 05 00 90 3c 40 8360 80 3c 40", END))
TUNE = b"X:1\nL:1/4\nK:C\nCDEF|]\n"


@pytest.mark.parametrize("suffix", [*midi.SUFFIXES, ".MID", ".abc", ".bin"])
def test_midi_is_known_by_its_content(suffix, tmp_path):
    source = tmp_path / f"tune{suffix}"
    source.write_bytes(PLAIN)
    done = convert(source, tmp_path / "again.mid")
    assert (done.files, done.lost) == ((tmp_path / "again.mid",), {})
    assert midi.parse(done.files[0].read_bytes()).performance.tracks[0].program == 5


def test_another_suffix_needs_midi(tmp_path):
    source = tmp_path / "tune.bin"
    source.write_bytes(TUNE)
    with pytest.raises(RequestError, match=r"tune\.bin: .* \.rmi, \.smf"):
        convert(source, tmp_path / "again.mid")


def test_the_refusal_of_a_damaged_file_is_the_command_that_repairs_it(tmp_path):
    source = tmp_path / "my tune.mid"
    source.write_bytes(midi_file(track("00 b0 07 ff 00 90 3c 40 8360 80 3c 40", END)))
    with pytest.raises(ParseError, match=r"at byte 22; write a readable copy: folkseq (.*)") as refusal:
        convert(source, tmp_path / "again.mid")
    command = shlex.split(str(refusal.value).split("folkseq ")[1])
    assert CliRunner().invoke(main, command).exit_code == 0
    assert len(midi.parse((tmp_path / "my tune-repaired.mid").read_bytes()).performance.tracks[0]) == 1
    for target in ("again.mid", "again.abc"):
        done = convert(source, tmp_path / target, repair=True)
        assert done.lost["data byte clipped to 127"] == 1
    (tmp_path / "tune.abc").write_bytes(TUNE)
    with pytest.raises(RequestError, match="--repair applies only to MIDI"):
        convert(tmp_path / "tune.abc", tmp_path / "again.mid", repair=True)


def test_what_a_new_file_does_not_hold_is_reported(tmp_path):
    source = tmp_path / "tune.mid"
    events = "00 ff05 01 41 00 96 3c 40 30 e6 00 50 60 86 3c 14"
    source.write_bytes(midi_file(track(events, END)))
    lost = convert(source, tmp_path / "again.mid").lost
    assert lost == {"lyric": 1, "release velocity": 1, "track on another channel": 1}
    assert convert(source, tmp_path / "again.abc").lost == {"lyric": 1, "pitch bend": 1, "release velocity": 1}


def test_what_changes_the_sound_is_in_a_new_file(tmp_path):
    """Volume, pan, bends and programs hold for the notes of their channel on every track."""
    source, target = tmp_path / "tune.mid", tmp_path / "again.mid"
    left = "00 c0 05 00 b0 07 32 00 90 3c 40 60 e0 00 50 00 80 3c 40 00 b0 0a 7f 60 c0 0b 00 90 3e 40 60 80 3e 40"
    right = "60 90 48 40 60 80 48 40"
    source.write_bytes(midi_file(track(left, END), track(right, END)))
    assert convert(source, target).lost == {"track on another channel": 1}
    changes = [
        [(0, 0xC0, 5), (0, 0xB0, 7, 50), (96, 0xE0, 0, 80), (96, 0xB0, 10, 127), (192, 0xC0, 11)],
        [(0, 0xC1, 5), (0, 0xB1, 7, 50), (96, 0xE1, 0, 80), (96, 0xB1, 10, 127)],
    ]
    assert messages_but_notes(target.read_bytes()) == changes
    convert(target, tmp_path / "third.mid")
    assert (tmp_path / "third.mid").read_bytes() == target.read_bytes()


def messages_but_notes(data):
    found = []
    for part in mido.MidiFile(file=io.BytesIO(data)).tracks[1:]:
        tick, rows = 0, []
        for message in part:
            tick += message.time
            if not message.is_meta and not message.type.startswith("note"):
                rows.append((tick, *message.bytes()))
        found.append(rows)
    return found


def test_the_accompaniment_is_a_track_of_its_own(tmp_path):
    source = tmp_path / "tune.abc"
    source.write_text('X:1\nT:Own\nM:3/4\nL:1/4\nK:C\n"C"c2e|"G7/B"d3|]\n')
    found = {}
    for style in ("none", "block", "boom-chuck", "arpeggio"):
        data = convert(source, tmp_path / f"{style}.mid", accompaniment=style).files[0].read_bytes()
        found[style] = {each.name: len(each) for each in midi.parse(data).performance.tracks}
    assert found == {
        "none": {"Own": 3},
        "block": {"Own": 3, "Chords": 9},
        "boom-chuck": {"Own": 3, "Chords": 2 + 3 + 3 + 4 + 4},
        "arpeggio": {"Own": 3, "Chords": 12},
    }
    with pytest.raises(RequestError, match="accompaniment"):
        convert(source, tmp_path / "polka.mid", accompaniment="polka")
