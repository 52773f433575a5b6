"""Selectivity against plain formulas, and for neurons whose label is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkseq.analysis.selectivity import ETA, FEWEST, R, explained, selectivity

COUNT = 400


def plain_eta(values, label):
    """Return the correlation ratio by its textbook formula."""
    values, label = values[label >= 0], label[label >= 0]
    mean, total = values.mean(), ((values - values.mean()) ** 2).sum()
    between = sum((label == each).sum() * (values[label == each].mean() - mean) ** 2 for each in set(label.tolist()))
    return between / total


@given(st.integers(0, 1000), st.integers(2, 9))
def test_categories_explain_the_variance_between_their_means(seed, kinds):
    random = np.random.default_rng(seed)
    states = random.normal(size=(60, 3)).astype(np.float32)
    label = random.integers(-1, kinds, 60)
    states[:, 0] += label
    shares = explained(states, label)
    assert shares.tolist() == pytest.approx(
        [plain_eta(states[:, cell].astype(float), label) for cell in range(3)], abs=1e-5
    )


@given(st.integers(0, 1000))
def test_amounts_explain_the_squared_correlation(seed):
    random = np.random.default_rng(seed)
    states = random.normal(size=(60, 3)).astype(np.float32)
    label = random.normal(size=60) + states[:, 1]
    label[::7] = np.nan
    known = np.isfinite(label)
    expected = [np.corrcoef(states[known, cell], label[known])[0, 1] ** 2 for cell in range(3)]
    assert explained(states, label).tolist() == pytest.approx(expected, abs=1e-5)


def test_constants_explain_nothing():
    states = np.ones((30, 2), np.float32)
    states[:, 1] = np.arange(30)
    assert explained(states, np.arange(30.0)).tolist() == [0, pytest.approx(1)]
    assert explained(states, np.zeros(30, np.int64)).tolist() == pytest.approx([0, 0])
    assert explained(states, np.zeros(30)).tolist() == [0, 0]


def test_both_measures_agree_for_two_categories():
    random = np.random.default_rng(0)
    states, label = random.normal(size=(80, 4)).astype(np.float32), random.integers(0, 2, 80)
    np.testing.assert_allclose(explained(states, label), explained(states, label.astype(float)), atol=1e-6)


def halves(told, label, noise=0.3):
    """Return two halves of a dozen neurons: slow noise, except that the seventh follows `told`."""
    random = np.random.default_rng(5)
    states = np.cumsum(random.normal(size=(2 * COUNT, 12)), axis=0).astype(np.float32) / 10
    states[:, 7] = told + random.normal(0, noise, 2 * COUNT)
    return (states[:COUNT], states[COUNT:]), (label[:COUNT], label[COUNT:])


def test_the_selective_neuron_is_chosen_on_one_half_and_scored_on_the_other():
    label = np.random.default_rng(1).integers(0, 4, 2 * COUNT)
    states, labels = halves(label % 3, label)
    found = selectivity(states, labels)
    assert (found.ranking[0], found.measure) == (7, ETA)
    assert sorted(found.ranking) == list(range(12))
    assert found.ranking == tuple(np.argsort(-explained(states[0], labels[0]), kind="stable"))
    assert found.score == pytest.approx(plain_eta(states[1][:, 7].astype(float), labels[1]), abs=1e-5)
    assert found.score > 0.8
    assert found.null < 0.3
    assert selectivity(states, labels) == found
    assert selectivity(states, labels, seed=1).null != found.null


def test_neurons_that_follow_amounts_are_found():
    label = np.repeat(np.random.default_rng(2).normal(size=2 * COUNT // 8), 8)
    found = selectivity(*halves(label, label))
    assert (found.ranking[0], found.measure) == (7, R)
    assert found.score > 0.7 > found.null


def test_slow_labels_that_no_neuron_follows_do_not_exceed_their_null():
    """Chance explains much of slow neurons and labels, unless the labels are shuffled one by one."""
    exceeded = 0
    for seed in range(20):
        random = np.random.default_rng(seed)
        states = np.cumsum(random.normal(size=(2 * COUNT, 12)), axis=0).astype(np.float32)
        label = np.cumsum(random.normal(size=2 * COUNT))
        found = selectivity((states[:COUNT], states[COUNT:]), (label[:COUNT], label[COUNT:]), seed)
        exceeded += found.score > found.null
    assert exceeded <= 5


def test_too_few_known_labels_have_no_selectivity():
    label = np.full(2 * COUNT, -1)
    label[: FEWEST + 5] = 1
    assert selectivity(*halves(0, label)) is None
