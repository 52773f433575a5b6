"""Bands and performances note by note on the command line: from a folder of MIDI files to files with named tracks."""

from collections import Counter

import numpy as np
import pytest
from click.testing import CliRunner
from performances import band

from folkseq.cli import main
from folkseq.formats import midi

NAMES = {"Flute": (73, False), "Electric Bass (finger)": (33, False), "Acoustic Grand Piano": (0, False)}
NAMES["Drums"] = (0, True)


def invoke(*arguments):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("band")
    for seed in range(8):
        (folder / f"{seed}.mid").write_bytes(midi.format(band(seed)))
    invoke("train", "notes:tracks=true", folder, "--steps", 150, "--hidden", 64, "--layers", 1, "-o", folder / "run")
    return folder / "run"


def test_a_band_is_learnt_and_written_as_named_tracks(run, tmp_path):
    invoke("sample", run, "-n", 4, "--seconds", 12, "--seed", 3, "-o", tmp_path)
    known, others = Counter(), 0
    for file in sorted(tmp_path.glob("*.mid")):
        piece = midi.parse(file.read_bytes(), file.name).performance
        assert piece.length_s <= 12
        for track in piece.tracks:
            assert track.name
            if NAMES.get(track.name) == (track.program, track.drum):
                known[track.name] += len(track)
            else:
                others += len(track)
    assert known.keys() == NAMES.keys()
    assert others < 0.1 * known.total()


def test_a_prime_keeps_its_instruments(run, tmp_path):
    prime = run.parent / "0.mid"
    invoke("sample", run, "--prime", prime, "--keep-prime", "--seconds", 24, "--seed", 1, "-o", tmp_path / "on.mid")
    piece = midi.parse((tmp_path / "on.mid").read_bytes(), "on.mid").performance
    assert max(float(track.notes["onset_s"].max()) for track in piece.tracks) > 16
    given = midi.parse(prime.read_bytes(), "0.mid").performance
    for own in given.tracks:
        same = [each for each in piece.tracks if (each.program, each.drum) == (own.program, own.drum)]
        notes = np.concatenate([each.notes["pitch"][each.notes["onset_s"] < 15.5] for each in same])
        assert len(notes) == len(own.notes[own.notes["onset_s"] < 15.5])


def test_the_same_seed_gives_the_same_bytes(run, tmp_path):
    for name in ("one", "two"):
        invoke("sample", run, "-n", 3, "--seconds", 5, "--seed", 9, "-o", tmp_path / name)
    one, two = ([file.read_bytes() for file in sorted((tmp_path / name).iterdir())] for name in ("one", "two"))
    assert one == two
