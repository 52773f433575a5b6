"""The usual tempos of tunes."""

from fractions import Fraction

import pytest
from tunes import tune

from folkseq.music import Meter, Tempo
from folkseq.music.dance import beat_and_bpm, tempo_of


@pytest.mark.parametrize(
    ("rhythm", "meter", "tempo"),
    [
        ("reel", Meter(2, 2), (Fraction(1, 2), 108)),
        ("Reels", Meter(2, 4), (Fraction(1, 4), 108)),
        ("Jig, double", Meter(6, 8), (Fraction(3, 8), 112)),
        ("SLIP JIG", Meter(9, 8), (Fraction(3, 8), 120)),
        ("Highland Fling", Meter(4, 4), (Fraction(1, 2), 76)),
        ("march", Meter(6, 8), (Fraction(3, 8), 108)),
        ("", Meter(3, 4), (Fraction(1, 4), 120)),
        ("no dance at all", Meter(5, 4), (Fraction(1, 4), 112)),
        ("", Meter(0, 4), (Fraction(1, 4), 112)),
    ],
)
def test_the_usual_tempo_is_that_of_the_dance_else_of_the_meter(rhythm, meter, tempo):
    assert beat_and_bpm(rhythm, meter) == tempo


def test_tempo_of_the_tune_itself():
    assert tempo_of(tune("c8|")) == Tempo(Fraction(1, 4), 60)
    assert tempo_of(tune("c8|", fields="Q:1/16=60\n")) == Tempo(Fraction(1, 4), 138)  # a misprint
