"""`folkseq train` as a user meets it: run folders, resuming, and what is left when training ends early."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from book import BOOK
from click.testing import CliRunner

import folkseq
from folkseq import interrupts
from folkseq.cli import main
from folkseq.errors import CorpusError, FolkseqError
from folkseq.files import write_atomically
from folkseq.run import Run
from folkseq.training import checkpoint, plan
from folkseq.training.checkpoint import STATE, read_facts


def invoke(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def tunes():
    scale = "DEFGABcd"
    for turn in range(5):
        bars = "|".join(" ".join(scale[(turn * 3 + bar * 2 + step) % 8] for step in range(8)) for bar in range(8))
        yield f"X:{turn + 1}\nT:Tune {turn + 1}\nR:reel\nM:4/4\nL:1/8\nK:D\n{bars}|]\n"


@pytest.fixture
def book(tmp_path):
    (tmp_path / "book.abc").write_text("\n".join(tunes()))
    return tmp_path / "book.abc"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A model of eight tunes, trained for two dozen steps."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "book.abc").write_text("\n".join([*tunes(), BOOK]))
    asked = ["--steps", 24, "--hidden", 32, "--layers", 1]
    result = invoke("train", "abc", folder / "book.abc", *asked, "-o", folder / "r")
    assert result.exit_code == 0, result.output
    assert "-gram to beat" in result.stderr
    assert "held-out" in result.stderr
    return folder / "r"


def state_step(folder):
    return read_facts(folder / STATE)["progress"]["step"]


def test_train_leaves_a_run_that_stands_alone(run):
    files = {path.name for path in run.iterdir()}
    assert {"config.json", "vocabulary.json", "model.safetensors", "model.onnx", "state", "metrics.jsonl"} <= files
    shown = invoke("inspect", run)
    assert "1 x 32 lstm" in shown.stdout
    assert "book.abc" in shown.stdout
    facts = json.loads(invoke("inspect", run, "--json").stdout)
    assert facts["representation"] == "abc"
    assert facts["training"]["steps"] == 24
    assert facts["figures"]["ngram_nll"] > 0
    assert facts["figures"]["ngram_order"] in range(1, 6)


def test_too_few_pieces_are_not_blamed_on_the_first_file(tmp_path):
    for number, text in enumerate(("X:1\nK:C\nCDEF|\n", "no tune", "nor here")):
        (tmp_path / f"{number}.abc").write_text(text)
    with pytest.raises(CorpusError, match=r"0\.abc and 2 more: 1 piece .*; not read: .*1\.abc: no tune"):
        folkseq.train("abc", tmp_path, out=tmp_path / "run")


def test_a_run_is_resumed_only_with_the_same_files_and_settings(run, tmp_path):
    book = run.parent / "book.abc"
    weights = (run / "model.safetensors").read_bytes()

    def again(*arguments):
        return invoke("train", "abc", *arguments, "-o", run, "--resume").stderr

    assert "its --steps is 24, not 9; its --hidden is 32, not 8" in again(book, "--steps", 9, "--hidden", 8)
    (tmp_path / "book.abc").write_text(book.read_text() + "\n")
    (tmp_path / "more.abc").write_text(BOOK)
    assert "changed: book.abc; new: more.abc" in again(tmp_path)
    assert "gone: book.abc; new: more.abc" in again(tmp_path / "more.abc")
    assert (
        "its representation is abc, not abc:grace=false"
        in invoke("train", "abc:grace=false", book, "-o", run, "--resume").stderr
    )
    assert "its --task is continue, not fill" in again(book, "--task", "fill", "--encoder", "forward")
    assert "done: 24 steps" in again(book, "--steps", 24, "--hidden", 32, "--seed", 0)
    (tmp_path / "copy").mkdir()
    copied = shutil.copytree(run, tmp_path / "copy" / "run", ignore=shutil.ignore_patterns("state"))
    stateless = invoke("train", "abc", book, "-o", copied, "--resume")
    assert "holds no state/last.safetensors to resume from" in stateless.stderr
    assert all((each / "model.safetensors").read_bytes() == weights for each in (run, copied))


def test_a_published_split_is_kept(tmp_path):
    first, *others = tunes()
    book, other, out = tmp_path / "train.abc", tmp_path / "valid.abc", tmp_path / "run"
    book.write_text("\n".join(others))
    other.write_text(first)
    command = ["train", "abc", book, "--valid", other, "--steps", "2", "--hidden", "8", "--out", out]
    assert invoke(*command).exit_code == 0
    _, sides = Run.open(out).tokens()
    assert [len(side) for side in (sides.train, sides.valid, sides.test)] == [4, 1, 0]
    (held_out,) = sides.valid
    assert Run.open(out).labels()[held_out].endswith("valid.abc X:1 Tune 1")
    again = invoke("train", "abc", book, "--steps", "2", "--hidden", "8", "--out", out, "--resume")
    assert (again.exit_code, "valid.abc" in again.stderr) == (1, True)
    turned = invoke("train", "abc", book, other, "--steps", "2", "--hidden", "8", "--out", out, "--resume")
    assert (turned.exit_code, "--valid is 1, not 0" in turned.stderr) == (1, True)
    assert invoke(*command, "--resume").exit_code == 0


@pytest.mark.parametrize(
    ("valid", "reason"),
    [("train.abc", "all are among those of --valid"), ("none.abc", "none.abc"), ("empty.abc", "empty.abc")],
)
def test_a_valid_side_that_is_none_is_refused(tmp_path, valid, reason):
    (tmp_path / "train.abc").write_text("\n".join(tunes()))
    (tmp_path / "empty.abc").write_text("no tune\n")
    refused = invoke("train", "abc", tmp_path / "train.abc", "--valid", tmp_path / valid, "--out", tmp_path / "run")
    assert (refused.exit_code, refused.stderr.count("\n"), reason in refused.stderr) == (1, 1, True)
    assert not (tmp_path / "run").exists()


def test_whoever_starts_a_run_has_a_folder_of_its_own(book, tmp_path, monkeypatch):
    """Another that starts at the same moment takes the next number, and removes only what it made."""
    monkeypatch.chdir(tmp_path)
    other, write = [], Run.write

    def meanwhile(self):
        monkeypatch.setattr(Run, "write", write)
        other.append(folkseq.train("abc", "book.abc", steps=1, hidden=8).folder)
        write(self)

    monkeypatch.setattr(Run, "write", meanwhile)
    asked = ["train", "abc", book, "--steps", 1, "--hidden", 8]
    assert invoke(*asked).stdout == "runs/abc-1\n"
    assert other == [Path("runs/abc-2")]
    before = {path: path.read_bytes() for path in Path("runs/abc-2").rglob("*") if path.is_file()}
    assert "runs/abc-2: holds a run already" in invoke(*asked, "-o", "runs/abc-2").stderr
    assert {path: path.read_bytes() for path in Path("runs/abc-2").rglob("*") if path.is_file()} == before
    assert sorted(path.name for path in Path("runs").glob("*/model.onnx")) == ["model.onnx"] * 2


def test_a_start_that_was_killed_leaves_nothing_that_spoils_the_next(book, tmp_path):
    """The folder holds the pieces and the index of another corpus, but no configuration yet."""
    (tmp_path / "other.abc").write_text(BOOK)
    asked = ("--steps", 1, "--hidden", 8)
    assert invoke("train", "abc", tmp_path / "other.abc", *asked, "-o", tmp_path / "killed").exit_code == 0
    for name in ("config.json", "vocabulary.json", "model.safetensors", "model.onnx", "state/last.safetensors"):
        (tmp_path / "killed" / name).unlink()
    for name in ("killed", "fresh"):
        assert invoke("train", "abc", book, *asked, "-o", tmp_path / name).exit_code == 0
    for name in ("model.safetensors", "tokens/ids.npy", "tokens/split.json", "novelty/keys.npy"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "fresh" / name).read_bytes()


def test_a_run_of_another_version_is_resumed_with_a_notice(run, tmp_path):
    shutil.copytree(run, tmp_path / "r")
    path = tmp_path / "r" / "config.json"
    path.write_text(path.read_text().replace(f'"version": "{folkseq.__version__}"', '"version": "0.0.9"'))
    said = invoke("train", "abc", run.parent / "book.abc", "-o", tmp_path / "r", "--resume").stderr
    assert f"started with folkseq 0.0.9, continues with {folkseq.__version__}: " in said


def test_to_resume_a_run_that_has_not_started_starts_it(run, tmp_path):
    arguments = ["train", "abc", run.parent / "book.abc", "--steps", 8, "--hidden", 8, "-o", tmp_path / "r", "--resume"]
    assert invoke(*arguments).exit_code == 0
    weights = (tmp_path / "r" / "model.safetensors").read_bytes()
    for lost in ("tokens/split.json", "tokens/offsets.npy"):
        (tmp_path / "r" / lost).unlink()  # as if it had been killed before they were written
        assert invoke(*arguments).exit_code == 0, lost
        assert (tmp_path / "r" / "model.safetensors").read_bytes() == weights
    (tmp_path / "r" / "model.safetensors").unlink()
    assert "model.safetensors: cannot be read: " in invoke(*arguments).stderr
    shutil.rmtree(tmp_path / "r" / "state")
    assert invoke(*arguments).exit_code == 0
    assert (tmp_path / "r" / "model.safetensors").read_bytes() == weights
    shutil.rmtree(tmp_path / "r" / "state")
    assert "holds no state/last.safetensors to resume from" in invoke(*arguments).stderr
    (tmp_path / "r" / "model.safetensors").unlink()
    shutil.rmtree(tmp_path / "r" / "novelty")
    assert invoke(*arguments).exit_code == 0
    assert (tmp_path / "r" / "novelty").exists()


def test_a_run_that_has_learned_nothing_is_removed_and_nothing_else(book, tmp_path, monkeypatch):
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "letter.txt").write_text("keep me")
    monkeypatch.setattr("folkseq.training.run.Learner", lambda *_: (_ for _ in ()).throw(MemoryError))
    for folder in (theirs, tmp_path / "new"):
        result = invoke("train", "abc", book, "--steps", 1, "-o", folder)
        assert "do not fit into this machine's memory" in result.stderr
    assert (theirs / "letter.txt").read_text() == "keep me"
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_keeps_the_best_model_and_says_how_to_resume(book, tmp_path, number):
    folder = tmp_path / "a run"
    command = [sys.executable, "-m", "folkseq", "train", "abc", str(book), "--steps", "3000", "-o", str(folder)]
    ignored = ["sh", "-c", 'trap "" INT; exec "$@"', "sh"]  # as a script does for `&`
    with subprocess.Popen(
        [*ignored, *command, "--hidden", "16"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as job:
        while not (folder / "model.onnx").exists() and job.poll() is None:
            time.sleep(0.1)
        job.send_signal(number)
        if number != signal.SIGINT:
            job.send_signal(number)  # twice, as timeout and a closing terminal do
        _, said = job.communicate(timeout=60)
    assert job.returncode == 0, said
    assert "interrupted; the best model is kept" in said
    assert "Traceback" not in said
    assert state_step(folder) == Run.open(folder).config.figures["steps"]
    assert invoke("sample", folder, "-o", tmp_path / "tune.abc", "--seed", 1).exit_code == 0
    resume = shlex.split(said.splitlines()[-1].removeprefix("to resume: "))
    assert resume == ["folkseq", "train", "abc", str(book), "--out", str(folder), "--resume"]
    if number == signal.SIGTERM:
        shorten(folder)
        assert invoke(*resume[1:]).exit_code == 0


def shorten(folder):
    """Let a run end a hundred steps after its state."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config["training"]["steps"] = state_step(folder) + 100
    path.write_text(json.dumps(config))


def test_a_signal_while_files_are_read_ends_with_one_line_and_leaves_nothing(book, tmp_path, monkeypatch):
    monkeypatch.setattr("folkseq.verbs.train.sides", lambda *_: signal.raise_signal(signal.SIGTERM))
    result = invoke("train", "abc", book, "--steps", 1, "-o", tmp_path / "r")
    assert (result.exit_code, result.stderr.strip()) == (130, "folkseq: interrupted")
    assert not (tmp_path / "r").exists()


def test_a_terminal_that_is_closed_ends_training_in_good_order(book, tmp_path):
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "folkseq", "train", "abc", str(book), "--steps", "3000", "-o", str(folder)]
    ours, theirs = os.openpty()
    with subprocess.Popen([*command, "--hidden", "16"], stdout=theirs, stderr=theirs, start_new_session=True) as job:
        os.close(theirs)
        while not (folder / "model.onnx").exists() and job.poll() is None:
            time.sleep(0.1)
        os.close(ours)
        time.sleep(0.5)  # it trains on without a terminal
        job.send_signal(signal.SIGHUP)
        job.wait(timeout=60)
    assert state_step(folder) == Run.open(folder).config.figures["steps"] > 0


def test_a_program_under_nohup_ignores_a_closed_terminal():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interrupts.deferred() as came:
            signal.raise_signal(signal.SIGHUP)
            assert not came()
            signal.raise_signal(signal.SIGTERM)
            assert came()
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_disk_that_is_full_before_the_first_validation_leaves_a_state_to_resume_from(book, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    command = ["train", "abc", book, "--steps", 60, "--hidden", 16, "-o", folder]
    written = []

    def refuse(path, data):
        written.append(path)
        if len(written) > 2:  # the first is of its start
            raise FolkseqError(f"{path}: cannot be written: No space left on device") from OSError(28, "full")
        write_atomically(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(plan, "SAVE_EVERY_S", 0.0)  # a state each step; the first validation is at the third
        patch.setattr(checkpoint, "write_atomically", refuse)
        result = invoke(*command)
    assert result.exit_code == 1
    assert "the last state is kept: use --resume" in result.stderr
    assert state_step(folder) == 1
    assert invoke(*command, "--resume").exit_code == 0
    assert state_step(folder) == 60
