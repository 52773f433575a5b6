"""Chord symbols as played: held, as bass and chord, and as broken chords."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tunes import play, rows

from folkseq.music.accompaniment import STYLES

C, G = [36, 48, 52, 55], [43, 50, 55, 59]


def struck(body, style, meter="4/4"):
    """Return (onset in quarters, pitches) of the chords of a tune, whose quarters last a second."""
    tracks = play(body, meter, accompaniment=style).tracks[1:]
    found = {}
    for onset, _, pitch in rows(tracks[0]) if tracks else ():
        found.setdefault(onset, []).append(pitch)
    return list(found.items())


@pytest.mark.parametrize(
    ("meter", "body", "expected"),
    [
        ("4/4", '"C"c8|"G"d8|', [(0, "C"), (1, "c"), (2, "C"), (3, "c"), (4, "G"), (5, "g"), (6, "G"), (7, "g")]),
        ("C|", '"C"c8|', [(0, "C"), (1, "c"), (2, "C"), (3, "c")]),
        (
            "2/4",
            '"C"c4|"G"d4|',
            [(0, "C"), (0.5, "c"), (1, "C"), (1.5, "c"), (2, "G"), (2.5, "g"), (3, "G"), (3.5, "g")],
        ),
        ("3/4", '"C"c6|"G"d6|', [(0, "C"), (1, "c"), (2, "c"), (3, "G"), (4, "g"), (5, "g")]),
        ("6/8", '"C"c3 "G"d3|', [(0, "C"), (1, "c"), (1.5, "G"), (2.5, "g")]),
        ("9/8", '"C"c9|', [(0, "C"), (1, "c"), (1.5, "C"), (2.5, "c"), (3, "C"), (4, "c")]),
        ("4/4", '"C"c3 "G"d5|', [(0, "C"), (1, "c"), (1.5, "G"), (2, "G"), (3, "g")]),  # a change between strokes
        ("4/4", '"C"c4 "N.C."d4|', [(0, "C"), (1, "c")]),
        ("4/4", '"G"d2|"C"c8|', [(3, "G"), (4, "C"), (5, "c"), (6, "C"), (7, "c")]),  # a pickup, on the fourth quarter
        ("none", '"C"c8|', [(0, "Cc")]),
    ],
)
def test_boom_chuck_follows_the_meter(meter, body, expected):
    notes = {"C": C[:1], "c": C[1:], "G": G[:1], "g": G[1:]}
    found = struck(body, "boom-chuck", meter)
    assert found == [(time, [pitch for name in names for pitch in notes[name]]) for time, names in expected]


def test_an_arpeggio_goes_up_and_in_threes_down_again():
    assert struck('"C"c8|', "arpeggio") == [(place / 2, [C[place % 4]]) for place in range(8)]
    expected = [36, 48, 52, 55, 52, 48]
    assert struck('"C"c6|', "arpeggio", "6/8") == [(place / 2, [pitch]) for place, pitch in enumerate(expected)]
    assert struck('"C"c6|', "arpeggio", "3/4") == [(place / 2, [pitch]) for place, pitch in enumerate(expected)]


def test_without_an_accompaniment_there_is_no_track():
    assert len(play('"C"c8|', accompaniment="none").tracks) == 1
    assert len(play("c8|", accompaniment="boom-chuck").tracks) == 1
    assert rows(play('"C"c8|', accompaniment="block").tracks[1]) == rows(play('"C"c8|').tracks[1])
    with pytest.raises(ValueError, match="boom-chuck"):
        play("c8|", accompaniment="polka")


@given(
    st.lists(st.tuples(st.sampled_from(["", '"C"', '"G/B"', '"Am7"', '"N.C."']), st.integers(1, 3)), min_size=1),
    st.sampled_from(["4/4", "2/2", "2/4", "3/4", "6/8", "9/8", "5/4", "7/8", "3/2", "3/8", "none"]),
    st.sampled_from(STYLES),
)
def test_every_style_strikes_the_same_chords_without_gaps_or_overlaps(symbols, meter, style):
    body = "".join(f"{symbol}c{length}" for symbol, length in symbols) + "|"
    held = [rows(track) for track in play(body, meter, accompaniment="block").tracks[1:]]
    notes = [rows(track) for track in play(body, meter, accompaniment=style).tracks[1:]]
    if style == "none" or not held:
        assert not notes
        return
    for onset, offset, pitch in notes[0]:
        assert onset < offset
        assert any(start <= onset and offset <= stop and pitch == same for start, stop, same in held[0])
    assert {onset for onset, _, _ in held[0]} <= {onset for onset, _, _ in notes[0]}
    spans = sorted({(onset, offset) for onset, offset, _ in notes[0]})
    assert all(one[1] <= other[0] for one, other in pairwise(spans))
    assert sum(b - a for a, b in spans) == sum(b - a for a, b in {each[:2] for each in held[0]})
