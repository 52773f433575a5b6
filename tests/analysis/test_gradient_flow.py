"""Gradient norms against finite differences, and for networks whose gradients vanish or explode."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from folkseq.analysis.gradient_flow import gradient_norms
from folkseq.models.language_model import LanguageModel
from folkseq.models.settings import CELLS, ModelSettings

pytestmark = pytest.mark.usefixtures("one_thread")

PIECES = [np.random.default_rng(seed).integers(0, 7, length) for seed, length in enumerate((40, 12, 25, 40))]


def make(**changes):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return LanguageModel(ModelSettings(**{"vocabulary_size": 7, "hidden": 6, "embedding": 5} | changes))


def loss_of(model, ids, at, step, change, part):
    """Return the loss at step `at` of one piece after a change of h or c at an earlier step, in double precision."""
    state = model.init_state(1)
    for place in range(at + 1):
        logits, state = model(ids[None, place : place + 1], state)
        if place == step:
            state = tuple(each + change.view_as(each) * (index == part) for index, each in enumerate(state))
            if place == at:  # the prediction from h changes, too
                logits = model.output(model.settings.gain * state[0][-1:].transpose(0, 1))
    return functional.cross_entropy(logits[0], ids[at + 1 : at + 2])


@pytest.mark.parametrize(
    ("cell", "part"), [*((cell, 0) for cell in CELLS), *((cell, 1) for cell in ("lstm", "peephole"))]
)
def test_norms_equal_finite_differences(cell, part):
    """One layer, so that nothing above has read the old h at its own step."""
    model = make(cell=cell, layers=1).double().eval()
    ids = torch.from_numpy(PIECES[0][:10])
    norms = gradient_norms(model, [PIECES[0][:10]], lags=8)  # of one loss, that of the last step
    assert len(norms) == (2 if cell in ("lstm", "peephole") else 1)
    found = norms[part]
    assert (found[0] == 0) == (part == 1)  # the loss reads h alone
    for back in (0, 1, 4, 8):
        slopes = []
        for unit in range(6):
            change = torch.zeros(6, dtype=torch.float64)
            change[unit] = 1e-5
            with torch.no_grad():
                more, less = (loss_of(model, ids, 8, 8 - back, sign * change, part) for sign in (1, -1))
            slopes.append(float(more - less) / 2e-5)
        assert found[back] == pytest.approx(np.linalg.norm(slopes), rel=1e-4)


@pytest.mark.parametrize(("scale", "rises"), [(0.5, False), (1.5, True)])
def test_vanishing_and_exploding_gradients_are_measured(scale, rises):
    """h' = tanh(scale · h) near 0: by the chain rule each step back multiplies the gradient by the scale."""
    model = make(cell="rnn", layers=1)
    with torch.no_grad():
        model.cells[0].weight_hh_l0.copy_(scale * torch.eye(6))
        for parameter in (model.cells[0].weight_ih_l0, model.cells[0].bias_ih_l0, model.cells[0].bias_hh_l0):
            parameter.zero_()
    (found,) = gradient_norms(model, PIECES, lags=20)
    np.testing.assert_allclose(found[1:] / found[:-1], scale, rtol=1e-4)
    assert (found[-1] > found[0]) == rises


@pytest.mark.parametrize("forget", [-1.0, 0.0, 8.0])
def test_the_gradient_along_c_is_the_product_of_the_forget_gates(forget):
    """c' = σ(forget) · c if nothing else reads c or h: the loss reads o · tanh(c) with a small c."""
    model = make(cell="lstm", layers=1)
    with torch.no_grad():
        for parameter in model.cells[0].parameters():
            parameter.zero_()
        model.cells[0].bias_ih_l0[6:12] = forget
    _, cell = gradient_norms(model, PIECES, lags=20)
    np.testing.assert_allclose(cell[2:] / cell[1:-1], 1 / (1 + np.exp(-forget)), rtol=1e-4)


def test_layers_lookback_and_compound_tokens_are_differentiated():
    assert gradient_norms(make(layers=3), PIECES, lags=10).shape == (2, 11)
    lookback = make(lookback_bars=(1,), bar_ends=(3,), section_ends=(3,))
    assert np.isfinite(gradient_norms(lookback, PIECES, lags=10)).all()
    compound = make(vocabulary_size=8, fields=(3, 2))
    piece = np.array([0, 0, *(value for step in range(10) for value in (3 + step % 3, 6 + step % 2)), 2, 2])
    found, _ = gradient_norms(compound, [piece], lags=5)
    assert found.shape == (6,)
    assert (found > 0).all()
    assert found.max() < 100


def test_the_loss_of_a_compound_token_covers_all_its_fields():
    model = make(vocabulary_size=8, fields=(3, 2), layers=1).double().eval()
    piece = np.array([0, 0, 3, 6, 4, 7, 5, 6, 3, 7, 4])  # five tokens and the first id of the next
    found, _ = gradient_norms(model, [piece], lags=3)  # of one loss, that of the last token
    ids = torch.from_numpy(piece)[None]

    def loss(back, change):
        """Return the loss of both of its ids after a change of h so many tokens before it."""
        at = 8 - 2 * back
        _, (h, *rest) = model(ids[:, :at], model.init_state(1))
        logits, _ = model(ids[:, at:9], (h + change, *rest))
        return functional.cross_entropy(logits[0, -2:], ids[0, 8:10], reduction="sum")

    for back in (1, 2, 3):
        change = torch.zeros(1, 1, 6, dtype=torch.float64, requires_grad=True)
        (slope,) = torch.autograd.grad(loss(back, change), change)
        assert found[back] == pytest.approx(float(slope.norm()), rel=1e-6)


def test_the_model_is_unchanged():
    model = make().train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    gradient_norms(model, PIECES, lags=5)
    assert model.training
    assert list(before) == list(model.state_dict())
    assert all(torch.equal(tensor, model.state_dict()[name]) for name, tensor in before.items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_short_pieces_have_fewer_lags():
    assert gradient_norms(make(), [PIECES[1]], lags=100).shape == (2, 11)
    with pytest.raises(ValueError, match="two steps"):
        gradient_norms(make(), [PIECES[1][:2]])
    with pytest.raises(ValueError, match="two steps"):
        gradient_norms(make(), [])
