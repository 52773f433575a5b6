"""The plan: steps that fill the time, the learning rate, the width, and the number of threads."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from echoes import MODEL, QUICK, data_of, pieces

from folkseq.models.settings import TrainSettings
from folkseq.run import RunConfig
from folkseq.training import Ranks, plan
from folkseq.training.learner import Learner
from folkseq.training.plan import Pace, count_steps, learning_rate, scarcity, width
from folkseq.training.validate import hold_out


def test_the_rate_rises_and_then_falls_to_zero():
    settings = TrainSettings(learning_rate=1.0, warm_up=4, steps=14)
    assert [learning_rate(step, settings) for step in range(4)] == [0.25, 0.5, 0.75, 1.0]
    falling = [learning_rate(step, settings) for step in range(4, 15)]
    assert falling[0] == 1.0
    assert falling[5] == pytest.approx(0.5)
    assert falling[-1] == pytest.approx(0)
    assert all(before > after for before, after in pairwise(falling))
    assert learning_rate(3, TrainSettings(steps=2)) < 3e-3


def test_the_width_grows_with_the_number_of_updates():
    widths = [width(updates) for updates in (0, 1, 400, 1_600, 10_000, 100_000, 10**9)]
    assert widths == [64, 64, 128, 192, 256, 320, 512]


def test_the_plan_of_many_tokens_does_not_depend_on_their_number():
    assert scarcity(plan.ENOUGH) == scarcity(10**9) == 0
    assert [width(updates, scarcity(10**5)) for updates in (0, 1_600, 10**9)] == [64, 192, 512]


def test_few_tokens_are_read_by_a_narrow_network_with_much_dropout():
    widths = [width(1_600, scarcity(tokens)) for tokens in (90_000, 20_000, 9_000, 3_500, 100)]
    assert widths == [192, 160, 96, 64, 64]
    rising = [plan.dropout(100, 128, scarcity(tokens)) for tokens in (100_000, 90_000, 20_000, 9_000, 3_500)]
    assert rising == sorted(set(rising))
    assert rising[0] == plan.dropout(100, 128)
    assert plan.dropout(2, 128, scarcity(3_500)) == plan.dropout(2, 128)  # read twice, nothing is memorised


def test_few_tokens_need_few_updates():
    pace = Pace(step_s=0.01, validation_s=0.1, threads=1, precision="float32")

    def steps(tokens, **settings):
        return count_steps(TrainSettings(**settings), pace, 1, 2, scarcity(tokens)).steps

    many = steps(10**9, minutes=10)
    assert steps(100_000, minutes=10) == steps(99_000, minutes=10) == many
    assert many > steps(25_000, minutes=10) == steps(25_000, minutes=60) > steps(3_000, minutes=10) > 200
    assert steps(3_000, steps=5_000) == 5_000  # as asked


def test_a_plan_of_few_tokens_decays_the_weights_more():
    data = data_of(pieces())
    tokens = data.store.count(data.split.train)
    assert 0 < scarcity(tokens) < plan.MOST_HALVINGS
    config = RunConfig("char", replace(MODEL, dropout=None), replace(QUICK, weight_decay=0.1), (), "0")
    planned = plan.plan(config, data, hold_out(data, config), Ranks(), 0.0)
    assert planned.training.weight_decay == pytest.approx(0.1 * (plan.ENOUGH / tokens) ** 0.5)
    fixed = replace(config, model=MODEL)  # a recipe with a dropout of its own is not changed
    assert plan.plan(fixed, data, hold_out(data, fixed), Ranks(), 0.0).training.weight_decay == 0.1


def test_a_plan_fills_its_time():
    pace = Pace(step_s=0.1, validation_s=0.5, threads=2, precision="float32")
    planned = count_steps(TrainSettings(minutes=10), pace, spent_s=10, final_validations=10)
    assert 10 + planned.steps * 0.1 + planned.validations * 0.5 + 5 == pytest.approx(600, abs=1)
    assert (planned.validations, planned.save_every, planned.threads) == (20, 600, 2)
    short = count_steps(TrainSettings(minutes=1), pace, spent_s=3, final_validations=4)
    assert 3 + short.steps * 0.1 + short.validations * 0.5 + 2 == pytest.approx(60, abs=1)
    assert short.validations == 6
    half = count_steps(TrainSettings(minutes=1), pace, spent_s=100, final_validations=10)
    assert half.steps == 300  # half of the time at least
    assert count_steps(TrainSettings(steps=7), pace, spent_s=100, final_validations=10).steps == 7


@pytest.mark.parametrize(
    ("settings", "busy", "threads"),
    [
        ({"minutes": 0.01}, False, 2),
        ({"minutes": 0.01}, True, 1),
        ({"steps": 8}, True, 2),  # the same steps give the same weights on any day
        ({"steps": 8, "threads": 1}, False, 1),
        ({"minutes": 0.01, "threads": 2}, True, 2),
    ],
)
def test_the_number_of_threads_is_the_faster_one_or_that_asked_for(monkeypatch, settings, busy, threads):
    """Another program keeps a core busy, and two threads take seven times as long as one."""
    now, set_to, update = [0.0], [2], Learner.update

    def slow(self, rate):
        now[0] += {1: 0.1, 2: 0.7 if busy else 0.06}[set_to[-1]]
        return update(self, rate)

    monkeypatch.setattr(plan.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(torch, "get_num_threads", lambda: set_to[-1])
    monkeypatch.setattr(torch, "set_num_threads", set_to.append)
    monkeypatch.setattr(Learner, "update", slow)
    data = data_of(pieces())
    training = replace(QUICK, steps=None, **settings) if "minutes" in settings else replace(QUICK, **settings)
    config = RunConfig("char", MODEL, training, (), "0")
    planned = plan.plan(config, data, hold_out(data, config), Ranks(), 0.0)
    assert planned.training.threads == threads
    assert set_to[-1] == 2  # as before
