"""A training run learns, resumes exactly, and ends in good order whatever happens."""

import json
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from echoes import END, MODEL, QUICK, START, V, data_of, fit, make_run, pieces

from folkseq.corpora import Split, TokenStore
from folkseq.corpora.baseline import Baseline
from folkseq.corpora.ngram import NGram
from folkseq.errors import FolkseqError, RequestError, RunError
from folkseq.models.language_model import LanguageModel
from folkseq.models.settings import CELLS, PRECISIONS, TrainSettings
from folkseq.representations.capabilities import Augmentation
from folkseq.run import Run
from folkseq.sampling import scoring
from folkseq.sampling.engine import Engine
from folkseq.training import TrainingData, plan, precision
from folkseq.training.checkpoint import STATE
from folkseq.training.learner import Learner
from folkseq.training.precision import fastest, is_possible
from folkseq.training.run import MOST_HALVINGS, REPORT_EVERY

CPU = torch.device("cpu")
LOOKBACK = {
    "lookback_bars": (1, 3),
    "lookback_match": True,
    "copy_pointer": True,
    "bar_ends": (0, 2),
    "section_ends": (0,),
}

pytestmark = pytest.mark.usefixtures("one_thread")


def has_bfloat16(cell):
    return pytest.mark.skipif(not is_possible(cell, CPU), reason="this processor has no such cell in bfloat16")


@pytest.fixture(scope="module")
def data():
    return data_of(pieces())


def heldout_nll(run):
    return run.config.figures["heldout_nll"]


def test_the_model_beats_the_five_gram_if_memory_is_needed(tmp_path, data):
    heldout = [data.store[piece] for piece in data.split.valid]
    total, predicted = NGram.fit([data.store[piece] for piece in data.split.train], 5, V).nll(heldout)
    settings = TrainSettings(steps=300, rows=16, length=16, warm_up=20, learning_rate=1e-2, validations=6, clip=0.5)
    seen = []
    baseline = Baseline(5, total / predicted, total / predicted)
    run = fit(make_run(tmp_path / "r", training=settings), data, baseline=baseline, on_report=seen.append)
    figures = run.config.figures
    assert figures["heldout_nll"] < 0.72 * total / predicted
    assert figures["test_nll"] < 0.72 * total / predicted
    assert (figures["steps"], figures["ngram_order"], figures["ngram_nll"]) == (300, 5, total / predicted)
    validations = [line for line in seen if line["heldout_nll"] is not None]
    assert [line["step"] for line in validations] == [50, 100, 150, 200, 250, 300]
    assert min(line["heldout_nll"] for line in validations) == figures["heldout_nll"]

    opened = Run.open(run.folder)
    assert opened == run
    lines = opened.metrics.lines()
    assert lines == seen
    assert all(line["grad_norm_clipped"] <= min(line["grad_norm"], settings.clip) + 1e-6 for line in lines)
    assert max(line["grad_norm"] for line in lines) > settings.clip > min(line["grad_norm"] for line in lines)
    cost, count = scoring.nll(Engine(run.file("model.onnx"), threads=1), heldout)
    assert count == predicted
    assert cost / count == pytest.approx(figures["heldout_nll"], rel=0.01)


class Varied(Augmentation):
    """Windows that are varied at random, with a conditioning."""

    lookahead = 3

    def span(self, ids):
        return int(ids[1]), V

    def excerpt(self, ids, length, span, random):
        ids = ids[: length + 1].copy()
        ids[random.integers(len(ids))] = 2
        return ids, np.full((len(ids) - 1, 1), span[0] / span[1], np.float32)


@pytest.mark.parametrize(
    ("training", "augmentation", "changes"),
    [
        (QUICK, None, {}),
        (QUICK, None, LOOKBACK),
        *((QUICK, None, {"cell": cell}) for cell in CELLS if cell != "lstm"),
        pytest.param(replace(QUICK, precision="bfloat16"), None, {}, marks=has_bfloat16("lstm")),
        (replace(QUICK, batches="windows", passage=2, length=3), Varied(), {"conditioning": 1}),
    ],
)
def test_a_resumed_run_ends_with_the_bytes_of_one_that_never_stopped(tmp_path, data, training, augmentation, changes):
    model, data = replace(MODEL, **changes), replace(data, augmentation=augmentation)
    whole = fit(make_run(tmp_path / "whole", model, training), data)

    def stop(line):
        if line["step"] == REPORT_EVERY:
            signal.raise_signal(signal.SIGINT)

    stopped = fit(make_run(tmp_path / "stopped", model, training), data, on_report=stop)
    assert stopped.config.figures["steps"] == REPORT_EVERY
    torch.rand(3)  # other random numbers must not matter
    resumed = fit(Run.open(stopped.folder), data, resume=True)
    assert heldout_nll(resumed) == heldout_nll(whole)
    for name in ("model.safetensors", "model.onnx"):
        assert (resumed.folder / name).read_bytes() == (whole.folder / name).read_bytes()
    learned = [[(line["step"], line["heldout_nll"]) for line in run.metrics.lines()] for run in (whole, resumed)]
    assert learned[0] == learned[1]


@pytest.mark.parametrize("cell", [pytest.param(cell, marks=has_bfloat16(cell)) for cell in CELLS])
def test_bfloat16_learns_as_much_as_float32(tmp_path, data, cell):
    settings = TrainSettings(steps=150, rows=16, length=16, warm_up=20, learning_rate=1e-2, validations=3)
    found = {}
    for chosen in PRECISIONS:
        run = make_run(tmp_path / chosen, replace(MODEL, cell=cell), replace(settings, precision=chosen))
        found[chosen] = heldout_nll(fit(run, data))
        assert Run.open(run.folder).config.training.precision == chosen
    assert found["bfloat16"] != found["float32"]
    assert found["bfloat16"] == pytest.approx(found["float32"], rel=0.03)


def test_the_configuration_holds_the_precision(tmp_path, data):
    run = fit(make_run(tmp_path / "r"), data)
    assert run.config.training.precision == fastest(MODEL, CPU)


def test_bfloat16_is_refused_if_the_processor_has_none(tmp_path, data, monkeypatch):
    monkeypatch.setattr(precision, "is_possible", lambda cell, device: False)
    with pytest.raises(RequestError, match="--precision bfloat16"):
        fit(make_run(tmp_path / "r", training=replace(QUICK, precision="bfloat16")), data)
    monkeypatch.undo()
    run = fit(make_run(tmp_path / "other"), data)
    assert run.config.training.precision == fastest(MODEL, CPU)


def test_the_width_is_planned_from_the_minutes_and_stays(tmp_path, data, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    settings = TrainSettings(minutes=0.05, rows=4, length=8, warm_up=20, plan_hidden=True)
    run = fit(make_run(tmp_path / "r", replace(MODEL, cell="gru", hidden=320), settings), data)
    planned = Run.open(run.folder).config
    assert planned.model.hidden in (64, 128, 192)
    assert planned.training.precision == "float32"  # suits a GRU of that width, though not one of 320
    assert run.weights()["output.weight"].shape == (V, planned.model.hidden)
    cost, count = scoring.nll(Engine(run.file("model.onnx"), threads=1), [data.store[0]])
    assert cost / count < np.log(V)
    assert fit(run, data, resume=True).config.model == planned.model


LONG = TrainSettings(steps=1500, rows=4, length=8, warm_up=5, validations=30)
KILLED = """
import sys
import torch
from echoes import data_of, fit, pieces
from folkseq.run import Run
torch.set_num_threads(1)
fit(Run.open(sys.argv[1]), data_of(pieces()), resume=True, on_report=lambda line: print(line["step"], flush=True))
"""


@pytest.mark.slow
def test_a_run_that_is_killed_at_any_moment_and_resumed_ends_with_the_same_bytes(tmp_path, data):
    whole = fit(make_run(tmp_path / "whole", training=LONG), data)
    killed = make_run(tmp_path / "killed", training=replace(whole.config.training, save_every=7))
    command = [sys.executable, "-c", KILLED, killed.folder]
    random = np.random.default_rng(0)
    deaths = 0
    while True:
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]) as process:
            for _ in range(int(random.integers(5, 130))):
                process.stdout.readline()
            time.sleep(random.random() * 0.02)
            if process.poll() is not None or not process.stdout.readline():
                break
            process.kill()
            deaths += 1
    assert deaths > 3
    assert process.returncode == 0
    for name in ("model.safetensors", "model.onnx"):
        assert (killed.folder / name).read_bytes() == (whole.folder / name).read_bytes()
    assert list(killed.folder.rglob(".*")) == []  # nothing half-written is left
    lines = (killed.folder / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines if "event" not in line] == sorted(
        {*range(16, 1500, 16), *range(50, 1501, 50), *range(7, 1501, 7)}
    )


def test_an_interrupt_before_the_first_validation_leaves_a_model_and_a_state(tmp_path, data):
    settings = TrainSettings(steps=100, rows=4, length=8, warm_up=10, validations=2)
    stopped = fit(make_run(tmp_path / "r", training=settings), data, on_report=interrupt)
    assert 0 < stopped.config.figures["steps"] < 50
    assert set(stopped.weights()) == set(LanguageModel(MODEL).state_dict())
    whole = fit(make_run(tmp_path / "whole", training=settings), data)
    assert heldout_nll(fit(Run.open(stopped.folder), data, resume=True)) == heldout_nll(whole)


def interrupt(_):
    raise KeyboardInterrupt


def test_minutes_become_steps_that_are_written_before_the_first_update(tmp_path, data):
    planned = []
    run = make_run(tmp_path / "r", training=TrainSettings(minutes=0.03, rows=4, length=8, warm_up=20))
    trained = fit(run, data, on_report=lambda _: planned.append(Run.open(run.folder).config.training))
    assert set(planned) == {trained.config.training}
    assert planned[0].steps == trained.config.figures["steps"] > 20
    assert planned[0].save_every > 20


def test_the_configuration_is_written_twice(tmp_path, data, monkeypatch):
    written, write = [], Run.write
    run = make_run(tmp_path / "r", training=replace(QUICK, steps=None, minutes=0.02))
    monkeypatch.setattr(Run, "write", lambda self: written.append(self.config) or write(self))
    fit(run, data)
    planned, final = written
    assert planned.training == final.training
    assert planned.figures.keys() < final.figures.keys()


@pytest.mark.parametrize("rate", [1e4, 1e30])
def test_a_run_that_keeps_diverging_halves_its_rate_and_then_fails(tmp_path, data, rate):
    settings = TrainSettings(steps=50, rows=4, length=8, warm_up=0, learning_rate=rate, clip=1e30)
    seen = []
    run = make_run(tmp_path / "r", training=settings)
    with pytest.raises(FolkseqError, match=r"diverges at step \d+ .*; train into another folder with other settings"):
        fit(run, data, on_report=seen.append)
    assert run.metrics.lines() == seen
    assert [set(line) for line in seen] == [{"step", "event"}] * MOST_HALVINGS


def test_a_run_that_diverges_once_continues_from_the_last_state(tmp_path, data, monkeypatch):
    update, rates = Learner.update, []

    def broken(self, rate):
        done = update(self, rate)
        rates.append(rate)
        return done._replace(loss=done.loss * np.nan) if len(rates) == 40 else done

    settings = TrainSettings(steps=96, rows=4, length=8, warm_up=5, validations=3, save_every=10)
    monkeypatch.setattr(Learner, "update", broken)
    seen = []
    run = fit(make_run(tmp_path / "r", training=settings), data, on_report=seen.append)
    (event,) = [line["event"] for line in seen if "event" in line]
    assert event == "diverged at step 40: rolled back to step 32, learning rate at most 0.0015"
    assert run.config.figures["steps"] == 96
    halved = {line["step"]: line["learning_rate"] for line in run.metrics.lines() if "event" not in line}
    assert halved[40] == pytest.approx(halved[30] / 2, rel=0.2)


def test_a_run_that_overfits_says_so_once(tmp_path):
    noise = np.random.default_rng(0).integers(2, V, (24, 30))
    few = data_of(TokenStore.of([[START, *row, END] for row in noise.tolist()]))
    settings = TrainSettings(steps=600, rows=4, length=31, warm_up=5, validations=20, learning_rate=1e-2)
    seen = []
    fit(make_run(tmp_path / "r", replace(MODEL, hidden=64, dropout=0.0), settings), few, on_report=seen.append)
    (event,) = [line["event"] for line in seen if "event" in line]
    assert event.startswith("overfits: ")


def test_a_broken_state_is_refused(tmp_path, data):
    run = make_run(tmp_path / "r", training=replace(QUICK, save_every=10))
    (run.folder / "state").mkdir()
    (run.folder / STATE).write_bytes(b"junk")
    with pytest.raises(RunError, match=r"last\.safetensors: cannot be resumed from"):
        fit(run, data, resume=True)


def test_a_full_disk_leaves_the_last_good_state_and_says_so(tmp_path, data):
    """A limit on the size of files refuses as a full disk does; half-written files are removed."""
    whole = fit(make_run(tmp_path / "whole"), data)
    run = make_run(tmp_path / "r", training=replace(QUICK, save_every=5))
    size = 0

    def limit(line):
        nonlocal size
        if line["step"] == 10:
            size = (run.folder / STATE).stat().st_size
            resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, before[1]))

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with pytest.raises(FolkseqError, match=r"last\.safetensors: cannot be written: .*the last state is kept"):
            fit(run, data, on_report=limit)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert (run.folder / STATE).stat().st_size == size
    assert list(run.folder.rglob(".*")) == []
    assert heldout_nll(fit(Run.open(run.folder), data, resume=True)) == heldout_nll(whole)


def test_one_piece_is_enough(tmp_path):
    one = TrainingData(TokenStore.of([[START, 3, 4, 5, END]]), Split((0,), (), ()))
    run = fit(make_run(tmp_path / "r"), one)
    assert "heldout_nll" in run.config.figures
    assert "test_nll" not in run.config.figures


def test_dropout_is_planned_from_the_number_of_epochs(tmp_path, data):
    shares = []
    for steps in (20, 2000):
        settings = replace(QUICK, steps=steps, validations=1)
        run = make_run(tmp_path / f"r{steps}", replace(MODEL, dropout=None, hidden=160), settings)
        fit(run, data, on_report=None if steps < 100 else interrupt)
        shares.append(Run.open(run.folder).config.model.dropout)
    tokens = data.store.count(data.split.train)
    assert shares == [0.0, plan.dropout(2000 * 4 * 8 / tokens, 160, plan.scarcity(tokens))]
    assert 0.05 < shares[1] < 0.1
