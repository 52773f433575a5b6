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
        ("D.C.", None),
        ("Fine", None),
        ("4", None),
        ("^A", None),
    ],
)
def test_chord_pitches(symbol, pitches):
    assert chord_pitches(symbol) == pitches
