"""Chord symbols."""

import pytest

from folkseq.music.harmony import chord_pitches


@pytest.mark.parametrize(
    ("symbol", "pitches"),
    [
        ("Am7", (45, 48, 52, 55, 57)),
        ("Bb", (46, 50, 53, 58)),
        ("F#dim", (42, 48, 54, 57)),
        ("D7/F#", (42, 48, 50, 54, 57)),
        ("Db°7", (37, 49, 52, 55, 58)),
        ("C6/9", (36, 48, 50, 52, 55, 57)),
        ("E7#9", (40, 50, 52, 55, 56, 59)),
        ("E7(#9)", (40, 50, 52, 55, 56, 59)),
        ("Bb13", (46, 48, 50, 53, 55, 56, 58)),
        ("Dm7b5", (38, 48, 50, 53, 56)),
        ("Dø7", (38, 48, 50, 53, 56)),
        ("C+7", (36, 48, 52, 56, 58)),
        ("C7+9", (36, 48, 51, 52, 55, 58)),
        ("A-7", (45, 48, 52, 55, 57)),
        ("A7-5", (45, 49, 51, 55, 57)),
        ("C^7", (36, 48, 52, 55, 59)),
        ("Cm(maj7)", (36, 48, 51, 55, 59)),
        ("G7sus4", (43, 48, 50, 53, 55)),
        ("Cadd9", (36, 48, 50, 52, 55)),
        ("E5", (40, 52, 59)),
        ("H7", (47, 51, 54, 57, 59)),
        ("Am/g+", (44, 48, 52, 57)),
        ("D m", (38, 50, 53, 57)),
        ("(G)", (43, 50, 55, 59)),
        ("C (Em)", (36, 48, 52, 55)),  # the second is an alternative
        ("N.C.", ()),
        ("(NC)", ()),
        ("C7xyz", ()),
        ("A tempo", None),
        ("Coda", None),
        ("Amen", None),
        ("G minor", None),
        ("Bb clarinet", None),
        ("D.C.", None),
        ("Fine", None),
        ("H", None),
        ("4", None),
        ("^A", None),
    ],
)
def test_chord_pitches(symbol, pitches):
    assert chord_pitches(symbol) == pitches
