"""Runs of marks beside runs of ids, and marks beside their definition in plain loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from passages import END, START, TEXT, TUNES, marked, moved, run_slowly, stores

from folkseq.corpora import TokenStore
from folkseq.novelty.hashing import Hashing
from folkseq.novelty.marks import SURE, WINDOW, MarkedOverlap, marks_of
from folkseq.novelty.overlap import Overlap


@settings(deadline=None, max_examples=200)
@given(stores(20))
def test_equal_passages_have_equal_marks(case):
    profile, store, _ = case
    hashing = Hashing(profile)
    pieces = [store[number].tolist() for number in range(len(store))]
    windows = [(piece[at : at + WINDOW], mark) for piece in pieces for at, mark in _marks(piece, hashing)]
    for ids, mark in windows:
        assert (mark == 0) == (len(ids) < WINDOW or START in ids or END in ids)
    known = [(ids, mark) for ids, mark in windows if mark]
    for one, mark in known[:10]:
        for other, its in known:
            if run_slowly(one, other, profile) == WINDOW:
                assert mark == its


def _marks(piece, hashing):
    return list(enumerate(marks_of(np.array(piece), hashing).tolist()))


def test_a_mark_says_whether_the_last_id_could_have_been_another():
    bar, tie, low = 2, 3, 4
    ids = np.array([low, low + 1, bar, low, low + 1, tie, bar, low + 1, low, low])
    even = [mark % 2 == 0 for mark in marks_of(ids, Hashing(TUNES))[: len(ids) - WINDOW + 1].tolist()]
    assert even == [True, True, False, False, False, True, True]  # low, low + 1, tie, bar, low + 1 (tied), low, low


@pytest.mark.parametrize("profile", [TEXT, TUNES])
def test_runs_of_marks_are_those_of_ids(profile):
    """Hardly any of 300 pieces, which copy in any key, has a run that is longer by marks, and none a shorter one."""
    random, size = np.random.default_rng(0), len(profile.heights)
    bodies = random.integers(2, size, (200, 100))
    store = TokenStore.of([[START, *body, END] for body in bodies.tolist()])
    trained, pieces = range(0, 200, 2), []
    for _ in range(300):
        copied = moved(bodies[random.integers(200), 20:60].tolist(), int(random.integers(-1, 2)), profile)
        pieces.append(np.array([START, *random.integers(2, size, 30), *copied[: random.integers(40)], END]))
    exact = Overlap(store, trained, profile).longest(pieces)
    found = marked(store, trained, profile).longest(pieces)
    longer = [mark.length - run.length for run, mark in zip(exact, found, strict=True) if run.length >= SURE]
    assert len(longer) > 50
    assert min(longer) >= 0
    assert np.mean(np.array(longer) > 0) < 0.1
    same = [run[:4] == mark[:4] for run, mark in zip(exact, found, strict=True) if run.length >= 15]
    assert np.mean(same) > 0.9


def test_short_runs_are_not_told():
    store = TokenStore.of([[START, *[2, 3, 4] * 5, END]])
    found = marked(store, [0], TEXT).longest(
        [np.array([START, *[2, 3, 4] * 3][:8]), np.array([2, 3, 4] * 3), np.array([])]
    )
    assert [run.length for run in found] == [0, 9, 0]


def test_the_number_of_marks_follows_from_the_lengths():
    with pytest.raises(ValueError, match="expected 12 marks of 2 pieces, got 11"):
        MarkedOverlap(np.ones(11, np.uint8), np.array([15, 1]), [0, 1], TEXT)


@settings(deadline=None)
@given(stores(30), st.integers(8, 20))
def test_a_limit_does_not_change_its_state(case, most):
    profile, store, trained = case
    limit = marked(store, trained, profile).limit(most)
    rows = limit.begin(2)
    before = [array.copy() for array in rows]
    limit.advance(rows, np.array([START, 2]))
    assert all(np.array_equal(*pair) for pair in zip(before, rows, strict=True))
