"""What is said of each token: by hand, and the same of a piece's beginning as of the whole."""

import math

import numpy as np
import pytest
from book import BOOK
from folkseq.representations.abc.labels import labels, places
from folkseq.representations.places import Places
from hypothesis import given
from hypothesis import strategies as st

from folkseq.formats import abc
from folkseq.representations import find, names
from folkseq.representations.abc import AbcTokenizer
from folkseq.representations.vocabulary import Vocabulary

HEADER = ("<s>", "R:jig", "M:6/8", "K:Cmaj")
BODY = "|: D | G { f } A 2 B 3 | (3 e f g [ d b ] 3 - B :| [2 z | C 6 |]"
JIG = [*HEADER, *BODY.split(" "), "</s>"]


def test_every_token_of_a_tune_has_a_place():
    found = places(JIG)
    rows = zip(JIG, found.bar.tolist(), (found.start * 8).tolist(), (found.length * 8).tolist(), strict=True)
    third = pytest.approx(2 / 3)
    assert list(rows) == [
        *((token, -1, 0, 0) for token in JIG[:4]),
        ("|:", 0, 0, 0),
        ("D", 0, 0, 1),
        ("|", 1, 0, 0),
        ("G", 1, 0, 1),
        *((token, 1, 1, 2) for token in ("{", "f", "}", "A", "2")),  # a grace note takes its time from its note
        *((token, 1, 3, 3) for token in ("B", "3")),
        ("|", 2, 0, 0),
        *((token, 2, 0, third) for token in ("(3", "e")),
        ("f", 2, third, third),
        ("g", 2, pytest.approx(4 / 3), third),
        *((token, 2, 2, 3) for token in ("[", "d", "b", "]", "3", "-")),
        ("B", 2, 5, 1),
        *((token, 3, 0, 0) for token in (":|", "[2")),
        ("z", 3, 0, 1),
        ("|", 4, 0, 0),
        *((token, 4, 0, 6) for token in ("C", "6")),
        *((token, 5, 0, 0) for token in ("|]", "</s>")),
    ]


def test_the_labels_of_a_tune():
    found = {name: each.tolist() for name, each in labels(JIG).items()}
    by_token = dict(zip(JIG, zip(*(found[name] for name in found), strict=True), strict=True))  # the last of its kind
    assert list(found) == ["place_in_bar", "bar_in_part", "inside_repeat", "header"]
    assert by_token["M:6/8"][::2] == (-1, -1)
    assert math.isnan(by_token["M:6/8"][1])
    assert by_token["M:6/8"][3] == 1
    assert by_token["D"] == (0, 0, 1, 0)
    assert by_token["G"] == (0, 1, 1, 0)
    assert by_token["B"] == (5, 2, 1, 0)
    assert by_token[":|"] == (0, 0, 0, 0)
    assert by_token["C"] == (0, 1, 0, 0)
    assert by_token["|]"] == (0, 0, 0, 0)


def test_a_change_of_meter_moves_tuplets_and_takes_no_time():
    found = places(["<s>", "M:4/4", "K:Cmaj", "C", "8", "|", "[M:6/8]", "(2", "D", "E", "F", "3", "|]"])
    assert (found.start * 8).tolist() == [0, 0, 0, 0, 0, 0, 0, 0, 0, 1.5, 3, 3, 0]  # two in the time of three
    assert found.bar.tolist() == [-1, -1, -1, 0, 0, 1, 1, 1, 1, 1, 1, 1, 2]


@pytest.mark.parametrize("tune", abc.parse(BOOK).tunes, ids=lambda tune: tune.title)
def test_sounds_are_as_long_as_in_the_tune(tune):
    tokenizer = AbcTokenizer()
    tokens = tokenizer.tokenize(tune)
    found = places(tokens)
    moments = dict.fromkeys(zip(found.bar.tolist(), found.start.tolist(), found.length.tolist(), strict=True))
    lengths = [length for _, _, length in moments if length]
    assert lengths == pytest.approx([float(sound.duration) for sound in tokenizer.canonical(tune).sounds()])


TOKENS = st.sampled_from(
    [*dict.fromkeys(JIG), "[M:3/4]", "[K:Gmaj]", "(5:4:5", "/2", "||", "::", "]", "}", "z", "M:none"]
)


@given(st.lists(TOKENS, max_size=40))
def test_any_tokens_have_labels(tokens):
    found = places(tokens)
    assert len(found.start) == len(tokens)
    assert (found.start >= 0).all()
    assert (np.diff(found.bar) >= 0).all()
    for each in labels(tokens).values():
        assert len(each) == len(tokens)


@given(st.lists(TOKENS, max_size=40), st.integers(0, 40))
def test_labels_do_not_know_what_comes(tokens, count):
    tokens = ["<s>", "M:6/8", "K:Cmaj", *tokens]
    whole, begun = labels(tokens), labels(tokens[:count])
    for name, each in begun.items():
        np.testing.assert_array_equal(each, whole[name][:count], err_msg=name)


@pytest.mark.parametrize("name", [name for name in names() if name not in ("abc", "performance")])
def test_other_representations_say_nothing(name):
    vocabulary = Vocabulary(("<s>", "</s>"))
    assert find(name).labels(np.array([0, 1]), vocabulary) == {}
    assert find(name).places(np.array([0, 1]), vocabulary) is None


def test_places_are_of_the_same_ids():
    with pytest.raises(ValueError, match="a start, a length and a bar"):
        Places(np.zeros(2), np.zeros(3))
