"""Clusters against a quadratic reference, splits that keep them whole, the store, and streams that go on exactly."""

import json
import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from folkseq.corpus import IGNORED, Pairs, Split, StoreWriter, Streams, TokenStore, Unchanged, Windows, cluster, split
from folkseq.errors import CorpusError
from folkseq.pairs import EncoderSource, Pair, RelativePositions
from folkseq.training.heldout import pairs_of


def cluster_slowly(fingerprints, length, share):
    """Every pair compared, and labels spread until nothing changes."""

    def grams(values):
        return {tuple(values[i : i + length]) for i in range(len(values) - length + 1)}

    def twins(one, other):
        if len(one) < length or len(other) < length:
            return one == other and len(one) > 0
        a, b = grams(one), grams(other)
        return len(a & b) >= share * min(len(a), len(b))

    labels = list(range(len(fingerprints)))
    pairs = [(i, j) for j in range(len(labels)) for i in range(j) if twins(fingerprints[i], fingerprints[j])]
    for _ in labels:
        for i, j in pairs:
            labels[i] = labels[j] = min(labels[i], labels[j])
    return [sorted(set(labels)).index(label) for label in labels]


@settings(deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 2), max_size=12), max_size=12), st.integers(1, 4), st.sampled_from([0.3, 0.5, 1])
)
def test_clusters_are_those_of_comparing_every_pair(fingerprints, length, share):
    assert cluster(fingerprints, length, share).tolist() == cluster_slowly(fingerprints, length, share)


def test_half_of_the_smaller_piece_makes_twins_and_less_does_not():
    tune = list(range(28))  # 20 shingles of nine
    half, less = [*tune[:18], *range(100, 110)], [*tune[:17], *range(200, 211)]  # which share 10 and 9 of them
    assert cluster([tune, half]).tolist() == [0, 0]
    assert cluster([tune, less]).tolist() == [0, 1]
    assert cluster([[], [], [2, 2], [2, 2]]).tolist() == [0, 1, 2, 2]


@pytest.mark.parametrize("common", [0, 40])
def test_clustering_four_thousand_pieces_takes_no_time(common):
    rng = np.random.default_rng(0)
    shared = rng.integers(-5, 6, common).tolist()  # a passage that all pieces hold must not make it quadratic
    fingerprints = [shared + rng.integers(-5, 6, 100 - common).tolist() for _ in range(4000)]
    start = time.process_time()
    labels = cluster(fingerprints)
    assert time.process_time() - start < 3  # it takes half of that
    assert len(set(labels.tolist())) == 4000


@settings(deadline=None)
@given(st.lists(st.integers(0, 8), min_size=1, max_size=60), st.integers(0, 3))
def test_a_split_holds_every_piece_once_and_no_cluster_twice(labels, seed):
    dealt = split(labels, seed=seed)
    assert dealt == split(labels, seed=seed)
    assert sorted(dealt.train + dealt.valid + dealt.test) == list(range(len(labels)))
    sides = [{labels[piece] for piece in side} for side in (dealt.train, dealt.valid, dealt.test)]
    assert sum(map(len, sides)) == len(set(labels))
    assert [bool(side) for side in sides] == [True, len(set(labels)) > 1, len(set(labels)) > 2]


@pytest.mark.parametrize(
    ("count", "sizes"), [(1, (1, 0, 0)), (2, (1, 1, 0)), (3, (1, 1, 1)), (10, (8, 1, 1)), (1000, (900, 50, 50))]
)
def test_the_sides_are_as_large_as_their_shares(count, sizes):
    dealt = split(range(count))
    assert (len(dealt.train), len(dealt.valid), len(dealt.test)) == sizes


def test_a_split_refuses_what_it_cannot_mean():
    with pytest.raises(CorpusError, match="no pieces"):
        split([])
    with pytest.raises(ValueError, match="sum to one"):
        split([0], shares=(0.5, 0.1, 0.1))
    with pytest.raises(ValueError, match="more than one side"):
        Split((0, 1), (1,), ())


def test_a_store_keeps_pieces_on_the_disk_in_the_smallest_integers(tmp_path):
    pieces = [[0, 300, 1], [0, 1], [0, 2, 2, 2, 1]]
    with StoreWriter(tmp_path, np.uint16) as writer:
        for piece in pieces:
            writer.append(piece)
    store = TokenStore.read(tmp_path)
    assert isinstance(store.ids, np.memmap)
    assert store.ids.dtype == np.uint16
    assert [store[piece].tolist() for piece in range(len(store))] == pieces
    assert store.count([0, 2]) == 8
    with pytest.raises(ValueError, match="start id and an end id"):
        TokenStore.of([[0, 1], [0]])


def small_store():
    return TokenStore.of([[0, *[10 + piece] * piece, 1] for piece in range(7)])


def test_streams_read_whole_pieces_one_after_another_in_a_new_order_each_epoch():
    store = small_store()
    streams = Streams(store, [0, 2, 3, 5, 6], rows=3, steps=4, generator=np.random.default_rng(0))
    batches = [next(streams) for _ in range(30)]
    x = np.concatenate([batch.x for batch in batches], axis=1)  # (B, all)
    y = np.concatenate([batch.y for batch in batches], axis=1)
    assert x.dtype == np.int64
    assert (x[:, 1:] == y[:, :-1]).all()
    assert all(((batch.x[:, 0] == 0) == batch.fresh).all() for batch in batches)
    wanted = {tuple(store[piece].tolist()) for piece in (0, 2, 3, 5, 6)}
    read = []
    for row in x.tolist():
        text = "".join(map(chr, row))
        read += [tuple(map(ord, piece)) for piece in text[: text.rindex("\x01") + 1].split("\x00")[1:]]
    assert {(0, *piece) for piece in read} == wanted
    assert streams.epoch > 10


def test_streams_deal_every_piece_once_an_epoch():
    streams = Streams(small_store(), range(7), rows=1, steps=35, generator=np.random.default_rng(3))
    for _ in range(3):  # an epoch is 7 × 2 + 21 = 35 ids long
        x = next(streams).x
        assert sorted(x[0].tolist()) == sorted(small_store().ids.tolist())


def test_streams_go_on_exactly_from_a_state_that_went_through_json():
    def begin(seed):
        return Streams(small_store(), range(7), rows=3, steps=4, generator=np.random.default_rng(seed))

    streams = begin(1)
    for _ in range(11):
        next(streams)
    state = json.loads(json.dumps(streams.state()))
    expected = [next(streams) for _ in range(20)]
    other = begin(2)
    other.restore(state)
    for batch, again in zip(expected, other, strict=False):
        assert all(map(np.array_equal, batch, again))
    assert other.epoch >= streams.epoch


def test_windows_hold_every_id_of_every_piece_once_an_epoch_or_twice_at_its_beginning():
    store = TokenStore.of([[0, *range(10, 10 + length), 1] for length in (1, 4, 23, 80)])
    pieces = [0, 2, 3]
    length = 5
    windows = Windows(
        store, pieces, rows=1, length=length, generator=np.random.default_rng(0), augmentation=Unchanged()
    )
    for _ in range(3):
        predicted = []
        epoch = windows.epoch
        while int(windows.epoch) == int(epoch):
            batch = next(windows)
            known = batch.y != IGNORED
            assert (batch.x[:, 1:][known[:, 1:]] == batch.y[:, :-1][known[:, 1:]]).all()
            predicted += batch.y[known].tolist()
        for piece in pieces:
            ids = store[piece][1:].tolist()
            for place, id_ in enumerate(ids[:-1]):
                shared = sum(id_ in store[other] for other in pieces)
                assert predicted.count(id_) >= shared, (piece, place)


def test_windows_go_on_exactly_from_where_they_stood():
    store = TokenStore.of([[0, *range(2, 2 + length), 1] for length in (3, 50, 70)])

    def opened():
        return Windows(
            store, [0, 1, 2], rows=2, length=8, generator=np.random.default_rng(7), augmentation=Moved(), windows=3
        )

    class Moved:
        lookahead, conditioning = 2, 1
        stride = 1

        def __call__(self, ids, piece, length, random):
            ids = ids[: length + 1] + random.integers(0, 2)
            return ids, np.full((len(ids) - 1, 1), piece, np.float32)

    windows = opened()
    for _ in range(21):  # into the second epoch
        next(windows)
    assert windows.epoch > 1
    state = json.loads(json.dumps(windows.state()))
    expected = [next(windows) for _ in range(12)]
    again = opened()
    again.restore(state)
    for batch in expected:
        for here, there in zip(batch, next(again), strict=True):
            assert np.array_equal(here, there)
    assert expected[0].conditioning.shape == (2, 8, 1)


def test_rows_read_on_within_a_passage_and_begin_passages_in_turn():
    store = TokenStore.of([[0, *range(2, 900), 1], [0, *range(1000, 1900), 1]])
    windows = Windows(
        store, [0, 1], rows=4, length=10, generator=np.random.default_rng(0), augmentation=Unchanged(), windows=4
    )
    batches = [next(windows) for _ in range(12)]
    fresh = np.stack([batch.fresh for batch in batches])  # (12, B)
    assert fresh[0].all()
    for row in range(4):  # the first passage of each row is shorter than the next row's, and then all are alike
        assert np.flatnonzero(fresh[: row + 2, row]).tolist() == [0, row + 1]
    for before, after in pairwise(batches):
        goes_on = ~after.fresh
        assert (before.y[goes_on, -1] == after.x[goes_on, 0]).all()


def test_passages_that_are_cut_down_to_nothing_are_passed_over():
    store = TokenStore.of([[0, *[7] * 200, 1], [0, *range(10, 60), 1]])

    class WithoutSevens:
        lookahead, conditioning = 0, 0
        stride = 1

        def __call__(self, ids, piece, length, random):
            return ids[: length + 1][ids[: length + 1] != 7], None

    windows = Windows(
        store, [0, 1], rows=2, length=10, generator=np.random.default_rng(0), augmentation=WithoutSevens()
    )
    for _ in range(60):
        assert (next(windows).y != IGNORED).any(axis=1).all()


class Seldom:
    """Draws of one piece in so many."""

    def __init__(self, often):
        self.often, self.asked = often, 0

    def __call__(self, ids, piece, random):
        self.asked += 1
        source = EncoderSource(np.zeros((1, 1), np.int64), np.zeros((1, 2), np.int64))
        ones = np.ones(len(ids) - 1, np.int64)
        return Pair(source, ids, 0 * ones, ones > 0) if random.random() < self.often else None

    def hold_out(self, ids, piece, turn):
        return self(ids, piece, np.random.default_rng([piece, turn]))


def test_pairs_go_on_where_chance_gives_few_and_say_when_there_are_none():
    store = TokenStore.of([[0, 5, 6, 1], [0, 7, 1]])

    def batches(draw):
        return Pairs(store, [0, 1], 2, np.random.default_rng(0), draw, RelativePositions(1, 0))

    few = batches(Seldom(0.05))
    assert all(next(few).y.size for _ in range(50))
    with pytest.raises(CorpusError, match="nothing of the pieces to train on can be asked for"):
        batches(Seldom(0.0))


def test_held_out_pairs_come_from_everywhere_and_no_more_are_drawn_than_are_kept():
    store = TokenStore.of([[0, piece, 6, 1] for piece in range(1000)])
    draw = Seldom(0.5)
    found = pairs_of(store, range(1000), 400, draw)
    assert sum(len(pair.ids) for pair in found) == 400
    assert draw.asked < 300
    assert max(pair.ids[1] for pair in found) > 900
    assert [pair.ids.tolist() for pair in pairs_of(store, range(1000), 400, draw)] == [p.ids.tolist() for p in found]
