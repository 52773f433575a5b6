"""The output for voices, in PyTorch and in ONNX."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from folkseq.compound import CompoundLayout
from folkseq.corpora import IGNORED
from folkseq.models.export.step import build_step
from folkseq.models.language_model import LanguageModel
from folkseq.models.settings import ModelSettings
from folkseq.sampling.engine import Engine
from folkseq.voices import VoiceLookback, Voices

PLAIN = ((-1,) * 4, tuple(range(60, 70)), (*range(50, 60), -1))
STRUCK = ((-1,) * 4, (*range(60, 70), 62, 64), (*range(50, 60), -1, 55))  # some pitches may be struck again


@pytest.fixture(params=[(PLAIN, None), (STRUCK, None), (STRUCK, "")], ids=["plain", "struck again", "memory"])
def network(request):
    """A small random network of voices, and a piece in which phrases come back."""
    heights, memory = request.param
    layout = CompoundLayout(tuple(map(len, heights)))
    random = np.random.default_rng(1)
    values = np.stack(
        [np.arange(24) % 4, *(np.repeat(random.integers(0, size, 8), 3) for size in layout.fields[1:])], 1
    )
    values[12:20] = values[:8]
    start, end = np.zeros(3, np.int64), np.full(3, layout.end)
    ids = np.concatenate([start, (values + layout.offsets[:-1]).ravel(), end])
    voices = Voices(heights, (2, 4), memory)
    if memory is not None:  # another piece and this one
        other = np.concatenate([ids[:30], ids[-3:]])
        voices = replace(voices, memory=VoiceLookback.of(layout, voices).remember([(0, other), (1, ids)]))
    settings = ModelSettings(layout.size, hidden=24, embedding=8, fields=layout.fields, voices=voices, dropout=0.0)
    torch.manual_seed(0)
    model = LanguageModel(settings).eval()
    if memory is not None:
        torch.nn.init.normal_(model.head.memory.trust.weight, std=0.02)
    return model, ids


def test_a_memory_changes_the_probabilities(network):
    model, ids = network
    if model.head.memory is None:
        pytest.skip("no memory")
    with_memory = logits(model, ids)
    model.head.memory.trust.bias.data += 0.5
    assert (with_memory - logits(model, ids)).abs().max() > 0.1


def logits(model, ids):
    shown = model.voices.indices(ids)
    with torch.inference_mode():
        return model(torch.from_numpy(ids[None]), model.init_state(1), None, torch.from_numpy(shown[None]))[0][0]


def test_the_nats_are_those_of_the_logits(network):
    model, ids = network
    x, y = torch.from_numpy(ids[None, :-1]), torch.from_numpy(ids[None, 1:]).clone()
    y[:, -7:] = IGNORED
    shown = torch.from_numpy(model.voices.indices(ids[:-1])[None])
    nats, _ = model(x, model.init_state(1), None, shown, targets=y)
    expected = torch.nn.functional.cross_entropy(logits(model, ids[:-1]), y[0], ignore_index=IGNORED)
    torch.testing.assert_close(nats, expected)


def test_the_step_gives_the_probabilities_of_the_network(network):
    """In float32, and about so in eight bits."""
    model, ids = network
    expected = torch.log_softmax(logits(model, ids), 1).numpy()
    weights = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    for int8, tolerance in ((False, 1e-4), (True, 0.2)):
        engine = Engine(build_step(weights, model.settings, int8))
        stepper = engine.stepper(engine.begin(2))
        for one, row in zip(ids.tolist(), expected, strict=True):
            found = torch.log_softmax(torch.from_numpy(stepper.step(np.array([one, one]))), 1).numpy()
            np.testing.assert_array_equal(found[0], found[1])
            possible = row > -1e6
            np.testing.assert_array_equal(found[0] > -1e6, possible)
            np.testing.assert_allclose(found[0][possible], row[possible], atol=tolerance)


def test_voices_need_fields_with_heights():
    with pytest.raises(ValueError, match="heights for each field"):
        ModelSettings(8, fields=(2, 3), voices=Voices(((1, 2),), (2,)))
