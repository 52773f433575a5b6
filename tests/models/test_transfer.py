"""Weights that move to another vocabulary: what both vocabularies know is computed as before."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from folkseq.models.language_model import LanguageModel
from folkseq.models.make import make_model
from folkseq.models.settings import EncoderSettings, ModelSettings
from folkseq.models.transfer import NEW, transfer

PLAIN = ModelSettings(vocabulary_size=6, layers=2, hidden=12, embedding=8, dropout=0.0)
LOOKBACK = replace(
    PLAIN,
    lookback_bars=(1, 2),
    lookback_match=True,
    lookback_position=True,
    copy_pointer=True,
    bar_ends=(2, 3),
    section_ends=(3,),
)
ORIGINS = np.array([4, NEW, 0, 1, 3, 2, NEW, 5])  # of eight new ids


def moved(ids):
    """Return ids of the base vocabulary as ids of the new one."""
    return tuple(int(np.flatnonzero(each == ORIGINS)[0]) for each in ids)


def of_new_vocabulary(settings):
    return replace(
        settings,
        vocabulary_size=len(ORIGINS),
        bar_ends=moved(settings.bar_ends),
        section_ends=moved(settings.section_ends),
    )


def trained(settings):
    torch.manual_seed(3)
    model = make_model(settings)
    for weight in model.parameters():  # those of the copy pointer begin at zero
        torch.nn.init.normal_(weight, std=0.3)
    return model.eval()


def logits(model: LanguageModel, ids):
    lookback = None
    if model.lookback is not None:
        lookback = torch.from_numpy(model.lookback.indices(ids))[None]
    with torch.inference_mode():
        return model(torch.tensor([ids]), model.init_state(1), None, lookback)[0][0].numpy()


@pytest.mark.parametrize("settings", [PLAIN, LOOKBACK], ids=["plain", "lookback"])
def test_known_ids_are_predicted_as_before(settings):
    base, new_settings = trained(settings), of_new_vocabulary(settings)
    weights = {name: tensor.numpy() for name, tensor in base.state_dict().items()}
    model = make_model(new_settings).eval()
    found = transfer(weights, settings, new_settings, ORIGINS)
    model.load_state_dict({name: torch.from_numpy(array) for name, array in found.items()})
    ids = [0, 4, 5, 2, 4, 5, 3, 4, 5, 1, 2, 4, 5]
    before, after = logits(base, ids), logits(model, list(moved(ids)))
    np.testing.assert_allclose(after[:, list(moved(range(6)))], before, atol=1e-5)


def test_a_new_id_starts_from_the_mean_of_the_others():
    weights = {name: tensor.numpy() for name, tensor in trained(PLAIN).state_dict().items()}
    found = transfer(weights, PLAIN, of_new_vocabulary(PLAIN), ORIGINS)
    np.testing.assert_allclose(found["embedding.weight"][1], weights["embedding.weight"].mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(found["output.bias"][6], weights["output.bias"].mean(), atol=1e-6)


def test_a_source_of_ids_is_mapped_too():
    encoder = EncoderSettings(source=(7,), along=2)
    settings = replace(PLAIN, encoder=encoder)
    new = replace(of_new_vocabulary(PLAIN), encoder=replace(encoder, source=(9,)))
    weights = {name: tensor.numpy() for name, tensor in trained(settings).state_dict().items()}
    found = transfer(weights, settings, new, ORIGINS)["encoder.embedding.weight"]
    np.testing.assert_array_equal(found[[0, 8]], weights["encoder.embedding.weight"][[4, 6]])
    make_model(new).load_state_dict(
        {name: torch.from_numpy(array) for name, array in transfer(weights, settings, new, ORIGINS).items()}
    )
