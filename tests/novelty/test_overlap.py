"""Runs shared with a training set, against a search by plain loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from passages import END, PROFILES, START, TEXT, TUNES, longest_slowly, moved, stores

from folkseq.corpora import TokenStore
from folkseq.errors import FolkseqError, RunError
from folkseq.novelty import hashing, training_set
from folkseq.novelty.overlap import Overlap
from folkseq.novelty.training_set import TrainingSet


@st.composite
def cases(draw):
    """A profile, a store, which of its pieces are trained on, and pieces that copy from it, moved or not."""
    profile, store, trained = draw(stores(40))
    inner = st.integers(2, len(profile.heights) - 1)
    pieces = []
    for _ in range(draw(st.integers(0, 3))):
        piece = [START] if draw(st.booleans()) else []
        for _ in range(draw(st.integers(0, 3))):
            body = store[draw(st.integers(0, len(store) - 1))][1:-1].tolist()
            first = draw(st.integers(0, len(body)))
            piece += moved(body[first : first + draw(st.integers(0, 40))], draw(st.integers(-2, 2)), profile)
            piece += draw(st.lists(inner, max_size=2))
        pieces.append(np.array([*piece, END] if draw(st.booleans()) else piece, np.int64))
    return profile, store, trained, pieces


def facts(runs):
    return [(run.length, run.start, run.source if run.length else -1, run.source_start) for run in runs]


def lengths(runs):
    return [run.length for run in runs]


def check(profile, store, trained, pieces):
    found = Overlap(store, trained, profile).longest(pieces)
    assert facts(found) == [longest_slowly(piece.tolist(), store, trained, profile) for piece in pieces]
    for run in found:
        if run.length:
            assert run.source_ids.tolist() == store[run.source][: run.source_start + run.length].tolist()


@settings(deadline=None, max_examples=300)
@given(cases())
def test_the_longest_run_is_that_of_plain_loops(case):
    check(*case)


@settings(deadline=None)
@given(cases())
def test_hashes_are_not_trusted(case):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hashing, "mixed", lambda numbers: np.zeros(len(numbers), np.uint64))  # all kinds look alike
        check(*case)


def test_of_equal_runs_the_first_in_the_piece_and_in_the_store():
    store = TokenStore.of([[0, 2, 3, 1], [0, 4, 4, 1], [0, 3, 4, 4, 2, 3, 1]])
    found = Overlap(store, [2, 1, 0], TEXT).longest([np.array([0, 3, 2, 3, 2, 4, 4, 1]), np.array([0, 1])])
    assert facts(found) == [(2, 2, 0, 1), (0, 0, -1, 0)]
    found = Overlap(store, [1, 2], TEXT).longest([np.array([2, 3])])  # piece 0 is not trained on
    assert facts(found) == [(2, 0, 2, 4)]
    assert Overlap(store, [1, 2], TEXT).longest([]) == []


def test_a_transposition_is_a_copy_and_a_changed_accidental_is_not():
    bar, low, sharp = 2, 4, 9
    store = TokenStore.of([[START, bar, low, low + 1, bar, low + 2, bar, END]])
    pieces = [[bar, low + 1, low + 2, bar, low + 3], [bar, low + 1, low + 2, bar, low + 2], [bar, low, low + 1, sharp]]
    found = Overlap(store, [0], TUNES).longest([np.array(piece) for piece in pieces])
    assert lengths(found) == [5, 4, 3]


def test_an_index_is_written_and_read(tmp_path):
    random = np.random.default_rng(0)
    store = TokenStore.of([[START, *random.integers(2, 10, 100), END] for _ in range(20)])
    built, read = (Overlap(store, range(20), TUNES) for _ in range(2))
    built.write(tmp_path / "novelty")
    built.write(tmp_path / "novelty")  # in place of what is there
    assert [path.name for path in tmp_path.iterdir()] == ["novelty"]
    read.read(tmp_path / "novelty")
    pieces = [np.asarray(store[3]), random.integers(2, 10, 50)]
    assert facts(read.longest(pieces)) == facts(built.longest(pieces))
    assert sum(path.stat().st_size for path in tmp_path.glob("novelty/*")) <= 12 * len(store.ids) + 256

    other = TokenStore.of([[START, *random.integers(2, 10, 100), END] for _ in range(20)])
    with pytest.raises(RunError, match=r"novelty: .*not .* of this run's training set"):
        Overlap(other, range(20), TUNES).read(tmp_path / "novelty")
    (tmp_path / "novelty" / "keys.npy").write_bytes(b"")
    with pytest.raises(RunError, match="novelty: cannot use"):
        read.read(tmp_path / "novelty")
    (tmp_path / "file").touch()
    with pytest.raises(FolkseqError, match="cannot be written"):
        built.write(tmp_path / "file")


def test_large_training_sets_are_known_by_the_beginnings_of_their_pieces(monkeypatch, tmp_path):
    monkeypatch.setattr(training_set, "MOST_IDS", 60)
    store = TokenStore.of([[START, *[2, 3] * 20, END], [START, *[4] * 40, END]])
    index = Overlap(store, [0, 1], TEXT)
    assert len(index.index[0]) == 28  # without those that the next ids, which are not seen, would tell apart
    assert lengths(index.longest([np.asarray(store[1])])) == [40]
    index.write(tmp_path)
    index.read(tmp_path)
    assert len(index.index[0]) == 28


def test_runs_that_all_pieces_have_and_whole_copies_are_found():
    random = np.random.default_rng(0)
    bodies = random.integers(2, 10, (3000, 200))
    bodies[:, 50:70] = bodies[0, 50:70]  # what all of them have in common
    store = TokenStore.of([[START, *body, END] for body in bodies.tolist()])
    pieces = [np.concatenate((random.integers(2, 10, 150), bodies[number, 100:])) for number in range(64)]
    assert min(lengths(Overlap(store, range(3000), TUNES).longest(pieces))) >= 100
    copies = [np.asarray(store[number]) for number in range(10)]
    ten = Overlap(TokenStore.of(copies), range(10), TUNES)
    assert lengths(ten.longest(copies * 6)) == [200] * 60
    assert lengths(ten.longest([bodies[0, 50:70]] * 60)) == [20] * 60


@pytest.mark.parametrize("profile", PROFILES)
def test_an_empty_training_set_shares_nothing(profile):
    found = Overlap(TokenStore.of([[START, END]]), [0], profile).longest([np.array([START, 2, 3, END])])
    assert facts(found) == [(0, 0, -1, 0)]


def test_pieces_that_go_on_from_one_another_are_one():
    """Two texts, the first of four stretches of which the third is held out; a passage over a seam is one."""
    random = np.random.default_rng(0)
    text = random.integers(2, 5, 60).tolist()
    parts = [[START, *text[:20]], [START, *text[20:30]], [START, *text[30:50]], [START, *text[50:], END]]
    store = TokenStore.of([*parts, [START, 2, 2, 2]])
    known = TrainingSet.of(store, [0, 1, 3, 4], TEXT)
    wholes = [known.store[piece].tolist() for piece in known.pieces]
    assert wholes == [[START, *text[:30], END], [START, *text[50:], END], [START, 2, 2, 2, END, END]]
    assert list(known.origins) == [0, 3, 4]
    found = Overlap(store, [0, 1, 3, 4], TEXT).longest(
        [np.array(text[12:28]), np.array(text[22:30]), np.array(text[51:])]
    )
    assert facts(found) == [(16, 0, 0, 13), (8, 0, 0, 23), (9, 0, 3, 2)]
    assert found[0].source_ids.tolist() == [START, *text[:28]]


def test_pieces_that_end_stay_as_they_are():
    store = TokenStore.of([[START, 2, END], [START, 3, 3, END], [START, 4, END]])
    known = TrainingSet.of(store, [2, 0], TEXT)
    assert known.store is store
    assert (list(known.pieces), list(known.origins)) == ([0, 2], [0, 1, 2])


def test_no_run_reaches_over_the_end_of_the_last_text():
    (run,) = Overlap(TokenStore.of([[START, 2, 3, 3]]), [0], TEXT).longest([np.array([2, 3, 3, 3, 3])])
    assert (run.length, run.source_start) == (3, 1)


def test_of_long_texts_the_beginnings_are_known(monkeypatch):
    monkeypatch.setattr(training_set, "MOST_IDS", 12)
    store = TokenStore.of([[START, 2, 3, 4], [START, 4, 3, 2, 2, 2, END], [START, 3, END]])
    known = TrainingSet.of(store, [0, 1, 2], TEXT)
    assert [known.store[piece].tolist() for piece in known.pieces] == [
        [START, 2, 3, 4, 4, 3, 2, 2, 2],
        [START, 3, END, END],
    ]
