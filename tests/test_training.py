"""Training learns, goes on exactly from where it stood, and ends in good order whatever happens."""

import time
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from folkseq.dataset import TokenStore, split
from folkseq.errors import FolkseqError, RunError
from folkseq.evaluation.ngram import NGram
from folkseq.models.language_model import LanguageModel
from folkseq.models.settings import ModelSettings, TrainSettings
from folkseq.run import Run, RunConfig
from folkseq.sampling import scoring
from folkseq.sampling.engine import Engine
from folkseq.tokenizers.vocabulary import Vocabulary
from folkseq.training import fit
from folkseq.training.loop import REPORT_EVERY
from folkseq.training.schedule import affordable, learning_rate, misses, plan_steps
from folkseq.training.trainer import STATE
from folkseq.training.validate import nll

START, END, V = 0, 1, 6
MODEL = ModelSettings(V, layers=1, hidden=32, embedding=8, dropout=0.1)
QUICK = TrainSettings(steps=24, rows=4, length=8, warm_up=5, checks=4)


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
    settings = TrainSettings(steps=300, rows=16, length=16, warm_up=20, learning_rate=1e-2, checks=6)
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
    assert [progress.step for progress in looks] == [20, 50, 100, 150, 200, 250, 300]
    assert min(progress.heldout_nll for progress in looks) == result.heldout_nll

    run = Run.open(result.run.folder)
    assert run.config.figures["heldout_nll"] == result.heldout_nll
    assert run.config.split == {"train": 1350, "valid": 75, "test": 75}
    assert [line["step"] for line in run.metrics()] == [progress.step for progress in seen]
    cost, count = scoring.nll(Engine(run.file("model.onnx"), threads=1), heldout)
    assert count == predicted
    assert cost / count == pytest.approx(result.heldout_nll, rel=0.01)


class Steered:
    """Passages that are varied at random, and a number said of each id."""

    lookahead, controls = 3, 1

    def __call__(self, ids, piece, length, random):
        ids = ids[: length + 1].copy()
        ids[random.integers(len(ids))] = 2
        return ids, np.full((len(ids) - 1, 1), piece / 1500, np.float32)


@pytest.mark.parametrize(
    ("training", "cut"), [(QUICK, None), (replace(QUICK, batches="windows", passage=2, length=3), Steered())]
)
def test_going_on_gives_the_bytes_that_never_stopping_gives(make_run, store, training, cut):
    sides = split(range(1500))
    model = replace(MODEL, controls=cut.controls if cut else 0)
    whole = fit(store, sides, make_run("whole", model, training), cut=cut)

    def stop(progress):
        if progress.step == REPORT_EVERY:  # a report between two saves
            raise KeyboardInterrupt

    stopped = fit(store, sides, make_run("stopped", model, training), cut=cut, on_progress=stop)
    assert stopped.interrupted
    assert stopped.steps == REPORT_EVERY
    torch.rand(3)  # what else draws random numbers must not matter
    resumed = fit(store, sides, Run.open(stopped.run.folder), cut=cut, resume=True)
    assert resumed.heldout_nll == whole.heldout_nll
    for name in ("model.safetensors", "model.onnx"):
        assert (resumed.run.folder / name).read_bytes() == (whole.run.folder / name).read_bytes()
    learnt = [[(line["step"], line["heldout_nll"]) for line in result.run.metrics()] for result in (whole, resumed)]
    assert learnt[0] == learnt[1]


def test_an_interrupt_before_the_first_look_still_leaves_a_model(make_run, store):
    def stop(_):
        raise KeyboardInterrupt

    settings = TrainSettings(steps=500, rows=4, length=8, warm_up=100, checks=2)
    result = fit(store, split(range(1500)), make_run(training=settings), on_progress=stop)
    assert result.interrupted
    assert set(result.run.weights()) == set(LanguageModel(MODEL).state_dict())
    with pytest.raises(RunError, match="to go on from"):
        fit(store, split(range(1500)), result.run, resume=True)


def test_minutes_become_steps_that_are_written_down(make_run, store):
    started = time.monotonic()
    result = fit(
        store, split(range(1500)), make_run(training=TrainSettings(minutes=0.03, rows=4, length=8, warm_up=20))
    )
    assert time.monotonic() - started < 10
    assert result.run.config.training.steps == result.steps > 20


def test_a_loss_that_is_no_number_ends_in_one_line(make_run, store):
    settings = TrainSettings(steps=50, rows=4, length=8, warm_up=0, learning_rate=1e30, clip=1e30)
    with pytest.raises(FolkseqError, match="try a lower learning rate than 1e"):
        fit(store, split(range(1500)), make_run(training=settings))


def test_a_broken_state_is_refused(make_run, store):
    run = make_run()
    (run.folder / "state").mkdir()
    (run.folder / STATE).write_bytes(b"junk")
    with pytest.raises(RunError, match="cannot be gone on from"):
        fit(store, split(range(1500)), run, resume=True)


def test_one_piece_is_enough(make_run):
    one = TokenStore.of([[START, 3, 4, 5, END]])
    result = fit(one, split([0]), make_run())
    assert result.test_nll is None


def test_held_out_pieces_are_read_whole_from_a_zero_state(store):
    torch.manual_seed(0)
    model = LanguageModel(MODEL)
    pieces = [store[0], np.array([START, END]), *[np.concatenate([store[i], store[i + 1]]) for i in range(5)]]
    total = 0.0
    for piece in pieces:  # one at a time and unpadded
        ids = torch.from_numpy(piece.astype(np.int64))[None]
        logits = model.eval()(ids[:, :-1], model.init_state(1))[0]
        total += float(torch.nn.functional.cross_entropy(logits[0], ids[0, 1:], reduction="sum").detach())
    model.train()
    assert nll(model, pieces, rows=3, steps=5) == (pytest.approx(total, rel=1e-5), 8 + 1 + 5 * 17)
    assert model.training


def test_the_rate_rises_without_knowing_the_end_and_then_falls_to_zero():
    settings = TrainSettings(learning_rate=1.0, warm_up=4)
    assert [learning_rate(step, settings, None) for step in range(4)] == [0.25, 0.5, 0.75, 1.0]
    falling = [learning_rate(step, settings, 14) for step in range(4, 15)]
    assert falling[0] == 1.0
    assert falling[5] == pytest.approx(0.5)
    assert falling[-1] == pytest.approx(0)
    assert all(before > after for before, after in pairwise(falling))
    assert learning_rate(3, TrainSettings(steps=2), 2) < 3e-3


def test_a_plan_fills_its_time_and_is_made_anew_when_it_misses_by_far():
    costs = {"budget_s": 100.0, "step_s": 0.1, "check_s": 0.5, "checks": 20}
    steps = plan_steps(100, 10.0, **costs)
    assert 10 + (steps - 100) * 0.1 + 19 * 0.5 == pytest.approx(100, abs=0.2)
    assert not misses(100, steps, 10.0, **costs)
    assert misses(200, steps, 30.0, **costs | {"step_s": 0.2})  # twice as slow as planned
    assert not misses(900, steps, 95.0, **costs | {"step_s": 0.2})  # too little is left to plan
    assert plan_steps(100, 200.0, **costs) == 101


def test_looking_takes_no_more_than_its_share_of_the_time():
    assert affordable(20, budget_s=600.0, check_s=1.5) == 20
    assert affordable(20, budget_s=60.0, check_s=1.0) == 6
    assert affordable(20, budget_s=60.0, check_s=30.0) == 3
