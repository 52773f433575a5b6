"""The leader of another performance, by which it is measured whether players listen."""

import numpy as np

from folkseq.ensemble.players import leaders, performances


def test_another_leader_is_of_the_next_performance_or_one_trained_on_if_there_is_one():
    judged = [(number, np.full((1, 1), value)) for number, value in [(0, 10), (0, 11), (3, 12)]]
    trained = [(number, np.full((1, 1), value)) for number, value in [(0, 20), (5, 21)]]

    def found(judged, trained):
        return [None if values is None else values.item() for values in leaders(judged, trained)]

    assert found(judged, trained) == [12, 12, 10]
    assert found(judged[:2], trained) == [21, 21]
    assert found(judged[:2], trained[:1]) == [None, None]
    ends = [np.array([0, 1]), np.array([0, 2]), np.array([0, 1, 2]), np.array([0, 1])]
    assert performances(ends, end=2) == [0, 0, 1, 2]
