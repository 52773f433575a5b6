"""What may not follow if runs are to stay short, against the rule in plain loops; and that runs do stay short."""

from itertools import groupby

import numpy as np
import pytest
from book import BOOK
from hypothesis import given, settings
from hypothesis import strategies as st
from passages import END, PROFILES, START, TEXT, TUNES, longest_slowly, marked, moved, run_slowly, stores

from folkseq.corpora import TokenStore
from folkseq.errors import RequestError
from folkseq.grammar import put, take
from folkseq.novelty.hashing import Hashing
from folkseq.novelty.limit import CopyLimit
from folkseq.novelty.overlap import Overlap
from folkseq.novelty.training_set import TrainingSet
from folkseq.representations.abc import AbcRepresentation
from folkseq.representations.capabilities import Profile
from folkseq.representations.vocabulary import Vocabulary


def copy_limit(store, trained, profile, most):
    return CopyLimit(TrainingSet.of(store, trained, profile), Hashing(profile), most)


def marked_limit(store, trained, profile, most):
    return marked(store, trained, profile).limit(most)


def free_slowly(piece, profile):
    """Whether each id of a list could have been another."""
    free, bound = [], False
    for one in piece:
        free.append(bool(profile.free[one]) and not bound)
        bound = bool(profile.binding[one]) or (bound and not profile.free[one])
    return free


def allowed_slowly(history, store, trained, profile, most):
    """(V,) which ids may follow a list of ids."""
    allowed = np.ones(len(profile.heights), np.bool_)
    for number in trained:
        piece = store[number].tolist()
        free = free_slowly(piece, profile)
        for place in range(1, len(piece) - 1):
            following = next((at for at in range(place + 1, len(piece) - 1) if free[at]), len(piece) - 1) - place - 1
            length = max(most - min(told for told in (0, 1, 2, 4, 8, 16, 32) if told >= following), 4)
            if free[place] and length <= min(place, len(history)):
                given = piece[place - length : place + 1]
                for one in np.flatnonzero(profile.free).tolist():
                    if run_slowly([*history[len(history) - length :], one], given, profile) == length + 1:
                        allowed[one] = False
    return allowed


@settings(deadline=None, max_examples=200)
@given(stores(30), st.data())
def test_the_ids_are_those_of_plain_loops(case, data):
    profile, store, trained = case
    limit = copy_limit(store, trained, profile, 8)
    histories = []
    for _ in range(3):
        body = store[data.draw(st.sampled_from(trained))][1:-1].tolist()
        first = data.draw(st.integers(0, len(body)))
        histories.append([START, *moved(body[first : first + 20], data.draw(st.integers(-2, 2)), profile)])
    length = min(map(len, histories))
    rows = limit.begin(3)
    for ids in np.array([history[:length] for history in histories]).T:
        before = [array.copy() for array in rows]
        after = limit.advance(rows, ids)
        assert all(np.array_equal(*pair) for pair in zip(before, rows, strict=True))
        rows = after
    found = limit.allowed(rows)
    expected = [allowed_slowly(history[:length], store, trained, profile, 8) for history in histories]
    assert np.array_equal(np.ones_like(expected) if found is None else found, expected)
    assert found is None or not found.all()


def sampled(store, profile, random, most, limit_of=copy_limit):
    """Four pieces of a sampler that goes on with some passage of the store, in some key, wherever it is let."""
    limit = limit_of(store, range(len(store)), profile, most)
    pieces = [[int(store[0][0])] for _ in range(4)]
    wanted = [[] for _ in pieces]
    rows = limit.advance(limit.begin(4), np.array([piece[-1] for piece in pieces]))
    for _ in range(100):
        allowed = limit.allowed(rows)
        for row, piece in enumerate(pieces):
            free = np.flatnonzero(profile.free & (True if allowed is None else allowed[row]))
            if not wanted[row]:
                body = store[random.integers(len(store))][1:-1].tolist()
                start = random.integers(len(body) // 3 + 1)
                wanted[row] = moved(body[start : start + 60], random.integers(-1, 2), profile) or [random.choice(free)]
            one = wanted[row].pop(0)
            if profile.binding[piece[-1]]:  # as a grammar has it
                one = next((held for held in piece[::-1] if profile.free[held]), one)
            elif profile.free[one] and one not in free:
                one, wanted[row] = random.choice(free), []
            piece.append(int(one))
        rows = limit.advance(rows, np.array([piece[-1] for piece in pieces]))
    return [np.array(piece) for piece in pieces]


def books():
    """The tunes of the small book as tokens, and its lines as characters, of which nothing is known."""
    representation = AbcRepresentation()
    tunes = representation.files.parse(BOOK.encode(), "book.abc").pieces
    codec = representation.fit(tunes)
    yield TokenStore.of([codec.encode(tune) for tune in tunes]), codec.profile
    lines = [["<s>", *line, "</s>"] for line in BOOK.split("\n")]
    vocabulary = Vocabulary.learn(lines)
    yield TokenStore.of([vocabulary.encode(line) for line in lines]), Profile.without_pitch(vocabulary)


def longest_slowly_possible(store, profile, most, decide=4):
    """The longest run that can be: `most`, or an uninterrupted stretch that is not free, and some ids before it."""
    found = [most]
    for number in range(len(store)):
        free = free_slowly(store[number][1:-1].tolist(), profile)
        lengths = [len(list(stretch)) for _, stretch in groupby(np.cumsum([False, *free]))]
        found += [lengths[0] - 1, *(decide + length - 1 for length in lengths[1:])]
    return max(found)


@pytest.mark.parametrize("most", [8, 12, 20, 30])
@pytest.mark.parametrize("book", [0, 1])
def test_runs_stay_short(book, most):
    store, profile = list(books())[book]
    index = Overlap(store, range(len(store)), profile)
    random = np.random.default_rng(0)
    lengths = [run.length for _ in range(10) for run in index.longest(sampled(store, profile, random, most))]
    longest = longest_slowly_possible(store, profile, most)
    assert longest == max(most, [13, 0][book])  # nine ids of the waltz are not free: 2 | [M:2/4] z 2 z 2 | [M:3/4]
    assert most <= max(lengths) <= longest
    assert max(run.length for run in index.longest(sampled(store, profile, random, 1000))) > 30


@pytest.mark.parametrize("most", [8, 20])
@pytest.mark.parametrize("book", [0, 1])
def test_runs_stay_short_by_marks(book, most):
    store, profile = list(books())[book]
    index, random = Overlap(store, range(len(store)), profile), np.random.default_rng(0)
    pieces = [piece for _ in range(10) for piece in sampled(store, profile, random, most, marked_limit)]
    lengths = [run.length for run in index.longest(pieces)]
    assert max(lengths) <= longest_slowly_possible(store, profile, most, decide=5)
    assert max(lengths) >= most - 1


@settings(deadline=None)
@given(stores(30), st.integers(0, 9))
def test_runs_stay_short_by_marks_whatever_the_training_set(case, seed):
    profile, store, _ = case
    pieces = sampled(store, profile, np.random.default_rng(seed), 8, marked_limit)
    lengths = [longest_slowly(piece.tolist(), store, range(len(store)), profile)[0] for piece in pieces]
    assert max(lengths) <= longest_slowly_possible(store, profile, 8, decide=5)


@settings(deadline=None)
@given(stores(30), st.integers(0, 9))
def test_runs_stay_short_whatever_the_training_set(case, seed):
    profile, store, _ = case
    pieces = sampled(store, profile, np.random.default_rng(seed), 8)
    lengths = [longest_slowly(piece.tolist(), store, range(len(store)), profile)[0] for piece in pieces]
    longest = longest_slowly_possible(store, profile, 8)
    assert max(lengths) <= longest


def test_rows_can_be_taken_and_replaced():
    store = TokenStore.of([[START, *[2, 3, 4] * 10, END]])
    limit = copy_limit(store, [0], TEXT, 8)
    rows = limit.begin(2)
    for ids in ([START, START], *([one, 2] for one in [2, 3, 4] * 3)):
        rows = limit.advance(rows, np.array(ids))
    assert limit.allowed(rows)[:, 2:].tolist() == [[False, True, True], [True, True, True]]
    assert limit.allowed(take(rows, [1])) is None
    assert limit.allowed(take(rows, [0, 1, 0]))[:, 2].tolist() == [False, True, False]
    put(rows, [0], limit.begin(1))
    assert limit.allowed(rows) is None


def test_without_a_pitch_to_go_by_every_height_is_too_much():
    bar, low = 2, 4
    store = TokenStore.of([[START, *[bar] * 9, low, END], [START, low, *[bar] * 7, low, END]])
    limit = copy_limit(store, [0, 1], TUNES, 8)
    rows = limit.begin(1)
    for one in (START, low + 2, *[bar] * 7):
        rows = limit.advance(rows, np.array([one]))
    assert np.flatnonzero(~limit.allowed(rows)[0]).tolist() == [low + 2]
    rows = limit.advance(rows, np.array([bar]))
    assert np.flatnonzero(~limit.allowed(rows)[0]).tolist() == [4, 5, 6, 7, 8]


def test_a_tie_settles_the_next_pitch_of_its_own_piece():
    bar, tie, low = 2, 3, 4
    ends_tied, after = [START, tie, END], [START, *[bar] * 8, low, END]
    for bodies, forbidden in (([ends_tied, after], 5), ([[START, *[bar] * 7, tie, low, END]], 0)):
        limit = copy_limit(TokenStore.of(bodies), range(len(bodies)), TUNES, 8)
        rows = limit.begin(1)
        for one in bodies[-1][:9]:
            rows = limit.advance(rows, np.array([one]))
        allowed = limit.allowed(rows)
        assert (0 if allowed is None else np.count_nonzero(~allowed)) == forbidden


def test_few_ids_cannot_be_asked_for():
    with pytest.raises(RequestError, match=r"--max-copy 7\b.*\b8 tokens"):
        copy_limit(TokenStore.of([[START, END]]), [0], TEXT, 7)


@pytest.mark.parametrize("profile", PROFILES)
def test_an_empty_training_set_forbids_nothing(profile):
    limit = copy_limit(TokenStore.of([[START, END]]), [0], profile, 8)
    assert limit.allowed(limit.advance(limit.begin(1), np.array([START]))) is None
