"""Chord symbols."""

import pytest

from folkseq.music import Interval, Key
from folkseq.music.harmony import QUALITIES, Chord, canonical, chord_pitches, move_symbol


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


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        *[
            ("C9", "C7"),
            ("Cmaj9", "Cmaj7"),
            ("Cadd9", "C"),
            ("C6/9", "C6"),
            ("C13", "C7"),
            ("Bd", "Bdim"),
            ("B+7", "Baug7"),
        ],
        *[("Am9/G", "Am7/G"), ("Cmmaj7", "Cm"), ("G7(#9)", "G7"), ("A m", "Am"), ("(E7)", "E7"), ("C (Em)", "C")],
        *[("B+7", "Baug7"), ("Hm", "Bm"), ("D7/f+", "D7/F#"), ("Em/E", "Em"), ("no chord", "N.C."), ("n.c.", "N.C.")],
        *[("C7xyz", ""), ("Fine", ""), ("2", ""), ("", "")],
    ],
)
def test_every_chord_has_one_canonical_spelling(symbol, expected):
    assert canonical(symbol) == expected


@pytest.mark.parametrize("quality", QUALITIES)
def test_canonical_qualities_are_their_own_and_differ(quality):
    assert canonical(f"F#{quality}/A") == f"F#{quality}/A"
    intervals = [Chord.parse(f"C{each}").intervals for each in QUALITIES]
    assert intervals.count(Chord.parse(f"C{quality}").intervals) == 1


@pytest.mark.parametrize("semitones", range(-11, 12))
@pytest.mark.parametrize("symbol", ["C", "F#m7", "Bb/D", "D7/f+", "E7(#9)", "(Am)", "C (Em)", "A m"])
def test_a_moved_symbol_has_the_moved_notes(symbol, semitones):
    moved = move_symbol(symbol, Key().interval_up(semitones))
    expected = {(pitch + semitones) % 12 for pitch in chord_pitches(symbol)}
    assert {pitch % 12 for pitch in chord_pitches(moved)} == expected


@pytest.mark.parametrize(("text", "moved"), [("N.C.", "N.C."), ("Fine", "Fine"), ("C7xyz", "D7xyz"), ("3", "3")])
def test_other_texts_are_not_moved_and_unknown_chords_are(text, moved):
    assert move_symbol(text, Interval(1, 2)) == moved
