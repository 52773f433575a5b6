"""The contract of `folkseq.representations.base`, for every installed representation.

A representation that is not in `FILES` is a plug-in: it is tested on those files of the folder FOLKSEQ_SAMPLES that it
can read.
"""

import os
from dataclasses import fields
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from folkseq import representations
from folkseq.cli.options import options_of
from folkseq.representations.base import END, START
from folkseq.representations.capabilities import Options
from folkseq.settings import parse, spelled

INPUTS = Path(__file__).parents[1] / "golden" / "inputs"
FILES = {
    "abc": ["book.abc", "tune.abc"],
    "abc:transpose=false": ["book.abc"],
    "abc:grace=false": ["book.abc"],
    "char": ["words.txt", "book.abc"],
    "notes": ["take.mid"],
    "notes:drums=true": ["drums.mid"],
    "notes:tracks=true": ["take.mid", "tracks.mid", "drums.mid"],
    "packed": ["gestures.csv"],
    "packed:head=joint": ["gestures.csv"],
    "packed:grid=drums": ["drums.mid"],
    "packed:grid=voices": ["voices.mid"],
    "packed:grid=chorale": ["hymn.csv"],
    "packed:grid=picture": ["picture.png"],
    "performance": ["take.mid"],
    "performance:sustain=tokens": ["take.mid"],
    "performance:drums=true": ["drums.mid"],
    "roll": ["take.mid", "voices.mid"],
    "roll:transpose=true": ["voices.mid"],
}
BUILT_IN = {spec.partition(":")[0] for spec in FILES}
PLUG_INS = [name for name in representations.names() if name not in BUILT_IN]
ROWS = 8


class Case:
    """A representation, and pieces that it has read."""

    def __init__(self, spec):
        self.spec, self.representation = spec, representations.find(spec)
        self.files = self.representation.files
        if spec in FILES:
            paths = [INPUTS / name for name in FILES[spec]]
        else:
            folder = os.environ.get("FOLKSEQ_SAMPLES")
            if folder is None:
                pytest.skip(f"set FOLKSEQ_SAMPLES to a folder with files for {spec}")
            paths = [path for path in sorted(Path(folder).iterdir()) if path.suffix.lower() in self.files.suffixes]
        self.parsed = [self.files.parse(path.read_bytes(), path.name) for path in paths]
        self.pieces = [piece for parsed in self.parsed for piece in parsed.pieces]
        assert self.pieces
        self.codec = self.representation.fit(self.pieces)
        self.ids = [self.codec.encode(piece) for piece in self.pieces]

    def read_back(self, data, suffix):
        """Return the ids of the pieces in a file that was written."""
        pieces = self.files.parse(data, f"again{suffix}").pieces
        pieces = [self.files.join(pieces)] if self.files.continuous else pieces
        return [self.codec.encode(piece).tolist() for piece in pieces]


@pytest.fixture(scope="module", params=[*FILES, *PLUG_INS])
def case(request):
    return Case(request.param)


def test_every_built_in_representation_is_installed():
    assert set(representations.names()) >= BUILT_IN


def test_the_specification_names_the_representation(case):
    assert representations.find(case.representation.spec) == case.representation
    assert representations.find(case.spec) == case.representation
    assert case.representation.spec.partition(":")[0] == case.representation.name
    assert isinstance(case.representation.version, str)


def test_losses_are_reported_by_kind_and_count(case):
    reports = [lost for parsed in case.parsed for lost in (*parsed.lost, parsed.stray or {})]
    for lost in (*reports, *map(case.codec.lost, case.pieces)):
        assert all(isinstance(kind, str) and kind and count >= 0 for kind, count in lost.items())
    assert all(isinstance(fault, str) for parsed in case.parsed for fault in parsed.faults)


def test_ids_decode_to_the_canonical_piece_which_has_the_same_ids(case):
    for piece, ids in zip(case.pieces, case.ids, strict=True):
        assert ids.ndim == 1
        assert ids.dtype.kind in "iu"
        assert ids.max() < len(case.codec.vocabulary)
        assert case.codec.vocabulary.tokens[ids[0]] == START
        decoded = case.codec.decode(ids)
        assert decoded == case.codec.canonical(piece)
        assert case.codec.encode(decoded).tolist() == ids.tolist()
        assert not any(case.codec.lost(decoded).values())


def test_a_codec_follows_from_its_vocabulary(case):
    again = case.representation.codec(case.codec.vocabulary)
    assert [again.encode(piece).tolist() for piece in case.pieces] == [ids.tolist() for ids in case.ids]
    parts = [case.representation.fit([piece]).vocabulary.tokens for piece in case.pieces]
    merged = case.representation.merge(token for tokens in parts for token in tokens)
    assert merged.tokens == case.codec.vocabulary.tokens


def test_fitting_and_encoding_at_once_gives_the_same(case):
    codec, encoded = case.representation.fit_encode(case.pieces)
    assert codec.vocabulary.tokens == case.codec.vocabulary.tokens
    assert [ids.tolist() for ids in encoded] == [ids.tolist() for ids in case.ids]
    assert [ids.dtype for ids in encoded] == [ids.dtype for ids in case.ids]


@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_any_ids_decode_and_can_be_analysed(case, data):
    codec = case.codec
    ids = np.array(data.draw(st.lists(st.integers(0, len(codec.vocabulary) - 1), max_size=60)), np.int64)
    codec.decode(ids)
    assert isinstance(codec.analysis.validate(ids), str)
    assert all(amount >= 0 for amount in codec.analysis.amounts(ids).values())
    assert all(len(label) == len(ids) for label in codec.analysis.labels(ids).values())
    timing = codec.analysis.timing(ids)
    assert timing is None or len(timing.start) == len(timing.length) == len(ids)


def test_pieces_have_features_and_places(case):
    for ids in case.ids:
        features = case.codec.analysis.features(ids)
        assert all(0 <= count <= total for count, total in features.shares.values())
        tokens = case.codec.vocabulary.decode(ids.tolist())
        assert case.codec.analysis.locate(tokens, len(tokens) - 1)


def test_files_can_be_read_back(case):
    decoded = [case.files.number(case.codec.decode(ids), number) for number, ids in enumerate(case.ids, 1)]
    for suffix in case.files.outputs:
        formatted = [case.files.format(piece, suffix) for piece in decoded]
        assert all(formatted)
        if suffix in case.files.suffixes and not case.files.continuous:
            for data, ids in zip(formatted, case.ids, strict=True):
                assert case.read_back(data, suffix) == [ids.tolist()]
        if suffix in case.files.collections and suffix in case.files.suffixes:
            pieces = [case.files.join(case.pieces)] if case.files.continuous else case.pieces
            expected = [case.codec.encode(piece).tolist() for piece in pieces]
            assert case.read_back(case.files.separator.join(formatted), suffix) == expected


def test_transposition(case):
    transposition, profile = case.codec.transposition, case.codec.profile
    assert len(profile.heights) == len(case.codec.vocabulary)
    if transposition is not None:
        for ids in case.ids:
            assert transposition.fingerprint(ids).dtype == np.int64
            assert transposition.melody(ids).shape[1:] == (2,)


def test_augmentation(case):
    augmentation = case.codec.augmentation
    if augmentation is None:
        return
    random = np.random.default_rng(0)
    for ids in case.ids:
        found, conditioning = augmentation.excerpt(ids, 32, augmentation.span(ids), random)
        assert 0 < len(found) <= 33
        assert found.max() < len(case.codec.vocabulary)
        assert conditioning is None or len(conditioning) == len(found) - 1


def test_the_grammar_lets_every_piece_end_and_be_valid(case):
    plan = case.codec.generation.plan(case.representation.options())
    if plan.grammar is None:
        return
    grammar, end = plan.grammar, case.codec.vocabulary.id(END)
    limit = max(grammar.fewest + 60, len(plan.opening) + 60)
    random, state = np.random.default_rng(1), grammar.begin(ROWS)
    ids = np.zeros((ROWS, 0), np.int64)
    while ids.shape[1] < limit:
        mask = grammar.allowed(state, np.full(ROWS, limit - ids.shape[1]))
        assert mask.shape == (ROWS, len(case.codec.vocabulary))
        assert mask.any(axis=1).all()
        drawn = (random.random(mask.shape) * mask).argmax(axis=1)
        if ids.shape[1] < len(plan.opening):
            drawn[:] = plan.opening[ids.shape[1]]
            assert mask[:, drawn[0]].all()
        state = grammar.advance(state, drawn)
        ids = np.concatenate([ids, drawn[:, None]], axis=1)
        assert (grammar.progress(state) <= 1).all()
    repeats = np.count_nonzero(case.ids[0] == end)  # a compound token has an end id for each field
    for row in ids:
        (ends,) = np.nonzero(row == end)
        assert len(ends)
        assert case.codec.analysis.validate(row[: ends[0] + repeats]) == ""


def test_new_pieces_are_finished_and_shown(case):
    generation, options = case.codec.generation, case.representation.options()
    for ids in case.ids:
        piece = generation.postprocess(case.codec.decode(ids), "7-1", options)
        assert case.files.format(piece, case.files.outputs[0], ["a comment"], options)
        assert "\n" not in generation.preview(piece)
        tokens = case.codec.vocabulary.decode(ids.tolist())
        assert all(0 <= merit <= 1 for merit in generation.merits(tokens).values())
        assert "".join(map(generation.stream_formatter(), tokens))


def test_options_are_parsed_from_the_command_line(case):
    kind = case.representation.options
    assert issubclass(kind, Options)
    assert parse(kind, {}) == kind()
    for field in fields(kind):
        declared = field.metadata["setting"]
        for value in declared.choices or ([] if field.default is None else [field.default]):
            assert getattr(parse(kind, {field.name: from_command_line(kind, field.name, value)}), field.name) == value


def from_command_line(kind, name, value):
    """Return the value of an option that click parses from its text."""
    found = {}
    command = click.Command("verb", params=options_of(kind), callback=found.update)
    option = f"--{name.replace('_', '-')}"
    words = [option, spelled(value)]
    if isinstance(value, bool):
        words = [option if value else f"--no-{option[2:]}"]
    result = CliRunner().invoke(command, words)
    assert result.exit_code == 0, result.output
    return found[name]
