"""Tunes and their elements."""

from fractions import Fraction

import pytest

from folkseq.formats import abc
from folkseq.music import Bar, Interval, Key, Pitch, Sound, Tune, Tuplet

F = Fraction


def test_impossible_elements_are_refused() -> None:
    with pytest.raises(ValueError, match="0 of a whole note"):
        Sound((Pitch(0),), F(0))
    with pytest.raises(ValueError, match=r"rest.* tied"):
        Sound((), F(1), tied=True)
    with pytest.raises(ValueError, match="'!'"):
        Bar("!")
    with pytest.raises(ValueError, match=r"\(65:2:3"):
        Tuplet(65, 2, 3)


def test_transposing_moves_keys_and_grace_notes() -> None:
    tune = Tune(((Sound((Pitch(0),), F(1, 4), grace=(Pitch(6),)), Key(4), Bar(), Sound((), F(1))),))
    moved = tune.transposed(Interval(1, 2))
    assert moved.key == Key(1)
    assert moved.body == (Sound((Pitch(1),), F(1, 4), grace=(Pitch(7, 1),)), Key(5), Bar(), Sound((), F(1)))


def test_chord_symbols_are_transposed_with_the_notes():
    (tune,) = abc.parse('X:1\nL:1/4\nM:4/4\nK:C\n"C""^slow""G/B"c2 .d "Fine"z|"Am""D.C."|e4|]\n').tunes
    body = tune.transposed(Interval(1, 2)).body
    assert [element.marks for element in body if isinstance(element, Sound)] == [
        ('"D"', '"^slow"', '"A/C#"'),
        (".",),
        ('"Fine"',),
        (),
    ]
    assert [element.marks for element in body if isinstance(element, Bar)][1] == ('"Bm"', '"D.C."')
