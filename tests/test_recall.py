"""What stood some bars ago, and what followed the longest match: whole pieces and steps say the same as plain loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from folkseq.corpus import Lookback, Streams, TokenStore
from folkseq.corpus.lookback import MOST_BARS
from folkseq.corpus.matching import LENGTHS, WINDOW
from folkseq.representations.abc import AbcTokenizer
from folkseq.representations.vocabulary import Vocabulary

V = 7
RECALL = Lookback(V, (1, 2, 5), bar_ends=(3, 4, 5), section_ends=(4, 5))
PLACED = Lookback(V, (1, 3), bar_ends=(3, 4, 5), section_ends=(4, 5), bar_length=9, position=True)
MATCHED = Lookback(V, (1, 2), bar_ends=(3, 4, 5), section_ends=(4, 5), match=True)
ALL = Lookback(V, (), bar_ends=(3,), section_ends=(3,), bar_length=9, position=True, match=True)
recalls = pytest.mark.parametrize("recall", [RECALL, PLACED, MATCHED, ALL], ids=["bars", "places", "match", "all"])
some = st.lists(st.integers(0, V - 1), min_size=1, max_size=300)
short = st.lists(st.integers(0, V - 1), min_size=1, max_size=40)
pieces = (
    some
    | st.builds(lambda head, length: [*head, *[0] * length, 3, *[1] * length], short, st.integers(60, 70))
    | st.builds(lambda part, between: [*part, *between, *part, *between[:9], *part], short, short)
)


def longest_match(ids):
    """What followed the longest end of the ids that stands in them before, the last one of those that are as long."""
    best = (0, -1)
    for at in range(max(len(ids) - WINDOW, 0), len(ids) - 1):
        length = 0
        while length <= at and ids[at - length] == ids[-1 - length] and length < LENGTHS[-1]:
            length += 1
        best = max(best, (sum(length >= each for each in LENGTHS), at))
    level, at = best
    return (ids[at + 1] if level else V), level


def plain(ids, recall):
    bars, begun, found = [[]], 0, []
    for one in ids:
        bars[-1].append(one)
        if one in recall.bar_ends:
            bars.append([])
        if one in recall.section_ends:
            begun = len(bars) - 1
        place, now, row = len(bars[-1]), len(bars) - 1, []
        followed, level = longest_match(ids[: len(found) + 1])
        for column, distance in enumerate(recall.distances):
            earlier = bars[now - distance] if now >= distance else []
            there = place < min(len(earlier), recall.bar_length)
            row.append(column * (V + 1) + (earlier[place] if there else V))
        if recall.match:
            row.append(len(row) * (V + 1) + followed)
        first = len(row) * (V + 1)
        row.append(first + min(now - begun, MOST_BARS))
        first += MOST_BARS + 1
        if recall.position:
            row.append(first + min(place, recall.bar_length))
            first += recall.bar_length + 1
        found.append([*row, first + level] if recall.match else row)
    return found


@recalls
@settings(deadline=None)  # the plain loops are slow
@given(ids=pieces)
def test_a_whole_piece(recall, ids):
    found = recall.indices(ids)
    assert found.tolist() == plain(ids, recall)
    assert found.max() < recall.size


@recalls
@settings(deadline=None)  # the plain loops are slow
@given(rows=st.lists(pieces, min_size=1, max_size=4))
def test_step_by_step_in_any_company(recall, rows):
    memory, expected = recall.begin(len(rows)), [plain(ids, recall) for ids in rows]
    for step in range(min(map(len, rows))):
        found = recall.step(memory, np.array([ids[step] for ids in rows]))
        if step % 7 == 0:
            assert found.tolist() == [wanted[step] for wanted in expected]


@pytest.mark.parametrize(("length", "followed"), [(WINDOW, 3), (WINDOW + 1, 3), (WINDOW + 2, V), (2 * WINDOW, V)])
def test_a_match_is_nearer_than_the_window(length, followed):
    recall = Lookback(V, (), (), (), match=True)
    ids = [1, 2, 3, *np.resize([4, 5, 6, 6], length - 5).tolist(), 1, 2]
    memory = recall.begin(2)
    for one in ids:
        found = recall.step(memory, np.array([one, 0]))
    assert found[0].tolist() == recall.indices(ids)[-1].tolist() == plain(ids, recall)[-1]
    assert found[0, 0] == followed


def test_rows_that_begin_anew_remember_nothing():
    recall = Lookback(V, (1,), (3,), (3,), match=True)
    memory = recall.begin(2)
    for one in (0, 1, 2, 3, 0, 1):
        recall.step(memory, np.array([one, one]))
    for array, opened in zip(memory, recall.begin(1), strict=True):
        array[1:] = opened
    ids = [1, 2, 1]
    found = [recall.step(memory, np.array([2, one])) for one in ids]
    assert [row[1].tolist() for row in found] == plain(ids, recall)
    assert found[0][0].tolist() == plain([0, 1, 2, 3, 0, 1, 2], recall)[-1]


def test_streams_give_it_beside_every_id():
    random = np.random.default_rng(0)
    store = TokenStore.of([random.integers(0, V, size) for size in (5, 40, 3, 90, 17, 2)])
    streams = Streams(store, range(6), 3, 8, np.random.default_rng(1), RECALL)
    rows: list[list[tuple[int, list[int]]]] = [[], [], []]
    for _ in range(30):
        batch = next(streams)
        for row in range(3):
            rows[row] += zip(batch.x[row].tolist(), batch.lookback[row].tolist(), strict=True)
    known = {
        tuple(zip(store[piece].tolist(), map(tuple, plain(store[piece], RECALL)), strict=True)) for piece in range(6)
    }
    for row in rows:  # piece after piece, each from its first id
        read = [(one, tuple(beside)) for one, beside in row]
        while len(read) > 90:
            piece = next(piece for piece in known if tuple(read[: len(piece)]) == piece)
            read = read[len(piece) :]
    kept = streams.state()
    ahead = [next(streams).lookback for _ in range(3)]
    again = Streams(store, range(6), 3, 8, np.random.default_rng(9), RECALL)
    again.restore(kept)
    for expected in ahead:
        np.testing.assert_array_equal(next(again).lookback, expected)


def test_bars_of_a_tune():
    tune = "<s> R:reel M:4/4 K:Cmaj |: C D E | [1 C D F :| [2 G A | G A B || c </s>"
    tokens = tune.split()
    vocabulary = Vocabulary(tuple(sorted(set(tokens))))
    ends = AbcTokenizer().bar_ends(vocabulary)
    bars, sections = ({token for token, end in zip(vocabulary.tokens, each, strict=True) if end} for each in ends)
    assert sections == {"<s>", "R:reel", "M:4/4", "K:Cmaj", "|:", ":|", "||"}
    assert bars == sections | {"|"}
    recall = Lookback(len(vocabulary), (1,), *(tuple(np.flatnonzero(each).tolist()) for each in ends))
    shown = recall.indices(vocabulary.encode(tokens))
    names = [*vocabulary.tokens, "-"]
    shown_one_bar_ago = "<s> R:reel M:4/4 K:Cmaj |: - - - C D E | - [1 C D F [2 G A | G A B"
    assert " ".join(names[one] for one in shown[:, 0]) == shown_one_bar_ago
    assert (shown[:, 1] - len(vocabulary) - 1).tolist()[4:] == [
        0,
        0,
        0,
        0,
        1,
        1,
        1,
        1,
        1,
        0,
        0,
        0,
        0,
        1,
        1,
        1,
        1,
        0,
        0,
        0,
    ]


def test_what_cannot_be():
    with pytest.raises(IndexError):
        Lookback(3, (1,), bar_ends=(9,), section_ends=()).indices([0])
