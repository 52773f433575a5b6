"""Repeats, matched and played out."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkseq.formats import abc
from folkseq.music import Bar, Element, Pitch, Sound
from folkseq.music.repeats import match_repeats, repair_endings, unfold

F = Fraction


def _heard(elements: object) -> str:
    """The notes of elements of the tune, as letters."""
    return "".join("CDEFGAB"[e.pitches[0].letter] for e in elements if isinstance(e, Sound))


@pytest.mark.parametrize(
    ("written", "played"),
    [
        ("A|B|C|", "ABC"),
        ("A|B:|", "ABAB"),  # no |: at the start
        ("A|B:|C|D:|", "ABABCDCD"),  # nor after a :|
        ("|:A|B:|", "ABAB"),
        ("C|:A|B:|D|", "CABABD"),
        ("|:A:||:B:|", "AABB"),
        ("|:A::B:|", "AABB"),
        ("A::B:|C", "AABBC"),
        ("|:A|1B:|2C|D", "ABACD"),
        ("|:A|1B:|2C|]D:|", "ABACDD"),  # a missing |: after endings, at their double bar
        ("|:A|1B:|2C||D|E:|", "ABACDEDE"),
        ("A|1B:|2C|]", "ABAC"),
        ("|:A|1B:|2C:|", "ABAC"),  # at the end of the music, the last ending's :| is a plain line
        ("|:A|1B:|2C:|D|1E:|2F:|", "ABACDEDF"),  # and before a part with endings but no |:
        ("|:A|1B:|2C:|D|", "ABACAD"),  # else what comes before the endings is played once more
        ("|:A|1B:|2C:|:D:|", "ABACADD"),
        ("|:A|1B:|2C|D:|E:|", "ABACDAEE"),
        ("|:A|1B:|2C:|3D:|E|", "ABACADAE"),
        ("|:A|1,2B:|3C:|:D|1E:|2F:|", "ABABACADEDF"),
        ("|:A|1B:|2C:|D|1E:|2F:|G|", "ABACDEDFDG"),
        ("|:A|1B:|[2C|:D:|", "ABACDD"),
        ("|:A|1,2B:|3C|]", "ABABAC"),
        ("|:A|1,3B:|2,4C:|D", "ABACABACD"),
        ("|:A|1,2B:|3,4C:|:D:|", "ABABACACDD"),
        ("|:A|1-3B:|4C|]", "ABABABAC"),
        ("|:A|1B:|2C:|3D|]", "ABACAD"),
        ("|:A::|", "AAA"),
        ("|:A:::|B|", "AAAAB"),
        ("|:A|B|C|", "ABC"),  # |: that nothing closes
        ("|:A|:B:|", "ABB"),
        ("A||B:|", "ABAB"),
        ("A:|B||C:|", "AABCC"),  # at the double bar since the last repeat
        ("A:|B||C||D:|", "AABCDD"),
        ("|:A:|B:|C", "AABBC"),
        ("|:A:|B||1C:||2D||", "AABCBD"),  # a double bar that opens an ending begins no section
        ("|:A:|B|C||1D:|2E|F|]", "AABCDBCEF"),
        ("|:A|1,3B:|2C:|D", "ABACABD"),  # an ending that is not the section's last closes
        ("|:A|1B|2C|]", "ABAC"),  # no :| before the second ending
        ("A|1B||2C|D|]", "ABACD"),
        ("|:A|1B|2C|3D|E|]", "ABACADE"),
        ("|:A|1B|C:|2D|E|F|1G|A:|2B|]", "ABCADEFGAFB"),  # a second part without |: after endings of two bars
        ("A|1B:|2C|D|1E:|2F|]", "ABACDEDF"),
        ("A|1B|2C|D|1E|2F|]", "ABACDEDF"),
        ("|:A|1B:|2C|D||E|1F:|2G|]", "ABACDEFEG"),  # it begins at a double bar
        ("|:A:|B|1C|2D|]", "AABCBD"),
        ("|:A|B:|1C:|2D|]", "ABCABD"),  # the first :| repeats nothing
        ("|:A|1B:|1C|D|]", "ABACD"),  # numbers that are misprints
        ("|:A|1B:|3C|D|]", "ABACD"),
        ("|:A|2B:|1C|]", "ABAC"),
        ("|:A|2B:|C|]", "ABAC"),
    ],
)
def test_repeats_are_played_out(written: str, played: str) -> None:
    (tune,) = abc.parse(f"X:1\nL:1/4\nM:1/4\nK:C\n{written}\n").tunes
    assert _heard(unfold(tune.body)) == played
    assert _heard(unfold(match_repeats(tune.body))) == played


bars = st.one_of(
    st.builds(Bar, st.sampled_from(["|", "||", "|]"])),
    st.builds(Bar, closes=st.integers(0, 2), opens=st.booleans()),
    st.builds(Bar, closes=st.integers(0, 1), endings=st.sampled_from([(1,), (2,), (1, 2), (3,)])),
)


bodies = st.lists(st.one_of(bars, st.just(Sound((Pitch(0),), F(1, 4)))), max_size=24)


@given(bodies)
def test_every_sound_is_played(body: list[Element]) -> None:
    body = [replace(element) if isinstance(element, Sound) else element for element in body]
    played = {id(element) for element in unfold(body)}
    assert all(id(element) in played for element in body if isinstance(element, Sound))


@given(bodies)
def test_matched_repeats_stay_matched_and_play_the_same(body: list[Element]) -> None:
    made = match_repeats(body)
    assert match_repeats(made) == made
    assert list(unfold(made)) == list(unfold(body))
    opened = False
    for element in made:
        if isinstance(element, Bar):
            assert not (element.opens and opened and not element.closes)  # a section is closed before another opens
            opened = element.opens or (opened and not element.closes)
    assert not opened


def test_guesses_are_named() -> None:
    book = abc.parse("X:1\nL:1/4\nM:1/4\nK:C\n|:A|1B|2C|D|1E:|2F|:G|2A:|B|:C:|1D:|2E|\n")
    assert repair_endings(book.tunes[0].body) == (book.tunes[0].body, {})  # the reader has written them
    assert dict(book.lost[0]) == {
        "ending that no :| comes before": 1,
        "second part with endings but no |:": 1,
        "endings not numbered 1, 2, 3 …": 1,
        "first ending after a :| that repeats nothing": 1,
    }


def test_a_thousand_repeats_of_a_misprint_end() -> None:
    body = [Sound((Pitch(0),), F(1, 4))] * 5000 + [Bar(closes=1000)] + [Sound((Pitch(0),), F(1, 4))] * 30_000
    assert 50_000 < len(list(unfold(body))) < 60_000
