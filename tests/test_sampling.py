"""Drawing against a naive reference, and pieces that are theirs alone, keep to a grammar and end in time."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from folkseq.errors import RequestError, RunError
from folkseq.models import onnx_graph
from folkseq.models.settings import ModelSettings
from folkseq.sampling.engine import Engine
from folkseq.sampling.generate import ROWS, generate
from folkseq.sampling.strategies import Strategy, choose

V, START, END = 6, 0, 1


def choose_slowly(scores, strategy, uniform, mask):
    """One row, one id at a time."""
    ids = [i for i in range(len(scores)) if mask is None or mask[i]]
    ranked = sorted(ids, key=lambda i: (-scores[i], i))
    if strategy.temperature == 0:
        return {ranked[0]}
    top = scores[ranked[0]]
    weights = {i: math.exp((scores[i] - top) / strategy.temperature) for i in ranked}
    kept = ranked[: strategy.top_k]
    if strategy.top_p is not None:
        total, before, nucleus = sum(weights[i] for i in kept), 0.0, []
        for i in kept:
            if before < strategy.top_p * total - 1e-12:
                nucleus.append(i)
            before += weights[i]
        kept = nucleus
    total, reached, possible = sum(weights[i] for i in kept), 0.0, set()
    for i in sorted(kept):
        low, reached = reached, reached + weights[i]
        if low - 1e-9 * total <= uniform * total <= reached + 1e-9 * total:  # at an edge either side will do
            possible.add(i)
    return possible


strategies = st.builds(
    Strategy,
    temperature=st.sampled_from([0.0, 0.1, 0.7, 1.0, 2.5]),
    top_k=st.sampled_from([None, 1, 2, 4, 50]),
    top_p=st.sampled_from([None, 0.05, 0.33, 0.77, 1.0]),
)


@settings(deadline=None)
@given(
    hnp.arrays(np.float32, (3, V), elements=st.floats(-20, 20, width=16)),
    strategies,
    hnp.arrays(np.float64, 3, elements=st.floats(0, 1, exclude_max=True)),
    hnp.arrays(np.bool_, (3, V)),
    st.booleans(),
)
def test_ids_are_drawn_as_one_at_a_time(logits, strategy, uniforms, mask, masked):
    mask[:, 2] = True
    chosen = choose(logits, strategy, uniforms, mask if masked else None)
    for row in range(3):
        expected = choose_slowly(logits[row].astype(float), strategy, uniforms[row], mask[row] if masked else None)
        assert chosen[row] in expected
        assert (
            chosen[row]
            == choose(
                logits[row : row + 1], strategy, uniforms[row : row + 1], mask[row : row + 1] if masked else None
            )[0]
        )


def test_ids_come_as_often_as_the_model_says():
    logits = np.log(np.array([[0.5, 0.25, 0.25]], dtype=np.float32)).repeat(4000, axis=0)
    uniforms = (np.arange(4000) + 0.5) / 4000
    assert np.bincount(choose(logits, Strategy(), uniforms)).tolist() == [2000, 1000, 1000]
    assert np.bincount(choose(logits, Strategy(top_p=0.6), uniforms)).tolist() == [2667, 1333]
    assert np.bincount(choose(logits, Strategy(temperature=0), uniforms)).tolist() == [4000]
    assert choose(logits[:1], Strategy(temperature=1e-300), np.array([0.99])).tolist() == [0]


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
    ],
)
def test_strategies_that_mean_nothing_are_refused(wrong):
    with pytest.raises(RequestError, match=str(next(iter(wrong.values())))):
        Strategy(**wrong)


def test_a_mask_that_forbids_everything_is_the_callers_bug():
    with pytest.raises(ValueError, match="at least one id"):
        choose(np.zeros((1, V)), Strategy(), np.zeros(1), np.zeros((1, V), dtype=bool))


def make_engine(controls=0):
    rng = np.random.default_rng(0)
    shapes = {"embedding.weight": (V, 5), "output.weight": (V, 12), "output.bias": (V,)}
    for layer, width in enumerate((5, 12)):
        shapes |= {f"cells.weight_ih_l{layer}": (48, width), f"cells.weight_hh_l{layer}": (48, 12)}
        shapes |= {f"cells.bias_ih_l{layer}": (48,), f"cells.bias_hh_l{layer}": (48,)}
    if controls:
        shapes["control.weight"] = (5, controls)
    weights = {name: rng.normal(0, 0.8, shape).astype(np.float32) for name, shape in shapes.items()}
    settings = ModelSettings(V, layers=2, hidden=12, embedding=5, controls=controls)
    return Engine(onnx_graph.build(weights, settings), threads=1)


@pytest.fixture(scope="module")
def engine():
    return make_engine()


def write(engine, count, **changes):
    request = {"start_id": START, "end_id": END, "strategy": Strategy(), "seed": 3, "limit": 40} | changes
    return list(generate(engine, count=count, **request))


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


def test_the_cost_of_a_piece_is_that_under_the_model_itself(engine):
    (sample,) = write(engine, 1, prime=(2, 3), strategy=Strategy(temperature=0.5, top_k=3))
    assert sample.ids[:3] == (START, 2, 3)
    engine.start(1)
    total = 0.0
    for place, (now, coming) in enumerate(zip(sample.ids, sample.ids[1:], strict=False)):
        scores = engine.step([now])[0].astype(float)
        if place >= 2:
            total -= scores[coming] - np.log(np.exp(scores).sum())
    assert sample.nll == pytest.approx(total, rel=1e-4)


class Turns:
    """Asks for one thing before an even number of ids has been read, and for another after."""

    def new_state(self):
        return 0

    def advance(self, state, token):
        return state + 1

    def controls(self, state):
        return np.array([state % 2, 0.5, 0], dtype=np.float32)


def test_the_controls_asked_of_an_id_are_read_beside_the_one_before_it():
    steered = make_engine(controls=3)
    (sample,) = write(steered, 1, schedule=Turns(), prime=(2, 3))
    steered.start(1)
    total = 0.0
    for place, (now, coming) in enumerate(zip(sample.ids, sample.ids[1:], strict=False)):
        scores = steered.step([now], Turns().controls(place + 1)[None])[0].astype(float)
        if place >= 2:
            total -= scores[coming] - np.log(np.exp(scores).sum())
    assert sample.nll == pytest.approx(total, rel=1e-4)
    unasked = write(steered, 70)
    assert [each.ids for each in write(steered, 70, schedule=Turns())] != [each.ids for each in unasked]
    assert [each.ids for each in write(steered, 3, schedule=Turns())] == [
        each.ids for each in write(steered, 70, schedule=Turns())[:3]
    ]


class Pairs:
    """Every id from 2 on comes twice in a row."""

    def new_state(self):
        return None

    def advance(self, state, token):
        return () if token < 2 or state == (token,) else (token,)

    def allowed(self, state, remaining):
        mask = np.zeros(V, dtype=bool)
        if state is None:
            mask[START] = True
        elif state:
            mask[state[0]] = True
        else:
            mask[END] = True
            mask[2:] = remaining >= 3
        return mask


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
        ({"prime": (2, 3), "grammar": Pairs()}, "position 2 of the prime: id 3 cannot"),
        ({"prime": (9,)}, "position 1 of the prime: there is no id 9"),
        ({"prime": (END,)}, "position 1 of the prime ends the piece"),
        ({"prime": (2,) * 40}, "limit of 40"),
        ({"seed": -1}, "seed"),
    ],
)
def test_requests_that_cannot_be_met_are_refused(engine, request_, message):
    with pytest.raises(RequestError, match=message):
        write(engine, 1, **request_)


def test_a_model_that_is_none_is_refused(tmp_path):
    with pytest.raises(RunError, match="cannot be loaded"):
        Engine(tmp_path / "model.onnx")
    with pytest.raises(RunError, match="cannot be loaded"):
        Engine(b"junk")
