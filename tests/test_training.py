"""Training learns, goes on exactly from where it stood, and ends in good order whatever happens."""

import json
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from folkseq.corpus import TokenStore, split
from folkseq.corpus.ngram import NGram
from folkseq.errors import FolkseqError, RequestError, RunError
from folkseq.models.language_model import LanguageModel
from folkseq.models.settings import CELLS, PRECISIONS, ModelSettings, TrainSettings
from folkseq.representations.vocabulary import Vocabulary
from folkseq.run import Run, RunConfig
from folkseq.sampling import scoring
from folkseq.sampling.engine import Engine
from folkseq.training import fit, precision, validate
from folkseq.training.loop import MOST_HALVINGS, REPORT_EVERY
from folkseq.training.plan import Pace, dropout, plan, width
from folkseq.training.precision import chosen, fastest, possible
from folkseq.training.schedule import learning_rate
from folkseq.training.state import STATE
from folkseq.training.trainer import Trainer
from folkseq.training.validate import nll

START, END, V = 0, 1, 6
MODEL = ModelSettings(V, layers=1, hidden=32, embedding=8, dropout=0.1)
QUICK = TrainSettings(steps=24, rows=4, length=8, warm_up=5, validations=4)
CPU = torch.device("cpu")


def has_bfloat16(cell):
    return pytest.mark.skipif(not possible(cell, CPU), reason="this processor has none of it in bfloat16")


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def store():
    """Pieces that begin and end alike, with four ids of noise between: out of a 5-gram's sight."""
    notes = np.random.default_rng(0).integers(2, V, (1500, 5))
    return TokenStore.of([[START, *row, row[0], row[0], END] for row in notes.tolist()])


@pytest.fixture
def make_run(tmp_path):
    def make(name="r", model=MODEL, training=QUICK):
        return Run.create(tmp_path / name, RunConfig("char", model, training, (), "0"), Vocabulary(tuple("abcdef")))

    return make


def test_the_model_beats_the_five_gram_where_memory_is_needed(make_run, store):
    sides = split(range(1500))
    heldout = [store[piece] for piece in sides.valid]
    total, predicted = NGram.fit([store[piece] for piece in sides.train], 5, V).nll(heldout)
    settings = TrainSettings(steps=300, rows=16, length=16, warm_up=20, learning_rate=1e-2, validations=6, clip=0.5)
    seen = []
    result = fit(
        store,
        sides,
        make_run(training=settings),
        ngram_nll=(total / predicted, total / predicted),
        on_progress=seen.append,
    )
    assert result.heldout_nll < 0.72 * total / predicted
    assert result.test_nll is not None
    assert result.test_nll < 0.72 * total / predicted
    assert (result.steps, result.interrupted) == (300, False)
    looks = [progress for progress in seen if progress.heldout_nll is not None]
    assert [progress.step for progress in looks] == [50, 100, 150, 200, 250, 300]
    assert min(progress.heldout_nll for progress in looks) == result.heldout_nll

    run = Run.open(result.run.folder)
    assert run.config.figures["heldout_nll"] == result.heldout_nll
    assert run.config.split == {"train": 1350, "valid": 75, "test": 75}
    lines = run.metrics()
    assert [line["step"] for line in lines] == [progress.step for progress in seen]
    assert all(line["grad_norm_clipped"] <= min(line["grad_norm"], settings.clip) + 1e-6 for line in lines)
    assert max(line["grad_norm"] for line in lines) > settings.clip > min(line["grad_norm"] for line in lines)
    cost, count = scoring.nll(Engine(run.file("model.onnx"), threads=1), heldout)
    assert count == predicted
    assert cost / count == pytest.approx(result.heldout_nll, rel=0.01)


class Steered:
    """Passages that are varied at random, and a number said of each id."""

    lookahead = 3

    def __call__(self, ids, piece, length, random):
        ids = ids[: length + 1].copy()
        ids[random.integers(len(ids))] = 2
        return ids, np.full((len(ids) - 1, 1), piece / 1500, np.float32)


RECALLED = {
    "lookback_bars": (1, 3),
    "lookback_match": True,
    "copy_pointer": True,
    "bar_ends": (0, 2),
    "section_ends": (0,),
}


@pytest.mark.parametrize(
    ("training", "variation", "changes"),
    [
        (QUICK, None, {}),
        (QUICK, None, RECALLED),
        *((QUICK, None, {"cell": cell}) for cell in CELLS if cell != "lstm"),
        pytest.param(replace(QUICK, precision="bfloat16"), None, {}, marks=has_bfloat16("lstm")),
        (replace(QUICK, batches="windows", passage=2, length=3), Steered(), {"conditioning": 1}),
    ],
)
def test_going_on_gives_the_bytes_that_never_stopping_gives(make_run, store, training, variation, changes):
    sides = split(range(1500))
    model = replace(MODEL, **changes)
    whole = fit(store, sides, make_run("whole", model, training), variation=variation)

    def stop(progress):
        if progress.step == REPORT_EVERY:
            signal.raise_signal(signal.SIGINT)

    stopped = fit(store, sides, make_run("stopped", model, training), variation=variation, on_progress=stop)
    assert stopped.interrupted
    assert stopped.steps == REPORT_EVERY
    torch.rand(3)  # what else draws random numbers must not matter
    resumed = fit(store, sides, Run.open(stopped.run.folder), variation=variation, resume=True)
    assert resumed.heldout_nll == whole.heldout_nll
    for name in ("model.safetensors", "model.onnx"):
        assert (resumed.run.folder / name).read_bytes() == (whole.run.folder / name).read_bytes()
    learnt = [[(line["step"], line["heldout_nll"]) for line in result.run.metrics()] for result in (whole, resumed)]
    assert learnt[0] == learnt[1]


@pytest.mark.parametrize("cell", [pytest.param(cell, marks=has_bfloat16(cell)) for cell in CELLS])
def test_in_bfloat16_as_much_is_learnt(make_run, store, cell):
    settings = TrainSettings(steps=150, rows=16, length=16, warm_up=20, learning_rate=1e-2, validations=3)
    model, found = replace(MODEL, cell=cell), {}
    for made_in in PRECISIONS:
        run = make_run(made_in, model, replace(settings, precision=made_in))
        found[made_in] = fit(store, split(range(1500)), run).heldout_nll
        assert Run.open(run.folder).config.training.precision == made_in
    assert found["bfloat16"] != found["float32"]
    assert found["bfloat16"] == pytest.approx(found["float32"], rel=0.03)


@pytest.mark.parametrize(
    ("amx", "cell", "expected"),
    [(True, "lstm", "bfloat16"), (True, "gru", "float32"), (False, "lstm", "float32")],
)
def test_the_precision_follows_from_processor_and_model(monkeypatch, amx, cell, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": amx})
    assert chosen(None, replace(MODEL, cell=cell), CPU) == expected


def test_the_precision_stands_in_the_run(make_run, store):
    result = fit(store, split(range(1500)), make_run())
    assert result.run.config.training.precision == fastest(MODEL, CPU)


def test_bfloat16_is_refused_where_the_processor_has_none(make_run, store, monkeypatch):
    monkeypatch.setattr(precision, "possible", lambda cell, device: False)
    with pytest.raises(RequestError, match="--precision bfloat16: this processor computes no lstm in it; leave it out"):
        fit(store, split(range(1500)), make_run(training=replace(QUICK, precision="bfloat16")))
    assert fit(store, split(range(1500)), make_run("other")).run.config.training.precision == fastest(MODEL, CPU)


def test_the_width_is_planned_from_the_minutes_and_stays(make_run, store, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    settings = TrainSettings(minutes=0.05, rows=4, length=8, warm_up=20, plan_hidden=True)
    result = fit(store, split(range(1500)), make_run(model=replace(MODEL, cell="gru", hidden=320), training=settings))
    planned = Run.open(result.run.folder).config
    assert planned.model.hidden in (64, 128, 192)
    assert planned.training.precision == "float32"  # which suits a GRU of that width, though not one of 320
    assert result.run.weights()["output.weight"].shape == (V, planned.model.hidden)
    cost, count = scoring.nll(Engine(result.run.file("model.onnx"), threads=1), [store[0]])
    assert cost / count < np.log(V)

    again = fit(store, split(range(1500)), result.run, resume=True)
    assert again.run.config.model == planned.model
    widths = [width(updates) for updates in (0, 1, 400, 1_600, 10_000, 100_000, 10**9)]
    assert widths == [64, 64, 128, 192, 256, 320, 512]


LONG = TrainSettings(steps=1500, rows=4, length=8, warm_up=5, validations=30)
KILLED = """
import sys
import numpy as np, torch
from folkseq.corpus import TokenStore, split
from folkseq.run import Run
from folkseq.training import fit
torch.set_num_threads(1)
store = TokenStore(np.load(sys.argv[2]), np.load(sys.argv[3]))
fit(store, split(range(1500)), Run.open(sys.argv[1]), resume=True, on_progress=lambda now: print(now.step, flush=True))
"""


def test_killed_at_any_moment_and_resumed_it_ends_with_the_same_bytes(make_run, store, tmp_path):
    whole = fit(store, split(range(1500)), make_run("whole", training=LONG))
    killed = make_run("killed", training=replace(whole.run.config.training, save_every=7))
    np.save(tmp_path / "ids.npy", store.ids)
    np.save(tmp_path / "offsets.npy", store.offsets)
    command = [sys.executable, "-c", KILLED, killed.folder, tmp_path / "ids.npy", tmp_path / "offsets.npy"]
    random = np.random.default_rng(0)
    deaths = 0
    while True:
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
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
        assert (killed.folder / name).read_bytes() == (whole.run.folder / name).read_bytes()
    left = [path.name for path in killed.folder.rglob(".*")]
    assert left == []  # nothing half-written
    lines = (killed.folder / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines if "event" not in line] == sorted(
        {*range(16, 1500, 16), *range(50, 1501, 50), *range(7, 1501, 7)}
    )


def test_an_interrupt_before_the_first_look_still_leaves_a_model_and_a_state(make_run, store):
    def stop(_):
        raise KeyboardInterrupt

    settings = TrainSettings(steps=100, rows=4, length=8, warm_up=10, validations=2)
    result = fit(store, split(range(1500)), make_run(training=settings), on_progress=stop)
    assert result.interrupted
    assert set(result.run.weights()) == set(LanguageModel(MODEL).state_dict())
    whole = fit(store, split(range(1500)), make_run("whole", training=settings))
    resumed = fit(store, split(range(1500)), Run.open(result.run.folder), resume=True)
    assert resumed.heldout_nll == whole.heldout_nll


def test_minutes_become_steps_that_are_written_down_before_the_first(make_run, store):
    planned = []

    def look(progress):
        planned.append(Run.open(run.folder).config.training)

    run = make_run(training=TrainSettings(minutes=0.03, rows=4, length=8, warm_up=20))
    result = fit(store, split(range(1500)), run, on_progress=look)
    assert set(planned) == {result.run.config.training}
    assert planned[0].steps == result.steps > 20
    assert planned[0].save_every > 20


@pytest.mark.parametrize("rate", [1e4, 1e30])
def test_training_that_diverges_goes_back_and_halves_the_rate_until_it_is_given_up(make_run, store, rate):
    settings = TrainSettings(steps=50, rows=4, length=8, warm_up=0, learning_rate=rate, clip=1e30)
    words = []
    run = make_run(training=settings)
    with pytest.raises(FolkseqError, match=r"diverges by step .* the settings of this run do not train"):
        fit(store, split(range(1500)), run, on_progress=lambda now: words.append(now.event))
    assert [line["event"] for line in run.metrics()] == [word for word in words if word]
    assert len(run.metrics()) == MOST_HALVINGS


def test_training_that_diverges_once_goes_on_from_the_last_state(make_run, store, monkeypatch):
    update = Trainer.update

    def broken(self):
        done = update(self)
        return done._replace(loss=done.loss * np.nan) if self.step == 40 and self.rate_scale == 1 else done

    monkeypatch.setattr(Trainer, "update", broken)
    words = []
    settings = TrainSettings(steps=96, rows=4, length=8, warm_up=5, validations=3, save_every=10)
    result = fit(store, split(range(1500)), make_run(training=settings), on_progress=lambda now: words.append(now))
    (word,) = [now.event for now in words if now.event]
    assert word == "diverged by step 40: back to step 32, the learning rate at most 0.0015 from there"
    assert result.steps == 96
    rates = {line["step"]: line["learning_rate"] for line in result.run.metrics() if "event" not in line}
    assert rates[40] == pytest.approx(rates[30] / 2, rel=0.2)


def test_a_model_that_learns_by_heart_is_told_of_once(make_run):
    noise = np.random.default_rng(0).integers(2, V, (24, 30))
    few = TokenStore.of([[START, *row, END] for row in noise.tolist()])
    settings = TrainSettings(steps=600, rows=4, length=31, warm_up=5, validations=20, learning_rate=1e-2)
    words = []
    run = make_run(model=replace(MODEL, hidden=64, dropout=0.0), training=settings)
    fit(few, split(range(24)), run, on_progress=lambda now: words.append(now.event))
    (word,) = filter(None, words)
    assert word.startswith("overfits: ")


def test_a_broken_state_is_refused(make_run, store):
    run = make_run(training=replace(QUICK, save_every=10))
    (run.folder / "state").mkdir()
    (run.folder / STATE).write_bytes(b"junk")
    with pytest.raises(RunError, match="cannot be gone on from"):
        fit(store, split(range(1500)), run, resume=True)


def test_a_full_disk_leaves_the_last_good_state_and_says_so(make_run, store):
    """A limit on the size of files refuses as a full disk does; what is half-written goes."""
    whole = fit(store, split(range(1500)), make_run("whole"))
    run = make_run(training=replace(QUICK, save_every=5))
    size = 0

    def limit(progress):
        nonlocal size
        if progress.step == 10:
            size = (run.folder / STATE).stat().st_size
            resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, before[1]))

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with pytest.raises(FolkseqError, match=r"last\.safetensors: cannot be written: .*the state before it stands"):
            fit(store, split(range(1500)), run, on_progress=limit)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert (run.folder / STATE).stat().st_size == size
    assert list(run.folder.rglob(".*")) == []
    resumed = fit(store, split(range(1500)), Run.open(run.folder), resume=True)
    assert resumed.heldout_nll == whole.heldout_nll


def test_one_piece_is_enough(make_run):
    one = TokenStore.of([[START, 3, 4, 5, END]])
    result = fit(one, split([0]), make_run())
    assert result.test_nll is None


@pytest.mark.parametrize("changes", [{}, RECALLED])
def test_held_out_pieces_are_read_whole_from_a_zero_state(store, monkeypatch, changes):
    torch.manual_seed(0)
    model = LanguageModel(replace(MODEL, **changes))
    pieces = [store[0], np.array([START, END]), *[np.concatenate([store[i], store[i + 1]]) for i in range(5)]]
    total = 0.0
    for piece in pieces:  # one at a time and unpadded
        ids = torch.from_numpy(piece.astype(np.int64))[None]
        beside = () if not changes else (None, torch.from_numpy(model.lookback.indices(piece[:-1]))[None])
        logits = model.eval()(ids[:, :-1], model.init_state(1), *beside)[0]
        total += float(torch.nn.functional.cross_entropy(logits[0], ids[0, 1:], reduction="sum").detach())
    model.train()
    assert nll(model, pieces, rows=3, steps=5) == (pytest.approx(total, rel=1e-5), 8 + 1 + 5 * 17)
    monkeypatch.setattr(validate, "LOGITS", 3 * 2 * V)  # two ids of each row at once
    assert nll(model, pieces, rows=3) == (pytest.approx(total, rel=1e-5), 8 + 1 + 5 * 17)
    assert model.training


def test_the_rate_rises_and_then_falls_to_zero():
    settings = TrainSettings(learning_rate=1.0, warm_up=4, steps=14)
    assert [learning_rate(step, settings) for step in range(4)] == [0.25, 0.5, 0.75, 1.0]
    falling = [learning_rate(step, settings) for step in range(4, 15)]
    assert falling[0] == 1.0
    assert falling[5] == pytest.approx(0.5)
    assert falling[-1] == pytest.approx(0)
    assert all(before > after for before, after in pairwise(falling))
    assert learning_rate(3, TrainSettings(steps=2)) < 3e-3
    assert learning_rate(10_000, TrainSettings()) == 3e-3  # the end is not known yet


def test_dropout_is_planned_from_how_often_the_pieces_are_read(make_run, store):
    shares = []
    for steps in (20, 2000):
        run = make_run(
            f"r{steps}", replace(MODEL, dropout=None, hidden=160), replace(QUICK, steps=steps, validations=1)
        )
        result = fit(store, split(range(1500)), run, on_progress=None if steps < 100 else interrupt)
        shares.append(Run.open(result.run.folder).config.model.dropout)
    assert shares == [0.0, dropout(2000 * 4 * 8 / store.count(range(1350)), 160)]
    assert 0.05 < shares[1] < 0.1


def interrupt(_):
    raise KeyboardInterrupt


def test_a_plan_fills_its_time():
    pace = Pace(step_s=0.1, check_s=0.5, most=4, threads=2, free=True)
    planned = plan(TrainSettings(minutes=10), pace, spent_s=10, final_s=5)
    assert 10 + planned.steps * 0.1 + planned.validations * 0.5 + 5 == pytest.approx(600, abs=1)
    assert (planned.validations, planned.save_every, planned.threads) == (20, 600, None)
    short = plan(TrainSettings(minutes=1), replace(pace, free=False), spent_s=3, final_s=2)
    assert 3 + short.steps * 0.1 + short.validations * 0.5 + 2 == pytest.approx(60, abs=1)
    assert (short.validations, short.threads) == (6, 2)
    assert plan(TrainSettings(minutes=1), pace, spent_s=100, final_s=5).steps == 300  # half of the time at least
    assert plan(TrainSettings(steps=7), pace, spent_s=100, final_s=5).steps == 7
    assert plan(TrainSettings(steps=7), replace(pace, free=False), spent_s=100, final_s=5).threads == 4
