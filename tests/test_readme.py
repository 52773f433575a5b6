"""The README is true: what it tells a user to type is typed here, with the training cut short."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from book import BOOK, JIG
from performances import beat, choir, take

from folkseq.formats import midi

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BY_CI = "scripts/tunes"  # .ci/run types this block as it stands


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def few(block):
    """With fewer samples to be judged: a model that has learnt nothing rambles, and each is written eight times."""
    return re.sub(r"--samples \d+", "--samples 3", block)


@pytest.mark.slow
def test_every_command_works_in_the_order_in_which_it_stands(tmp_path):
    """One folder, one shell a block; `folkseq train` makes a few updates of a small model in place of minutes."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "folkseq"
    short = "--steps 4 --hidden 16 --layers 1"
    program.write_text(
        f'#!/bin/sh\ncase $1 in train) set -- "$@" {short};; esac\nexec {sys.executable} -m folkseq "$@"\n'
    )
    program.chmod(0o755)
    launcher = tmp_path / "bin" / "torchrun"
    launcher.write_text(f'#!/bin/sh\nexec {sys.executable} -m torch.distributed.run "$@" {short}\n')
    launcher.chmod(0o755)
    (tmp_path / "tune.abc").write_text(JIG)
    (tmp_path / "mine.abc").write_text(BOOK)
    (tmp_path / "my-text.txt").write_text("ROMEO:\nBut soft, what light through yonder window breaks?\n" * 40)
    (tmp_path / "my-tunes").mkdir()
    (tmp_path / "my-tunes" / "one.abc").write_text(JIG)
    (tmp_path / "my-performances").mkdir()
    for seed in range(6):
        (tmp_path / "my-performances" / f"{seed}.mid").write_bytes(midi.format(take(seed)))
    for folder, played in {"my-drums": beat, "my-chorales": choir}.items():
        (tmp_path / folder).mkdir()
        for seed in range(4):
            (tmp_path / folder / f"{seed}.mid").write_bytes(midi.format(played(seed)))
    (tmp_path / "melody.abc").write_text("X:1\nM:4/4\nL:1/4\nK:G\nD|GABc|Hd4|cBAA|HG3|]\n")
    (tmp_path / "take.mid").write_bytes(midi.format(take(6, seconds=5)))
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"}  # so small models are quicker on one thread
    typed = 0
    for block in blocks("sh"):
        if BY_CI in block:
            continue
        done = subprocess.run(
            ["sh", "-e", "-c", few(block)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, (block, done.stderr)
        typed += block.count("folkseq ")
    assert typed >= 12
    assert len(list((tmp_path / "tunes").glob("*.abc"))) == 10
    assert len(list((tmp_path / "takes").glob("*.mid"))) == 5
    assert (tmp_path / "tune.mid").exists()
    (snippet,) = blocks("python")
    subprocess.run([sys.executable, "-c", snippet], cwd=tmp_path, check=True)
    assert len(list(tmp_path.glob("*1-*.mid"))) == 3


def test_the_tune_shown_is_one():
    from folkseq.formats import abc

    (tune,) = abc.parse(blocks("abc")[0]).tunes
    assert tune.title == "Jig 42-7"
    assert len(list(tune.sounds())) > 60


def test_ci_types_the_first_screen():
    ci = (ROOT / ".ci" / "run").read_text().split()
    for line in blocks("sh")[0].splitlines():
        assert line.split()[0] in ci
