"""The PyTorch model and the ONNX step say the same."""

import numpy as np
import pytest
import torch

from folkseq.models import onnx_graph
from folkseq.models.language_model import LanguageModel
from folkseq.models.settings import ModelSettings, TrainSettings
from folkseq.sampling.engine import Engine


def weights_of(model):
    return {name: tensor.numpy() for name, tensor in model.state_dict().items()}


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def make_model():
    """Makes a model from a fixed seed, and leaves the global generator as it was."""

    def make(**changes):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model = LanguageModel(ModelSettings(**{"vocabulary_size": 11, "hidden": 24, "embedding": 16} | changes))
        return model.eval()

    return make


@torch.inference_mode()
def logits_of(model, ids, controls=None):
    beside = None if controls is None else torch.from_numpy(controls)
    return model(torch.from_numpy(ids), model.init_state(len(ids)), beside)[0].numpy()


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_the_onnx_step_gives_the_logits_of_pytorch_with_the_state_carried(make_model, layers):
    model = make_model(layers=layers)
    ids = np.random.default_rng(0).integers(0, 11, (4, 12))  # (B, T)
    engine = Engine(onnx_graph.build(weights_of(model), model.settings, int8=False), threads=1)
    engine.start(4)
    stepped = np.stack([engine.step(ids[:, step]) for step in range(12)], axis=1)  # (B, T, V)
    np.testing.assert_allclose(stepped, logits_of(model, ids), atol=1e-4)


@pytest.mark.parametrize("layers", [1, 2])
def test_controls_are_read_beside_the_ids(make_model, layers):
    model = make_model(layers=layers, controls=5)
    random = np.random.default_rng(0)
    ids = random.integers(0, 11, (4, 12))  # (B, T)
    controls = random.uniform(0, 1, (4, 12, 5)).astype(np.float32)  # (B, T, C)
    engine = Engine(onnx_graph.build(weights_of(model), model.settings, int8=False), threads=1)
    assert engine.controls == 5

    def stepped(beside):
        engine.start(4)
        steps = [engine.step(ids[:, step], None if beside is None else beside[:, step]) for step in range(12)]
        return np.stack(steps, axis=1)  # (B, T, V)

    np.testing.assert_allclose(stepped(controls), logits_of(model, ids, controls), atol=1e-4)
    np.testing.assert_allclose(stepped(None), logits_of(model, ids), atol=1e-4)
    np.testing.assert_allclose(logits_of(model, ids), logits_of(model, ids, np.zeros_like(controls)), atol=1e-6)
    assert np.abs(stepped(controls) - stepped(None)).max() > 0.01


def test_a_model_without_controls_takes_none(make_model):
    model = make_model()
    assert Engine(onnx_graph.build(weights_of(model), model.settings), threads=1).controls == 0
    assert "control.weight" not in weights_of(model)


def test_rows_can_be_begun_anew_and_left_out(make_model):
    model = make_model()
    engine = Engine(onnx_graph.build(weights_of(model), model.settings, int8=False), threads=1)
    engine.start(3)
    engine.step([1, 2, 3])
    engine.reset([1])
    engine.keep([2, 1])
    assert engine.rows == 2
    rows = engine.step([4, 5])
    np.testing.assert_allclose(rows[0], logits_of(model, np.array([[3, 4]]))[0, -1], atol=1e-4)
    np.testing.assert_allclose(rows[1], logits_of(model, np.array([[5]]))[0, -1], atol=1e-4)


def test_rows_can_go_on_after_what_was_read_once(make_model):
    model = make_model(controls=3)
    engine = Engine(onnx_graph.build(weights_of(model), model.settings), threads=1)
    ids = np.random.default_rng(4).integers(0, 11, 7)
    beside = np.random.default_rng(5).uniform(0, 1, (7, 3)).astype(np.float32)
    engine.start(1)
    for step in range(7):
        plain = engine.step(ids[step : step + 1], beside[step : step + 1])
    after = engine.read(ids[:6], beside[:6])
    engine.start(3, after)
    assert (engine.step(ids[[6, 6, 6]], beside[[6, 6, 6]]) == plain).all()
    engine.step([1, 2, 3])
    engine.reset([1], after)
    assert (engine.step(ids[[6, 6, 6]], beside[[6, 6, 6]]) == plain).all(axis=1).tolist() == [False, True, False]
    engine.start(1)
    assert not (engine.step(ids[6:7], beside[6:7]) == plain).all()


def test_int8_hardly_changes_the_likelihood_of_what_was_learnt(make_model):
    model = make_model(hidden=64, dropout=0.0).train()
    ids = torch.from_numpy(np.random.default_rng(1).integers(0, 11, (4, 3)).repeat(16, axis=1))  # (B, T)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(30):
        loss = torch.nn.functional.cross_entropy(
            model(ids[:, :-1], model.init_state(4))[0].flatten(0, 1), ids[:, 1:].flatten()
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert 0.1 < float(loss.detach()) < 1.5  # neither unlearnt nor certain, so that a change would show

    exact = onnx_graph.build(weights_of(model), model.settings, int8=False)
    small = onnx_graph.build(weights_of(model), model.settings)
    assert len(small) < 0.5 * len(exact)

    def nll(graph):
        engine = Engine(graph, threads=1)
        engine.start(4)
        total = 0.0
        for step in range(ids.shape[1] - 1):
            scores = torch.from_numpy(engine.step(ids[:, step].numpy()))
            total += float(torch.nn.functional.cross_entropy(scores, ids[:, step + 1], reduction="sum"))
        return total

    assert nll(small) == pytest.approx(nll(exact), rel=0.003)


def test_a_row_of_int8_logits_does_not_depend_on_its_neighbours(make_model):
    model = make_model(layers=3, hidden=37, controls=22)
    ids = np.random.default_rng(2).integers(0, 11, (50, 20))
    controls = np.random.default_rng(3).uniform(0, 1, (20, 50, 22)).astype(np.float32)
    together, alone = (Engine(onnx_graph.build(weights_of(model), model.settings), threads=1) for _ in range(2))
    together.start(50)
    alone.start(1)
    for step in range(20):
        beside = controls[step]
        assert (together.step(ids[:, step], beside)[7] == alone.step(ids[7:8, step], beside[7:8])[0]).all()


def test_settings_check_themselves():
    with pytest.raises(ValueError, match="no cell 'gru2'; there are: lstm"):
        ModelSettings(vocabulary_size=5, cell="gru2")
    with pytest.raises(ValueError, match="layers is at least 1, got 0"):
        ModelSettings(vocabulary_size=5, layers=0)
    with pytest.raises(TypeError, match="hidden is a whole number"):
        ModelSettings(vocabulary_size=5, hidden=3.5)
    with pytest.raises(ValueError, match="controls is 0 or above, got -1"):
        ModelSettings(vocabulary_size=5, controls=-1)
    with pytest.raises(ValueError, match="dropout"):
        ModelSettings(vocabulary_size=5, dropout=1)
    with pytest.raises(ValueError, match="minutes is above 0, got nan"):
        TrainSettings(minutes=float("nan"))
