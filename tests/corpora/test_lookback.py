"""The lookback of whole pieces and of steps against plain loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from folkseq.corpora import Lookback, Streams, TokenStore
from folkseq.corpora.lookback import MOST_BARS
from folkseq.corpora.matching import LENGTHS, WINDOW
from folkseq.representations.abc import AbcCodec, AbcRepresentation
from folkseq.representations.vocabulary import Vocabulary

V = 7
BARS = Lookback(V, (1, 2, 5), bar_ends=(3, 4, 5), section_ends=(4, 5))
PLACED = Lookback(V, (1, 3), bar_ends=(3, 4, 5), section_ends=(4, 5), bar_length=9, position=True)
MATCHED = Lookback(V, (1, 2), bar_ends=(3, 4, 5), section_ends=(4, 5), match=True)
ALL = Lookback(V, (), bar_ends=(3,), section_ends=(3,), bar_length=9, position=True, match=True)
lookbacks = pytest.mark.parametrize("lookback", [BARS, PLACED, MATCHED, ALL], ids=["bars", "position", "match", "all"])
some = st.lists(st.integers(0, V - 1), min_size=1, max_size=300)
short = st.lists(st.integers(0, V - 1), min_size=1, max_size=40)
pieces = (
    some
    | st.builds(lambda head, length: [*head, *[0] * length, 3, *[1] * length], short, st.integers(60, 70))
    | st.builds(lambda part, between: [*part, *between, *part, *between[:9], *part], short, short)
)


def longest_match(ids):
    """Return the id that followed the last of the longest matches of the end of the ids, and the level."""
    best = (0, -1)
    for at in range(max(len(ids) - WINDOW, 0), len(ids) - 1):
        length = 0
        while length <= at and ids[at - length] == ids[-1 - length] and length < LENGTHS[-1]:
            length += 1
        best = max(best, (sum(length >= each for each in LENGTHS), at))
    level, at = best
    return (ids[at + 1] if level else V), level


def plain(ids, lookback):
    bars, begun, found = [[]], 0, []
    for one in ids:
        bars[-1].append(one)
        if one in lookback.bar_ends:
            bars.append([])
        if one in lookback.section_ends:
            begun = len(bars) - 1
        place, now, row = len(bars[-1]), len(bars) - 1, []
        followed, level = longest_match(ids[: len(found) + 1])
        for column, distance in enumerate(lookback.distances):
            earlier = bars[now - distance] if now >= distance else []
            there = place < min(len(earlier), lookback.bar_length)
            row.append(column * (V + 1) + (earlier[place] if there else V))
        if lookback.match:
            row.append(len(row) * (V + 1) + followed)
        first = len(row) * (V + 1)
        row.append(first + min(now - begun, MOST_BARS))
        first += MOST_BARS + 1
        if lookback.position:
            row.append(first + min(place, lookback.bar_length))
            first += lookback.bar_length + 1
        found.append([*row, first + level] if lookback.match else row)
    return found


@lookbacks
@settings(deadline=None)  # the plain loops are slow
@given(ids=pieces)
def test_a_whole_piece(lookback, ids):
    found = lookback.indices(ids)
    assert found.tolist() == plain(ids, lookback)
    assert found.max() < lookback.size


@lookbacks
@settings(deadline=None)  # the plain loops are slow
@given(rows=st.lists(pieces, min_size=1, max_size=4))
def test_step_by_step_beside_any_other_rows(lookback, rows):
    memory, expected = lookback.begin(len(rows)), [plain(ids, lookback) for ids in rows]
    for step in range(min(map(len, rows))):
        found = lookback.step(memory, np.array([ids[step] for ids in rows]))
        if step % 7 == 0:
            assert found.tolist() == [wanted[step] for wanted in expected]


@pytest.mark.parametrize(("length", "followed"), [(WINDOW, 3), (WINDOW + 1, 3), (WINDOW + 2, V), (2 * WINDOW, V)])
def test_a_match_lies_within_the_window(length, followed):
    lookback = Lookback(V, (), (), (), match=True)
    ids = [1, 2, 3, *np.resize([4, 5, 6, 6], length - 5).tolist(), 1, 2]
    memory = lookback.begin(2)
    for one in ids:
        found = lookback.step(memory, np.array([one, 0]))
    assert found[0].tolist() == lookback.indices(ids)[-1].tolist() == plain(ids, lookback)[-1]
    assert found[0, 0] == followed


def test_rows_that_are_restarted_remember_nothing():
    lookback = Lookback(V, (1,), (3,), (3,), match=True)
    memory = lookback.begin(2)
    for one in (0, 1, 2, 3, 0, 1):
        lookback.step(memory, np.array([one, one]))
    for array, opened in zip(memory, lookback.begin(1), strict=True):
        array[1:] = opened
    ids = [1, 2, 1]
    found = [lookback.step(memory, np.array([2, one])) for one in ids]
    assert [row[1].tolist() for row in found] == plain(ids, lookback)
    assert found[0][0].tolist() == plain([0, 1, 2, 3, 0, 1, 2], lookback)[-1]


def test_streams_give_the_lookback_of_every_id():
    random = np.random.default_rng(0)
    store = TokenStore.of([random.integers(0, V, size) for size in (5, 40, 3, 90, 17, 2)])
    streams = Streams(store, range(6), 3, 8, np.random.default_rng(1), BARS)
    rows: list[list[tuple[int, list[int]]]] = [[], [], []]
    for _ in range(30):
        batch = next(streams)
        for row in range(3):
            rows[row] += zip(batch.x[row].tolist(), batch.lookback[row].tolist(), strict=True)
    known = {
        tuple(zip(store[piece].tolist(), map(tuple, plain(store[piece], BARS)), strict=True)) for piece in range(6)
    }
    for row in rows:  # piece after piece, each from its first id
        read = [(one, tuple(beside)) for one, beside in row]
        while len(read) > 90:
            piece = next(piece for piece in known if tuple(read[: len(piece)]) == piece)
            read = read[len(piece) :]
    kept = streams.state()
    ahead = [next(streams).lookback for _ in range(3)]
    again = Streams(store, range(6), 3, 8, np.random.default_rng(9), BARS)
    again.restore(kept)
    for expected in ahead:
        np.testing.assert_array_equal(next(again).lookback, expected)


def test_bars_of_a_tune():
    tune = "<s> R:reel M:4/4 K:Cmaj |: C D E | [1 C D F :| [2 G A | G A B || c </s>"
    tokens = tune.split()
    vocabulary = Vocabulary(tuple(sorted(set(tokens))))
    recipe = AbcCodec(AbcRepresentation(), vocabulary).recipe
    ends = recipe["bar_ends"], recipe["section_ends"]
    bars, sections = ({vocabulary.tokens[one] for one in each} for each in ends)
    assert sections == {"<s>", "R:reel", "M:4/4", "K:Cmaj", "|:", ":|", "||"}
    assert bars == sections | {"|"}
    lookback = Lookback(len(vocabulary), (1,), *ends)
    shown = lookback.indices(vocabulary.encode(tokens))
    names = [*vocabulary.tokens, "-"]
    shown_one_bar_ago = "<s> R:reel M:4/4 K:Cmaj |: - - - C D E | - [1 C D F [2 G A | G A B"
    assert " ".join(names[one] for one in shown[:, 0]) == shown_one_bar_ago
    since = (shown[:, 1] - len(vocabulary) - 1).tolist()
    assert since[4:] == [0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0]


def test_ends_outside_of_the_vocabulary_are_refused():
    with pytest.raises(IndexError):
        Lookback(3, (1,), bar_ends=(9,), section_ends=()).indices([0])
