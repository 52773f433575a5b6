from fractions import Fraction

import pytest
from book import JIG, REEL, WALTZ
from hypothesis import given
from hypothesis import strategies as st

from folkseq.errors import ParseError
from folkseq.formats import abc, midi
from folkseq.formats.transcription import transcribe
from folkseq.music import Sound
from folkseq.music.performance import Note, Performance, Track
from folkseq.music.playback import perform
from folkseq.music.repeats import unfold


def body(tune):
    return abc.format(tune).split("K:", 1)[1].split("\n", 1)[1]


def test_a_tune_comes_back_played_out():
    (tune,) = abc.parse("X:1\nT:Both Ways\nM:6/8\nL:1/8\nK:Em\n|:E|GAB e2d|1 (3BcB A G2:|2 ^c2z B2|]").tunes
    found, lost = transcribe(midi.parse(midi.format(perform(tune))).performance)
    assert (found.title, str(found.key), str(found.meter)) == ("Both Ways", "Emin", "6/8")
    assert body(found) == "E | GAB e2d | (3BcBA G2E | GAB e2d | ^c2z B2 |]\n"
    assert lost == {}


@pytest.mark.parametrize(
    ("bars", "written"),
    [
        ("C5 D3|E3/2F/2 G4 A2|", "C4- CD3 | E>FG4A2 |]\n"),
        ("C2 D2 E2 F2-|F2 z2 G4|", "C2D2 E2F2- | F2z2 G4 |]\n"),
        ("C/D/E/F/ GA (3Bcd ef|", "C/2D/2E/2F/2GA (3Bcdef |]\n"),
        ("[CEG]4 z4|c8|", "[CEG]4 z4 | c8 |]\n"),
        ("C>>D E<<F G4|A3/4B/4c3/4B/4 A6|", "C3/2-C/4D/4E/4F3/2-F/4 G4 | A/2>B/2c/2>B/2A6 |]\n"),  # no triplets
    ],
)
def test_lengths_are_ones_that_can_be_written(bars, written):
    (tune,) = abc.parse(f"X:1\nM:4/4\nL:1/8\nK:C\n{bars}").tunes
    found, _ = transcribe(midi.parse(midi.format(perform(tune))).performance)
    assert body(found) == written


@pytest.mark.parametrize("text", [JIG, REEL, WALTZ])
def test_a_transcription_sounds_as_the_tune_did(text):
    (tune,) = abc.parse(text.replace("{f}", "").replace('"Em"', "")).tunes
    (before,) = perform(tune).tracks
    again, lost = transcribe(midi.parse(midi.format(perform(tune))).performance)
    (after,) = perform(again, bpm=None).tracks
    assert [note.pitch for note in after] == [note.pitch for note in before]
    assert lost == {}


@given(st.lists(st.tuples(st.integers(48, 84), st.sampled_from([1, 2, 3, 4, 6, 8])), min_size=1, max_size=40))
def test_any_melody_in_sixteenths_keeps_its_notes_and_lengths(notes):
    onset, played = 0.0, []
    for pitch, sixteenths in notes:
        played.append(Note(onset, onset + sixteenths * 0.125, pitch))
        onset += sixteenths * 0.125
    found, lost = transcribe(Performance((Track.of(played),)))
    assert lost == {}
    merged, tied = [], False
    for sound in unfold(found.body):
        if isinstance(sound, Sound):
            if tied:
                merged[-1][1] += sound.duration
            else:
                merged.append([sound.pitches[0].midi, sound.duration])
            tied = sound.tied
    assert merged == [[pitch, Fraction(sixteenths, 16)] for pitch, sixteenths in notes]
    (read,) = abc.parse(abc.format(found)).tunes
    assert read.voices == found.voices


def test_losses_of_a_transcription_are_counted():
    melody = Track.of([Note(0.0, 1.0, 60), Note(0.5, 1.0, 62)])
    _, lost = transcribe(Performance((melody, Track.of([Note(0.0, 1.0, 40)]))))
    assert lost == {"note cut where another begins": 1, "note on another track": 1}
    with pytest.raises(ParseError, match="no melody in it"):
        transcribe(Performance((Track.of([Note(0.0, 1.0, 36)], drum=True),)))
