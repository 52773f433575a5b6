"""Traces have the states and gates of the equations, and the log probabilities of the network."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from folkseq.analysis.reading import OPEN, SHUT
from folkseq.analysis.trace import GATES, trace
from folkseq.models.language_model import LanguageModel
from folkseq.models.settings import CELLS, ModelSettings

pytestmark = pytest.mark.usefixtures("one_thread")

PIECES = [np.random.default_rng(seed).integers(0, 11, length) for seed, length in enumerate((9, 17, 1, 17, 30))]


def make(**changes):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = LanguageModel(ModelSettings(**{"vocabulary_size": 11, "hidden": 24, "embedding": 16} | changes)).eval()
        for name, weight in model.named_parameters():
            if name.startswith("pointers."):  # which begin at zero
                torch.nn.init.normal_(weight, std=0.5)
    return model


@torch.inference_mode()
def logits_of(model, ids):
    lookback = model.lookback
    beside = None if lookback is None else torch.from_numpy(lookback.indices(ids)[None])
    return model(torch.from_numpy(ids[None]), model.init_state(1), None, beside)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def step(weights, layer, cell, x, state):
    """Return one layer's states after x, (N,), and its gates, (G, H), by the equations in NumPy."""
    name, hidden = f"cells.{layer}.", len(state[0])
    read = weights[f"{name}weight_ih_l0"] @ x + weights[f"{name}bias_ih_l0"]
    heard = weights[f"{name}weight_hh_l0"] @ state[0] + weights[f"{name}bias_hh_l0"]
    if cell == "rnn":
        return [np.tanh(read + heard)], np.zeros((0, hidden))
    if cell == "gru":
        reset, update = gates = sigmoid((read + heard)[: 2 * hidden]).reshape(2, hidden)
        written = np.tanh(read[2 * hidden :] + reset * heard[2 * hidden :])
        return [(1 - update) * written + update * state[0]], gates
    sums, c = (read + heard).reshape(4, hidden), state[1]
    seen = weights[f"{name}peephole"] if cell == "peephole" else np.zeros((3, hidden))
    into, keep = sigmoid(sums[0] + seen[0] * c), sigmoid(sums[1] + seen[1] * c)
    c = keep * c + into * np.tanh(sums[2])
    out = sigmoid(sums[3] + seen[2] * c)
    return [out * np.tanh(c), c], np.stack([into, keep, out])


@pytest.mark.parametrize(
    "shown", [{}, {"lookback_bars": (1, 2), "lookback_match": True, "copy_pointer": True}], ids=["plain", "lookback"]
)
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("cell", CELLS)
def test_a_trace_gives_the_log_probabilities_and_states_of_the_model(cell, layers, shown):
    model = make(cell=cell, layers=layers, **shown, bar_ends=(3, 4), section_ends=(4,))
    for ids, traced in zip(PIECES, trace(model, PIECES, rows=3), strict=True):
        logits, state = logits_of(model, ids)
        np.testing.assert_allclose(traced.log_p, logits[0].log_softmax(1).numpy(), atol=1e-4)
        np.testing.assert_allclose(traced.states[-1], state[-1][:, 0].numpy(), atol=1e-5)


@pytest.mark.parametrize("cell", CELLS)
def test_states_and_gates_follow_the_equations(cell):
    model = make(cell=cell, layers=2)
    weights = {name: tensor.double().numpy() for name, tensor in model.state_dict().items()}
    (traced,) = trace(model, [PIECES[4]])
    count = len(GATES[cell])
    assert traced.shut.shape == traced.open.shape == (2, count, 24)
    state = [[np.zeros(24) for _ in model.settings.carried] for _ in range(2)]
    gates = np.zeros((30, 2, count, 24))
    for place, one in enumerate(PIECES[4]):
        below = weights["embedding.weight"][one]
        for layer in range(2):
            state[layer], gates[place, layer] = step(weights, layer, cell, below, state[layer])
            below = model.settings.gain * state[layer][0]
        np.testing.assert_allclose(traced.states[place], [parts[-1] for parts in state], atol=1e-5)
    sure = ((abs(gates - SHUT) > 1e-4) & (abs(gates - OPEN) > 1e-4)).all(axis=0)
    assert (traced.shut == (gates < SHUT).sum(axis=0))[sure].all()
    assert (traced.open == (gates > OPEN).sum(axis=0))[sure].all()


@pytest.mark.parametrize("cell", [cell for cell in CELLS if GATES[cell]])
def test_gates_are_counted_where_they_are_shut_and_open(cell):
    model = make(cell=cell, layers=2)
    # The second gate of the first layer is shut in unit 0, open in unit 1, and neither in unit 2.
    layer = model.cells[0]
    with torch.no_grad():
        layer.weight_ih_l0[24:27], layer.weight_hh_l0[24:27], layer.bias_hh_l0[24:27] = 0, 0, 0
        layer.bias_ih_l0[24:27] = torch.tensor([-9.0, 9, 0])
        if cell == "peephole":
            layer.peephole[:, :3] = 0
    (traced,) = trace(model, [PIECES[4]])
    assert traced.shut[0, 1, :3].tolist() == [30, 0, 0]
    assert traced.open[0, 1, :3].tolist() == [0, 30, 0]


def test_surprise_is_the_loss_in_bits():
    model, ids = make(), PIECES[4]
    (traced,) = trace(model, [ids])
    bits = traced.surprise(ids)
    loss = functional.cross_entropy(logits_of(model, ids)[0][0, :-1], torch.from_numpy(ids[1:]), reduction="none")
    assert np.isnan(bits[0])
    np.testing.assert_allclose(bits[1:] * np.log(2), loss.numpy(), rtol=1e-5)


def test_guesses_are_the_likeliest():
    (traced,) = trace(make(), [PIECES[0]])
    ids, shares = traced.guesses(5)
    np.testing.assert_allclose(shares, np.sort(np.exp(traced.log_p), axis=1)[:, :-6:-1], rtol=1e-5)
    assert ids[:, 0].tolist() == traced.log_p.argmax(axis=1).tolist()


def test_the_model_is_unchanged():
    model = make().train()
    cells, threads = model.cells, torch.get_num_threads()
    trace(model, PIECES)
    assert model.training
    assert model.cells is cells
    assert torch.get_num_threads() == threads


def test_networks_that_read_compound_tokens_are_not_traced():
    with pytest.raises(ValueError, match="compound tokens"):
        trace(make(vocabulary_size=9, fields=(3, 3)), PIECES)
