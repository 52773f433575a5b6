"""Formatting ABC: literal tunes, and properties of every tune that can be formatted."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from folkseq.formats import abc
from folkseq.formats.abc.writer import format_bar, format_length, format_step
from folkseq.music import Bar, Element, Key, Meter, Part, Pitch, Sound, Tempo, Tune, Tuplet
from folkseq.music.parts import spread_parts
from folkseq.music.repeats import repair_endings
from folkseq.music.signature import MODES

F = Fraction


def written(music: str, header: str = "M:4/4\nL:1/8\nK:C") -> str:
    """Return the music of a tune as it is formatted."""
    (tune,) = abc.parse(f"X:1\n{header}\n{music}\n").tunes
    text = abc.format(tune)
    assert abc.format(abc.parse(text).tunes[0]) == text
    return re.split(r"K:.*\n", text, maxsplit=1)[1].rstrip("\n")


JIG = """X:7
T:Jig
T:Other Name
C:Trad.
Z:A. N. Coder
R:jig
M:6/8
L:1/8
Q:3/8=112
K:Ador
e | ABA ~A2B | c2d "Em"e>dB | (GAB) d-dB | {c}BAG E2 ::
f | gfe d2B | c2d [Ae]2B |1 GAB dBG | A3 A2 :|
[2 (3GABd BAG | A3- A2 |]
"""
REEL = """X:1
T:Reel
R:reel
M:4/4
L:1/8
K:Gmaj
|: G2BG DGBG | ^cA=cA FA=cA | G>BA<c B3/2z/2d2 |1 cAFA G4 :|
[2 cAFA G3z ||
P:B
[K:Dmaj]f3e dfaf | [M:2/4](5:4:5edcBA F2 | [Q:1/4=96]D4 |]
"""
WALTZ = """X:3
T:Untitled
P:AAB
M:3/4
L:1/4
K:Bbmin =a
F | B2 c | d3/2e/2 f | A/4B/4c/2 B2 | _A3 |
B3- | B3 |]
"""
VOICES = """X:2
T:Duet
M:2/2
L:1/4
V:1
V:2
K:Cmaj
V:1
[CE]2 G2 | z4 |]
V:2
C,4 | G,,2 C,2 |]
"""


@pytest.mark.parametrize("text", [JIG, REEL, WALTZ, VOICES])
def test_literal_tunes(text: str) -> None:
    book = abc.parse(text)
    assert book.faults == ()
    assert abc.format(book.tunes[0]) == text


@pytest.mark.parametrize(
    ("music", "text"),
    [
        ("ABcdefga|", "ABcd efga |"),  # half bars in common time
        ("A B c d|", "ABcd |"),
        ("A3/2B/2 c/2d3/2|", "A>Bc<d |"),
        ("A>Bc>d", "A>Bc>d"),
        ("AB3/2c/2", "AB3/2c/2"),  # not within a beat
        ("A3/4B/4 c", "A/2>B/2c"),
        ("A3B c3d", "A3B c3d"),  # players write it out
        ("(3A>Bc", "(3A3/2B/2c"),
        ("z>A B>z", "z3/2A/2B3/2z/2"),
        ("A>{c}B HA>B", "A3/2{c}B/2HA3/2B/2"),
        ("uA>B A>.B", "uA>BA3/2.B/2"),
        ("(A>B)", "(A>B)"),
        ("[CE]>[DF]", "[CE]>[DF]"),
        ("|:A:|B::C|]", "|: A :| B :: C |]"),
        ("A::|:B:|", "A ::|: B :|"),
        ("A|1,2B:|3c", "A |1,2 B :|3 c"),
        ("A [1 B", "AB"),
        ("A|1B||[2c", "A |1 B :|2 c"),
    ],
)
def test_literal_music(music: str, text: str) -> None:
    assert written(music) == text


@pytest.mark.parametrize(
    ("meter", "text"),
    [
        ("6/8", "ABc def gab"),
        ("9/8", "ABc def gab"),
        ("3/4", "AB cd ef ga b"),
        ("2/4", "AB cd ef ga b"),
        ("C|", "ABcd efga b"),
        ("none", "ABcdefgab"),
    ],
)
def test_beams_follow_the_beat(meter: str, text: str) -> None:
    assert written("ABcdefgab", f"M:{meter}\nL:1/8\nK:C") == text


def test_a_line_holds_four_bars_and_no_pickup() -> None:
    assert written("A|" + "B8|" * 9) == "A | B8 | B8 | B8 | B8 |\nB8 | B8 | B8 | B8 |\nB8 |"


@pytest.mark.parametrize(
    ("music", "text"),
    [
        ("^F F", "^FF"),
        ("^F f", "^F^f"),  # in its octave only, or in every one: both readings agree
        ("^F =F", "^F=F"),
        ("^F =f", "^F=f"),
        ("^F =f ^F", "^F=f^F"),
        ("^F|F", "^F | F"),
        ("^F-|F F", "^F- | ^F=F"),
        ("F {^F}G =F", "F{^F}G=F"),
        ("[K:D]^F F", "[K:Dmaj]FF"),
        ("F [K:D]=F F A", "F [K:Dmaj]=F=FA"),
    ],
)
def test_accidentals_hold_under_every_reading(music: str, text: str) -> None:
    assert written(music) == text
    body = abc.parse(f"X:1\nL:1/8\nK:C\n{music}\n").tunes[0].body
    heard = [pitch for element in body if isinstance(element, Sound) for pitch in (*element.grace, *element.pitches)]
    for every_octave in (False, True):
        assert _naive(text, every_octave) == heard


def _naive(text: str, every_octave: bool) -> list[Pitch]:
    """Return the pitches if accidentals hold in their octave of the bar only, or in every octave."""
    key, held, pitches = Key(), {}, []
    for sign, letter, bar, change in re.findall(r"([\^=_]?)([A-Ga-g])(?![:a-z])|(\|)|\[K:(\w+)\]", text):
        if bar:
            held = {}
        elif change:
            key = Key(1)
        else:
            step = "CDEFGABcdefgab".index(letter)
            place = step % 7 if every_octave else step
            if sign:
                held[place] = {"^": 1, "=": 0, "_": -1}[sign]
            pitches.append(Pitch(step, held.get(place, key.alters[step % 7])))
    return pitches


def test_header_values_stay_on_their_line() -> None:
    tune = Tune(((Sound((Pitch(0),), F(1, 4)),),), titles=("50% off\nX:2", "|: odd"), fields=(("N", ":| odd"),))
    text = abc.format(tune, comments=["made\nby hand"])
    assert text == ("X:1\n% made by hand\nT:50\\% off X:2\nT: |: odd\nN: :| odd\nM:4/4\nL:1/8\nK:Cmaj\nC2\n")
    read = abc.parse(text).tunes[0]
    assert (read.titles[1], read.fields, read.voices) == ("|: odd", (("N", ":| odd"),), tune.voices)


def test_lengths_steps_and_bars() -> None:
    assert [format_length(F(*pair)) for pair in ((1, 1), (3, 1), (1, 2), (3, 2), (2, 3))] == [
        "",
        "3",
        "/2",
        "3/2",
        "2/3",
    ]
    assert [format_step(step) for step in (-8, -7, -1, 0, 6, 7, 13, 14, 21)] == [
        "B,,",
        "C,",
        "B,",
        "C",
        "B",
        "c",
        "b",
        "c'",
        "c''",
    ]
    assert format_bar(Bar(closes=2)) == "::|"
    assert format_bar(Bar(opens=True, endings=(1,))) == "|: [1"
    assert format_bar(Bar(closes=1, endings=(12,))) == ":| [12"


# Tunes that a reader of ABC could have made: whatever is here must come back as it is.
pitches = st.builds(Pitch, st.integers(-14, 20), st.integers(-2, 2))
lengths = st.sampled_from([F(1, 16), F(3, 32), F(1, 8), F(3, 16), F(1, 4), F(3, 8), F(1, 2), F(1, 32), F(1, 12)])
chords = st.lists(pitches, min_size=1, max_size=3, unique_by=lambda pitch: pitch.step).map(
    lambda chord: tuple(sorted(chord))
)
marks = st.lists(st.sampled_from(["~", "H", "T", "u", "!trill!", '"Am"', '"^slow"']), max_size=2).map(tuple)
grace = st.lists(pitches, max_size=2).map(tuple)
sounds = st.builds(Sound, chords, lengths, grace=grace, marks=marks, opens=st.integers(0, 1), closes=st.integers(0, 1))
plain = st.builds(Sound, chords, lengths)
ties = plain.map(lambda sound: [Sound(sound.pitches, sound.duration, tied=True), sound])
tied_over = plain.map(lambda sound: [Sound(sound.pitches, sound.duration, tied=True), Bar(), sound])
rests = st.builds(Sound, st.just(()), lengths)
keys = st.builds(
    Key, st.integers(0, 6), st.just(0), st.sampled_from([mode for mode in MODES if mode not in ("lyd", "loc")])
)
changes = st.one_of(
    keys,
    st.sampled_from([Meter(6, 8), Meter(2, 2), Meter(0, 4), Meter(5, 4)]),
    st.builds(Tempo, st.just(F(3, 8)), st.integers(30, 300).map(float)),
    st.sampled_from([Part("A"), Part("B")]),
)
bars = st.one_of(
    st.builds(Bar, st.sampled_from(["|", "||", "|]"])),
    st.builds(Bar, closes=st.integers(1, 2), opens=st.booleans()),
    st.builds(Bar, closes=st.integers(0, 1), endings=st.sampled_from([(1,), (2,), (1, 3)])),
    st.just(Bar(opens=True)),
)
tuplets = st.tuples(st.sampled_from([Tuplet(3, 2, 3), Tuplet(3, 2, 2), Tuplet(5, 2, 5), Tuplet(2, 3, 2)]), lengths).map(
    lambda pair: [pair[0], *[Sound((Pitch(4),), pair[1] * pair[0].normal / pair[0].actual)] * pair[0].count]
)


def _groups(*groups: st.SearchStrategy[Element]) -> st.SearchStrategy[list[Element]]:
    return st.one_of(*groups).map(lambda element: [element])


@st.composite
def bodies(draw: st.DrawFn) -> tuple[Element, ...]:
    """Return bars of sounds; between two bar lines there is always a sound, or they would be one."""
    group = st.one_of(_groups(sounds, plain, plain, rests, changes), ties, tied_over, tuplets)
    body: list[Element] = [draw(plain)]
    for _ in range(draw(st.integers(0, 8))):
        body += draw(group)
        if draw(st.booleans()):
            body += [draw(bars), draw(plain)]
    return tuple(body)


tunes = st.builds(
    Tune,
    st.lists(bodies(), min_size=1, max_size=2).map(tuple),
    key=keys,
    meter=st.sampled_from([Meter(4, 4), Meter(6, 8), Meter(3, 4), Meter(0, 4)]),
    titles=st.just(("A Tune",)),
    unit=st.sampled_from([F(1, 8), F(1, 16), F(1, 4)]),
)


@given(tunes)
@settings(max_examples=300)
def test_every_tune_survives_formatting(tune: Tune) -> None:
    text = abc.format(tune)
    book = abc.parse(text)
    assert book.faults == ()
    (read,) = book.tunes
    assert read.voices == tuple(tuple(repair_endings(voice)[0]) for voice in spread_parts(tune.voices))
    assert (read.key, read.meter, read.unit, read.titles) == (tune.key, tune.meter, tune.unit, tune.titles)
    guesses = sum((Counter(repair_endings(voice)[1]) for voice in tune.voices), Counter())
    assert book.lost[0] == guesses
    again = abc.format(read)
    assert abc.format(abc.parse(again).tunes[0]) == again
    assert again == text or read.voices != tune.voices


MUSIC = [
    "A",
    "b2",
    "^c/",
    "=F",
    "z",
    "|",
    ":|",
    "|:",
    "|1",
    ":|2",
    "(",
    ")",
    "-",
    ">",
    "<",
    "{B}",
    "[CE]",
    "(3",
    "~",
    '"Am"',
    "[K:D]",
    " ",
    "\n",
    "||",
]


@given(st.lists(st.sampled_from(MUSIC), max_size=30).map("".join))
@example("(3(3A(3")
@example("(3AA(3A(3")
@example("|(3|(3")
@settings(max_examples=300)
def test_formatting_is_stable(music: str) -> None:
    (tune,) = abc.parse(f"X:1\nM:4/4\nL:1/8\nK:C\nG{music}\n").tunes
    text = abc.format(tune)
    (read,) = abc.parse(text).tunes
    assert read.voices == tune.voices
    assert abc.format(read) == text


def test_a_line_ends_where_the_next_bar_would_not_fit():
    def lines(*bars):
        (tune,) = abc.parse("X:1\nM:4/4\nL:1/16\nK:C\n" + "|".join(bars) + "|]\n").tunes
        return [line.count("|") for line in abc.format(tune).splitlines() if "|" in line]

    eighths, sixteenths, altered = "C2D2E2F2 G2A2B2c2", "CDEFGABc CDEFGABc", "^C_D^E^F ^G^A_B_c ^C_D^E^F ^G^A_B_c"
    assert lines(*[eighths] * 8) == [4, 4]
    assert lines(*[sixteenths] * 4) == [2, 2]
    assert lines(sixteenths, altered, altered, eighths, eighths) == [1, 1, 2, 1]
    (tune,) = abc.parse("X:1\nM:4/4\nL:1/32\nK:C\n" + "^C_D^E^F" * 16 + "|" + "C4" * 8 + "|]\n").tunes
    assert len([line for line in abc.format(tune).splitlines() if line[:1] in "^_=CDEF"]) == 3  # one within the bar
    assert abc.parse(abc.format(tune)).tunes[0].voices == tune.voices


@pytest.mark.parametrize(("meter", "notes"), [("4/4", "(3CDE F2|"), ("4/4", "(3C2D/E/ F2|"), ("3/2", "C4|")])
def test_a_rhythm_has_one_spelling_in_every_meter(meter, notes):
    (tune,) = abc.parse(f"X:1\nR:hornpipe\nM:{meter}\nL:1/8\nK:C\n{notes}\n").tunes
    assert "R:hornpipe\n" in abc.format(tune)


@pytest.mark.parametrize(
    ("header", "music", "fields"),
    [
        ('V:RH name="Right hand" snm=RH\nV:LH name="Left" clef=bass', "[V:RH]C|\n[V:LH]C,|", None),
        ("", "V:2\nC|\nV:1\nC|", ["V:2", "V:1"]),
        ("V:2 bass-8", "V:2\nC|\nV:x\nC|\nV:1\nC|", ["V:2 clef=bass", "V:x", "V:1"]),
        ("", 'V:T nm="Tenor" clef=treble-8\nC|\nV:B\nC|\nV:T clef=treble\nD|', ['V:T nm="Tenor"', "V:B"]),
        ("V:a", "C & E | D |\nV:2\nC|", ["V:a", "V:1", "V:2"]),  # an overlay has the next number
        ("V:F name=Fiddle", "C|", None),  # one voice
        ("V:* clef=alto", "V:1\nC|\nV:2 clef=tenor\nC|", ["V:1 clef=alto", "V:2 clef=tenor"]),
        ("", "V:1\nC|\nV:2\nC|", ["V:1", "V:2"]),
    ],
)
def test_voices_keep_their_names_and_clefs(header: str, music: str, fields: list[str] | None) -> None:
    book = abc.parse(f"X:1\nL:1/8\n{header}\nK:C\n{music}\n")
    text = abc.format(book.tunes[0])
    assert [line for line in text.split("K:")[0].split("\n") if line[:2] == "V:"] == (fields or header.split("\n"))
    again = abc.parse(text)
    assert again.tunes[0].voices == book.tunes[0].voices
    assert again.tunes[0].voice_fields == book.tunes[0].voice_fields or "&" in music
    assert abc.format(again.tunes[0]) == text
    assert not any(book.lost)
    assert not any(again.lost)


@pytest.mark.parametrize(
    ("key", "fields"),
    [
        *[(key, ()) for key in ("none", "", "C treble", "C clef=treble-8", 'C clef="treble^8"', "C treble+8")],
        *[(f"none clef={clef}", (f"1 clef={clef}",)) for clef in ("bass", "alto1", "soprano", "F")],
        *[(f"G {clef}", (f"1 clef={clef}",)) for clef in ("tenor", "mezzosoprano", "baritone")],
        ("D bass_8", ("1 clef=bass",)),
    ],
)
def test_clefs_and_keys_without_a_signature_are_kept(key: str, fields: tuple[str, ...]) -> None:
    book = abc.parse(f"X:1\nL:1/8\nK:{key}\nFB|\n")
    (tune,) = book.tunes
    assert tune.voice_fields == fields
    again = abc.parse(abc.format(tune))
    assert again.tunes[0] == replace(tune, titles=("Untitled",))
    assert not any(book.lost)
    assert not any(again.lost)


def test_another_clef_of_a_voice_is_counted() -> None:
    assert dict(abc.parse("X:1\nK:C bass\nC [K:C treble] D\nV:2 alto\nE\nV:2 bass\nF\n").lost[0]) == {
        "setting treble": 1,
        "setting bass": 1,
    }
