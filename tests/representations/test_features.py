"""Features of small pieces written by hand."""

import numpy as np
import pytest
from performances import solo

from folkseq.formats import abc
from folkseq.representations.abc import AbcRepresentation
from folkseq.representations.abc.analysis import MELODY_UNITS, sections
from folkseq.representations.performance import PerformanceRepresentation
from folkseq.representations.vocabulary import Vocabulary

REEL = "DEFG ABcd|"


def one(text):
    (tune,) = abc.parse(text).tunes
    return tune


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
    tune = one(f"X:1\nM:4/4\nL:1/8\nK:D\n{body}")
    tune = AbcRepresentation().fit([tune]).canonical(tune)
    assert sections(tune.body, tune.meter) == lengths


def test_the_features_of_a_tune():
    """Four bars, of which two are alike; the end is the tonic's fifth, and a tie makes one note of two."""
    tune = one("X:1\nM:3/4\nL:1/8\nK:Ddor\nD2F2A2|D2F2A2|z2 G4-|G2[DA]4|]")
    codec = AbcRepresentation().fit([tune])
    found = codec.analysis.features(codec.encode(tune))
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
    vocabulary = Vocabulary.learn([tokens])
    codec = AbcRepresentation().codec(vocabulary)
    found = codec.analysis.features(np.array(vocabulary.encode(tokens)))
    assert found.shares["last_note_on_tonic"] == (on_tonic, 1)


def test_the_features_of_a_performance():
    piece = solo((60, 1, 0.0, 1.0), (64, 5, 0.0, 2.0), (67, 127, 1.0, 2.0))
    codec = PerformanceRepresentation().fit([piece])
    found = codec.analysis.features(codec.encode(piece))
    assert found.rates == {"notes_per_second": (3.0, 2.0), "notes_at_once": (4.0, 2.0)}
    assert {name: each.tolist() for name, each in found.values.items()} == {
        "pitch": [60, 64, 67],
        "duration": [26, 30, 26],  # quarters of octaves above a step of 10 ms: an octave is twice as long
        "velocity": [1, 2, 32],
    }
