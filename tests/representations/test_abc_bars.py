"""The bars, times and labels of a tune's tokens."""

import math

import numpy as np
import pytest
from book import BOOK
from hypothesis import given
from hypothesis import strategies as st

from folkseq.formats import abc
from folkseq.representations.abc import AbcRepresentation
from folkseq.representations.abc.bars import EIGHTH, labels, read_bars


def timing(tokens):
    return read_bars(tokens).timing


HEADER = ("<s>", "R:jig", "M:6/8", "K:Cmaj")
BODY = "|: D | G { f } A 2 B 3 | (3 e f g [ d b ] 3 - B :| [2 z | C 6 |]"
JIG = [*HEADER, *BODY.split(" "), "</s>"]


def test_every_token_has_a_time():
    found = timing(JIG)
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
    found = timing(["<s>", "M:4/4", "K:Cmaj", "C", "8", "|", "[M:6/8]", "(2", "D", "E", "F", "3", "|]"])
    assert (found.start * 8).tolist() == [0, 0, 0, 0, 0, 0, 0, 0, 0, 1.5, 3, 3, 0]  # two in the time of three
    assert found.bar.tolist() == [-1, -1, -1, 0, 0, 1, 1, 1, 1, 1, 1, 1, 2]


@pytest.mark.parametrize("tune", abc.parse(BOOK).tunes, ids=lambda tune: tune.title)
def test_sounds_are_as_long_as_in_the_tune(tune):
    codec = AbcRepresentation().fit([tune])
    tokens = codec.representation.tokenize(tune)
    found = timing(tokens)
    moments = dict.fromkeys(zip(found.bar.tolist(), found.start.tolist(), found.length.tolist(), strict=True))
    lengths = [length for _, _, length in moments if length]
    assert lengths == pytest.approx([float(sound.duration) for sound in codec.canonical(tune).sounds()])


TOKENS = st.sampled_from(
    [*dict.fromkeys(JIG), "[M:3/4]", "[K:Gmaj]", "(5:4:5", "/2", "||", "::", "]", "}", "z", "M:none"]
)


@given(st.lists(TOKENS, max_size=40))
def test_any_tokens_have_labels(tokens):
    found = timing(tokens)
    assert len(found.start) == len(tokens)
    assert (found.start >= 0).all()
    assert (np.diff(found.bar) >= 0).all()
    for each in labels(tokens).values():
        assert len(each) == len(tokens)


@given(st.lists(TOKENS, max_size=40), st.integers(0, 40))
def test_labels_do_not_depend_on_what_follows(tokens, count):
    tokens = ["<s>", "M:6/8", "K:Cmaj", *tokens]
    whole, begun = labels(tokens), labels(tokens[:count])
    for name, each in begun.items():
        np.testing.assert_array_equal(each, whole[name][:count], err_msg=name)


FORMS = "<s> M:4/4 K:Cmaj |: A | B 8 | [1 c 7 :| [2 d 8 | [M:2/4] z 2 [K:Gmaj] z 2 |] </s>"
SOUNDS = "<s> M:6/8 K:Cmaj { B } C 2 z D 3 | (3 E F G A 4 - | A 6 |]"


def test_bars_are_numbered_as_engravers_do_and_know_their_lengths():
    bars = read_bars(FORMS.split())
    assert [span.number for span in bars.spans] == [0, 1, 2, 3, 4]
    assert [span.ticks / EIGHTH for span in bars.spans] == [1, 8, 7, 8, 4]
    assert [span.meter_ticks / EIGHTH for span in bars.spans] == [8, 8, 8, 8, 4]
    assert [span.plain for span in bars.spans] == [True, True, True, True, False]
    (free,) = read_bars(["<s>", "M:none", "K:Cmaj", "A", "9", "|]"]).spans
    assert free.number == 1


@pytest.mark.parametrize(
    ("body", "numbers"),
    [
        ("|: A | B 6 | c 5 :: A | B 6 | c 5 :|", [0, 1, 2, 2, 3, 4]),
        ("A |: B 6 | c 5 :|", [0, 1, 2]),
        ("B 6 | c 6 || A | B 6 | c 6 |]", [1, 2, 2, 3, 4]),
        ("B 6 | c 3 :| c 3 | B 6 |]", [1, 2, 2, 3]),
        ("|: B 6 | [1 c 3 :| [2 c 3 |]", [1, 2, 3]),
        ("B 6 | c 3 | B 6 | c 3 |]", [1, 2, 3, 4]),
        ("B 6 | [M:2/4] c 3 | B 4 |]", [1, 2, 3]),
        ("B 6 :| c 3 :| B 6 |]", [1, 2, 3]),
    ],
)
def test_pickups_have_the_number_of_the_bar_that_they_complete(body, numbers):
    tokens = ["<s>", "M:6/8", "K:Cmaj", *body.split(), "</s>"]
    bars = read_bars(tokens)
    assert [span.number for span in bars.spans] == numbers
    assert [bars.number(span.start) for span in bars.spans] == numbers
    assert bars.number(0) == numbers[0]


def test_positions_are_the_bar_and_the_eighth_of_each_sound():
    positions = read_bars(SOUNDS.split()).positions
    assert positions[:3].tolist() == [[0, 0]] * 3
    assert positions[3:13].tolist() == [*[[0, 0]] * 5, [0, 2], *[[0, 3]] * 2, [0, 6], [1, 0]]
    assert positions[13:].tolist() == [*[[1, 0]] * 2, [1, 1], *[[1, 2]] * 3, [1, 6], *[[2, 0]] * 2, [2, 6]]
