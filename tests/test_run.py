"""A run folder is read as it was written, and every fault is one line."""

import errno
import json
import os
from dataclasses import replace

import pytest

from folkseq import pretrained
from folkseq.errors import FolkseqError, RunError
from folkseq.files import write_atomically
from folkseq.models.settings import ModelSettings, TrainSettings
from folkseq.representations.vocabulary import Vocabulary
from folkseq.run import CorpusFile, Run, RunConfig

VOCABULARY = Vocabulary(("<s>", "</s>", "é"))
CONFIG = RunConfig(
    representation="abc:ornaments=false",
    model=ModelSettings(vocabulary_size=3, hidden=8),
    training=TrainSettings(minutes=1.5),
    corpus=(CorpusFile("folk", "ab" * 32),),
    version="0.1.0",
    seed=7,
    figures={"heldout_nll": 1.25},
)


def one_line(error):
    return "\n" not in str(error.value)


def test_a_run_is_read_as_it_was_made(tmp_path):
    made = Run.create(tmp_path / "r", CONFIG, VOCABULARY)
    assert Run.open(tmp_path / "r") == made
    changed = replace(made, config=replace(CONFIG, figures={"heldout_nll": 1.0}))
    changed.write()
    assert Run.open(tmp_path / "r") == changed != made
    with pytest.raises(RunError, match="holds a run already"):
        Run.create(tmp_path / "r", CONFIG, VOCABULARY)


def test_the_newest_run_is_the_latest(tmp_path):
    assert Run.latest(tmp_path / "none").folder == pretrained.folders()[0]
    for age, name in enumerate("bca"):
        Run.create(tmp_path / name, CONFIG, VOCABULARY)
        (tmp_path / name / "model.onnx").touch()
        os.utime(tmp_path / name / "config.json", (1000 - age, 1000 - age))
    Run.create(tmp_path / "d", CONFIG, VOCABULARY)  # its training has not come to a model yet
    assert Run.latest(tmp_path).folder == tmp_path / "b"
    Run.create(tmp_path / "e", replace(CONFIG, task="fill"), VOCABULARY)
    (tmp_path / "e" / "model.onnx").touch()
    assert Run.latest(tmp_path).folder == tmp_path / "e"
    assert Run.latest(tmp_path, lambda config: config.task == "continue").folder == tmp_path / "b"
    assert Run.latest(tmp_path, lambda config: config.task == "harmonise").name == "chorales"
    with pytest.raises(RunError, match=f"there is no run of seed 99 under {tmp_path}/; train one"):
        Run.latest(tmp_path, lambda config: config.seed == 99, "of seed 99")


def break_config(folder):
    (folder / "config.json").write_text("{")


def forget_field(folder):
    config = json.loads((folder / "config.json").read_text())
    del config["model"]
    (folder / "config.json").write_text(json.dumps(config))


def unknown_cell(folder):
    text = (folder / "config.json").read_text()
    (folder / "config.json").write_text(text.replace('"lstm"', '"bach"'))


def shorten_vocabulary(folder):
    (folder / "vocabulary.json").write_text('["a"]')


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (break_config, r"config\.json: cannot be read"),
        (forget_field, r"fields missing: \['model'\]"),
        (unknown_cell, "cell must be one of rnn, gru, lstm, peephole, got 'bach'"),
        (shorten_vocabulary, "holds 1 tokens, the model 3"),
        (lambda folder: (folder / "vocabulary.json").unlink(), "vocabulary.json: not a vocabulary"),
        (lambda folder: (folder / "config.json").unlink(), "no config.json.*folkseq train"),
    ],
)
def test_a_broken_run_is_refused_in_one_line(tmp_path, harm, message):
    Run.create(tmp_path / "r", CONFIG, VOCABULARY)
    harm(tmp_path / "r")
    with pytest.raises(RunError, match=message) as error:
        Run.open(tmp_path / "r")
    assert one_line(error)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(RunError, match=r"no such run.*folkseq train"):
        Run.open(tmp_path / "r")
    run = Run.create(tmp_path / "r", CONFIG, VOCABULARY)
    with pytest.raises(RunError, match=r"holds no model\.onnx"):
        run.file("model.onnx")
    (run.folder / "model.safetensors").write_bytes(b"junk")
    with pytest.raises(RunError, match=r"model\.safetensors: cannot be read") as error:
        run.weights()
    assert one_line(error)


def test_metrics_after_a_rollback_replace_those_before(tmp_path):
    run = Run.create(tmp_path / "r", CONFIG, VOCABULARY)
    assert run.metrics.lines() == []
    for step, loss in [(1, 3.0), (2, 2.0), (3, 1.0), (2, 2.5)]:
        run.metrics.add({"step": step, "loss": loss})
    with (run.folder / "metrics.jsonl").open("a") as file:
        file.write('{"step": 3, "lo')
    assert run.metrics.lines() == [{"step": 1, "loss": 3.0}, {"step": 2, "loss": 2.5}]


def test_reports_and_events_of_one_step_are_kept_together(tmp_path):
    run = Run.create(tmp_path / "r", CONFIG, VOCABULARY)
    lines = [{"step": 1, "loss": 3.0}, {"step": 1, "event": "halved"}, {"step": 1, "event": "skipped"}]
    for line in [*lines, {"step": 2, "event": "halved"}, {"step": 2, "loss": 2.0}]:
        run.metrics.add(line)
    assert run.metrics.lines() == [*lines, {"step": 2, "event": "halved"}, {"step": 2, "loss": 2.0}]
    for line in lines:  # training was resumed before them
        run.metrics.add(line)
    assert run.metrics.lines() == lines


@pytest.mark.parametrize(
    "text", ["null", "[]", '"step"', "7", "{}", '{"step": "7"}', '{"step": Infinity}', "\x00", "\udcff"]
)
def test_broken_lines_of_the_metrics_are_left_out(tmp_path, text):
    run = Run.create(tmp_path / "r", CONFIG, VOCABULARY)
    data = f'{text}\n{{"step": 1}}\n'.encode(errors="surrogateescape")
    (run.folder / "metrics.jsonl").write_bytes(data)
    assert run.metrics.lines() == [{"step": 1}]


def test_metrics_that_cannot_be_read_are_one_line(tmp_path):
    run = Run.create(tmp_path / "r", CONFIG, VOCABULARY)
    (run.folder / "metrics.jsonl").mkdir()
    with pytest.raises(RunError, match=r"metrics\.jsonl: cannot be read") as error:
        run.metrics.lines()
    assert one_line(error)


def test_a_file_is_replaced_whole_or_left_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "new" / "file"
    write_atomically(path, b"old")

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FolkseqError, match="file: cannot be written: No space left on device") as error:
        write_atomically(path, b"new")
    assert one_line(error)
    assert [(child.name, child.read_bytes()) for child in path.parent.iterdir()] == [("file", b"old")]


def test_a_folder_that_is_a_file_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FolkseqError, match="cannot be written"):
        write_atomically(tmp_path / "file" / "below", b"")


def test_a_run_needs_no_torch():
    import subprocess
    import sys

    code = "import sys, folkseq.run, folkseq.sampling.generate; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_configuration_of_version_0_1_0_is_read_under_the_names_of_now(tmp_path):
    run = Run.create(tmp_path / "r", CONFIG, VOCABULARY)
    path = run.folder / "config.json"
    values = json.loads(path.read_text())
    values["tokenizer"] = values.pop("representation")
    values["split"] = {"train": 9, "valid": 1, "test": 0}
    values["model"]["recall"] = values["model"].pop("lookback_bars")
    values["training"]["checks"] = values["training"].pop("validations")
    path.write_text(json.dumps(values))
    assert Run.open(run.folder) == run


def test_a_file_is_not_called_missing(tmp_path):
    (tmp_path / "tune.abc").write_text("X:1\n")
    with pytest.raises(RunError, match=r"tune\.abc: is a file, not the folder of a run"):
        Run.open(tmp_path / "tune.abc")
    with pytest.raises(RunError, match=r"gone: there is no such run"):
        Run.open(tmp_path / "gone")
