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
