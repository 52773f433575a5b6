"""Corpus statistics: small pieces written by hand, and what holds of any histograms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkseq.evaluation.statistics import evaluate, overlapping_area, pooled_ratios, pooled_values
from folkseq.representations.capabilities import Features

values = st.lists(st.integers(-5, 300), min_size=1, max_size=60)


@given(values, values)
def test_the_overlap_is_a_share_and_ignores_order(ours, theirs):
    assert overlapping_area(ours, ours) == pytest.approx(1)
    assert overlapping_area(ours * 3, ours) == pytest.approx(1)
    assert 0 <= overlapping_area(ours, theirs) <= 1
    assert overlapping_area(ours, theirs) == pytest.approx(overlapping_area(theirs[::-1], ours))
    plain = sum(min(ours.count(each) / len(ours), theirs.count(each) / len(theirs)) for each in {*ours, *theirs})
    assert overlapping_area(ours, theirs) == pytest.approx(plain)
    assert overlapping_area(ours, np.array(theirs) + 1000) == 0


def test_an_empty_histogram_is_refused():
    with pytest.raises(ValueError, match="one value or more, got 0 and 2"):
        overlapping_area([], [1, 2])


def test_ratios_are_those_of_sums():
    assert pooled_ratios([{"bars": (1, 2)}, {"bars": (5, 6), "rests": (0, 0)}]) == {"bars": 0.75}
    assert pooled_ratios([]) == {}


def test_statistics_of_two_pieces():
    pieces = [
        Features({"bars": (1, 2)}, {"notes_per_second": (4, 2)}, {"pitch": np.array([60, 62])}),
        Features({"bars": (2, 2)}, {"notes_per_second": (8, 2)}, {"pitch": np.array([62, 62])}),
    ]
    trained = pooled_values([Features(values={"pitch": np.array([62, 64]), "duration": np.array([1])})])
    assert evaluate(["", "no_end"], pieces, trained) == {
        "pieces": 2,
        "faults": {"no_end": 1},
        "shares": {"valid_pieces": 0.5, "bars": 0.75},
        "rates": {"notes_per_second": 3.0},
        "overlaps": {"pitch": 0.5},
    }
    assert evaluate([], [], trained) == {"pieces": 0, "faults": {}, "shares": {}, "rates": {}, "overlaps": {}}
    with pytest.raises(ValueError, match="for each of 2 pieces, got 1"):
        evaluate([""], pieces, trained)
