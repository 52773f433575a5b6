"""Performances on the command line: from a folder of MIDI files to files that a sequencer imports."""

import io
import json
import re
import subprocess
from collections import Counter

import mido
import numpy as np
import pytest
import symusic
from click.testing import CliRunner
from performances import take

from folkseq.cli import main
from folkseq.formats import midi

SMALL = ["--steps", "30", "--hidden", "32", "--layers", "1"]


def invoke(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Six performances, one of them twice, one broken file, one with only drums; in folders, with several suffixes."""
    folder = tmp_path_factory.mktemp("takes")
    (folder / "more").mkdir()
    for seed in range(6):
        name = f"more/{seed}.MIDI" if seed % 2 else f"{seed}.mid"
        (folder / name).write_bytes(midi.format(take(seed)))
    (folder / "again.mid").write_bytes((folder / "0.mid").read_bytes())
    (folder / "broken.mid").write_bytes((folder / "0.mid").read_bytes()[:300])
    drums = mido.MidiFile(tracks=[mido.MidiTrack([mido.Message("note_on", channel=9, note=36, time=9)])])
    drums.save(folder / "drums.mid")
    return folder


@pytest.fixture(scope="module")
def run(folder):
    result = invoke("train", "performance", folder, *SMALL, "-o", folder / "run")
    assert result.exit_code == 0, result.output
    assert "broken.mid: " in result.stderr
    assert re.search("drums.mid: .*performance:drums=true", result.stderr)
    assert re.search(r"6 pieces \(1 ", result.stderr)
    return folder / "run"


def check_strictly(data: bytes, seconds: float) -> Counter:
    """Check a file event by event, like a strict importer, and return its controllers and tempo."""
    file = mido.MidiFile(file=io.BytesIO(data))
    assert (file.type, file.ticks_per_beat) == (1, 480)
    seen = Counter()
    for track in file.tracks:
        assert track[-1].type == "end_of_track"
        assert [message.type for message in track].count("end_of_track") == 1
        sounding, tick = {}, 0
        for message in track:
            tick += message.time
            if message.type == "note_on":
                assert message.velocity
                assert message.note not in sounding
                sounding[message.note] = tick
            elif message.type == "note_off":
                assert tick > sounding.pop(message.note)
            elif message.type == "control_change":
                seen[message.control, message.value >= 64] += 1
            elif message.type == "set_tempo":
                assert 20 <= mido.tempo2bpm(message.tempo) <= 400
                seen["bpm"] = round(mido.tempo2bpm(message.tempo))
        assert not sounding
    assert file.length <= seconds + 0.01
    assert any(message.type == "track_name" and message.name for message in file.tracks[1])
    assert any(message.type == "program_change" for message in file.tracks[1])
    notes = sum(len(each.notes) for each in symusic.Score.from_midi(data).tracks)
    assert notes == sum(message.type == "note_on" for each in file.tracks for message in each) > 0
    return seen


def test_files_are_valid_and_last_as_long_as_requested(run, tmp_path):
    options = ["--seconds", 6, "--density", "4,12", "--pitch-classes", "C,E,G/F,A,C", "--bpm", 90, "--seed", 3]
    result = invoke("sample", run, "-n", 4, "-o", tmp_path, *options)
    assert result.exit_code == 0, result.output
    files = result.stdout.split()
    assert len(files) == 4
    for file in files:
        data = (tmp_path / file).read_bytes()
        assert check_strictly(data, 6)["bpm"] == 90
        assert midi.parse(data, file).performance.length_s >= 0.9 * 6 - 0.01
    again = invoke("sample", run, "-n", 4, "-o", tmp_path / "again", *options)
    for first, second in zip(files, again.stdout.split(), strict=True):
        assert (tmp_path / first).read_bytes() == (tmp_path / "again" / second).read_bytes()


def test_a_prime_is_continued_and_stripped_or_kept(run, folder, tmp_path):
    for name, seconds, more in (("kept", 25, "--keep-prime"), ("stripped", 5, "--no-keep-prime")):
        options = ["--prime", folder / "0.mid", "--seconds", seconds, "--seed", 1, more]
        result = invoke("sample", run, *options, "-o", tmp_path / f"{name}.mid")
        assert result.exit_code == 0, result.output
    kept, stripped = (midi.parse((tmp_path / f"{name}.mid").read_bytes()).performance for name in ("kept", "stripped"))
    assert stripped.length_s <= 5.01
    assert 20 < kept.length_s <= 25.01
    assert len(kept.tracks[0]) > len(stripped.tracks[0]) > 0


def test_evaluate_reports_losses_by_token_note_and_second(run, tmp_path):
    (tmp_path / "new.mid").write_bytes(midi.format(take(77)))
    shown = invoke("evaluate", run, tmp_path)
    assert shown.exit_code == 0, shown.output
    assert [word in shown.stdout for word in ("a token", "a note", "a second", "5-gram")] == [True] * 4


def test_the_pedal_can_have_tokens(folder, tmp_path):
    spec = "performance:sustain=tokens,density=false"
    assert invoke("train", spec, folder, *SMALL, "-o", tmp_path / "run").exit_code == 0
    flat = ["--seconds", 90, "--seed", 5, "--temperature", 50]  # so small a model hardly uses the pedal
    for pedal in ("cc", "baked"):
        file = tmp_path / f"{pedal}.mid"
        result = invoke("sample", tmp_path / "run", *flat, "--pedal", pedal, "-o", file)
        assert result.exit_code == 0, result.output
        seen = check_strictly(file.read_bytes(), 90)
        assert (seen[64, True] > 0, seen[64, False] > 0) == ((True, True) if pedal == "cc" else (False, False))
    refused = invoke("sample", tmp_path / "run", "--density", 8)
    assert (refused.exit_code, refused.output.count("\n")) == (1, 1)


@pytest.mark.parametrize(
    "arguments",
    [
        "train performance:velocity_bins=200 FOLDER",
        "train performance:order=mine FOLDER",
        "train performance FOLDER/broken.mid",
        "train performance FOLDER/drums.mid",
        "train performance FOLDER/0.mid",
        "sample RUN --seconds 0",
        "sample RUN --density many",
        "sample RUN --density -3",
        "sample RUN --pitch-classes H",
        "sample RUN --bpm 4000",
        "sample RUN --pedal cc",
        "sample RUN --pedal both",
        "sample RUN --most-notes 0",
        "sample RUN --longest-note -1",
        "sample RUN --prime FOLDER/broken.mid",
        "sample RUN --prime FOLDER/none.mid",
        "sample RUN --rhythm reel",
        "sample RUN --format abc",
        "sample RUN -n 2 -o two.mid",
        "evaluate RUN FOLDER/broken.mid",
        "tokenize performance FOLDER/broken.mid",
        "tokenize performance FOLDER/0.mid FOLDER/again.mid --write both.mid",
    ],
)
def test_an_error_of_the_user_is_one_line(run, folder, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    words = [word.replace("RUN", str(run)).replace("FOLDER", str(folder)) for word in arguments.split()]
    result = invoke(*words)
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    lines = [line for line in result.stderr.splitlines() if not line.startswith(("seed", "read "))]
    assert len(lines) == 1
    assert lines[0].startswith("folkseq: ")
    assert list(tmp_path.iterdir()) == []


def test_tokenize_prints_ids_and_writes_them_back(folder, tmp_path):
    result = invoke("tokenize", "performance", folder / "0.mid", "--json", "--write", tmp_path / "again.mid")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert facts["ids"][0] == 388
    assert facts["ids"][-1] == 389
    assert facts["tokens"][0] == "<s>"
    again = json.loads(invoke("tokenize", "performance", tmp_path / "again.mid", "--json").stdout)
    assert again["ids"] == facts["ids"]


@pytest.mark.judges
def test_midish_imports_the_files(run, tmp_path, program):
    midish = program("midish")
    files = invoke("sample", run, "-n", 6, "-o", tmp_path, "--seconds", 5, "--seed", 9).stdout.split()
    for file in files:
        heard = subprocess.run([midish, "-b"], input=f'import "{file}"\n', capture_output=True, text=True)
        assert (heard.returncode, heard.stdout, heard.stderr) == (0, "", "")


def test_convert_keeps_a_performance(folder, tmp_path):
    result = invoke("convert", folder / "0.mid", tmp_path / "again.mid", "--bpm", 72)
    assert result.exit_code == 0, result.output
    was, now = (midi.parse(path.read_bytes()).performance for path in (folder / "0.mid", tmp_path / "again.mid"))
    assert now.tempos[0][1] == pytest.approx(72, rel=1e-5)
    # Notes that begin together are matched by pitch: on another grid their order can differ.
    before, after = (np.sort(each.tracks[0].notes, order=["pitch", "onset_s"]) for each in (was, now))
    assert after["pitch"].tolist() == before["pitch"].tolist()
    for name in ("onset_s", "offset_s"):
        np.testing.assert_allclose(after[name], before[name], atol=0.002)
    assert now.tracks[0].pedal["value"].tolist() == was.tracks[0].pedal["value"].tolist()
    refused = invoke("convert", folder / "0.mid", tmp_path / "no.mid", "--bpm", -1)
    assert (refused.exit_code, refused.output.count("\n")) == (1, 1)


def test_a_resumed_run_keeps_its_split(folder, tmp_path):
    assert invoke("train", "performance", folder, *SMALL, "-o", tmp_path / "run").exit_code == 0
    kept = (tmp_path / "run" / "tokens" / "split.json").read_text()
    sides = json.loads(kept)
    other_split = {
        "train": sides["train"][:-1],
        "valid": sides["valid"],
        "test": [*sides["test"], sides["train"][-1]],
    }
    (tmp_path / "run" / "tokens" / "split.json").write_text(json.dumps(other_split))
    resumed = invoke("train", "performance", folder, "--resume", "-o", tmp_path / "run")
    assert resumed.exit_code == 0, resumed.output
    facts = json.loads(invoke("inspect", tmp_path / "run", "--json").stdout)
    assert facts["split"] == {side: len(pieces) for side, pieces in other_split.items()}
    assert json.loads((tmp_path / "run" / "tokens" / "split.json").read_text()) == other_split
