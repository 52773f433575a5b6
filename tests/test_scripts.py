"""The scripts behind the figures of the documentation run."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest
from performances import take

from folkseq.formats import midi

SCRIPTS = Path(__file__).parents[1] / "scripts"


@pytest.mark.slow
def test_performance_rnn_is_compared_with_folkseq(tmp_path):
    with (tmp_path / "split.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("split", "file"))
        for seed in range(8):
            (tmp_path / f"{seed}.mid").write_bytes(midi.format(take(seed)))
            rows.writerow(("test" if seed > 5 else "train", f"{seed}.mid"))
    command = [sys.executable, SCRIPTS / "performance_rnn.py", tmp_path / "split.csv", "--minutes", "0.05"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    names = [line.split(" | ")[0] for line in done.stdout.splitlines()[3:]]
    assert names[0].startswith("| folkseq, lstm 2 x ")
    assert names[-1] == "| Performance RNN, lstm 3 x 512"


def test_the_notes_of_tunes_are_compared_with_those_of_abc2midi(tmp_path, program):
    program("abc2midi")
    music = {
        "same": "|:!trill!g{a}f [GBd]2|1 .g>f G2:|2 (3gfe [GG]2-|[GG]4|]",
        "other": "g2f2|1g4:|2G4|]a4|b4:|",  # abc2midi begins its first part again
        "error": "|:g2f2|1a4|",
    }
    tunes = [f"X:1\nT:{title}\nR:hornpipe\nM:4/4\nL:1/4\nK:G\n{body}\n" for title, body in music.items()]
    (tmp_path / "set.abc").write_text("\n".join(tunes))
    command = [sys.executable, SCRIPTS / "benchmark.py", "judges", "set.abc"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.splitlines() == [
        "set.abc, tune 2 (other): 10 notes, abc2midi plays 12",
        "1 of 2 tunes (50.00 %) agree with abc2midi; 0 written sounds are not played",
    ]
