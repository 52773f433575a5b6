"""Each cell against its equations, written out in NumPy, forwards and backwards."""

import numpy as np
import pytest
import torch

from folkseq.models.cells import LAYERS
from folkseq.models.settings import CELLS

B, T, N, H = 3, 7, 5, 4

pytestmark = pytest.mark.usefixtures("one_thread")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def rnn(w, x, h):
    return (np.tanh(w["u"] @ x + w["v"] @ h[0] + w["b"] + w["d"]),)


def gru(w, x, h):
    (ur, uz, un), (vr, vz, vn) = np.split(w["u"], 3), np.split(w["v"], 3)
    (br, bz, bn), (dr, dz, dn) = np.split(w["b"], 3), np.split(w["d"], 3)
    reset, keep = sigmoid(ur @ x + br + vr @ h[0] + dr), sigmoid(uz @ x + bz + vz @ h[0] + dz)
    new = np.tanh(un @ x + bn + reset * (vn @ h[0] + dn))
    return ((1 - keep) * new + keep * h[0],)


def lstm(w, x, state, peephole=((0,), (0,), (0,))):
    h, c = state
    i, f, g, o = np.split(w["u"] @ x + w["v"] @ h + w["b"] + w["d"], 4)
    see_i, see_f, see_o = map(np.array, peephole)
    after = sigmoid(f + see_f * c) * c + sigmoid(i + see_i * c) * np.tanh(g)
    return sigmoid(o + see_o * after) * np.tanh(after), after


def peephole(w, x, state):
    return lstm(w, x, state, w["p"])


STEPS = {"rnn": rnn, "gru": gru, "lstm": lstm, "peephole": peephole}
NAMES = {"u": "weight_ih_l0", "v": "weight_hh_l0", "b": "bias_ih_l0", "d": "bias_hh_l0", "p": "peephole"}


@pytest.fixture
def make_layer():
    """Return a function that makes a layer in float64, with weights large enough for its gates to matter."""

    def make(cell):
        with torch.random.fork_rng():
            torch.manual_seed(1)
            layer = LAYERS[cell](N, H).double()
            for parameter in layer.parameters():
                torch.nn.init.normal_(parameter)
        return layer

    return make


@pytest.fixture
def random():
    return np.random.default_rng(0)


@pytest.mark.parametrize("cell", CELLS)
def test_a_layer_follows_its_equations(make_layer, random, cell):
    layer = make_layer(cell)
    x, before = random.normal(size=(B, T, N)), [random.uniform(-1, 1, (1, B, H)) for _ in CELLS[cell]]
    with torch.no_grad():
        hidden, after = layer(torch.from_numpy(x), tuple(map(torch.from_numpy, before)))
    weights = {short: getattr(layer, name).detach().numpy() for short, name in NAMES.items() if hasattr(layer, name)}
    for row in range(B):
        state = tuple(part[0, row] for part in before)
        for step in range(T):
            state = STEPS[cell](weights, x[row, step], state)
            np.testing.assert_allclose(hidden[row, step], state[0], atol=1e-12)
        for part, expected in zip(after, state, strict=True):
            np.testing.assert_allclose(part[0, row], expected, atol=1e-12)


def test_the_gradients_of_a_tanh_rnn_are_those_of_backpropagation_through_time(make_layer, random):
    """A softmax over h at every step; L = -sum of log p(y). Goodfellow, Bengio and Courville 2016, 10.2.2."""
    layer, classes = make_layer("rnn"), 6
    x, y = random.normal(size=(1, T, N)), random.integers(0, classes, T)
    w, c = random.normal(size=(classes, H)), random.normal(size=classes)
    read_by, bias = torch.from_numpy(w).requires_grad_(), torch.from_numpy(c).requires_grad_()
    hidden, _ = layer(torch.from_numpy(x), (torch.zeros(1, 1, H, dtype=torch.float64),))
    logits = hidden[0] @ read_by.T + bias
    torch.nn.functional.cross_entropy(logits, torch.from_numpy(y), reduction="sum").backward()

    u, v = layer.weight_ih_l0.detach().numpy(), layer.weight_hh_l0.detach().numpy()
    b = (layer.bias_ih_l0 + layer.bias_hh_l0).detach().numpy()
    h = np.zeros((T + 1, H))  # h[0] is the state before the first step
    for t in range(T):
        h[t + 1] = np.tanh(u @ x[0, t] + v @ h[t] + b)
    scores = h[1:] @ w.T + c
    d_scores = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)  # softmax, less the one that came
    d_scores[np.arange(T), y] -= 1
    d_u, d_v, d_b, d_later = np.zeros_like(u), np.zeros_like(v), np.zeros_like(b), np.zeros(H)
    for t in reversed(range(T)):
        d_sum = (w.T @ d_scores[t] + d_later) * (1 - h[t + 1] ** 2)
        d_u += np.outer(d_sum, x[0, t])
        d_v += np.outer(d_sum, h[t])
        d_b += d_sum
        d_later = v.T @ d_sum
    expected = {"weight_ih_l0": d_u, "weight_hh_l0": d_v, "bias_ih_l0": d_b, "bias_hh_l0": d_b}
    for name, gradient in expected.items():
        np.testing.assert_allclose(getattr(layer, name).grad, gradient, atol=1e-10)
    np.testing.assert_allclose(read_by.grad, d_scores.T @ h[1:], atol=1e-10)
    np.testing.assert_allclose(bias.grad, d_scores.sum(axis=0), atol=1e-10)


def test_the_gradients_of_the_peephole_cell_are_those_of_small_differences(make_layer, random):
    layer = make_layer("peephole")
    x = torch.from_numpy(random.normal(size=(B, T, N))).requires_grad_()
    state = tuple(torch.from_numpy(random.uniform(-1, 1, (1, B, H))).requires_grad_() for _ in "hc")

    def outputs(*_):
        hidden, after = layer(x, state)
        return hidden, *after

    assert torch.autograd.gradcheck(outputs, (x, *state, *layer.parameters()))
