"""Overlays (`&`): what sounds, and when, in every form of them; the voices that they become; their words."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkseq.formats import abc
from folkseq.formats.abc.writer import format_step
from folkseq.music import Bar, Key, Pitch, Sound, Tune
from folkseq.music.playback import perform

HEADER = "X:1\nM:4/4\nL:1/8\nQ:1/8=60\nK:C\n"  # so that an eighth is a second


def read(music: str) -> Tune:
    book = abc.parse(HEADER + music)
    assert not book.faults
    assert dict(book.lost[0]) == {}
    return book.tunes[0]


def heard(tune: Tune) -> str:
    """Return the notes of all voices as `E@3`: name and time in eighths, in order."""
    notes = sorted((round(note.onset_s, 3), note.pitch) for track in perform(tune).tracks for note in track)
    return " ".join(f"{_name(pitch)}@{start:g}" for start, pitch in notes)


def _name(pitch: int) -> str:
    spelt = Key().spell(pitch)
    return "^" * spelt.alter + format_step(spelt.step)


@pytest.mark.parametrize(
    ("music", "notes"),
    [
        ("G8 & E8 | A8 & F8 |", "E@0 G@0 F@8 A@8"),
        ("C4 E4 & G4 c4 & z4 e4 | f8 |", "C@0 G@0 E@4 c@4 e@4 f@8"),  # several in one bar
        ("d4 & C4 D4 |", None),
        ("C4 D4 & z4 E2 | F8 |", "C@0 D@4 E@4 F@8"),  # a rest fills the bar
        ("C2 | D8 & A8 | E8", "C@6 D@8 A@8 E@16"),
        ("G8 &\nE8 | C8 |", "E@0 G@0 C@8"),  # up to the bar line, whatever the line
        ("c4 e4 &\\\nE4 G4 | c8 |", "E@0 c@0 G@4 e@4 c@8"),
        ("C4 E4 | D8 && G8 | A8 | F8 |", "C@0 G@0 E@4 D@8 A@8 F@16"),  # back by two bar lines
        ("C4 E4 | D8 |\n&& G8 | A8 |\nF8 |", "C@0 G@0 E@4 D@8 A@8 F@16"),
        ("C8 | & E8 | D8 |", "C@0 E@0 D@8"),
        ("C8 && E8 | D8 |", "C@0 E@0 D@8"),  # no further than the beginning
        ("C8 | D8 && c8 & e8 | d8 | F8 |", "C@0 c@0 e@0 D@8 d@8 F@16"),
        ("(& C8 | D8 & c8 | d8 & g8 | f8 &) | F8 |", "C@0 c@0 g@0 D@8 d@8 f@8 F@16"),
        ("C4 (& D4 | E8 & F4 | G8 &) | A8 |", "C@0 D@4 F@4 E@8 G@8 A@16"),  # back to (&, not to the bar line
        ("|: C8 & E8 :|", "C@0 E@0 C@8 E@8"),
        ("|: C8 & E8 |1 D8 :|2 F8 & A8 |]", "C@0 E@0 D@8 C@16 E@16 F@24 A@24"),
        ("P:A\nC8 & E8 |\nP:B\nD8 |", "C@0 E@0 D@8"),
        ("V:1\nc8 & e8 | d8 |\nV:2\nC8 | D8 & F8 |", "C@0 c@0 e@0 D@8 F@8 d@8"),
        ("[V:1]c8 | d8 & f8 | [V:2]C8 & E8 | D8 |", "C@0 E@0 c@0 D@8 d@8 f@8"),
        ("(3CDE F2 C4 & c4 (3def g2 | G8 |", "C@0 c@0 D@0.667 E@1.333 F@2 C@4 d@4 e@4.667 f@5.333 g@6 G@8"),
        ("^F8 & F8 | F8 & ^C4 C4 | C8", "F@0 ^F@0 ^C@8 F@8 ^C@12 C@16"),  # an accidental stays in its line of music
        ("c8- & z4 E4 | c4 z4 & F8 |", "c@0 E@4 F@8"),
        ("C8 & E8- | D8 & E8 | E8 |", "C@0 E@0 D@8 E@16"),  # a tie leads to the overlay of the next bar
        ("C8 & [L:1/4] [K:G] F2 F2 | F8 |", "C@0 ^F@0 ^F@4 F@8"),  # a field in an overlay
        ("%%MIDI transpose 12\nC8 & E8 | D8 |", "c@0 e@0 d@8"),
        ('"A & B"C8 | D8 |', "C@0 D@8"),
        ("C8 | !segno!D8 & F8 | E8 !D.S.! |", "C@0 D@8 F@8 E@16 D@24 F@24 E@32"),
    ],
)
def test_overlays_sound_beside_their_bars(music: str, notes: str | None) -> None:
    if notes is None:  # longer than its bar
        assert dict(abc.parse(HEADER + music).lost[0]) == {"overlay (&) longer than its bar, cut": 1}
        return
    tune = read(music)
    assert heard(tune) == notes
    text = abc.format(tune)
    (again,) = abc.parse(text).tunes
    assert heard(again) == notes
    assert abc.format(again) == text


def test_an_overlay_is_a_voice_with_the_bar_lines_of_its_own() -> None:
    tune = read("|: C8 | D4 [K:G] D4 & F8 :|")
    bars = (Bar(opens=True), Bar(), Bar(closes=1))
    first, overlay = tune.voices
    assert tuple(each for each in overlay if isinstance(each, Bar)) == bars
    assert [each for each in overlay if isinstance(each, Sound)] == [
        Sound((), Fraction(1)),
        Sound((Pitch(3, 1),), Fraction(1)),
    ]
    assert Key(4) in overlay
    assert [each for each in first if isinstance(each, Bar)] == list(bars)


def test_words_are_sung_in_the_order_of_the_text() -> None:
    tune = read("C4 D4 | E8 & G4 A4 | F8 |\nw:one two three four five | six\nG8 |\nw:seven")
    sung = [[each.lyrics for each in voice if isinstance(each, Sound) and each.pitches] for voice in tune.voices]
    assert sung == [
        [("one",), ("two",), ("three",), ("six",), ("seven",)],
        [("four",), ("five",)],
    ]


_BARS = st.lists(st.tuples(st.sampled_from("CDEFGAB"), st.lists(st.sampled_from("cdefgab"), max_size=3)), min_size=1)


@given(_BARS)
def test_any_number_of_overlays_in_any_bars(bars: list[tuple[str, list[str]]]) -> None:
    tune = read("|".join("&".join(f"{each}8" for each in (note, *overlays)) for note, overlays in bars) + "|")
    wanted = sorted(f"{each}@{8 * index}" for index, (note, over) in enumerate(bars) for each in {note, *over})
    assert sorted(set(heard(tune).split())) == wanted
    assert len(tune.voices) == 1 + max(len(overlays) for _, overlays in bars)
