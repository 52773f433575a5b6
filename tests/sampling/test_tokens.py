"""Networks that draw whole compound tokens, next to the same network in PyTorch and to drawing field by field."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from performances import solo, take

from folkseq.corpora.recall import RecentTokens
from folkseq.models.export.step import build_step
from folkseq.models.language_model import LanguageModel
from folkseq.models.settings import ModelSettings
from folkseq.recent import RECALLED
from folkseq.representations.base import END
from folkseq.representations.notes import NotesRepresentation
from folkseq.representations.notes.options import NotesOptions
from folkseq.sampling.batch import Request, SamplingBatch
from folkseq.sampling.engine import Engine
from folkseq.sampling.generate import ROWS, generate, stream, write
from folkseq.sampling.scoring import nll
from folkseq.sampling.strategies import Strategy
from folkseq.sampling.token_batch import TokenBatch, draws_tokens
from folkseq.sampling.token_memory import TokenRecorder


class Case:
    """A small random network of notes, in PyTorch and in ONNX, and a piece with its conditioning."""

    def __init__(self, tracks):
        self.codec = NotesRepresentation(tracks=tracks).fit([])
        self.layout = self.codec.layout
        recipe = self.codec.recipe
        self.settings = ModelSettings(
            vocabulary_size=self.layout.size,
            hidden=32,
            embedding=16,
            dropout=0.0,
            conditioning=recipe["conditioning"],
            fields=recipe["fields"],
            recent=recipe["recent"],
        )
        torch.manual_seed(0)
        self.model = LanguageModel(self.settings).eval()
        torch.nn.init.normal_(self.model.head.trust.weight, std=0.3)
        for references in self.model.head.references.values():
            torch.nn.init.normal_(references.curves, std=0.3)
        torch.nn.init.normal_(self.model.head.levels.weight)
        torch.nn.init.normal_(self.model.head.matched.weight, std=0.3)
        self.weights = {name: tensor.numpy() for name, tensor in self.model.state_dict().items()}
        self.ids = self.codec.encode(take(1, 4.0)).astype(np.int64)
        random = np.random.default_rng(0)
        vectors = random.random((len(self.ids) // self.width, self.settings.conditioning)).astype(np.float32)
        self.conditioning = np.repeat(vectors, self.width, axis=0)

    @property
    def width(self):
        return self.layout.width

    def engine(self, int8=True):
        return Engine(build_step(self.weights, self.settings, int8=int8), 1)

    def request(self, **changes):
        plan = self.codec.generation.plan(NotesOptions(seconds=3.0))
        end = self.codec.vocabulary.id(END)
        own = {"grammar": plan.grammar, "schedule": plan.schedule, **changes}
        return Request(plan.opening, end, 5, plan.limit, **own)


@pytest.fixture(scope="module", params=[False, True], ids=["notes", "tracks"])
def case(request):
    return Case(request.param)


def test_the_network_is_the_same_in_onnx_id_by_id(case):
    rows = case.settings.tokens.indices(case.ids)
    with torch.no_grad():
        inputs = (torch.from_numpy(each)[None] for each in (case.conditioning, rows))
        logits, _ = case.model(torch.from_numpy(case.ids)[None], case.model.init_state(1), *inputs)
    engine = case.engine(int8=False)
    stepper = engine.stepper(engine.begin(2))
    for place, expected in enumerate(logits[0]):
        found = torch.from_numpy(stepper.step(case.ids[[place] * 2], case.conditioning[[place] * 2])[1])
        possible = expected > -1e8
        assert ((found > -1e8) == possible).all()
        torch.testing.assert_close(found.log_softmax(0)[possible], expected.log_softmax(0)[possible], atol=1e-4, rtol=0)


def test_a_state_taken_in_a_token_continues_as_if_nothing_had_happened(case):
    engine = case.engine()
    whole, parts = engine.stepper(engine.begin(1)), engine.stepper(engine.begin(1))
    for place in range(len(case.ids) - 1):
        inputs = case.ids[place : place + 1], case.conditioning[place : place + 1]
        parts = engine.stepper(parts.state)
        np.testing.assert_array_equal(parts.step(*inputs), whole.step(*inputs))


def test_the_logits_of_whole_tokens_are_those_of_their_fields(case):
    engine, width = case.engine(), case.width
    fields, tokens = engine.stepper(engine.begin(1)), engine.stepper(engine.begin(1))
    for one in case.ids[:width].tolist():
        fields.step(np.array([one]), case.conditioning[:1])
        tokens.step(np.array([one]), case.conditioning[:1])
    logits = fields.begin_token(case.conditioning[width - 1 : width])
    for first in range(width, len(case.ids) - 2 * width, width):
        token = case.ids[None, first : first + width]
        scored = tokens.score(token, case.conditioning[first - 1 : first])
        for field in range(width):
            possible = logits[0] > -1e8
            np.testing.assert_array_equal(scored[0][possible], logits[0][possible])
            place = first + field
            logits = fields.step(case.ids[place : place + 1], case.conditioning[place : place + 1])
        tokens.keep(token)


def test_a_piece_does_not_depend_on_the_others(case):
    engine, request = case.engine(), case.request()
    assert draws_tokens(engine, request)
    together = list(generate(engine, request, range(9)))
    assert [next(generate(engine, request, [index])) for index in range(9)] == together
    assert [drawn.id for drawn in stream(engine, request, 4)] == list(together[4].ids)
    assert len({sample.ids for sample in together}) == 9
    for sample in together:
        assert case.codec.analysis.validate(np.array(sample.ids)) == ""
        assert case.codec.decode(np.array(sample.ids)).length_s <= 3.0


def test_pieces_that_end_together_are_given_before_more_are_begun(case):
    """Whoever gives out the indices may wait for these pieces."""
    given, count = [], 2 * ROWS + 9

    def indices():
        for index in range(count):
            assert index < len(given) + ROWS + 1
            yield index

    free = replace(case.request(), grammar=None, limit=case.width * 3)
    for (sample,) in write(case.engine(), free, ([index] for index in indices())):
        given.append(sample.index)
    assert sorted(given) == list(range(count))


@pytest.mark.parametrize("temperature", [1.0, 0.7, 0.0, (0.5, 1.2)])
def test_the_nats_of_a_piece_are_those_of_its_tokens(case, temperature):
    engine = case.engine()
    request = case.request(schedule=None, strategy=Strategy(temperature=temperature))
    for sample in generate(engine, request, range(3)):
        assert sample.nll == pytest.approx(nll(engine, [np.array(sample.ids)])[0], rel=1e-4)


def test_tokens_have_the_probabilities_of_fields_under_the_same_grammar(case):
    """The first tokens of many pieces, drawn whole and field by field."""
    engine, request = case.engine(), case.request(schedule=None)
    shares = []
    for kind in (TokenBatch, SamplingBatch):
        batch = kind(engine, request, range(3000))
        while int(batch.lengths[0]) < 2 * case.width:
            batch.step()
        first = case.layout.tokens(batch.ids[:, case.width : 2 * case.width].ravel())
        shares.append([np.mean(first.pitch < 64), np.mean(first.wait < 16), np.mean(first.length < 50)])
    # The fields' masks leave out what does not fit into the three seconds before it is drawn, so a little differs.
    np.testing.assert_allclose(shares[0], shares[1], atol=0.06)


def test_what_needs_every_field_is_drawn_field_by_field(case):
    engine = case.engine()
    for changes in ({"strategy": Strategy(top_k=5)}, {"weighs": True}):
        request = case.request(**changes)
        assert not draws_tokens(engine, request)
        (sample,) = generate(engine, request, [0])
        assert sample.ids[-1] == case.layout.end
    free = replace(case.request(), grammar=None, limit=case.width * 9)
    assert all(len(sample.ids) <= case.width * 9 for sample in generate(engine, free, range(3)))


NOTES = st.tuples(st.integers(58, 61), st.integers(0, 4), st.integers(1, 30), st.integers(1, 3))


@given(st.lists(NOTES, max_size=60), st.integers(0, 9))
def test_the_memory_shows_what_is_read_in_training(notes, stay):
    """Row 0 reads the piece; row 1 stays at some tokens and reads them again."""
    at = np.cumsum([wait for _, wait, _, _ in notes]) / 10
    codec = NotesRepresentation().fit([])
    piece = solo(*((key, 9 * loud, on, on + hold / 10) for (key, _, hold, loud), on in zip(notes, at, strict=True)))
    tokens = RecentTokens(codec.layout.compound, codec.layout.recent)
    ids = codec.encode(piece).astype(np.int64)
    rows = ids.reshape(-1, codec.layout.width)
    parts = np.split(tokens.indices(ids), np.cumsum(tokens.widths)[:-1], axis=1)
    waits, keys, lengths, *_, after, _, moved = parts
    recorder = TokenRecorder(tokens)
    memory, place = recorder.begin(2), recorder._key_place
    for number, token in enumerate(rows[:-1]):
        if (number + stay) % 3 == 0:
            recorder.record(memory, rows[[number, number]], np.array([True, False]))
            recorder.record(memory, rows[[number, number]], np.array([False, True]))
        else:
            recorder.record(memory, np.array([token, token]))
        none = tokens.references[0].nothing
        for row in range(2):
            assert set(memory.until[row]) | {none} == set(waits[number]) | {none}
            assert memory.match_level[row] == after[number, 0] + 1
            copied = np.delete(memory.copies[row], place + 1)
            assert copied.tolist() == after[number, 1:].tolist()
            assert memory.interval_level[row] == moved[number + 1, 0] + 1
            assert memory.copies[row, place + 1] == moved[number + 1, 1]
            if number + 2 < len(rows):  # the next token is a note
                assert memory.recalled[row, :RECALLED].tolist() == keys[number + 1, -RECALLED:].tolist()
                assert memory.recalled[row, RECALLED:].tolist() == lengths[number + 1, -RECALLED:].tolist()
