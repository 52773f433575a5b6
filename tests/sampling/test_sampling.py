"""Drawing against a naive reference, and pieces that are theirs alone, keep to a grammar and end in time."""

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from folkseq.errors import RequestError, RunError
from folkseq.interrupts import StoppedError, stopped_when
from folkseq.models.export.step import build_step
from folkseq.models.settings import ModelSettings
from folkseq.sampling import generate as generating
from folkseq.sampling.batch import APART, REDRAWN, Request
from folkseq.sampling.engine import Engine
from folkseq.sampling.generate import ROWS, generate, stream
from folkseq.sampling.strategies import Strategy, choose

V, START, END = 6, 0, 1


def chosen_by(*arguments):
    return choose(*arguments)[0]


def choose_slowly(scores, strategy, temperature, uniform, mask, slack):
    """One row, one id at a time: the ids that may be drawn, where an edge may be missed by `slack` of all."""
    ids = [i for i in range(len(scores)) if mask is None or mask[i]]
    ranked = sorted(ids, key=lambda i: (-scores[i], i))
    if temperature == 0:
        return {ranked[0]}
    top = scores[ranked[0]]
    weights = {i: math.exp((scores[i] - top) / temperature) for i in ranked}
    kept = ranked[: strategy.top_k]
    if strategy.top_p is not None:
        total, before, nucleus = sum(weights[i] for i in kept), 0.0, []
        for i in kept:
            if before < (strategy.top_p + slack) * total:
                nucleus.append(i)
            before += weights[i]
        kept = nucleus or kept[:1]
    if strategy.min_p is not None:
        kept = [i for i in kept if weights[i] >= strategy.min_p - slack]
    total, reached, possible = sum(weights[i] for i in kept), 0.0, set()
    for i in sorted(kept):
        low, reached = reached, reached + weights[i]
        if low - 1e-6 * total <= uniform * total <= reached + 1e-6 * total:  # at an edge either side will do
            possible.add(i)
    return possible


strategies = st.builds(
    Strategy,
    temperature=st.sampled_from([0.0, 0.1, 0.7, 1.0, 2.5, (0.0, 1.5), (1.2, 0.4)]),
    top_k=st.sampled_from([None, 1, 2, 4, 50]),
    top_p=st.sampled_from([None, 0.05, 0.33, 0.77, 1.0]),
    min_p=st.sampled_from([None, 0.021, 0.37, 1.0]),
    repeating=st.sampled_from([None, 0.75, 0.0]),
)


@settings(deadline=None)
@given(
    # Steps that float32 holds exactly, or two scores might be one beside a third that is masked.
    hnp.arrays(np.float32, (3, V), elements=st.integers(-1280, 1280).map(lambda steps: steps / 64)),
    strategies,
    hnp.arrays(np.float64, 3, elements=st.floats(0, 1, exclude_max=True)),
    hnp.arrays(np.bool_, (3, V)),
    st.booleans(),
)
def test_ids_are_drawn_as_one_at_a_time(logits, strategy, uniforms, mask, masked):
    mask[:, 2] = True
    masked = mask if masked else None
    progress, repeats = np.array([0.0, 0.3, 1.0]), np.array([True, False, True])
    temperatures = strategy.at(progress, repeats)
    chosen = chosen_by(logits, strategy, uniforms, masked, temperatures)
    first, last = strategy.temperatures
    for row in range(3):
        temperature = (first + (last - first) * progress[row]) * (
            1 if strategy.repeating is None or not repeats[row] else strategy.repeating
        )
        own = None if masked is None else mask[row]
        scores = logits[row].astype(float)
        expected = [
            choose_slowly(scores, strategy, temperature, uniforms[row], own, slack) for slack in (-1e-6, 0.0, 1e-6)
        ]
        assert chosen[row] in set.union(*expected)
        one = slice(row, row + 1)
        alone = chosen_by(
            logits[one], strategy, uniforms[one], None if masked is None else mask[one], temperatures[one]
        )
        assert chosen[row] == alone[0]


@settings(deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([1, 15, 16, 17, 33, 50]), strategies)
def test_many_rows_draw_what_each_draws_alone(seed, size, strategy):
    """To the bit, costs and all, though many are drawn by arrays and one in a loop."""
    random = np.random.default_rng(seed)
    logits = (random.normal(0, random.choice([0.1, 3, 60]), (9, size))).astype(np.float32)
    mask, uniforms = random.random((9, size)) < 0.5, random.random(9)
    temperatures = strategy.at(random.random(9), random.random(9) < 0.5)
    mask[np.arange(9), random.integers(0, size, 9)] = True
    ids, costs = choose(logits, strategy, uniforms, mask, temperatures)
    for row in range(9):
        one = slice(row, row + 1)
        alone = choose(logits[one], strategy, uniforms[one], mask[one], temperatures[one])
        assert (ids[row], costs[row]) == (alone[0][0], alone[1][0])
        assert mask[row, ids[row]]
        scores = logits[row].astype(float)
        expected = np.log(np.exp(scores - scores.max()).sum()) + scores.max() - scores[ids[row]]
        assert costs[row] == pytest.approx(expected, rel=1e-4, abs=1e-5)


@settings(deadline=None)
@given(hnp.arrays(np.float32, V, elements=st.floats(-8, 8, width=16)), hnp.arrays(np.bool_, V))
def test_a_mask_leaves_the_ratios_of_what_is_allowed_as_they_are(logits, mask):
    mask[2] = True
    draws = 20_000
    rows = np.broadcast_to(logits, (draws, V))
    chosen = chosen_by(rows, Strategy(), (np.arange(draws) + 0.5) / draws, np.broadcast_to(mask, (draws, V)))
    shares = np.bincount(chosen, minlength=V) / draws
    weights = np.exp(logits.astype(float)) * mask
    np.testing.assert_allclose(shares, weights / weights.sum(), atol=V / draws)


def test_ids_come_as_often_as_the_model_says():
    logits = np.log(np.array([[0.5, 0.25, 0.25]], dtype=np.float32)).repeat(4000, axis=0)
    uniforms = (np.arange(4000) + 0.5) / 4000
    assert np.bincount(chosen_by(logits, Strategy(), uniforms)).tolist() == [2000, 1000, 1000]
    assert np.bincount(chosen_by(logits, Strategy(top_p=0.6), uniforms)).tolist() == [2667, 1333]
    assert np.bincount(chosen_by(logits, Strategy(temperature=0), uniforms)).tolist() == [4000]
    assert np.bincount(chosen_by(logits, Strategy(min_p=0.6), uniforms)).tolist() == [4000]
    assert chosen_by(logits[:1], Strategy(temperature=1e-300), np.array([0.99])).tolist() == [0]


def test_of_equals_the_lower_ids_stay():
    logits, uniforms = np.zeros((400, 5), dtype=np.float32), (np.arange(400) + 0.5) / 400
    assert np.bincount(chosen_by(logits, Strategy(top_k=2), uniforms)).tolist() == [200, 200]
    assert np.bincount(chosen_by(logits, Strategy(top_p=0.5), uniforms), minlength=5).tolist() == [133, 134, 133, 0, 0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": -1},
        {"temperature": math.nan},
        {"temperature": math.inf},
        {"top_k": 0},
        {"top_p": 0.0},
        {"top_p": 1.5},
        {"top_p": math.nan},
        {"min_p": 0.0},
        {"min_p": 1.01},
        {"temperature": (1.0, -2.0)},
        {"temperature": 101.0},
    ],
)
def test_strategies_that_mean_nothing_are_refused(wrong):
    value = next(iter(wrong.values()))
    with pytest.raises(ValueError, match=f"{value[1] if isinstance(value, tuple) else value:g}"):
        Strategy(**wrong)


def test_a_mask_that_forbids_everything_is_the_callers_bug():
    with pytest.raises(ValueError, match="at least one id"):
        chosen_by(np.zeros((1, V), np.float32), Strategy(), np.zeros(1), np.zeros((1, V), dtype=bool))


RECALL = {
    "lookback_bars": (1, 2),
    "lookback_match": True,
    "copy_pointer": True,
    "bar_ends": (2, 3),
    "section_ends": (3,),
}


def make_engine(conditioning=0, **recall):
    rng = np.random.default_rng(0)
    shapes = {"embedding.weight": (V, 5), "output.weight": (V, 12), "output.bias": (V,)}
    for layer, width in enumerate((5, 12)):
        cell = f"cells.{layer}"
        shapes |= {f"{cell}.weight_ih_l0": (48, width), f"{cell}.weight_hh_l0": (48, 12)}
        shapes |= {f"{cell}.bias_ih_l0": (48,), f"{cell}.bias_hh_l0": (48,)}
    if conditioning:
        shapes["control.weight"] = (5, conditioning)
    settings = ModelSettings(V, layers=2, hidden=12, embedding=5, conditioning=conditioning, gain=1.0, **recall)
    if recall:
        size, pointers = settings.lookback.size, settings.lookback.pointer_count
        shapes |= {"recalled.weight": (size, 5), "pointers.told.weight": (size, pointers)}
        shapes |= {"pointers.heard.weight": (pointers, 12), "pointers.heard.bias": (pointers,)}
    weights = {name: rng.normal(0, 0.8, shape).astype(np.float32) for name, shape in shapes.items()}
    return Engine(build_step(weights, settings), threads=1)


@pytest.fixture(scope="module", params=[{}, RECALL])
def engine(request):
    return make_engine(**request.param)


def write(engine, count, *, prime=(), strategy=None, **changes):
    request = {"end_id": END, "strategy": strategy or Strategy(), "seed": 3, "limit": 40} | changes
    return list(generate(engine, Request(opening=(START, *prime), **request), range(count)))


def test_pieces_that_nobody_wants_any_more_are_not_finished(engine):
    endless = Request((START,), END, 3, 10**9, grammar=Endless(10**9))
    until = time.monotonic() + 0.2
    with stopped_when(lambda: time.monotonic() > until), pytest.raises(StoppedError):
        next(generate(engine, endless, range(4)))
    with stopped_when(lambda: True), pytest.raises(StoppedError):
        write(engine, 1, prime=(2,) * 20)
    assert write(engine, 1)


def test_pieces_come_in_order_and_each_is_the_same_however_many_there_are(engine):
    many = write(engine, 2 * ROWS + 5)
    assert [sample.index for sample in many] == list(range(2 * ROWS + 5))
    assert [sample.ids for sample in write(engine, 3)] == [sample.ids for sample in many[:3]]
    assert len({sample.ids for sample in many}) > ROWS
    assert [sample.ids for sample in write(engine, 3, seed=4)] != [sample.ids for sample in many[:3]]
    for sample in many:
        assert sample.ids[0] == START
        assert sample.ids[-1] == END or len(sample.ids) == 40
        assert END not in sample.ids[:-1]
    assert write(engine, 0) == []
    assert write(engine, 1) == many[:1]
    request = Request((START,), END, 3, 40)
    assert list(generate(engine, request, [7, 3])) == [many[7], many[3]]
    for index in (0, 70):
        events = list(stream(engine, request, index))
        assert tuple(event.id for event in events) == many[index].ids
        assert [event.place for event in events] == list(range(len(events)))


@pytest.mark.parametrize("longest", [3, 12])
def test_pieces_that_are_too_long_are_redrawn_as_one_by_one(monkeypatch, engine, longest):
    def redrawn(index):
        for attempt in range(REDRAWN + 1):
            (sample,) = generate(engine, Request((START,), END, 3, 40), [index + attempt * APART])
            if len(sample.ids) <= longest:
                break
        return sample

    rows = 32
    monkeypatch.setattr(generating, "ROWS", rows)
    alone = [redrawn(index) for index in range(rows + 9)]
    assert {sample.index // APART for sample in alone} > {0, 1, 2}
    for count in (1, 2, 7, 30, rows + 9):  # the last draws of few pieces are written side by side
        assert write(engine, count, longest=longest) == alone[:count]


@pytest.mark.parametrize("longest", [None, 9])
def test_candidates_are_drawn_until_one_is_accepted(monkeypatch, engine, longest):
    def accepts(sample):
        return sum(sample.ids) % 5 == 0

    def written(count, accept):
        """Return the candidates of pieces that are written together, in the order of the pieces."""
        found = generating.write(engine, request, pieces[:count], accept)
        return sorted(found, key=lambda samples: samples[0].index % APART)

    rows = 32
    monkeypatch.setattr(generating, "ROWS", rows)
    request = Request((START,), END, 3, 40, longest=longest)
    pieces = [range(4 * piece, 4 * piece + 4) for piece in range(2 * rows)]
    drawn = [[next(generate(engine, request, [index])) for index in indices] for indices in pieces]
    first = [samples[: 1 + next((n for n, each in enumerate(samples) if accepts(each)), 3)] for samples in drawn]
    assert {len(samples) for samples in first} == {1, 2, 3, 4}
    for count in (1, 2, 7, 30, 2 * rows):  # the last candidates of few pieces are written side by side
        assert written(count, lambda samples: list(map(accepts, samples))) == first[:count]
        assert written(count, None) == drawn[:count]


def test_long_pieces_draw_on_in_the_same_way(engine):
    """Random numbers are drawn ahead, and room for ids is made as it is needed."""
    (one,) = write(engine, 1, limit=3000, grammar=Endless(2900))
    assert len(one.ids) == 2902
    assert write(engine, 5, limit=3000, grammar=Endless(2900))[0] == one


def test_the_cost_of_a_piece_is_that_under_the_model_itself(engine):
    (sample,) = write(engine, 1, prime=(2, 3), strategy=Strategy(temperature=0.5, top_k=3))
    assert sample.ids[:3] == (START, 2, 3)
    state, total = engine.begin(1), 0.0
    for place, (now, coming) in enumerate(zip(sample.ids, sample.ids[1:], strict=False)):
        logits, state = engine.step(state, [now])
        scores = logits[0].astype(float)
        if place >= 2:
            total -= scores[coming] - np.log(np.exp(scores).sum())
    assert sample.nll == pytest.approx(total, rel=1e-4)


class Turns:
    """Asks for one thing before an even number of ids has been read, and for another after."""

    def begin(self, rows):
        return (np.zeros(rows, np.int64),)

    def advance(self, rows, ids):
        return (rows[0] + 1,)

    def conditioning(self, rows):
        return np.array([[read % 2, 0.5, 0] for read in rows[0]], dtype=np.float32)


class Endless:
    """Ends after so many ids, and not before."""

    fewest = 0

    def __init__(self, ids):
        self.ids = ids

    def begin(self, rows):
        return (np.zeros(rows, np.int64),)

    def advance(self, rows, ids):
        return (rows[0] + 1,)

    def allowed(self, rows, remaining):
        ends = rows[0] > self.ids
        return np.where((np.arange(V) == END)[None, :], ends[:, None], ~ends[:, None])

    def given(self, rows):
        return rows

    def progress(self, rows):
        return np.minimum(rows[0] / self.ids, 1)


def test_the_controls_asked_of_an_id_are_read_beside_the_one_before_it():
    steered = make_engine(conditioning=3)
    (sample,) = write(steered, 1, schedule=Turns(), prime=(2, 3))
    state, total = steered.begin(1), 0.0
    for place, (now, coming) in enumerate(zip(sample.ids, sample.ids[1:], strict=False)):
        logits, state = steered.step(state, [now], Turns().conditioning((np.array([place + 1]),)))
        scores = logits[0].astype(float)
        if place >= 2:
            total -= scores[coming] - np.log(np.exp(scores).sum())
    assert sample.nll == pytest.approx(total, rel=1e-4)
    unasked = write(steered, 70)
    assert [each.ids for each in write(steered, 70, schedule=Turns())] != [each.ids for each in unasked]
    assert [each.ids for each in write(steered, 3, schedule=Turns())] == [
        each.ids for each in write(steered, 70, schedule=Turns())[:3]
    ]


class Pairs:
    """Every id from 2 on comes twice in a row; a row's state is the id that must come next, 0 if any, −1 at first."""

    fewest = 2

    def begin(self, rows):
        return (np.full(rows, -1),)

    def advance(self, rows, ids):
        return (np.where((ids < 2) | (rows[0] == ids), 0, ids),)

    def allowed(self, rows, remaining):
        mask = np.zeros((len(rows[0]), V), dtype=bool)
        for row, (due, left) in enumerate(zip(rows[0], remaining, strict=True)):
            mask[row, START if due < 0 else due or END] = True
            mask[row, 2:] |= due == 0 and left >= 3
        return mask

    def given(self, rows):
        return rows

    def progress(self, rows):
        return np.zeros(len(rows[0]))


def test_a_grammar_is_kept_and_ends_pieces_in_time(engine):
    for limit in (2, 9, 10):
        for sample in write(engine, 70, grammar=Pairs(), limit=limit):
            body = sample.ids[1:-1]
            assert sample.ids[-1] == END
            assert len(sample.ids) <= limit
            assert body[::2] == body[1::2]
    assert all(sample.ids[:3] == (START, 4, 4) for sample in write(engine, 5, grammar=Pairs(), prime=(4,)))


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"prime": (2, 3), "grammar": Pairs()}, "position 2 of the prime: .* id 3"),
        ({"prime": (9,)}, "position 1 of the prime: id 9"),
        ({"prime": (END,)}, "position 1 of the prime ends the piece"),
        ({"prime": (2,) * 40}, "limit of 40"),
        ({"seed": -1}, "seed"),
    ],
)
def test_requests_that_cannot_be_met_are_refused(engine, request_, message):
    with pytest.raises(RequestError, match=message):
        write(engine, 1, **request_)


def test_a_temperature_follows_how_much_is_written(engine):
    """At 0 the likeliest, whatever the seed; towards the end the seeds part."""
    cold, warming = Strategy(temperature=0), Strategy(temperature=(0.0, 3.0))
    likeliest = write(engine, 1, strategy=cold, grammar=Endless(30))[0].ids
    for seed in range(4):
        (piece,) = write(engine, 1, strategy=warming, grammar=Endless(30), seed=seed)
        assert piece.ids[:2] == likeliest[:2]
        assert piece.ids != likeliest


def test_a_model_that_is_none_is_refused(tmp_path):
    with pytest.raises(RunError, match="cannot be loaded"):
        Engine(tmp_path / "model.onnx")
    with pytest.raises(RunError, match="cannot be loaded"):
        Engine(b"junk")


class Half:
    """Allows each piece the ids of one half, which its random number decides; the end id, too."""

    version = 1

    def begin(self, uniforms):
        return (uniforms < 0.5,)

    def advance(self, rows, ids):
        return rows

    def weights(self, rows):
        low = np.arange(V) < 4
        return (np.where(rows[0][:, None], low, ~low) | (np.arange(V) == END)).astype(np.float32)


def test_each_piece_has_a_target_of_its_own_whatever_is_written_beside_it(engine):
    pieces = write(engine, 90, target=Half())
    halves = [{int(i) for i in piece.ids} - {START, END} for piece in pieces]
    assert all(half <= {2, 3} or half <= {4, 5} for half in halves)
    for first in range(0, 90, 15):  # the random numbers of a few pieces in a row are spread evenly
        found = [half <= {2, 3} for half in halves[first : first + 15] if half]
        assert abs(sum(found) - len(found) / 2) <= 4
    alone = next(generate(engine, Request((START,), END, 3, 40, target=Half()), [70]))
    assert alone.ids == pieces[70].ids
    assert [piece.ids for piece in write(engine, 20, target=Half())] == [piece.ids for piece in pieces[:20]]


def test_candidates_have_the_target_of_their_piece(engine):
    pieces = write(engine, 80, target=Half(), candidates=8)
    for first in range(0, 80, 8):
        ids = {int(i) for piece in pieces[first : first + 8] for i in piece.ids} - {START, END}
        assert ids <= {2, 3} or ids <= {4, 5}


def test_a_piece_that_is_redrawn_keeps_its_target(engine):
    pieces = write(engine, 40, target=Half(), longest=6)
    first = write(engine, 40, target=Half())
    redrawn = [(old, new) for old, new in zip(first, pieces, strict=True) if old.ids != new.ids]
    assert len(redrawn) > 5
    for old, new in redrawn:
        halves = [{int(i) for i in piece.ids} - {START, END} for piece in (old, new)]
        assert any(halves[0] | halves[1] <= half for half in ({2, 3}, {4, 5}))
