"""Two processes that train one model together, as torchrun starts them."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from book import BOOK
from echoes import MODEL, data_of, fit, make_run, pieces

from folkseq.models.settings import TrainSettings
from folkseq.music.chorale import COLUMNS
from folkseq.run import Run
from folkseq.training import TrainingData

pytestmark = pytest.mark.slow

SETTINGS = TrainSettings(steps=240, rows=8, length=16, warm_up=20, learning_rate=1e-2, validations=6, save_every=20)
TRAIN = """
import os, sys
from pathlib import Path
from echoes import fit
from folkseq.run import Run
from folkseq.training import TrainingData, join_ranks
with join_ranks() as ranks:
    run = Run.open(sys.argv[1])
    def watch(line):
        if ranks.rank == 1 and line["step"] >= int(sys.argv[2]):
            os.kill(os.getpid(), 9)
    fit(run, TrainingData(*run.tokens()), resume=True, ranks=ranks, on_report=watch)
threads = [thread.read_text().strip() for thread in Path("/proc/self/task").glob("*/comm")]
assert not [name for name in threads if "gloo" in name], threads  # they may abort a process that ends before them
"""


@pytest.fixture
def script(tmp_path):
    (tmp_path / "train.py").write_text(TRAIN)
    return tmp_path / "train.py"


@pytest.fixture
def make_ranked(tmp_path):
    def make(name, rows):
        data = data_of(pieces())
        run = make_run(tmp_path / name, replace(MODEL, dropout=0.0), replace(SETTINGS, rows=rows))
        np.save(tmp_path / "ids.npy", data.store.ids)
        np.save(tmp_path / "offsets.npy", data.store.offsets)
        run.write_tokens(tmp_path, data.split, ["piece"] * len(data.store))
        return run

    return make


def torchrun(*arguments):
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", *map(str, arguments)]
    path = os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path}
    return subprocess.run(command, capture_output=True, text=True, timeout=240, env=environment)


def losses(run):
    return np.array([line["loss"] for line in run.metrics.lines() if "event" not in line])


def test_two_ranks_learn_as_one_does_from_twice_the_batch(make_ranked, script):
    one, two = make_ranked("one", rows=16), make_ranked("two", rows=8)
    fit(one, TrainingData(*one.tokens()))
    done = torchrun(script, two.folder, 10_000)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(losses(two)[2:], losses(one)[2:], rtol=0.06)
    figures = [Run.open(run.folder).config.figures["heldout_nll"] for run in (one, two)]
    assert figures[0] == pytest.approx(figures[1], rel=0.02)


def test_a_rank_that_dies_ends_the_job_which_is_resumed_to_the_same_bytes(make_ranked, script):
    whole, killed = make_ranked("whole", rows=8), make_ranked("killed", rows=8)
    assert torchrun(script, whole.folder, 10_000).returncode == 0
    dead = torchrun(script, killed.folder, 100)
    assert dead.returncode != 0
    assert f"Signal {signal.SIGKILL.value} (SIGKILL)" in dead.stderr  # torchrun's own reason
    assert 0 < losses(killed).size < losses(whole).size
    assert torchrun(script, killed.folder, 10_000).returncode == 0
    for name in ("model.safetensors", "model.onnx"):
        assert (killed.folder / name).read_bytes() == (whole.folder / name).read_bytes()


def test_the_command_line_under_torchrun(tmp_path):
    (tmp_path / "three.abc").write_text(BOOK)  # of which one is trained on
    few = torchrun("-m", "folkseq", "train", "abc", tmp_path / "three.abc", "-o", tmp_path / "other")
    assert few.returncode != 0
    assert "there are 2 ranks and 1 pieces to train on; start fewer" in few.stderr

    random = np.random.default_rng(0)
    tunes = [
        f"X:{n}\nM:4/4\nL:1/4\nK:C\n" + "|".join(map("".join, random.choice([*"CDEFGAB"], (8, 4)))) for n in range(20)
    ]
    (tmp_path / "book.abc").write_text("|]\n\n".join(tunes))
    train = ["-m", "folkseq", "train", "abc", tmp_path / "book.abc", "--hidden", "8", "-o", tmp_path / "run"]
    done = torchrun(*train, "--steps", "20", "--json")
    assert done.returncode == 0, done.stderr
    (facts,) = map(json.loads, done.stdout.splitlines())  # one rank speaks
    assert facts["steps"] == 20
    assert done.stderr.count("held-out") >= 4
    assert (tmp_path / "run" / "model.onnx").exists()
    again = subprocess.run([sys.executable, *map(str, train), "--resume"], capture_output=True, text=True, timeout=100)
    assert "was written by 2 ranks, and there are 1" in again.stderr
    refused = torchrun("-m", "folkseq", "train", "abc", tmp_path / "none.abc", "-o", tmp_path / "other")
    assert refused.returncode != 0
    assert "none.abc" in refused.stderr
    assert not (tmp_path / "other").exists()


def test_every_rank_learns_the_representation_that_suits_the_files(tmp_path):
    """Only the main rank reads the files, which decide how they are packed."""
    cells = "67,62,55,43,0,{}\nhold,hold,hold,hold,0,{}\n"
    for number in range(12):
        rows = "".join(cells.format(4 * beat % 16, 4 * beat % 16 + 1) for beat in range(8 + number))
        (tmp_path / f"{number}.csv").write_text(f"{','.join(COLUMNS)}\n{rows}")
    out = tmp_path / "run"
    train = ["-m", "folkseq", "train", "packed", tmp_path, "--task", "harmonise", "--steps", "2", "--hidden", "8"]
    done = torchrun(*train, "-o", out)
    assert done.returncode == 0, done.stderr
    assert Run.open(out).config.representation == "packed:grid=chorale"
