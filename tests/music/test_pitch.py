"""Spelt pitches and intervals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkseq.music import Interval, Pitch

pitches = st.builds(Pitch, st.integers(-20, 30), st.integers(-1, 1))


intervals = st.builds(Interval, st.integers(-9, 9), st.integers(-14, 14))


@pytest.mark.parametrize(
    ("pitch", "midi"), [((0, 0), 60), ((6, 0), 71), ((7, 0), 72), ((-1, 0), 59), ((3, 1), 66), ((4, -1), 66)]
)
def test_midi_numbers(pitch: tuple[int, int], midi: int) -> None:
    assert Pitch(*pitch).midi == midi


def test_enharmonic_pitches_differ() -> None:
    assert Pitch(3, 1) != Pitch(4, -1)
    assert Pitch(-1).letter == 6


@pytest.mark.parametrize("alter", [-3, 3])
def test_three_sharps_or_flats_are_refused(alter: int) -> None:
    with pytest.raises(ValueError, match=f"−2 to 2 semitones.* {alter}"):
        Pitch(0, alter)


@given(pitches, intervals)
def test_an_interval_moves_by_its_semitones(pitch: Pitch, interval: Interval) -> None:
    assert interval.apply(pitch).midi == pitch.midi + interval.semitones


def test_intervals_keep_the_spelling() -> None:
    fifth = Interval(4, 7)
    assert fifth.apply(Pitch(3, 1)) == Pitch(7, 1)  # F sharp to C sharp
    assert fifth.apply(Pitch(6, -1)) == Pitch(10, 0)  # B flat to F
    assert (-fifth).apply(Pitch(0)) == Pitch(-4)
    assert fifth.octaves(-1) == Interval(-3, -5)
    assert Interval(0, 1).apply(Pitch(0, 2)) == Pitch(1, 1)  # C with three sharps has no name
