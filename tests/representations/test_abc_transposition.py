"""Tunes across keys: the profile of their ids, their fingerprint and their melody."""

import numpy as np
import pytest
from book import JIG, REEL, WALTZ

from folkseq.formats import abc
from folkseq.representations.abc import AbcRepresentation
from folkseq.representations.abc.analysis import MELODY_UNITS
from folkseq.representations.vocabulary import Vocabulary


def test_profile():
    tokens = (
        "</s>",
        "<s>",
        "-",
        "2",
        "C",
        "_B",
        "^c'",
        "=G,",
        "c",
        "[K:Gmaj]",
        "[",
        "[1",
        "z",
        "{",
        "|",
        "M:2/4",
        "R:air",
    )
    profile = AbcRepresentation().codec(Vocabulary(tokens)).profile
    pitches = {"C": 0, "_B": 6, "^c'": 14, "=G,": -3, "c": 7}
    assert profile.heights.tolist() == [pitches.get(token, 0) for token in tokens]
    assert profile.pitched.tolist() == profile.free.tolist() == [token in pitches for token in tokens]
    assert [token for token, end in zip(tokens, profile.ends, strict=True) if end] == ["</s>", "<s>"]
    assert np.flatnonzero(profile.binding).tolist() == [tokens.index("-")]
    kinds = dict(zip(tokens, profile.kinds.tolist(), strict=True))
    assert kinds["C"] == kinds["c"]
    assert len(set(kinds.values())) == len(tokens) - 1


@pytest.mark.parametrize("text", [JIG, REEL, WALTZ])
def test_a_tune_in_another_key_has_the_same_passages(text):
    (tune,) = abc.parse(text).tunes
    moved = tune.transposed(tune.key.interval_to(tune.key).octaves(1))
    codec = AbcRepresentation(transpose=False).fit([tune, moved])
    profile, ids, others = codec.profile, codec.encode(tune), codec.encode(moved)
    assert profile.kinds[ids].tolist() == profile.kinds[others].tolist()
    assert (profile.heights[others] - profile.heights[ids]).tolist() == (7 * profile.pitched[ids]).tolist()


def melody(text):
    """Return the melody of ABC in C, in eighths."""
    (tune,) = abc.parse(f"X:1\nM:4/4\nL:1/8\nK:C\n{text}\n").tunes
    codec = AbcRepresentation().fit([tune])
    found = codec.transposition.melody(codec.encode(tune))
    return [(pitch, duration * 8 / MELODY_UNITS) for pitch, duration in found.tolist()]


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        ("C2 E/ ^F/ c4|", [(60, 2), (64, 0.5), (66, 0.5), (72, 4)]),
        ("C2- C z2 {d}[CEG]3|", [(60, 3), (67, 3)]),
        ("C4- C4-|C4 E4|", [(60, 12), (64, 4)]),
        ("[CG]4- [CG]4|", [(67, 8)]),
        ("[CE]4- [CG]4|", [(64, 4), (67, 4)]),
        ("(3CDE F6|", [(60, pytest.approx(2 / 3)), (62, pytest.approx(2 / 3)), (64, pytest.approx(2 / 3)), (65, 6)]),
        ("|:B2 B2 [K:F] B4:|", [(71, 2), (71, 2), (70, 4)]),
    ],
)
def test_melodies_of_tunes(text, notes):
    assert melody(text) == notes


def test_the_fingerprint_is_the_melody_in_any_key():
    (tune,) = abc.parse("X:1\nK:D\nD2 F>A [Ac]|").tunes
    codec = AbcRepresentation().fit([tune])
    ids = codec.encode(tune)
    assert codec.transposition.fingerprint(ids).tolist() == [2, 2, 0, 2]
    assert codec.analysis.amounts(ids) == {"note": 5}


def test_a_tune_of_rests_has_no_melody():
    vocabulary = Vocabulary(("</s>", "<s>", "K:Cmaj", "M:4/4", "8", "z", "|]"))
    assert AbcRepresentation().codec(vocabulary).transposition.melody(np.array([1, 3, 2, 5, 4, 6, 0])).shape == (0, 2)
