import numpy as np
import pytest
import torch

from folkseq.corpus import TokenStore, Variation
from folkseq.models.settings import ModelSettings, TrainSettings
from folkseq.training import plan, threads
from folkseq.training.ranks import Ranks
from folkseq.training.trainer import Trainer


def test_the_faster_number_of_threads_stays_until_the_next_trial(monkeypatch):
    clock, used = [0.0], []
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    monkeypatch.setattr(torch, "set_num_threads", used.append)
    monkeypatch.setattr(threads.time, "monotonic", lambda: clock[0])
    chosen = threads.Threads((2, 1))
    seconds = {1: 0.1, 2: 1.0}  # another program keeps a core busy
    for _ in range(20):
        with chosen.update():
            clock[0] += seconds[used[-1]]
    assert sorted(used[:8]) == [1] * threads.TRIED + [2] * threads.TRIED
    assert set(used[8:]) == {1}
    clock[0] += threads.EVERY_S
    seconds[2] = 0.05  # and has ended
    for _ in range(20):
        with chosen.update():
            clock[0] += seconds[used[-1]]
    assert set(used[-12:]) == {2}
    chosen.restore()
    assert used[-1] == 2


def test_a_number_that_is_fixed_stays(monkeypatch):
    used = []
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    monkeypatch.setattr(torch, "set_num_threads", used.append)
    with threads.Threads((1,)).update():
        pass
    assert used == [1]


@pytest.mark.parametrize(
    ("choices", "figures", "free"), [((2, 1), [0.5, 0.5], True), ((2, 1), [0.5, 0.25], False), ((1,), [0.5], False)]
)
def test_the_number_may_change_on_the_way_where_several_are_seen_to_give_the_same(choices, figures, free):
    store = TokenStore.of([[0, 2, 3, 1]] * 4)
    settings = (ModelSettings(4, hidden=8, layers=1, dropout=0.0), TrainSettings(rows=2, length=4))

    def make():
        return Trainer(store, np.arange(4), *settings, 0, Variation(), Ranks())

    before, looks = torch.get_num_threads(), iter(figures)
    try:
        pace = plan.measure(make, lambda trainer: next(looks), 0.0, Ranks(), choices)
    finally:
        torch.set_num_threads(before)
    assert (pace.free, pace.most) == (free, choices[0])
