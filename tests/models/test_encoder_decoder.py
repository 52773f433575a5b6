"""The encoder–decoder in PyTorch and as an exported step."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from folkseq.compound import CompoundLayout
from folkseq.corpora.batch import SourceBatch
from folkseq.corpora.pairs import batch_of
from folkseq.models.encoder_decoder import EncoderDecoder
from folkseq.models.export.encoder_decoder import build_encoder
from folkseq.models.export.step import build_step
from folkseq.models.make import make_model
from folkseq.models.settings import ATTENTIONS, CELLS, DIRECTIONS, EncoderSettings, ModelSettings
from folkseq.pairs import EncoderSource, Pair
from folkseq.sampling.engine import Engine
from folkseq.sampling.memory import EncoderSession

FIELDS = (3, 4)


def settings_of(cell: str = "lstm", layers: int = 2, fields: tuple[int, ...] = (), **changes: object) -> ModelSettings:
    encoder = EncoderSettings(**{"source": (12, 3), "along": 3, "within": 2, "heads": 2} | changes)
    size = CompoundLayout(fields).size if fields else 11
    return ModelSettings(
        size, cell=cell, layers=layers, hidden=24, embedding=16, fields=fields, encoder=encoder, dropout=0.0
    )


def pair_of(settings: ModelSettings, random: np.random.Generator, known: int, steps: int) -> Pair:
    source = EncoderSource(
        np.stack([random.integers(0, size, known) for size in (12, 3)], axis=1), random.integers(0, 9, (known, 2))
    )
    if settings.compound is None:
        ids = random.integers(0, settings.vocabulary_size, steps + 1)
        return Pair(source, ids, random.integers(0, known, steps), np.ones(steps, np.bool_))
    layout = settings.compound
    rows = [np.zeros(layout.width, np.int64)]
    rows += [layout.offsets[:-1] + random.integers(0, layout.fields) for _ in range(steps)]
    ids = np.concatenate([*rows, np.full(layout.width, layout.end)])
    return Pair(source, ids, random.integers(0, known, steps + 1), np.ones(len(ids) - 1, np.bool_))


def model_of(settings: ModelSettings) -> EncoderDecoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = make_model(settings).eval()
        for parameter in model.parameters():
            torch.nn.init.uniform_(parameter, -0.4, 0.4)
    assert isinstance(model, EncoderDecoder)
    return model


def logits_of(model: EncoderDecoder, pairs: list[Pair]) -> torch.Tensor:
    settings = model.settings
    assert settings.encoder is not None
    batch = batch_of(pairs, settings.encoder.relative_positions, settings.ids_per_step)
    assert batch.source is not None
    with torch.inference_mode():
        source = SourceBatch(*map(torch.from_numpy, batch.source))
        return model(torch.from_numpy(batch.x), model.init_state(len(pairs)), source=source)[0]


@pytest.mark.parametrize("fields", [(), FIELDS], ids=["ids", "compound"])
@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize(("cell", "layers"), [("lstm", 1), ("lstm", 3), ("gru", 2), ("rnn", 2), ("peephole", 2)])
def test_the_exported_step_gives_the_logits_of_pytorch(
    cell: str, layers: int, direction: str, attention: str, fields: tuple[int, ...]
) -> None:
    settings = settings_of(cell, layers, fields, direction=direction, attention=attention)
    model, random = model_of(settings), np.random.default_rng(1)
    pair = pair_of(settings, random, known=9, steps=7)
    expected = logits_of(model, [pair])[0].numpy()
    weights = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    memory = EncoderSession(build_encoder(weights, settings)).read(pair.source)
    engine = Engine(build_step(weights, settings, int8=False)).with_memory(memory)
    state, width = engine.begin(1), settings.ids_per_step
    stepper = engine.stepper(engine.begin(1))
    for step, one in enumerate(pair.ids[:-1].tolist()):
        place = (step + 1) // width - 1 if width > 1 else step
        at = pair.at[max(place, 0)][None]
        ids = np.array([one])
        logits, state = engine.step(state, ids, at=at)
        walked = stepper.step(ids, at=at)
        if step >= width - 1:  # the start ids are given
            np.testing.assert_allclose(logits[0], expected[step], rtol=1e-4, atol=1e-4)
            np.testing.assert_allclose(walked[0], expected[step], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("int8", [True, False])
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_a_row_alone_has_the_same_bits_as_among_others(attention: str, int8: bool) -> None:
    settings, random = settings_of("lstm", 2, (), attention=attention), np.random.default_rng(2)
    weights = {name: tensor.numpy() for name, tensor in model_of(settings).state_dict().items()}
    pair = pair_of(settings, random, known=40, steps=1)
    memory = EncoderSession(build_encoder(weights, settings)).read(pair.source)
    engine = Engine(build_step(weights, settings, int8=int8)).with_memory(memory)
    together, alone = engine.stepper(engine.begin(5)), [engine.stepper(engine.begin(1)) for _ in range(5)]
    state = engine.begin(1)
    for _ in range(60):
        ids, at = random.integers(0, settings.vocabulary_size, 5), random.integers(0, 40, 5)
        expected = together.step(ids, at=at)
        for row, stepper in enumerate(alone):
            one = slice(row, row + 1)
            np.testing.assert_array_equal(stepper.step(ids[one], at=at[one]), expected[one])
        logits, state = engine.step(state, ids[:1], at=at[:1])
        np.testing.assert_array_equal(logits, expected[:1])
    assert all(len(array) == 1 for stepper in alone for array in stepper.state)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_padding_changes_nothing(direction: str) -> None:
    settings = settings_of(direction=direction)
    model, random = model_of(settings), np.random.default_rng(2)
    short, long = pair_of(settings, random, 4, 3), pair_of(settings, random, 9, 8)
    together, alone = logits_of(model, [short, long]), logits_of(model, [short])
    torch.testing.assert_close(together[0, :3], alone[0, :3])


@pytest.mark.parametrize(("direction", "changes"), [("both", True), ("forward", False)])
def test_only_a_bidirectional_encoder_sees_what_comes_after(direction: str, changes: bool) -> None:
    settings = settings_of(direction=direction)
    model, random = model_of(settings), np.random.default_rng(3)
    pair = pair_of(settings, random, known=9, steps=4)
    pair = Pair(pair.source, pair.ids, np.array([2, 3, 3, 4]), pair.free)
    ids = pair.source.ids.copy()
    ids[5:] = (ids[5:] + 1) % 3
    other = Pair(EncoderSource(ids, pair.source.positions), pair.ids, pair.at, pair.free)
    apart = (logits_of(model, [pair]) - logits_of(model, [other])).abs().max()
    assert (apart > 1e-3) == changes


@pytest.mark.parametrize("cell", CELLS)
def test_an_encoder_of_one_direction_has_as_many_weights_as_one_of_two(cell: str) -> None:
    sizes = [
        sum(each.numel() for each in make_model(settings_of(cell, direction=direction)).parameters())
        for direction in DIRECTIONS
    ]
    assert sizes[1] == pytest.approx(sizes[0], rel=0.03)
