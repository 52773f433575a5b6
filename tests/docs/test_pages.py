"""README and documentation are true: each page's commands are typed in a folder of its own, with shorter training."""

import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from book import BOOK, JIG
from performances import beat, choir, take

import folkseq
from folkseq.formats import abc, midi

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("[!_n]*/*.md"))]
SHORT = "--steps 4 --hidden 16 --layers 1"
RUNS = {"mine": "lstm", "gru": "gru"}
"""Runs that pages use without training them."""


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)


COMMANDS = {page: found for page in PAGES if (found := blocks(page, "sh"))}


def song(seed):
    """A tune of random notes with chords."""
    draw = random.Random(seed)
    bars = [f'"{draw.choice(["C", "G7", "Am"])}"{"".join(draw.choices("CDEFGABc", k=8))}' for _ in range(16)]
    return f"X:1\nT:Song {seed}\nM:4/4\nL:1/8\nK:C\n{'|'.join(bars)}|]\n"


def fewer(block):
    """With fewer samples to judge, since an untrained model writes long pieces, each of which is redrawn."""
    return re.sub(r"--samples \d+", "--samples 3", block)


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A `folkseq` on the PATH whose `train` makes a few updates of a small model."""
    folder = tmp_path_factory.mktemp("bin")
    program = folder / "folkseq"
    program.write_text(
        f'#!/bin/sh\ncase "$*" in *--from*) set -- "$@" --steps 4;; train*) set -- "$@" {SHORT};; esac\n'
        f'exec {sys.executable} -m folkseq "$@"\n'
    )
    program.chmod(0o755)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"}  # small models are faster on one thread


@pytest.fixture(scope="module")
def corpora(tmp_path_factory, environment):
    """The named corpora that pages use, built once."""
    folder = tmp_path_factory.mktemp("corpora") / "corpora"
    folder.mkdir()
    for name in ("folk", "chorales", "ensemble", "picture"):
        subprocess.run(["folkseq", "corpus", name], cwd=folder.parent, env=environment, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory, environment):
    """The runs that pages use without training them."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "mine.abc").write_text(BOOK)
    for name, cell in RUNS.items():
        command = ["folkseq", "train", "abc", "mine.abc", "--cell", cell, "--out", f"runs/{name}"]
        subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return folder / "runs"


@pytest.fixture
def folder(tmp_path, corpora, runs):
    """The files that pages name."""
    shutil.copytree(corpora, tmp_path / "corpora")
    (tmp_path / "tune.abc").write_text(JIG)
    (tmp_path / "mine.abc").write_text(BOOK)
    (tmp_path / "melody.abc").write_text("X:1\nM:4/4\nL:1/4\nK:G\nD|GABc|Hd4|cBAA|HG3|]\n")
    (tmp_path / "my-text.txt").write_text("ROMEO:\nBut soft, what light through yonder window breaks?\n" * 40)
    (tmp_path / "take.mid").write_bytes(midi.format(take(6, seconds=5)))
    (tmp_path / "my-tunes").mkdir()
    (tmp_path / "my-tunes" / "one.abc").write_text(JIG)
    (tmp_path / "my-songs").mkdir()
    for seed in range(8):
        (tmp_path / "my-songs" / f"{seed}.abc").write_text(song(seed))
    for name, count, played in (("my-performances", 6, take), ("my-drums", 4, beat), ("my-chorales", 4, choir)):
        (tmp_path / name).mkdir()
        for seed in range(count):
            (tmp_path / name / f"{seed}.mid").write_bytes(midi.format(played(seed)))
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("page", COMMANDS)
def test_every_command_of_a_page_works_in_its_order(page, folder, runs, environment):
    text = "\n".join(COMMANDS[page])
    for name in RUNS:
        if f"runs/{name}" in text and f"--out runs/{name}" not in text:
            shutil.copytree(runs / name, folder / "runs" / name)
    for block in COMMANDS[page]:
        command = ["sh", "-e", "-c", fewer(block)]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (block, done.stderr)
    if page == "README.md":
        for suffix, count in (("abc", 3), ("mid", 3), ("wav", 3)):
            assert len(list((folder / "tunes").glob(f"*.{suffix}"))) == count
        assert len(list((folder / "more").glob("*.abc"))) == 10
        (snippet,) = blocks(page, "python")
        before = len(list(folder.glob("*.mid")))
        subprocess.run([sys.executable, "-c", snippet], cwd=folder, check=True)
        assert len(list(folder.glob("*.mid"))) == 3 + before


def test_the_tune_in_the_readme_is_one():
    text = blocks("README.md", "abc")[0]
    (tune,) = abc.parse(text).tunes
    assert len(list(tune.sounds())) > 60
    *_, sampled = folkseq.load("tunes").sample(3, seed=2, rhythm="jig", temperature=0.9)
    assert sampled.format(".abc").decode() == text


def test_ci_types_the_commands_of_the_readme():
    ci = (ROOT / ".ci" / "run").read_text()
    lines = [line for block in blocks("README.md", "shell") for line in block.splitlines()]
    sample, train = (blocks("README.md", "sh")[place].splitlines() for place in (0, 2))
    for line in (*lines, *sample, *train[:2]):
        command = re.sub(r"--minutes \d+", "--minutes 2", line.split("  #")[0].strip())  # CI trains for a shorter time
        assert command in ci


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", ROOT / "docs", tmp_path / "html"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "html" / "reference" / "cli.html").read_text().count("--temperature") >= 3
