"""The language model in PyTorch and as an exported step; the settings."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from performances import take as play

from folkseq.compound import CompoundLayout
from folkseq.corpora.batch import IGNORED
from folkseq.grammar import put, take
from folkseq.models.export.step import build_step
from folkseq.models.language_model import LanguageModel
from folkseq.models.settings import CELLS, ModelSettings, TrainSettings
from folkseq.representations.notes import NotesRepresentation
from folkseq.sampling import scoring
from folkseq.sampling.engine import Engine


def weights_of(model):
    return {name: tensor.numpy() for name, tensor in model.state_dict().items()}


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def make_model():
    """Return a function that makes a model from a fixed seed; the global generator stays as it was."""

    def make(**changes):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model = LanguageModel(ModelSettings(**{"vocabulary_size": 11, "hidden": 24, "embedding": 16} | changes))
            for name, weight in model.named_parameters():
                if name.startswith("pointers."):  # which begin at zero
                    torch.nn.init.normal_(weight, std=0.5)
        return model.eval()

    return make


def steps_of(engine, ids, conditioning=None):
    """Logits (B, T, V), one id after another."""
    state, steps = engine.begin(len(ids)), []
    for step in range(ids.shape[1]):
        logits, state = engine.step(state, ids[:, step], None if conditioning is None else conditioning[:, step])
        steps.append(logits)
    return np.stack(steps, axis=1)


@torch.inference_mode()
def logits_of(model, ids, conditioning=None):
    beside = None if conditioning is None else torch.from_numpy(conditioning)
    return model(torch.from_numpy(ids), model.init_state(len(ids)), beside)[0].numpy()


@pytest.mark.parametrize("layers", [1, 2, 3, 5])
@pytest.mark.parametrize("cell", CELLS)
def test_the_exported_step_gives_the_logits_of_pytorch(make_model, cell, layers):
    model = make_model(cell=cell, layers=layers)
    ids = np.random.default_rng(0).integers(0, 11, (4, 12))  # (B, T)
    engine = Engine(build_step(weights_of(model), model.settings, int8=False), threads=1)
    stepped = steps_of(engine, ids)
    np.testing.assert_allclose(stepped, logits_of(model, ids), atol=1e-4)


BARS = {"lookback_bars": (1, 2), "bar_ends": (3, 4), "section_ends": (4,)}
MATCHES = {"lookback_match": True, "lookback_position": True, "copy_pointer": True}


@pytest.mark.parametrize("shown", [BARS, BARS | MATCHES, MATCHES], ids=["bars", "both", "matches"])
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("cell", CELLS)
def test_the_exported_step_reads_the_same_lookback_as_pytorch(make_model, cell, layers, shown):
    model = make_model(cell=cell, layers=layers, **shown)
    ids = np.random.default_rng(0).integers(0, 11, (4, 30))  # (B, T)
    shown = np.stack([model.lookback.indices(row) for row in ids])
    with torch.inference_mode():
        state = model.init_state(4)
        expected = model(torch.from_numpy(ids), state, None, torch.from_numpy(shown))[0].numpy()
        nothing = torch.from_numpy(np.broadcast_to(model.lookback.indices([0])[0], shown.shape).copy())
        unlike = model(torch.from_numpy(ids), state, None, nothing)[0].numpy()
    assert np.abs(expected - unlike).max() > 0.1  # the lookback has an effect
    engine = Engine(build_step(weights_of(model), model.settings, int8=False), threads=1)
    np.testing.assert_allclose(steps_of(engine, ids), expected, atol=1e-4)
    stepper = engine.stepper(engine.begin(4))
    walked = [stepper.step(column).copy() for column in ids.T]
    np.testing.assert_allclose(np.stack(walked, axis=1), expected, atol=1e-4)
    whole = Engine(build_step(weights_of(model), model.settings), threads=1)
    rows = [whole.step(whole.read(row[:-1].tolist()), row[-1:])[0][0] for row in ids]  # one row at a time, int8
    np.testing.assert_array_equal(np.stack(rows), steps_of(whole, ids)[:, -1])


def test_a_model_with_lookback_needs_its_rows(make_model):
    model = make_model(**BARS)
    with pytest.raises(ValueError, match="Lookback"):
        model(torch.zeros(1, 1, dtype=torch.long), model.init_state(1))
    with pytest.raises(ValueError, match="copy_pointer needs lookback"):
        ModelSettings(11, copy_pointer=True)
    with pytest.raises(ValueError, match="section_ends must be among bar_ends"):
        ModelSettings(11, bar_ends=(1,), section_ends=(2,))


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", CELLS)
def test_conditioning_is_read_beside_the_ids(make_model, cell, layers):
    model = make_model(cell=cell, layers=layers, conditioning=5)
    random = np.random.default_rng(0)
    ids = random.integers(0, 11, (4, 12))  # (B, T)
    conditioning = random.uniform(0, 1, (4, 12, 5)).astype(np.float32)  # (B, T, C)
    engine = Engine(build_step(weights_of(model), model.settings, int8=False), threads=1)
    assert engine.conditioning == 5

    def stepped(beside):
        return steps_of(engine, ids, beside)

    np.testing.assert_allclose(stepped(conditioning), logits_of(model, ids, conditioning), atol=1e-4)
    np.testing.assert_allclose(stepped(None), logits_of(model, ids), atol=1e-4)
    np.testing.assert_allclose(logits_of(model, ids), logits_of(model, ids, np.zeros_like(conditioning)), atol=1e-6)
    assert np.abs(stepped(conditioning) - stepped(None)).max() > 0.01


def test_a_model_without_conditioning_takes_none(make_model):
    model = make_model()
    assert Engine(build_step(weights_of(model), model.settings), threads=1).conditioning == 0
    assert "control.weight" not in weights_of(model)


def test_rows_can_be_restarted_and_left_out(make_model):
    model = make_model()
    engine = Engine(build_step(weights_of(model), model.settings, int8=False), threads=1)
    _, state = engine.step(engine.begin(3), [1, 2, 3])
    put(state, [1], engine.begin(1))
    rows, _ = engine.step(take(state, [2, 1]), [4, 5])
    np.testing.assert_allclose(rows[0], logits_of(model, np.array([[3, 4]]))[0, -1], atol=1e-4)
    np.testing.assert_allclose(rows[1], logits_of(model, np.array([[5]]))[0, -1], atol=1e-4)


def test_rows_can_continue_after_ids_that_were_read_once(make_model):
    model = make_model(conditioning=3)
    engine = Engine(build_step(weights_of(model), model.settings), threads=1)
    ids = np.random.default_rng(4).integers(0, 11, 7)
    beside = np.random.default_rng(5).uniform(0, 1, (7, 3)).astype(np.float32)
    plain = steps_of(engine, ids[None], beside[None])[:, -1]
    state = take(engine.read(ids[:6], beside[:6]), [0, 0, 0])
    kept = tuple(array.copy() for array in state)
    again, _ = engine.step(state, ids[[6, 6, 6]], beside[[6, 6, 6]])
    assert (again == plain).all()
    assert all((array == copy).all() for array, copy in zip(state, kept, strict=True))
    assert not (engine.step(engine.begin(1), ids[6:7], beside[6:7])[0] == plain).all()


@pytest.mark.parametrize("cell", CELLS)
def test_int8_hardly_changes_the_likelihood_of_what_was_learnt(make_model, cell):
    model = make_model(cell=cell, hidden=64, dropout=0.0).train()
    ids = torch.from_numpy(np.random.default_rng(1).integers(0, 11, (4, 3)).repeat(16, axis=1))  # (B, T)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(30):
        loss = torch.nn.functional.cross_entropy(
            model(ids[:, :-1], model.init_state(4))[0].flatten(0, 1), ids[:, 1:].flatten()
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert 0.1 < float(loss.detach()) < 1.5  # neither untrained nor certain, so that a change would show

    exact = build_step(weights_of(model), model.settings, int8=False)
    small = build_step(weights_of(model), model.settings)
    assert len(small) < 0.5 * len(exact)

    def nll(graph):
        return scoring.nll(Engine(graph, threads=1), list(ids.numpy()), rows=3)[0]

    with torch.inference_mode():
        logits = model.eval()(ids[:, :-1], model.init_state(4))[0]
        own = float(torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="sum"))
    assert nll(exact) == pytest.approx(own, rel=1e-5)
    assert nll(small) == pytest.approx(nll(exact), abs=0.002 * ids[:, 1:].numel())


@pytest.mark.parametrize("int8", [True, False])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("cell", CELLS)
def test_a_row_of_logits_does_not_depend_on_its_neighbours(make_model, cell, int8, threads):
    model = make_model(cell=cell, layers=3, hidden=37, conditioning=22)
    random = np.random.default_rng(2)
    ids, conditioning = random.integers(0, 11, (64, 20)), random.uniform(0, 1, (64, 20, 22)).astype(np.float32)
    graph = build_step(weights_of(model), model.settings, int8)
    together = steps_of(Engine(graph, threads=threads), ids, conditioning)
    for rows in ([0], [7], [63], [3, 4], list(range(10, 17)), list(range(33))):
        apart = steps_of(Engine(graph, threads=1), ids[rows], conditioning[rows])
        assert (together[rows] == apart).all()


def test_settings_are_validated():
    with pytest.raises(ValueError, match="cell must be one of rnn, gru, lstm, peephole, got 'gru2'"):
        ModelSettings(vocabulary_size=5, cell="gru2")
    with pytest.raises(ValueError, match="layers must be at least 1 and at most 64, got 0"):
        ModelSettings(vocabulary_size=5, layers=0)
    with pytest.raises(TypeError, match="hidden must be int"):
        ModelSettings(vocabulary_size=5, hidden=3.5)
    with pytest.raises(ValueError, match="conditioning must be at least 0, got -1"):
        ModelSettings(vocabulary_size=5, conditioning=-1)
    with pytest.raises(ValueError, match="dropout"):
        ModelSettings(vocabulary_size=5, dropout=1)
    with pytest.raises(ValueError, match="minutes must be above 0, got nan"):
        TrainSettings(minutes=float("nan"))


FIELDS = (3, 2, 4)


def compound_ids(rows, tokens, seed=0):
    """Return pieces of compound tokens, (B, T); each row has another field first."""
    layout, random = CompoundLayout(FIELDS), np.random.default_rng(seed)
    pieces = []
    for row in range(rows):
        order = layout.order(row % layout.width)
        values = [layout.offsets[field] + random.integers(0, FIELDS[field], tokens) for field in order]
        ends = [[one] * layout.width for one in (order[0], layout.end)]
        pieces.append(np.concatenate([ends[0], np.stack(values, axis=1).ravel(), ends[1]]))
    return np.stack(pieces)


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("cell", CELLS)
def test_compound_tokens_are_predicted_field_by_field_in_both(make_model, cell, layers):
    model = make_model(cell=cell, layers=layers, vocabulary_size=13, fields=FIELDS)
    ids = compound_ids(6, 5)
    expected = logits_of(model, ids)
    engine = Engine(build_step(weights_of(model), model.settings, int8=False), threads=1)
    np.testing.assert_allclose(steps_of(engine, ids), expected, atol=1e-4, rtol=1e-6)
    for cut in (1, 2, 3, 4, 5, 8):  # whole compound tokens or not
        np.testing.assert_allclose(logits_of(model, ids[:, :cut]), expected[:, :cut], atol=1e-5, rtol=1e-6)
    with torch.inference_mode():
        state, parts = model.init_state(6), []
        for start in range(0, ids.shape[1], 6):
            logits, state = model(torch.from_numpy(ids[:, start : start + 6]), state)
            parts.append(logits.numpy())
    np.testing.assert_allclose(np.concatenate(parts, axis=1), expected, atol=1e-5, rtol=1e-6)
    small = Engine(build_step(weights_of(model), model.settings), threads=1)
    rows = [small.step(small.read(row[:-1].tolist()), row[-1:])[0][0] for row in ids]
    np.testing.assert_array_equal(np.stack(rows), steps_of(small, ids)[:, -1])


def test_the_probabilities_of_all_compound_tokens_sum_to_one(make_model):
    model = make_model(vocabulary_size=13, fields=FIELDS)
    layout = CompoundLayout(FIELDS)
    for first in range(3):
        before = np.repeat([[first] * 3], 24, axis=0)  # (24, 3)
        frames = np.stack(np.meshgrid(*(np.arange(n) for n in FIELDS), indexing="ij"), -1).reshape(24, 3)
        ids = (frames + layout.offsets[:3])[:, layout.order(first)]
        logits = torch.from_numpy(logits_of(model, np.concatenate([before, ids], axis=1)))
        costs = torch.log_softmax(logits, 2)[:, 2:5].gather(2, torch.from_numpy(ids)[:, :, None])
        end = torch.log_softmax(logits, 2)[0, 2, layout.end].exp()
        assert float(costs.sum((1, 2)).exp().sum() + end) == pytest.approx(1, abs=1e-5)


def test_only_ids_of_the_next_field_are_possible(make_model):
    model = make_model(vocabulary_size=13, fields=FIELDS)
    ids = compound_ids(3, 2)
    probabilities = torch.softmax(torch.from_numpy(logits_of(model, ids)), 2)
    np.testing.assert_allclose(probabilities[:, :2].gather(2, torch.from_numpy(ids[:, 1:3, None])), 1)  # the start
    np.testing.assert_allclose(probabilities[:, -3:-1].gather(2, torch.from_numpy(ids[:, -2:, None])), 1)  # the end
    possible = [set(np.flatnonzero(row).tolist()) for row in (probabilities[1] > 0).numpy()]  # field 1 comes first
    assert possible[2:6] == [{3, 7, 8}, {4, 5, 6}, {9, 10, 11, 12}, {3, 7, 8}]


def test_settings_of_compound_tokens_are_validated():
    with pytest.raises(ValueError, match=r"fields of \(2, 2\) values have 7 ids, but vocabulary_size is 8"):
        ModelSettings(8, fields=(2, 2))
    with pytest.raises(ValueError, match="two fields or more"):
        ModelSettings(8, fields=(2,))


def test_a_plain_model_imports_no_optional_parts():
    code = """
import sys
from folkseq.models.export.step import build_step
from folkseq.models.make import make_model
from folkseq.models.settings import ModelSettings
model = make_model(ModelSettings(5, hidden=4, embedding=3))
build_step({name: tensor.numpy() for name, tensor in model.state_dict().items()}, model.settings)
optional = ("encoder_decoder", "compound", "compound_head", "copy_pointer", "folkseq.pairs")
print([name for name in sys.modules if name.startswith("folkseq") and name.endswith(optional)])
"""
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"


def test_the_nats_of_notes_are_those_of_their_logits():
    """Field by field, from the ids of each field alone, and over all ids."""
    codec = NotesRepresentation().fit([])
    recipe = codec.recipe
    sizes = {"hidden": 16, "embedding": 8, "dropout": 0.0}
    settings = ModelSettings(len(codec.vocabulary), fields=recipe["fields"], recent=recipe["recent"], **sizes)
    torch.manual_seed(0)
    model = LanguageModel(settings)
    ids = torch.from_numpy(codec.encode(play(1, 3.0)).astype(np.int64))[None]
    x, y = ids[:, :-1], ids[:, 1:].clone()
    y[:, -20:] = IGNORED
    shown = torch.from_numpy(settings.tokens.indices(x[0].numpy()))[None]
    logits, _ = model(x, model.init_state(1), None, shown)
    nats, _ = model(x, model.init_state(1), None, shown, targets=y)
    torch.testing.assert_close(nats, torch.nn.functional.cross_entropy(logits[0], y[0], ignore_index=IGNORED))


@torch.inference_mode()
def test_the_fields_of_a_note_follow_its_own_fields_even_if_it_is_read_with_noise():
    """Another length in what is read changes nothing in its own note, but the notes after it."""
    codec = NotesRepresentation().fit([])
    recipe, width = codec.recipe, codec.layout.width
    sizes = {"hidden": 16, "embedding": 8, "dropout": 0.0}
    settings = ModelSettings(len(codec.vocabulary), fields=recipe["fields"], recent=recipe["recent"], **sizes)
    torch.manual_seed(0)
    model = LanguageModel(settings)
    ids = torch.from_numpy(codec.encode(play(1, 3.0)).astype(np.int64))[None]

    def nats(notes):
        """The nats of the first notes, after the clean ids and with noise in the third."""
        y = ids[:, 1:].clone()
        y[:, width * (1 + notes) - 1 :] = IGNORED
        found = []
        for change in (0, 1):
            heard = ids.clone()
            heard[:, 3 * width + codec.layout.places["length"]] += change
            shown = torch.from_numpy(settings.tokens.indices(heard[0].numpy()))[None]
            found.append(float(model(heard[:, :-1], model.init_state(1), None, shown, targets=y)[0]))
        return found

    assert nats(3)[0] == nats(3)[1]
    assert nats(4)[0] != nats(4)[1]
