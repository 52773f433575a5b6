"""Vocabularies, the specifications of representations, and the checks of what codecs return."""

import numpy as np
import pytest

from folkseq import representations
from folkseq.errors import RequestError, TokenError
from folkseq.representations.abc import AbcRepresentation
from folkseq.representations.capabilities import Profile, Timing
from folkseq.representations.vocabulary import Vocabulary


def test_vocabulary():
    vocabulary = Vocabulary.learn([["b", "a"], ["c", "a"]])
    assert vocabulary.tokens == ("a", "b", "c")
    assert vocabulary.decode(vocabulary.encode(["c", "a"])) == ["c", "a"]
    with pytest.raises(ValueError, match="repeated: a"):
        Vocabulary(("a", "b", "a"))


def test_every_unknown_token_is_named():
    with pytest.raises(TokenError, match="'d' is not among the 3"):
        Vocabulary(("a", "b", "c")).encode(["a", "d"])
    with pytest.raises(TokenError, match="'é', '!' are not among the 3"):
        Vocabulary(("<s>", "a", "b")).encode(["<s>", "a", "é", "b", "é", "!"])


def test_specs():
    assert representations.find("abc") == AbcRepresentation()
    assert representations.find("abc:grace=false,transpose=true") == AbcRepresentation(grace=False)
    assert representations.find(AbcRepresentation(grace=False).spec) == AbcRepresentation(grace=False)
    assert AbcRepresentation(grace=False).spec == "abc:grace=false"


@pytest.mark.parametrize(
    ("spec", "facts"),
    [
        ("abd", ["'abd'", "abc", "char"]),
        ("abc:gracious=1", ["'gracious'", "transpose, grace"]),
        ("abc:grace=maybe", ["grace=maybe", "true or false"]),
        ("base", ["'base'"]),
    ],
)
def test_a_wrong_spec_is_refused_with_the_possible_ones(spec, facts):
    with pytest.raises(RequestError) as error:
        representations.find(spec)
    assert all(fact in str(error.value) for fact in facts)


def test_by_default_all_ids_but_the_ends_can_replace_each_other():
    profile = Profile.without_pitch(Vocabulary(("</s>", "<s>", "a", "b")))
    assert profile.free.tolist() == [False, False, True, True]
    assert profile.ends.tolist() == [True, True, False, False]
    assert not profile.pitched.any()


def test_profiles_check_themselves():
    one, none = np.ones(1, np.bool_), np.zeros(1, np.bool_)
    with pytest.raises(ValueError, match=r"\(V,\)"):
        Profile(np.zeros(2, np.int64), np.zeros(1, np.int64), none, none, none, none)
    with pytest.raises(ValueError, match="without a pitch has height 0"):
        Profile(np.ones(1, np.int64), np.zeros(1, np.int64), none, one, none, none)
    with pytest.raises(ValueError, match="only one of its kind"):
        Profile(np.zeros(2, np.int64), np.zeros(2, np.int64), *[np.zeros(2, np.bool_)] * 4)


def test_timings_check_themselves():
    with pytest.raises(ValueError, match="a start, a length and a bar"):
        Timing(np.zeros(2), np.zeros(3))
