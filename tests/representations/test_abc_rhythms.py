"""Kinds of tunes: their names and meters, and what a model writes for a kind of which its books have few."""

import re
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from folkseq.errors import RequestError
from folkseq.formats import abc
from folkseq.formats.abc.fields import parse_meter
from folkseq.music.dance import beat_and_bpm
from folkseq.representations.abc import AbcRepresentation
from folkseq.representations.abc.options import AbcOptions
from folkseq.representations.abc.rhythms import FEWEST, RHYTHMS, canonical_rhythm, named

ABC = AbcRepresentation()
TOKENS = ("</s>", "<s>", *"CDEFGABcdefgab", *"2346z", *(f"K:C{mode}" for mode in ("maj", "min")))
TOKENS += tuple(f"M:{meter}" for meter in ("2/4", "2/2", "3/4", "4/4", "6/8"))
TOKENS += tuple(f"R:{rhythm}" for rhythm in ("jig", "reel", "slide", "waltz"))
COUNTS = {
    "jig 6/8 1/8 Dmaj 1 12 -1": 30,
    "jig 3/4 1/8 Dmaj 1 12 -1": 3,
    "reel 2/2 1/8 Dmaj 1 12 -1": 30,
    "waltz 3/4 1/8 Gmaj 1 12 -4": 4,
    "slide 6/8 1/8 Gmaj 1 12 -4": 1,
    "- 3/4 1/8 Gmaj 1 12 -4": 20,
}


def generation(counts=COUNTS):
    vocabulary = ABC.merge(TOKENS)
    return ABC.codec(replace(vocabulary, conventions=counts)).generation


def headers(generation, **options):
    """Return the rhythms and the meters that the header of a new tune may have, as it reads, and the notices."""
    plan = generation.plan(AbcOptions(**options))
    tokens, state = generation.vocabulary.tokens, plan.grammar.begin(1)
    state = plan.grammar.advance(state, np.array(plan.opening))
    remaining = np.array([1000])

    def allowed(state):
        return [tokens[i] for i in np.flatnonzero(plan.grammar.allowed(state, remaining)[0])]

    first = allowed(state)
    meters = {token for token in first if token[:2] == "M:"}
    for token in first:
        if token[:2] == "R:":
            meters |= {*allowed(plan.grammar.advance(state, np.array([generation.vocabulary.id(token)])))}
    rhythms = {token[2:] for token in first if token[:2] == "R:"}
    return rhythms, {token[2:] for token in meters}, plan.notices


@pytest.mark.parametrize(
    ("options", "rhythms", "meters", "notice"),
    [
        ({"rhythm": "jig"}, {"jig"}, {"6/8"}, ""),
        ({"rhythm": "reels"}, {"reel"}, {"2/2"}, ""),
        ({"rhythm": "Waltz"}, set(), {"3/4"}, "the books call only 4 tunes a waltz; .* like tunes in 3/4 of no named"),
        ({"rhythm": "polka"}, set(), {"2/4"}, "the books call no tune a polka; .* like tunes in 2/4 of no named kind"),
        ({"rhythm": "slide"}, {"jig"}, {"6/8"}, "the books call only 1 tune a slide; new ones are written like a jig"),
        ({"rhythm": "jig", "meter": "3/4"}, {"jig"}, {"3/4"}, ""),
        ({"rhythm": "waltz", "meter": "C"}, set(), {"4/4"}, "waltz"),
        ({"meter": "3/4"}, set(), {"3/4"}, ""),
        ({}, {"jig", "reel", "slide", "waltz"}, {"2/4", "2/2", "3/4", "4/4", "6/8"}, ""),
    ],
)
def test_a_kind_is_written_in_its_own_meter(options, rhythms, meters, notice):
    *header, notices = headers(generation(), **options)
    assert header == [rhythms, meters]
    assert len(notices) == bool(notice)
    assert all(re.search(notice, each) for each in notices)


def test_a_kind_of_which_the_books_have_enough_is_written_by_its_name():
    enough = COUNTS | {"waltz 3/4 1/8 Gmaj 1 12 -4": FEWEST}
    assert headers(generation(enough), rhythm="waltz") == ({"waltz"}, {"3/4"}, [])
    # A run that does not say how many there are writes them as version 0.1.0 did.
    assert headers(generation({}), rhythm="waltz") == ({"waltz"}, {"2/4", "2/2", "3/4", "4/4", "6/8"}, [])


def test_a_kind_whose_meter_the_model_lacks_is_refused():
    with pytest.raises(RequestError, match="knows no 9/8, the meter of a slip jig; it has met 2/2, 2/4, 3/4"):
        generation().plan(AbcOptions(rhythm="slip jig"))
    with pytest.raises(RequestError, match="'tango' is not known; there are: air"):
        generation().plan(AbcOptions(rhythm="tango"))


def test_a_tune_is_called_what_it_was_asked_for():
    found, tune = generation(), abc.parse("X:1\nM:6/8\nK:C\nCEG GEC|C6|]").tunes[0]
    for rhythm, name in (("slide", "slide"), ("singlejig", "single jig"), ("jig", "jig")):
        written = found.postprocess(replace(tune, rhythm="jig"), "1-1", AbcOptions(rhythm=rhythm))
        assert (written.rhythm, written.titles[0]) == (name, f"{name.capitalize()} 1-1")


def test_a_prime_without_a_meter_gets_that_of_the_kind():
    tokens = generation().vocabulary.decode(generation().prime("GAB", AbcOptions(rhythm="waltz")).ids)
    assert tokens[:3] == ["<s>", "M:3/4", "K:Cmaj"]
    tokens = generation().vocabulary.decode(generation().prime("GAB", AbcOptions(rhythm="jig")).ids)
    assert tokens[:3] == ["<s>", "R:jig", "M:6/8"]
    with pytest.raises(RequestError, match="the prime is not in 3/4, which the options ask for"):
        generation().prime("M:6/8\nGAB", AbcOptions(rhythm="waltz"))


def test_the_table_is_consistent():
    for (name, rhythm), spelling in product(RHYTHMS.items(), ("", "s")):
        assert all(canonical_rhythm(each + spelling) == name for each in (name, *rhythm.others, named(name)))
        assert rhythm.like in ("", *RHYTHMS)
        for meter in map(parse_meter, rhythm.meters):
            assert beat_and_bpm(named(name), meter)[1] > 50
