"""Spelt pitches, keys and meters, and repeats made explicit and played out."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations

import numpy as np
import pretty_midi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkseq.formats import abc
from folkseq.formats.pretty import from_pretty_midi, to_pretty_midi
from folkseq.music import Bar, Element, Interval, Key, Meter, Pitch, Sound, Tempo, Tune, Tuplet
from folkseq.music.performance import NOTE, Note, Performance, Track
from folkseq.music.repeats import match_repeats, unfold
from folkseq.music.signature import MODES

F = Fraction
KEYS = [
    Key(letter, alter, mode)
    for letter in range(7)
    for alter in (-1, 0, 1)
    for mode in MODES
    if abs((0, 2, 4, -1, 1, 3, 5)[letter] + 7 * alter + MODES[mode]) <= 7
]
pitches = st.builds(Pitch, st.integers(-20, 30), st.integers(-1, 1))
intervals = st.builds(Interval, st.integers(-9, 9), st.integers(-14, 14))


@pytest.mark.parametrize(
    ("pitch", "midi"), [((0, 0), 60), ((6, 0), 71), ((7, 0), 72), ((-1, 0), 59), ((3, 1), 66), ((4, -1), 66)]
)
def test_a_pitch_has_its_key_of_the_piano(pitch: tuple[int, int], midi: int) -> None:
    assert Pitch(*pitch).midi == midi


def test_spelling_tells_pitches_apart() -> None:
    assert Pitch(3, 1) != Pitch(4, -1)
    assert Pitch(-1).letter == 6


@pytest.mark.parametrize("alter", [-3, 3])
def test_three_sharps_or_flats_are_refused(alter: int) -> None:
    with pytest.raises(ValueError, match=f"a pitch is altered by −2 to 2 semitones, not {alter}"):
        Pitch(0, alter)


@given(pitches, intervals)
def test_an_interval_sounds_as_wide_as_it_is(pitch: Pitch, interval: Interval) -> None:
    assert interval.apply(pitch).midi == pitch.midi + interval.semitones


def test_intervals_keep_the_spelling() -> None:
    fifth = Interval(4, 7)
    assert fifth.apply(Pitch(3, 1)) == Pitch(7, 1)  # F sharp to C sharp
    assert fifth.apply(Pitch(6, -1)) == Pitch(10, 0)  # B flat to F
    assert (-fifth).apply(Pitch(0)) == Pitch(-4)
    assert fifth.octaves(-1) == Interval(-3, -5)
    assert Interval(0, 1).apply(Pitch(0, 2)) == Pitch(1, 1)  # C with three sharps has no name


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
def test_a_key_has_its_signature(key: Key, alters: tuple[int, ...], sharps: int, tonic: int) -> None:
    assert (key.alters, key.sharps, key.tonic) == (alters, sharps, tonic)


def test_keys_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="'blues' is not a mode; there are maj, min, mix, dor, phr, lyd, loc"):
        Key(0, 0, "blues")
    with pytest.raises(ValueError, match="G#maj would need 8 accidentals; a key has at most 7"):
        Key(4, 1)


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_every_key_moves_to_every_key(key: Key) -> None:
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


def test_a_key_takes_its_own_accidentals_along() -> None:
    hijaz = Key(1, 0, "min", ((6, 0), (0, 1)))  # D minor with B natural and C sharp
    assert hijaz.moved(Interval(1, 2)) == Key(2, 0, "min", ((0, 1), (1, 1)))  # E minor with C sharp and D sharp


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
def test_meters_that_cannot_be_are_refused(beats: int, unit: int) -> None:
    with pytest.raises(ValueError, match=f"{beats}/{unit} is not a meter: 1 to 64 beats of a 1st to a 64th note"):
        Meter(beats, unit)


def test_a_tempo_in_quarters() -> None:
    assert Tempo(F(3, 8), 100).quarter_bpm == 150
    with pytest.raises(ValueError, match="a tempo of 1/4=0 cannot be played"):
        Tempo(F(1, 4), 0)


def test_elements_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="a sound lasts longer than 0 of a whole note"):
        Sound((Pitch(0),), F(0))
    with pytest.raises(ValueError, match="a rest cannot be tied"):
        Sound((), F(1), tied=True)
    with pytest.raises(ValueError, match="'!' is not a bar line"):
        Bar("!")
    with pytest.raises(ValueError, match=r"\(17:2:3 is not a tuplet"):
        Tuplet(17, 2, 3)


def test_a_tune_is_moved_with_its_keys_and_grace_notes() -> None:
    tune = Tune(((Sound((Pitch(0),), F(1, 4), grace=(Pitch(6),)), Key(4), Bar(), Sound((), F(1))),))
    moved = tune.transposed(Interval(1, 2))
    assert moved.key == Key(1)
    assert moved.body == (Sound((Pitch(1),), F(1, 4), grace=(Pitch(7, 1),)), Key(5), Bar(), Sound((), F(1)))


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
        ("|:A|1B:|2C:|", "ABAC"),  # the last ending's :| only closes
        ("|:A|1B:|[2C|:D:|", "ABACDD"),
        ("|:A|1,2B:|3C|]", "ABABAC"),
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
def test_what_is_explicit_matches_and_stays(body: list[Element]) -> None:
    made = match_repeats(body)
    assert match_repeats(made) == made
    assert list(unfold(made)) == list(unfold(body))
    opened = False
    for element in made:
        if isinstance(element, Bar):
            assert not (element.opens and opened and not element.closes)  # a section is closed before another opens
            opened = element.opens or (opened and not element.closes)
    assert not opened


def test_a_misprint_of_repeats_ends() -> None:
    body = [Sound((Pitch(0),), F(1, 4))] * 5000 + [Bar(closes=1000)] + [Sound((Pitch(0),), F(1, 4))] * 30_000
    assert 50_000 < len(list(unfold(body))) < 60_000


# -- performances ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [*permutations([(0, 2, 60, 9), (0, 2, 62, 8), (0, 1, 62, 7), (1, 1, 50, 6)])])
def test_notes_of_a_track_come_in_one_order(rows: tuple[tuple[int, ...], ...]) -> None:
    notes = np.array(list(rows), NOTE)
    assert Track(notes).notes["velocity"].tolist() == [9, 7, 8, 6]
    notes["pitch"] = 0  # the track's own are another array
    assert Track(notes).notes is not notes
    assert not Track(notes).notes.flags.writeable


def test_pedals_of_a_track_come_in_the_order_of_their_times() -> None:
    track = Track.of([Note(0, 1, 60)], pedal=[(1.0, 0), (0.5, 1), (1.0, 127), (0.5, 2)])
    assert track.pedal.tolist() == [(0.5, 1), (0.5, 2), (1.0, 0), (1.0, 127)]
    assert track != Track.of([Note(0, 1, 60)])
    for pedal in ([(-1.0, 0)], [(0.0, 128)], [(float("inf"), 0)]):
        with pytest.raises(ValueError, match="pedal"):
            Track.of((), pedal=pedal)


def test_pedals_go_into_pretty_midi_and_come_back() -> None:
    pedal = [(0.25, 127), (0.25, 0), (0.5, 64), (2.0, 0)]
    piano = Track.of([Note(0, 1, 60), Note(0.5, 1.5, 62)], "Piano", pedal=pedal)
    performance = Performance((piano, Track.of([Note(0, 2, 50)], "Bass", 33), Track.of((), "Pedal", pedal=pedal)))
    midi = to_pretty_midi(performance)
    assert [(change.number, change.time, change.value) for change in midi.instruments[0].control_changes] == [
        (64, time_s, value) for time_s, value in pedal
    ]
    midi.instruments[1].control_changes.append(pretty_midi.ControlChange(7, 100, 0.5))  # a volume is no pedal
    assert from_pretty_midi(midi) == performance
