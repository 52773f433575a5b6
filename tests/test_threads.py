import torch

from folkseq.training import threads


def test_the_faster_number_of_threads_stays_until_the_next_trial(monkeypatch):
    clock, used = [0.0], []
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    monkeypatch.setattr(torch, "set_num_threads", used.append)
    monkeypatch.setattr(threads.time, "monotonic", lambda: clock[0])
    chosen = threads.Threads()
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
    with threads.Threads(fixed=1).update():
        pass
    assert used == [1]
