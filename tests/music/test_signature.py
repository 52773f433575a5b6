"""Keys, meters and tempos."""

from fractions import Fraction

import pytest

from folkseq.music import Interval, Key, Meter, Pitch, Tempo
from folkseq.music.signature import MODES

F = Fraction


KEYS = [
    Key(letter, alter, mode)
    for letter in range(7)
    for alter in (-1, 0, 1)
    for mode in MODES
    if abs((0, 2, 4, -1, 1, 3, 5)[letter] + 7 * alter + MODES[mode]) <= 7
]


@pytest.mark.parametrize(
    ("key", "alters", "sharps", "tonic"),
    [
        (Key(), (0, 0, 0, 0, 0, 0, 0), 0, 0),
        (Key(1, 0, "maj"), (1, 0, 0, 1, 0, 0, 0), 2, 2),
        (Key(1, 0, "dor"), (0, 0, 0, 0, 0, 0, 0), 0, 2),
        (Key(5, 0, "mix"), (1, 0, 0, 1, 0, 0, 0), 2, 9),
        (Key(6, -1, "maj"), (0, 0, -1, 0, 0, 0, -1), -2, 10),
        (Key(0, 0, "min", ((6, 0),)), (0, 0, -1, 0, 0, -1, 0), -3, 0),
    ],
)
def test_signatures(key: Key, alters: tuple[int, ...], sharps: int, tonic: int) -> None:
    assert (key.alters, key.sharps, key.tonic) == (alters, sharps, tonic)


def test_impossible_keys_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'blues'.*maj, min, mix, dor, phr, lyd, loc"):
        Key(0, 0, "blues")
    with pytest.raises(ValueError, match=r"G#maj.* 8 accidentals.* 7"):
        Key(4, 1)


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_every_key_moves_to_every_other(key: Key) -> None:
    for other in KEYS:
        interval = key.interval_to(other)
        assert -5 <= interval.semitones <= 6
        if other.mode == key.mode:
            assert key.moved(interval) == other
        moved = key.moved(interval)
        assert (moved.tonic, moved.mode) == (other.tonic, key.mode)
        # What lies on the tonic's degrees stays on them: the signature moves with the key.
        assert sorted((pitch - key.tonic) % 12 for pitch in _scale(key)) == sorted(
            (pitch - moved.tonic) % 12 for pitch in _scale(moved)
        )


def _scale(key: Key) -> list[int]:
    return [Pitch(letter, alter).midi for letter, alter in enumerate(key.alters)]


def test_extra_accidentals_move_with_the_key() -> None:
    hijaz = Key(1, 0, "min", ((6, 0), (0, 1)))  # D minor with B natural and C sharp
    assert hijaz.moved(Interval(1, 2)) == Key(2, 0, "min", ((0, 1), (1, 1)))  # E minor with C sharp and D sharp


@pytest.mark.parametrize("sharps", range(-7, 8))
@pytest.mark.parametrize("minor", [False, True])
def test_key_of_a_signature(sharps, minor):
    key = Key.of_signature(sharps, minor)
    assert (key.sharps, key.mode) == (sharps, "min" if minor else "maj")
    assert key.major_or_minor == key


def test_major_or_minor_keeps_the_signature():
    for mode, plain in {"mix": "Gmaj", "dor": "Amin", "phr": "Gmin", "lyd": "Amaj", "loc": "Cmin"}.items():
        assert Key(1, 0, mode).major_or_minor.sharps == Key(1, 0, mode).sharps, mode
        assert Key(1, 0, mode).major_or_minor.mode == plain[1:]


@pytest.mark.parametrize(
    ("meter", "bar", "beat", "compound"),
    [
        (Meter(4, 4), F(1), F(1, 4), False),
        (Meter(2, 2), F(1), F(1, 2), False),
        (Meter(3, 4), F(3, 4), F(1, 4), False),
        (Meter(6, 8), F(3, 4), F(3, 8), True),
        (Meter(9, 8), F(9, 8), F(3, 8), True),
        (Meter(5, 8), F(5, 8), F(1, 8), False),
        (Meter(0, 4), F(0), F(1, 4), False),
    ],
)
def test_meters(meter: Meter, bar: Fraction, beat: Fraction, compound: bool) -> None:
    assert (meter.bar, meter.beat, meter.compound, meter.free) == (bar, beat, compound, bar == 0)


@pytest.mark.parametrize(("beats", "unit"), [(-1, 4), (65, 8), (4, 3), (4, 128), (4, 0)])
def test_impossible_meters_are_refused(beats: int, unit: int) -> None:
    with pytest.raises(ValueError, match=f"{beats}/{unit}.* 1 to 64 beats"):
        Meter(beats, unit)


def test_tempo_in_quarter_notes() -> None:
    assert Tempo(F(3, 8), 100).quarter_bpm == 150
    with pytest.raises(ValueError, match="1/4=0"):
        Tempo(F(1, 4), 0)


@pytest.mark.parametrize(
    ("key", "midi", "pitch"),
    [
        (Key(), 66, Pitch(3, 1)),
        (Key(5), 70, Pitch(5, 1)),
        (Key(3), 70, Pitch(6, -1)),
        (Key(1, 0, "min"), 61, Pitch(0, 1)),  # its leading note
        (Key(4, -1, "maj"), 59, Pitch(0, -1)),
    ],
)
def test_spelling_in_a_key(key: Key, midi: int, pitch: Pitch) -> None:
    assert key.spell(midi) == pitch


def test_spelling_keeps_the_scale_of_every_key() -> None:
    for key in KEYS:
        for letter, alter in enumerate(key.alters):
            assert key.spell(Pitch(letter, alter).midi) == Pitch(letter, alter)
