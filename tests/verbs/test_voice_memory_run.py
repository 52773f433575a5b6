"""Runs of voices with a memory of their training pieces."""

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

import folkseq
from folkseq.cli import main
from folkseq.music.grid import Grid
from folkseq.representations.packed import PackedRepresentation
from folkseq.run import Run
from folkseq.sampling import scoring
from folkseq.sampling.engine import Engine
from folkseq.training.run import REPORT_EVERY
from folkseq.voice_memory import RememberingLookback

NAME = "packed:grid=voices,position=true,memory=true"
SIZES = {"steps": 2 * REPORT_EVERY, "hidden": 16, "threads": 1, "precision": "float32"}


def invoke(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def write(folder, numbers, lowest=60):
    """Write pieces of two voices as MIDI files."""
    folder.mkdir()
    for number in numbers:
        rows = [(str(lowest + step * (number + 1) // 4 % 5), str(lowest - 12 + step // 8 % 3)) for step in range(96)]
        (folder / f"{number}.mid").write_bytes(
            PackedRepresentation(grid="voices").files.format(Grid(("1", "2"), tuple(rows)), ".mid")
        )
    return folder


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    return write(folder / "train", range(5)), write(folder / "valid", range(5, 7))


@pytest.fixture(scope="module")
def run(corpus, tmp_path_factory):
    return folkseq.train(NAME, corpus[0], valid=corpus[1], out=tmp_path_factory.mktemp("runs") / "run", **SIZES)


def test_the_memory_holds_the_training_pieces(run):
    lookback = Run.open(run.folder).config.model.voice_lookback
    assert isinstance(lookback, RememberingLookback)
    store, split = run.tokens()
    assert len(split.train) == 5
    assert lookback.voices.memory == lookback.remember((piece, store[piece]) for piece in split.train)
    assert Engine(run.file("model.onnx"), threads=1).lookback == lookback


def test_a_resumed_run_ends_with_the_bytes_of_one_that_never_stopped(run, corpus, tmp_path):
    def stop(line):
        if line.get("step") == REPORT_EVERY:
            raise KeyboardInterrupt

    stopped = folkseq.train(NAME, corpus[0], valid=corpus[1], out=tmp_path / "run", on_report=stop, **SIZES)
    assert stopped.config.figures["steps"] == REPORT_EVERY
    resumed = folkseq.train(NAME, corpus[0], valid=corpus[1], out=tmp_path / "run", resume=True, **SIZES)
    assert resumed.config.model == run.config.model
    for name in ("model.safetensors", "model.onnx"):
        assert (resumed.folder / name).read_bytes() == (run.folder / name).read_bytes()


def test_a_run_folder_is_enough_to_sample_and_evaluate(run, corpus, tmp_path):
    """The engine and the evaluation in float32 agree about the loss."""
    copy = shutil.copytree(run.folder, tmp_path / "copy", ignore=shutil.ignore_patterns("tokens", "state"))
    result = invoke("sample", copy, "--bars", 2, "--seed", 1, "-o", tmp_path / "a.mid")
    assert result.exit_code == 0, result.output
    result = invoke("evaluate", run.folder, corpus[1] / "6.mid", "--json", "--keep-duplicates", "--per-step")
    assert result.exit_code == 0, result.output
    store, split = run.tokens()
    nats, count = scoring.nll(Engine(copy / "model.onnx", threads=1), [np.asarray(store[split.valid[1]])])
    logs = next(found for line in result.output.splitlines() if (found := json.loads(line).get("log_probabilities")))
    assert len(logs) == count
    assert nats == pytest.approx(-sum(logs), rel=0.03)


def test_a_run_that_starts_from_another_remembers_its_own_pieces(run, tmp_path):
    """Its pitches are new."""
    other = write(tmp_path / "other", range(4), lowest=63)
    result = invoke(
        "train", NAME, other, "--from", run.folder, "--minutes", 0.02, "--threads", 1, "-o", tmp_path / "run"
    )
    assert result.exit_code == 0, result.output
    started = Run.open(tmp_path / "run")
    store, split = started.tokens()
    lookback = started.config.model.voice_lookback
    assert lookback.voices.memory == lookback.remember((piece, store[piece]) for piece in split.train)
    assert invoke("sample", started.folder, "--bars", 2, "-o", tmp_path / "a.mid").exit_code == 0


def test_a_memory_is_for_voices_in_a_chain():
    assert PackedRepresentation(grid="voices", position=True, memory=True).spec == NAME
    for spec in ("packed:memory=true", "packed:grid=drums,memory=true", "packed:grid=voices,head=joint,memory=true"):
        with pytest.raises(folkseq.FolkseqError, match="memory is for voices with a chained head"):
            folkseq.representations.find(spec)
