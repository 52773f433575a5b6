"""Streams, windows and pairs: what they read, and that they continue exactly."""

import json
from itertools import pairwise

import numpy as np
import pytest

from folkseq.corpora import IGNORED, Streams, TokenStore, Windows
from folkseq.corpora.pairs import Pairs
from folkseq.errors import CorpusError
from folkseq.pairs import EncoderSource, Pair, RelativePositions
from folkseq.representations.capabilities import Augmentation
from folkseq.training.validate import pairs_of


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


def test_streams_continue_exactly_from_a_state_in_json():
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
    windows = Windows(store, pieces, rows=1, length=length, generator=np.random.default_rng(0))
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


def test_windows_continue_exactly_from_a_state_in_json():
    store = TokenStore.of([[0, *range(2, 2 + length), 1] for length in (3, 50, 70)])

    def opened():
        return Windows(
            store,
            [0, 1, 2],
            rows=2,
            length=8,
            generator=np.random.default_rng(7),
            augmentation=Moved(),
            windows=3,
            conditioning=1,
        )

    class Moved(Augmentation):
        lookahead = 2

        def span(self, ids):
            return len(ids), 0

        def excerpt(self, ids, length, span, random):
            ids = ids[: length + 1] + random.integers(0, 2)
            return ids, np.full((len(ids) - 1, 1), span[0], np.float32)

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


def test_rows_continue_within_a_passage_and_start_passages_in_turn():
    store = TokenStore.of([[0, *range(2, 900), 1], [0, *range(1000, 1900), 1]])
    windows = Windows(store, [0, 1], rows=4, length=10, generator=np.random.default_rng(0), windows=4)
    batches = [next(windows) for _ in range(12)]
    fresh = np.stack([batch.fresh for batch in batches])  # (12, B)
    assert fresh[0].all()
    for row in range(4):  # the first passage of each row is shorter than the next row's, and then all are alike
        assert np.flatnonzero(fresh[: row + 2, row]).tolist() == [0, row + 1]
    for before, after in pairwise(batches):
        goes_on = ~after.fresh
        assert (before.y[goes_on, -1] == after.x[goes_on, 0]).all()


def test_empty_passages_are_skipped():
    store = TokenStore.of([[0, *[7] * 200, 1], [0, *range(10, 60), 1]])

    class WithoutSevens(Augmentation):
        def excerpt(self, ids, length, span, random):
            return ids[: length + 1][ids[: length + 1] != 7], None

    windows = Windows(
        store, [0, 1], rows=2, length=10, generator=np.random.default_rng(0), augmentation=WithoutSevens()
    )
    for _ in range(60):
        assert (next(windows).y != IGNORED).any(axis=1).all()


def test_windows_are_read_with_noise_and_predict_what_was_played():
    class Louder(Augmentation):
        def excerpt(self, ids, length, span, random):
            return ids[: length + 1], None

        def heard(self, ids, random):
            return ids + 100

    store = TokenStore.of([range(2, 40)])
    windows = Windows(store, [0], rows=2, length=5, generator=np.random.default_rng(0), augmentation=Louder())
    for _ in range(9):
        batch = next(windows)
        predicted = batch.y != IGNORED
        assert predicted.any()
        assert (batch.x[predicted] == batch.y[predicted] + 99).all()


class Seldom:
    """A task that has a pair of one piece in so many."""

    def __init__(self, often):
        self.often, self.asked = often, 0

    def draw(self, ids, random, left_only=None):
        self.asked += 1
        source = EncoderSource(np.zeros((1, 1), np.int64), np.zeros((1, 2), np.int64))
        ones = np.ones(len(ids) - 1, np.int64)
        return Pair(source, ids, 0 * ones, ones > 0) if random.random() < self.often else None

    def hold_out(self, ids, piece, turn, left_only=None):
        return self.draw(ids, np.random.default_rng([piece, turn]))


def test_pairs_are_drawn_again_where_chance_gives_few_and_refused_where_there_are_none():
    store = TokenStore.of([[0, 5, 6, 1], [0, 7, 1]])

    def batches(draw):
        return Pairs(store, [0, 1], 2, np.random.default_rng(0), draw, RelativePositions(1, 0))

    few = batches(Seldom(0.05))
    assert all(next(few).y.size for _ in range(50))
    with pytest.raises(CorpusError, match="no part of the training pieces can be a target"):
        batches(Seldom(0.0))


def test_held_out_pairs_come_from_all_pieces_and_no_more_are_drawn_than_kept():
    store = TokenStore.of([[0, piece, 6, 1] for piece in range(1000)])
    draw = Seldom(0.5)
    found = pairs_of(store, range(1000), 400, draw)
    assert sum(len(pair.ids) for pair in found) == 400
    assert draw.asked < 300
    assert max(pair.ids[1] for pair in found) > 900
    assert [pair.ids.tolist() for pair in pairs_of(store, range(1000), 400, draw)] == [p.ids.tolist() for p in found]
