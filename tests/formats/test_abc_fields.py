"""The values of K:, M:, L: and Q: lines in every spelling that books use, and the faults of those without one."""

from __future__ import annotations

from fractions import Fraction

import pytest

from folkseq.errors import ParseError
from folkseq.formats.abc.fields import (
    default_unit,
    format_key,
    format_tempo,
    parse_key,
    parse_meter,
    parse_settings,
    parse_tempo,
    parse_unit,
)
from folkseq.music import Key, Meter, Tempo
from folkseq.music.signature import MODES

F = Fraction
EIGHTH = F(1, 8)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("C", "Cmaj"),
        ("G", "Gmaj"),
        (" G ", "Gmaj"),
        ("GM", "Gmin"),
        ("Gmaj", "Gmaj"),
        ("G Major", "Gmaj"),
        ("GION", "Gmaj"),
        ("Em", "Emin"),
        ("Emin", "Emin"),
        ("E Minor", "Emin"),
        ("E  minor", "Emin"),
        ("Eaeolian", "Emin"),
        ("Bn", "Bmin"),
        ("AMix", "Amix"),
        ("A Mixolydian", "Amix"),
        ("D dorian", "Ddor"),
        ("DDOR", "Ddor"),
        ("EPhr", "Ephr"),
        ("FLydian", "Flyd"),
        ("Bloc", "Bloc"),
        ("Bb", "Bbmaj"),
        ("Bbm", "Bbmin"),
        ("B♭ maj", "Bbmaj"),
        ("F#m", "F#min"),
        ("F♯ dorian", "F#dor"),
        ("HP", "Amix"),
        ("Hp", "Amix"),
        ("", "Cmaj"),
        ("none", "Cmaj"),
        ('G name="Fiddle" nm=F', "Gmaj"),
        ("Am clef=bass", "Amin"),
        ("D bass", "Dmaj"),
        ("D-dorian", "Ddor"),
        ("B flat major", "Bbmaj"),
        ("F-sharp minor", "F#min"),
    ],
)
def test_keys_in_every_spelling(text: str, key: str) -> None:
    parsed, _ = parse_key(text)
    assert str(parsed) == key


@pytest.mark.parametrize(
    ("text", "alters"),
    [  # of C D E F G A B
        ("D ^g", (1, 0, 0, 1, 1, 0, 0)),
        ("D =c", (0, 0, 0, 1, 0, 0, 0)),
        ("Am ^G _b", (0, 0, 0, 0, 1, 0, -1)),
        ("D exp _b ^f", (0, 0, 0, 1, 0, 0, -1)),
        ("^f_b", (0, 0, 0, 1, 0, 0, -1)),
        ("C ^^c __d", (2, -2, 0, 0, 0, 0, 0)),
        ("F#m =d", (1, 0, 0, 1, 1, 0, 0)),  # m =d is no setting m=
        ("F#m =c", (0, 0, 0, 1, 1, 0, 0)),
        ("C♯dor=f", (1, 1, 0, 0, 1, 1, 0)),
    ],
)
def test_accidentals_of_a_key(text: str, alters: tuple[int, ...]) -> None:
    key, _ = parse_key(text)
    assert key is not None
    assert key.alters == alters


def test_settings_alone_give_no_key() -> None:
    assert parse_key("clef=bass octave=-1") == (None, ("clef=bass", "octave=-1"))
    assert parse_key("treble-8") == (None, ("treble-8",))
    assert parse_key("Gm alto transpose=2")[1] == ("alto", "transpose=2")
    assert parse_settings("Am m=B t=2") == ("m=B", "t=2")
    assert parse_settings('1 name="Bodhran" clef=perc') == ("clef=perc",)


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("H", "K:H .*key.* K:G"),
        ("g", "K:g .*key.* K:G"),
        ("Gfoo", "K:Gfoo .*mode.* maj, min, mix, dor, phr, lyd, loc"),
        ("G#lyd", "K:G#lyd.* 9 accidentals.* 7"),
        ("x" * 99, f"K:{'x' * 40}… .*key"),
    ],
)
def test_a_fault_in_a_key_is_named(text: str, facts: str) -> None:
    with pytest.raises(ParseError, match=facts):
        parse_key(text)


def test_every_key_survives_formatting() -> None:
    for letter in range(7):
        for alter in (-1, 0, 1):
            for mode in MODES:
                try:
                    key = Key(letter, alter, mode, ((2, -1), (5, 2)))
                except ValueError:
                    continue
                assert parse_key(format_key(key)) == (key, ())


@pytest.mark.parametrize(
    ("text", "meter"),
    [
        ("C", Meter(4, 4)),
        ("C|", Meter(2, 2)),
        ("c|", Meter(2, 2)),
        ("2", Meter(2, 2)),  # old signs
        ("3", Meter(3, 4)),
        ("6/8", Meter(6, 8)),
        (" 12 / 8 ", Meter(12, 8)),
        ("2+3/8", Meter(5, 8)),
        ("(2 + 2 + 3)/8", Meter(7, 8)),
        ("2/4+3/8", Meter(7, 8)),
        ("2/4 + 3/4", Meter(5, 4)),
        ("4/4 ", Meter(4, 4)),
        ("3/4 2/4", Meter(3, 4)),
        ("none", Meter(0, 4)),
        ("free", Meter(0, 4)),
        ("", Meter(0, 4)),
        ("0/8", Meter(0, 4)),
    ],
)
def test_meters_in_every_spelling(text: str, meter: Meter) -> None:
    assert parse_meter(text) == meter
    assert parse_meter(str(meter)) == meter


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("6", r"M:6 .*meter.* M:6/8, M:C\| or M:none"),
        ("6/0", "M:6/0.* 1 to 64 beats .* 64th note"),
        ("6/7", "M:6/7.* 1 to 64 beats .* 64th note"),
        ("99/8", "M:99/8.* 1 to 64 beats .* 64th note"),
    ],
)
def test_a_fault_in_a_meter_is_named(text: str, facts: str) -> None:
    with pytest.raises(ParseError, match=facts):
        parse_meter(text)


@pytest.mark.parametrize(("text", "unit"), [("1/8", EIGHTH), (" 1 / 16 ", F(1, 16)), ("1", F(1)), ("1/4 x", F(1, 4))])
def test_units(text: str, unit: Fraction) -> None:
    assert parse_unit(text) == unit


@pytest.mark.parametrize("text", ["", "0/8", "1/0", "1/00", "1/8x", "x", "1/9999", "-1/8"])
def test_a_fault_in_a_unit_is_named(text: str) -> None:
    with pytest.raises(ParseError, match=f"L:{text} .*length.* L:1/8"):
        parse_unit(text)


@pytest.mark.parametrize(
    ("meter", "unit"), [("2/4", 16), ("3/8", 16), ("3/4", 8), ("6/8", 8), ("4/4", 8), ("C|", 8), ("none", 8)]
)
def test_default_units(meter: str, unit: int) -> None:
    assert default_unit(parse_meter(meter)) == F(1, unit)


@pytest.mark.parametrize(
    ("text", "tempo"),
    [
        ("120", Tempo(EIGHTH, 120)),
        ("1/4=120", Tempo(F(1, 4), 120)),
        ("1/4 = 120", Tempo(F(1, 4), 120)),
        ("C=100", Tempo(EIGHTH, 100)),
        ("C3=100", Tempo(F(3, 8), 100)),
        ("3/8=96.5", Tempo(F(3, 8), 96.5)),
        ("1/4 3/8 1/4=40", Tempo(F(7, 8), 40)),
        ('"Andante" 1/4=80', Tempo(F(1, 4), 80, "Andante")),
        ('1/4=80 "Not  too fast"', Tempo(F(1, 4), 80, "Not too fast")),
        ('"Allegro"', None),
        ("1/4=80 bpm", Tempo(F(1, 4), 80)),
        ("1/4=80-100", Tempo(F(1, 4), 80)),
        ("1/4 = ca. 80", Tempo(F(1, 4), 80)),
        ("ca. 3/8=80,5", Tempo(F(3, 8), 80.5)),
        ('1/4=80 "Largo', Tempo(F(1, 4), 80, "Largo")),
        ("80=1/4", Tempo(F(1, 4), 80)),
        ("1/4=80 (slow)", Tempo(F(1, 4), 80, "slow")),
        ("(1/4=80)", Tempo(F(1, 4), 80)),
        ("Allegro 1/4=80", Tempo(F(1, 4), 80)),
        ("♩.=80", Tempo(F(3, 8), 80)),
        ("80 bpm", Tempo(EIGHTH, 80)),
        ("1=80", Tempo(F(1), 80)),
        ("1/4=3/8", None),
        ("quick", None),
        ("", None),
    ],
)
def test_tempos_in_every_spelling(text: str, tempo: Tempo | None) -> None:
    assert parse_tempo(text, EIGHTH) == tempo
    if tempo is not None:
        assert parse_tempo(format_tempo(tempo), F(1, 2)) == tempo


@pytest.mark.parametrize("text", ["1/4=0", "0", "1/0=120", "9/1=100", "1/4=9999"])
def test_a_fault_in_a_tempo_is_named(text: str) -> None:
    with pytest.raises(ParseError, match=f"Q:{text} .*tempo.* Q:1/4=120"):
        parse_tempo(text, EIGHTH)


def test_a_tempo_keeps_its_decimals() -> None:
    assert format_tempo(Tempo(F(3, 8), 120.1234)) == "3/8=120.1234"
