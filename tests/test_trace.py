"""The network read plainly says what PyTorch's says, cell by cell, and tells how its gates stand."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from folkseq.analysis.trace import GATES, OPEN, SHUT, Network
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
    return model, Network({name: tensor.numpy() for name, tensor in model.state_dict().items()}, model.settings)


@torch.inference_mode()
def logits_of(model, ids):
    lookback = model.lookback
    beside = None if lookback is None else torch.from_numpy(lookback.indices(ids)[None])
    return model(torch.from_numpy(ids[None]), model.init_state(1), None, beside)


@pytest.mark.parametrize(
    "shown", [{}, {"lookback_bars": (1, 2), "lookback_match": True, "copy_pointer": True}], ids=["plain", "recalls"]
)
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("cell", CELLS)
def test_a_trace_gives_the_logits_and_states_of_pytorch(cell, layers, shown):
    model, network = make(cell=cell, layers=layers, **shown, bar_ends=(3, 4), section_ends=(4,))
    traces = dict(network.read(PIECES, rows=3))
    assert sorted(traces) == list(range(len(PIECES)))
    for place, ids in enumerate(PIECES):
        logits, state = logits_of(model, ids)
        np.testing.assert_allclose(traces[place].logits, logits[0].numpy(), atol=1e-4)
        np.testing.assert_allclose(traces[place].states[-1], state[-1][:, 0].numpy(), atol=1e-5)


def test_surprise_is_the_loss_in_bits():
    model, network = make()
    ids = PIECES[4]
    ((_, trace),) = network.read([ids])
    bits = trace.surprise(ids)
    loss = functional.cross_entropy(logits_of(model, ids)[0][0, :-1], torch.from_numpy(ids[1:]), reduction="none")
    assert np.isnan(bits[0])
    np.testing.assert_allclose(bits[1:] * np.log(2), loss.numpy(), rtol=1e-5)


def test_guesses_are_the_likeliest():
    _, network = make()
    ((_, trace),) = network.read([PIECES[0]])
    ids, shares = trace.guesses(5)
    likely = np.exp(trace.logits) / np.exp(trace.logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(shares, np.sort(likely, axis=1)[:, :-6:-1], rtol=1e-5)
    assert ids[:, 0].tolist() == trace.logits.argmax(axis=1).tolist()


@pytest.mark.parametrize("cell", CELLS)
def test_gates_are_counted_where_they_are_shut_and_open(cell):
    _, network = make(cell=cell, layers=2)
    count = len(GATES[cell])
    if count:
        # The second gate of the first layer is shut in unit 0, open in unit 1, and neither in unit 2.
        for name in ("weight_ih_l0", "weight_hh_l0"):
            network.weights[f"cells.0.{name}"][24:27] = 0
        network.weights["cells.0.bias_hh_l0"][24:27] = 0
        network.weights["cells.0.bias_ih_l0"][24:27] = [-9, 9, 0]
        if cell == "peephole":
            network.weights["cells.0.peephole"][:, :3] = 0
    ((_, trace),) = network.read([PIECES[4]])
    assert trace.shut.shape == trace.open.shape == (2, count, 24)
    if count:
        assert trace.shut[0, 1, :3].tolist() == [30, 0, 0]
        assert trace.open[0, 1, :3].tolist() == [0, 30, 0]
    assert 0 < SHUT < OPEN < 1


def test_cells_that_step_by_frames_are_not_read():
    with pytest.raises(ValueError, match="a frame at a time"):
        make(vocabulary_size=9, fields=(3, 3))
