"""Lookback of voices, row by row and piece by piece."""

import numpy as np


def check_rows(lookback, ids, late):
    """Compare steps with whole pieces; another row begins later, so that the rows are at different places."""
    expected, memory = lookback.indices(ids), lookback.begin(2)
    for at in range(len(ids) + late):
        if at == late:
            for each, fresh in zip(memory, lookback.begin(1), strict=True):
                each[1:] = fresh
        found = lookback.step(memory, np.array([ids[min(at, len(ids) - 1)], ids[max(at - late, 0)]]))
        if at < len(ids):
            np.testing.assert_array_equal(found[0], expected[at])
        if at >= late:
            np.testing.assert_array_equal(found[1], expected[at - late])
