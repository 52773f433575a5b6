"""The example plug-in, a package of its own, trains, samples, evaluates and is cached like every representation."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "drumtab"
PATTERN = "HH|x-x-x-x-x-x-x-x-|\nSD|----x-------x---|\nBD|x-------x-x-----|"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder into which pip installs the example, beside nothing else."""
    folder = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--no-build-isolation", "--target", folder, EXAMPLE], check=True)
    return folder


@pytest.fixture
def folkseq(site, tmp_path, monkeypatch):
    """Run the program with the plug-in, in a folder with a corpus of its own."""
    cache = tmp_path / "cache"
    path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "FOLKSEQ_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
    drawn = random.Random(0)
    patterns = [
        "\n".join(f"{drum}|{''.join(drawn.choice('x--') for _ in range(16))}|" for drum in ("HH", "SD", "BD"))
        for _ in range(30)
    ]
    (tmp_path / "grooves.drumtab").write_text("\n\n".join([*patterns, "HH|x-|\nBD|x|"]) + "\n")

    def run(*arguments):
        command = [sys.executable, "-m", "folkseq", *map(str, arguments)]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done

    return run


def test_its_tokens_are_those_of_its_steps(folkseq, tmp_path):
    (tmp_path / "one.drumtab").write_text(PATTERN + "\n")
    (line,) = folkseq("tokenize", "drumtab", "one.drumtab", "--write", "again.drumtab", "--json").stdout.splitlines()
    tokens = [
        "<s>",
        "BD+HH",
        "-",
        "HH",
        "-",
        "HH+SD",
        "-",
        "HH",
        "-",
        "BD+HH",
        "-",
        "BD+HH",
        "-",
        "HH+SD",
        "-",
        "HH",
        "-",
    ]
    assert json.loads(line)["tokens"] == [*tokens, "</s>"]
    assert sorted((tmp_path / "again.drumtab").read_text().splitlines()) == sorted(PATTERN.splitlines())


def test_it_keeps_the_contract(site, tmp_path):
    (tmp_path / "one.drumtab").write_text(PATTERN + "\n\nHH|x-|\nBD|x-|\n")
    path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "FOLKSEQ_SAMPLES": str(tmp_path)}
    contract = Path(__file__).with_name("test_contract.py")
    words = [sys.executable, "-m", "pytest", contract, "-q", "-k", "drumtab", "-p", "no:cacheprovider"]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout
    assert "skipped" not in done.stdout


def test_it_trains_samples_and_is_evaluated(folkseq, tmp_path):
    trained = folkseq("train", "drumtab", "grooves.drumtab", "--steps", 20, "--hidden", 16, "--out", "run")
    assert "pattern 31: its lines are not equally long" in trained.stderr
    assert "30 pieces" in trained.stderr
    folkseq("sample", "run", "-n", 3, "--seed", 1, "--limit", 40, "-o", "new")
    texts = [path.read_text() for path in sorted((tmp_path / "new").iterdir())]
    assert len(texts) == 3
    assert all(line[2] == "|" and set(line[3:]) <= set("x-|") for text in texts for line in text.splitlines())
    folkseq("sample", "run", "-n", 3, "--seed", 1, "--limit", 40, "-o", "again")
    assert [path.read_text() for path in sorted((tmp_path / "again").iterdir())] == texts
    judged = json.loads(folkseq("evaluate", "run", "--json").stdout)
    assert {"lstm 2 x 16", "unigram"} <= {loss["model"] for loss in judged["losses"]}


@pytest.mark.slow
def test_its_ids_are_cached_until_its_version_changes(folkseq, site, tmp_path):
    def entries():
        return {path.name for path in (tmp_path / "cache").iterdir()}

    def train(out):
        folkseq("train", "drumtab", "grooves.drumtab", "--steps", 1, "--hidden", 8, "--out", out)

    train("one")
    first = entries()
    train("two")
    assert entries() == first
    module = site / "folkseq_drumtab.py"
    source = module.read_text()
    try:
        module.write_text(source.replace('version = "1"', 'version = "2"'))
        train("three")
    finally:
        module.write_text(source)
    assert len(entries()) == 2
