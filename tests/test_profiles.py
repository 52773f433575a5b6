"""What transposition changes of each tokenizer's ids, and what tune they hold."""

import numpy as np
import pytest
from book import JIG, REEL, WALTZ
from folkseq.representations.abc.traits import MELODY_UNITS

from folkseq.formats import abc
from folkseq.representations.abc import AbcTokenizer
from folkseq.representations.base import Tokenizer
from folkseq.representations.vocabulary import Profile, Vocabulary


def test_abc():
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
    profile = AbcTokenizer().profile(Vocabulary(tokens))
    pitches = {"C": 0, "_B": 6, "^c'": 14, "=G,": -3, "c": 7}
    assert profile.heights.tolist() == [pitches.get(token, 0) for token in tokens]
    assert profile.pitched.tolist() == profile.free.tolist() == [token in pitches for token in tokens]
    assert [token for token, end in zip(tokens, profile.ends, strict=True) if end] == ["</s>", "<s>"]
    assert np.flatnonzero(profile.binding).tolist() == [tokens.index("-")]
    kinds = dict(zip(tokens, profile.kinds.tolist(), strict=True))
    assert kinds["C"] == kinds["c"]
    assert len(set(kinds.values())) == len(tokens) - 1


def test_where_nothing_is_said_all_but_the_ends_are_free():
    profile = Tokenizer.profile(AbcTokenizer(), Vocabulary(("</s>", "<s>", "a", "b")))
    assert profile.free.tolist() == [False, False, True, True]
    assert profile.ends.tolist() == [True, True, False, False]
    assert not profile.pitched.any()


def test_profiles_check_themselves():
    one, none = np.ones(1, np.bool_), np.zeros(1, np.bool_)
    with pytest.raises(ValueError, match=r"expected arrays of \(V,\)"):
        Profile(np.zeros(2, np.int64), np.zeros(1, np.int64), none, none, none, none)
    with pytest.raises(ValueError, match="an id without a pitch has no height"):
        Profile(np.ones(1, np.int64), np.zeros(1, np.int64), none, one, none, none)
    with pytest.raises(ValueError, match="of a kind of its own"):
        Profile(np.zeros(2, np.int64), np.zeros(2, np.int64), *[np.zeros(2, np.bool_)] * 4)


@pytest.mark.parametrize("text", [JIG, REEL, WALTZ])
def test_a_tune_in_another_key_has_the_same_passages(text):
    tokenizer = AbcTokenizer(transpose=False)
    (tune,) = abc.parse(text).tunes
    moved = tune.transposed(tune.key.interval_to(tune.key).octaves(1))
    pieces = [tokenizer.tokenize(each) for each in (tune, moved)]
    vocabulary = tokenizer.learn(pieces)
    profile = tokenizer.profile(vocabulary)
    ids, others = (np.array(vocabulary.encode(piece)) for piece in pieces)
    assert profile.kinds[ids].tolist() == profile.kinds[others].tolist()
    assert (profile.heights[others] - profile.heights[ids]).tolist() == (7 * profile.pitched[ids]).tolist()


def melody(text):
    """The tune of ABC in C, in eighths."""
    tokenizer = AbcTokenizer()
    (tune,) = abc.parse(f"X:1\nM:4/4\nL:1/8\nK:C\n{text}\n").tunes
    tokens = tokenizer.tokenize(tune)
    vocabulary = tokenizer.learn([tokens])
    found = tokenizer.melody(np.array(vocabulary.encode(tokens)), vocabulary)
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


def test_a_tune_of_rests_has_no_melody():
    vocabulary = Vocabulary(("</s>", "<s>", "K:Cmaj", "M:4/4", "8", "z", "|]"))
    assert AbcTokenizer().melody(np.array([1, 3, 2, 5, 4, 6, 0]), vocabulary).shape == (0, 2)
