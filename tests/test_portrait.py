"""Figures of many pieces: those of small tunes written by hand, and what holds of any histograms."""

import numpy as np
import pytest
from folkseq.representations.abc.traits import MELODY_UNITS, sections
from folkseq.representations.traits import Traits
from hypothesis import given
from hypothesis import strategies as st
from performances import solo

from folkseq.evaluation.portrait import Portrait, overlap, ratios, together
from folkseq.formats import abc
from folkseq.representations.abc import AbcTokenizer
from folkseq.representations.performance import PerformanceTokenizer

values = st.lists(st.integers(-5, 300), min_size=1, max_size=60)
REEL = "DEFG ABcd|"


def one(text):
    (tune,) = abc.parse(text).tunes
    return tune


@given(values, values)
def test_overlap_is_a_share_and_does_not_mind_order(ours, theirs):
    assert overlap(ours, ours) == pytest.approx(1)
    assert overlap(ours * 3, ours) == pytest.approx(1)
    assert 0 <= overlap(ours, theirs) <= 1
    assert overlap(ours, theirs) == pytest.approx(overlap(theirs[::-1], ours))
    plain = sum(min(ours.count(each) / len(ours), theirs.count(each) / len(theirs)) for each in {*ours, *theirs})
    assert overlap(ours, theirs) == pytest.approx(plain)
    assert overlap(ours, np.array(theirs) + 1000) == 0


def test_a_histogram_is_of_something():
    with pytest.raises(ValueError, match="one value or more, got 0 and 2"):
        overlap([], [1, 2])


def test_ratios_are_those_of_sums():
    assert ratios([{"bars": (1, 2)}, {"bars": (5, 6), "rests": (0, 0)}]) == {"bars": 0.75}
    assert ratios([]) == {}


@pytest.mark.parametrize(
    ("body", "lengths"),
    [
        (REEL * 8 + "|" + REEL * 4 + "|", [8, 4]),
        ("|:" + REEL * 8 + ":|:" + REEL * 8 + ":|", [8, 8]),
        ("|:d2|" + REEL * 7 + "DEFG AB:|", [8]),  # its last bar completes the pickup
        ("d2|" + REEL * 8 + "|", [8]),  # its last bar does not
        ("d2|:" + REEL * 8 + ":|", [8]),  # the pickup is none of the repeat's
        ("|:" + REEL * 7 + "1" + REEL[:-1] + ":|2" + REEL + "|", [8]),
        ("|:" + REEL * 6 + "|1" + REEL + REEL[:-1] + ":|2" + REEL * 4 + "|", [10]),  # as read once, after a double bar
        ("|:" + REEL * 8 + "|" + REEL * 8 + ":|", [8, 8]),  # a double bar within a repeat
        ("d2|]", []),  # nothing but a pickup
    ],
)
def test_sections_are_counted_in_bars(body, lengths):
    tune = AbcTokenizer().canonical(one(f"X:1\nM:4/4\nL:1/8\nK:D\n{body}"))
    assert sections(tune.body, tune.meter) == lengths


def test_the_traits_of_a_tune():
    """Four bars, of which two are alike; the end is the tonic's fifth, and a tie makes one note of two."""
    tokenizer = AbcTokenizer()
    tokens = tokenizer.tokenize(one("X:1\nM:3/4\nL:1/8\nK:Ddor\nD2F2A2|D2F2A2|z2 G4-|G2[DA]4|]"))
    vocabulary = tokenizer.learn([tokens])
    found = tokenizer.traits(np.array(vocabulary.encode(tokens)), vocabulary)
    assert found.shares == {"sections_of_8_bars": (0, 1), "last_note_on_tonic": (1, 1), "bars_heard_again": (2, 4)}
    eighths = found.values["duration"] * 8 // MELODY_UNITS
    assert eighths.tolist() == [2, 2, 2, 2, 2, 2, 6, 4]
    assert (found.values["pitch"] - found.values["pitch"][0]).tolist() == [0, 3, 7, 0, 3, 7, 5, 7]
    assert found.values["section_length"].tolist() == [4]


@pytest.mark.parametrize(
    ("tokens", "on_tonic"),
    [
        ("K:Cmaj E 6 | C 6 |]", 1),
        ("K:Cmin C 6 | ^C 6 |]", 0),
        ("K:Cmaj C 6 || [K:Gmaj] G 6 |]", 1),
        ("K:Cmaj z 6 |]", 0),
    ],
)
def test_the_tonic_is_that_of_the_end(tokens, on_tonic):
    tokens = ["<s>", "M:6/8", *tokens.split(), "</s>"]
    vocabulary = AbcTokenizer().learn([tokens])
    found = AbcTokenizer().traits(np.array(vocabulary.encode(tokens)), vocabulary)
    assert found.shares["last_note_on_tonic"] == (on_tonic, 1)


def test_the_traits_of_a_performance():
    tokenizer = PerformanceTokenizer()
    ids = tokenizer.encode(solo((60, 1, 0.0, 1.0), (64, 5, 0.0, 2.0), (67, 127, 1.0, 2.0)))
    found = tokenizer.traits(ids, tokenizer.vocabulary)
    assert found.rates == {"notes_per_second": (3.0, 2.0), "notes_at_once": (4.0, 2.0)}
    assert {name: each.tolist() for name, each in found.values.items()} == {
        "pitch": [60, 64, 67],
        "duration": [26, 30, 26],  # quarters of octaves above a step of 10 ms: an octave is twice as long
        "velocity": [1, 2, 32],
    }


def test_a_portrait():
    pieces = [
        Traits({"bars": (1, 2)}, {"notes_per_second": (4, 2)}, {"pitch": np.array([60, 62])}),
        Traits({"bars": (2, 2)}, {"notes_per_second": (8, 2)}, {"pitch": np.array([62, 62])}),
    ]
    trained = together([Traits(values={"pitch": np.array([62, 64]), "duration": np.array([1])})])
    assert Portrait.of(["", "no_end"], pieces, trained) == Portrait(
        pieces=2,
        faults={"no_end": 1},
        shares={"valid_pieces": 0.5, "bars": 0.75},
        rates={"notes_per_second": 3.0},
        overlaps={"pitch": 0.5},
    )
    assert Portrait.of([], [], trained) == Portrait(0, {}, {}, {}, {})
    with pytest.raises(ValueError, match="for each of 2 pieces, got 1"):
        Portrait.of([""], pieces, trained)
