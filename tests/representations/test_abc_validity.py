"""The strict reading of tunes."""

import pytest
from book import JIG, REEL, WALTZ

from folkseq.formats import abc
from folkseq.representations.abc import AbcRepresentation
from folkseq.representations.abc.validity import find_fault

VALID = [
    "|: C | E 3 G 3 | [1 C 5 :| [2 C 6 | D 6 |]",
    "|: E 6 :: F 6 | [1 C 6 :| [2 D 6 :| [3 E 6 || F 6 |]",
    "C 3 - C 3 - | C 2 z 4 | [M:3/4] (3 { D ^E } E F =F [ C E ] 4 - | C 6 |]",
    "[K:Gmaj] ^f 6 - | f 6 |]",  # one pitch, spelt in two ways
    "C 2 | D 6 |: E 6 :|",  # a pickup outside the repeat
]
FAULTS = [
    ("C 6", "no_end"),
    ("C 6 |] D 6 |]", "no_end"),
    ("C 6 | ] D 6 |]", "misspelt"),
    ("C 6 | 2 |]", "misspelt"),
    ("z 3 - C 3 |]", "misspelt"),
    ("{ } C 6 |]", "misspelt"),
    ("[ C E 6 |]", "misspelt"),
    ("R:jig C 6 |]", "misspelt"),
    ('"C" "G" C 6 |]', "misspelt"),
    ('C 6 "C" |]', "misspelt"),
    ('"C9" C 6 |]', "misspelt"),  # canonical is C7
    ("C 6 | C 5 | C 6 |]", "bar_of_wrong_length"),
    ("C 6 | C 7 |]", "bar_of_wrong_length"),
    ("C 6 | | C 6 |]", "bar_of_wrong_length"),
    ("| C 6 |]", "bar_of_wrong_length"),
    ("C 6 | C 3 [1 C 3 |]", "bar_of_wrong_length"),
    ("(3 C 3 D 3 | E 6 |]", "unclosed_tuplet"),
    ("(3 C (3 D E F |]", "unclosed_tuplet"),
    ("C 6 - | D 6 |]", "tie_to_no_note"),
    ("C 3 - z 3 |]", "tie_to_no_note"),
    ("C 6 - |]", "tie_to_no_note"),
    ("C 3 [M:3/4] C 3 |]", "meter_within_bar"),
    ("C 6 :|", "unpaired_repeat"),
    ("|: C 6 |: C 6 :|", "unpaired_repeat"),
    ("|: C 6 |]", "unpaired_repeat"),
    ("|: C 6 | [1 D 6 :| E 6 |]", "unpaired_ending"),
    ("|: C 6 | [1 D 6 |]", "unpaired_ending"),
    ("|: C 6 | [1 D 6 :| [3 E 6 |]", "unpaired_ending"),
    ("|: C 6 | [2 D 6 |]", "unpaired_ending"),
    ("|: C 6 :| [2 D 6 |]", "unpaired_ending"),
    ("C 6 | [1 D 6 |]", "unpaired_ending"),
]


def jig(body):
    return ["<s>", "M:6/8", "K:Cmaj", *body.split(), "</s>"]


@pytest.mark.parametrize("body", VALID)
def test_valid_tunes(body):
    assert find_fault(jig(body)) == ""


@pytest.mark.parametrize(("body", "fault"), FAULTS)
def test_faults(body, fault):
    assert find_fault(jig(body)) == fault


@pytest.mark.parametrize(
    ("tokens", "fault"),
    [
        ("", "no_end"),
        ("<s> M:6/8 K:Cmaj C 6 |]", "no_end"),  # cut off
        ("<s> K:Cmaj M:6/8 C 6 |] </s>", "misspelt"),
        ("<s> M:6/8 K:Cmaj </s>", "no_end"),
        ("<s> M:none K:Cmaj C 6 | D 7 | E |] </s>", ""),
        ("<s> R:jig M:6/8 K:Cmaj C 6 |] </s> </s>", "misspelt"),
    ],
)
def test_faults_of_header_and_end(tokens, fault):
    assert find_fault(tokens.split()) == fault


@pytest.mark.parametrize("text", [JIG, REEL, WALTZ])
def test_tunes_of_books_are_valid(text):
    (tune,) = abc.parse(text).tunes
    codec = AbcRepresentation().fit([tune])
    assert codec.analysis.validate(codec.encode(tune)) == ""
