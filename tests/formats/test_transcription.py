from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from book import JIG, REEL, WALTZ
from hypothesis import given
from hypothesis import strategies as st

from folkseq.errors import ParseError
from folkseq.formats import abc, midi
from folkseq.formats.ticks import TempoMap, microseconds
from folkseq.formats.transcription import transcribe
from folkseq.music import Sound
from folkseq.music.performance import Note, Performance, Track, distinct_changes
from folkseq.music.playback import perform
from folkseq.music.repeats import unfold
from folkseq.music.signature import Key


def body(tune):
    return abc.format(tune).split("K:", 1)[1].split("\n", 1)[1]


def test_a_tune_comes_back_played_out():
    (tune,) = abc.parse("X:1\nT:Both Ways\nM:6/8\nL:1/8\nK:Em\n|:E|GAB e2d|1 (3BcB A G2:|2 ^c2z B2|]").tunes
    found, lost = transcribe(midi.parse(midi.format(perform(tune))).performance)
    assert (found.title, str(found.key), str(found.meter)) == ("Both Ways", "Emin", "6/8")
    assert body(found) == "E | GAB e2d | (3BcBA G2E | GAB e2d | ^c2z B2 |]\n"
    assert lost == {"marker": 2}


@pytest.mark.parametrize(
    ("bars", "written"),
    [
        ("C5 D3|E3/2F/2 G4 A2|", "C4- CD3 | E>FG4A2 |]\n"),
        ("C2 D2 E2 F2-|F2 z2 G4|", "C2D2 E2F2- | F2z2 G4 |]\n"),
        ("C/D/E/F/ GA (3Bcd ef|", "C/2D/2E/2F/2GA (3Bcdef |]\n"),
        ("(3A/B/c/|d4 e3 (3f/g/a/|b8|", "(3A/2B/2c/2 | d4 e3(3f/2g/2a/2 | b8 |]\n"),
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
    assert set(lost) == {"marker"}


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


def melody(*notes, gate=1.0, **settings):
    """Return C and D in turn at 120 quarter notes a minute, from (onset, length) pairs in quarter notes."""
    played = [Note(onset / 2, (onset + gate * length) / 2, 60 + at % 2 * 2) for at, (onset, length) in enumerate(notes)]
    return Performance((Track.of(played),), **settings)


@pytest.mark.parametrize("gate", [0.7, 0.75, 0.8, 0.85, 0.9, 0.95])
@pytest.mark.parametrize("length", [1, 2, 4])
def test_gate_times_are_articulation_for_every_note_and_the_last(gate, length):
    plain = [(at * length, length) for at in range(6)]
    found, lost = transcribe(melody(*plain, gate=gate))
    assert body(found) == body(transcribe(melody(*plain))[0])
    assert not lost


def test_rests_stay_rests_with_and_without_gate_time():
    notes = [(0, 1), (1, 1), (2, 1), (4, 2), (6, 0.5), (7, 1), (8, 4)]
    assert body(transcribe(melody(*notes))[0]) == "C2D2 C2z2 | D4 CzD2 | C8 |]\n"
    for gate in (0.75, 0.8, 0.9):
        assert body(transcribe(melody(*notes, gate=gate))[0]) == "C2D2 C2z2 | D4 CzD2 | C8 |]\n"
    assert body(transcribe(melody((0, 0.75), (1, 0.25), (2, 2)))[0]) == "C3/2z/2D/2z3/2 C4 |]\n"


@pytest.mark.parametrize("thirds", [1, 2])
def test_a_melody_may_begin_within_a_triplet(thirds):
    found, lost = transcribe(melody(*[(at / 3, 1 / 3) for at in range(thirds, 12)]))
    rest, first = ("z", "(3zCD") if thirds == 1 else ("z2", "(3:2:2z2C")
    assert body(found).startswith(first)
    (read,) = abc.parse(abc.format(found)).tunes
    assert read.voices == found.voices
    assert sum(element.duration for element in read.body if isinstance(element, Sound)) == 1
    assert rest in first
    assert not lost


_BEATS = (
    (0,),
    (0, 12),
    (0, 6, 12, 18),
    (0, 8, 16),
    (0, 16),
    (8,),
    (0, 12, 16, 20),
    (0, 4, 8, 12),
    (0, 4, 8, 12, 16, 20),
)


@given(st.lists(st.sampled_from(_BEATS), min_size=1, max_size=12), st.integers(0, 5))
def test_any_rhythm_in_triplets_and_sixteenths_keeps_its_onsets(beats, left_out):
    onsets = [24 * quarter + place for quarter, beat in enumerate(beats) for place in beat][left_out:]
    if not onsets:
        return
    ends = [*onsets[1:], 24 * len(beats)]
    found, lost = transcribe(melody(*[(on / 24, (end - on) / 24) for on, end in zip(onsets, ends, strict=True)]))
    assert not lost
    (read,) = abc.parse(abc.format(found)).tunes
    assert read.voices == found.voices
    (track,) = perform(found, bpm=120).tracks
    sounding = [round(note.onset_s * 48) for note in track]
    begin = onsets[0] - sounding[0]
    assert [begin + onset for onset in sounding] == onsets


@given(st.lists(st.floats(20, 300), min_size=2, max_size=300), st.integers(5, 100))
def test_quarter_notes_under_any_tempo_events_stay_on_the_grid(tempos, apart):
    clock = TempoMap.at_ticks([(at * apart, microseconds(bpm)) for at, bpm in enumerate(tempos)], 480)
    edges = clock.to_seconds([480 * at for at in range(9)]).tolist()
    played = Track.of([Note(begin, end, 60) for begin, end in pairwise(edges)])
    changes = distinct_changes(zip(clock.seconds.tolist(), [60 / each / 480 for each in clock.tick_s], strict=True))
    found, lost = transcribe(Performance((played,), tempos=changes))
    assert body(found) == "C2C2 C2C2 | C2C2 C2C2 |]\n"
    assert set(lost) <= {"tempo change"}


@pytest.mark.parametrize(("bpm", "said"), [(3.75, "3.75"), (6e7, "6e\\+07")])
def test_a_tempo_that_no_music_has_is_refused(bpm, said):
    with pytest.raises(ParseError, match=f"{said} quarter notes a minute; 10 to 2,000"):
        transcribe(melody((0, 1), tempos=((0.0, bpm),)))


def test_the_melody_has_its_own_key():
    keys, own = ((0.0, Key(2, 0, "maj")),), ((0.0, Key(0, 0, "maj")),)
    track = Track.of([Note(0, 0.5, 66)])
    assert body(transcribe(Performance((track,), keys=keys))[0]) == "F2 |]\n"
    assert body(transcribe(Performance((replace(track, keys=own),), keys=keys))[0]) == "^F2 |]\n"


def test_markers_pedal_and_programs_that_are_dropped_are_counted():
    track = Track.of([Note(0, 0.5, 65)], program=73, pedal=[(0.0, 127), (0.5, 0)])
    _, lost = transcribe(Performance((track,), markers=((0.0, "Verse"),)))
    assert lost == {"marker": 1, "pedal position": 2, "program": 1}
