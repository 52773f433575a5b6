"""Tunes played: notes, chords, swing and tempo."""

from itertools import pairwise

import pytest
from tunes import onsets, play, rows, tune

from folkseq.formats import abc
from folkseq.music import Bar, Tune
from folkseq.music.playback import perform


def test_ties_are_merged_over_bar_lines_and_only_where_both_chords_have_the_pitch():
    assert rows(play("c4 d4-|d8-|d2 e6|").tracks[0]) == [(0, 2, 72), (2, 9, 74), (9, 12, 76)]
    assert rows(play("[Ce]4-[Ge]4|").tracks[0]) == [(0, 2, 60), (0, 4, 76), (2, 4, 67)]


def test_ties_are_merged_in_the_order_of_playing():
    assert rows(play("|:c8|d8-|1 d8:|2 e8|]").tracks[0]) == [
        *((0, 4, 72), (4, 12, 74)),
        *((12, 16, 72), (16, 20, 74), (20, 24, 76)),
    ]


def test_a_note_twice_in_a_chord_is_played_twice():
    (tune,) = abc.parse("X:1\nL:1/4\nM:3/4\nQ:1/4=60\nK:C\n[cc][^c_d]z|[cc]2-[cc]|\n").tunes
    assert rows(perform(tune).tracks[0]) == [
        *((0, 1, 72), (0, 1, 72), (1, 2, 73), (1, 2, 73)),
        *((3, 6, 72), (3, 6, 72)),
    ]


def test_tuplets():
    third = round(1 / 3, 6)
    assert onsets(play("(3cde f6|").tracks[0]) == [0, third, round(2 / 3, 6), 1]


def test_grace_notes_take_time_from_their_note():
    assert rows(play("{gf}e4 c4|").tracks[0]) == [(0, 0.125, 79), (0.125, 0.25, 77), (0.25, 2, 76), (2, 4, 72)]
    assert rows(play("{gab}e/ c7/ c4|").tracks[0])[:4] == [
        *((0, 0.041667, 79), (0.041667, 0.083333, 81), (0.083333, 0.125, 83)),  # half of the note at most
        (0.125, 0.25, 76),
    ]


def test_staccato_is_half_as_long_and_a_fermata_stays_in_time():
    assert rows(play(".c4 Hd4|").tracks[0]) == [(0, 1, 72), (2, 4, 74)]


def test_accents_fall_on_beats():
    assert [note.velocity for note in play("c2 d e f4|").tracks[0]] == [96, 88, 80, 88]
    assert [note.velocity for note in play("cde fga|", "6/8").tracks[0]] == [96, 80, 80, 88, 80, 80]


def test_voices_have_tracks_of_their_own_on_one_grid():
    text = "X:1\nT:Two\nM:4/4\nL:1/8\nQ:1/4=60\nV:1\nV:2\nK:C\nV:1\nG2|c8|]\nV:2\nE2|C8|]\n"
    performance = perform(abc.parse(text).tunes[0], program=73)
    assert [(track.name, track.program) for track in performance.tracks] == [("Voice 1", 73), ("Voice 2", 73)]
    assert [onsets(track) for track in performance.tracks] == [[3, 4], [3, 4]]


def test_chord_symbols_are_held_on_a_track_of_their_own():
    performance = play('"C"c4 "4"d4|"^slow""G/B"e8:|')
    melody, chords = performance.tracks
    assert (melody.name, melody.program, chords.name) == ("Made Up", 40, "Chords")
    c_major = [36, 48, 52, 55]
    g_over_b = [47, 50, 55, 59]
    assert rows(chords) == [
        *((start, start + 4, pitch) for start in (0.0, 4.0) for pitch in (c_major if start == 0 else g_over_b)),
        *((start, start + 4, pitch) for start in (8.0, 12.0) for pitch in (c_major if start == 8 else g_over_b)),
    ]


def test_a_chord_may_be_tied_in_part():
    assert rows(play("[C-E]2[CE]2|").tracks[0]) == [(0, 2, 60), (0, 1, 64), (1, 2, 64)]


def test_verses_are_sung_one_after_the_other():
    track = play("|:C2 z2 D2 E2:|\nw:Hal-le~lu _\nw:two *\n").tracks[0]
    assert track.lyrics == ((0, "Hal-"), (2, "le lu"), (4, "two"))
    track = play("|:C2 D2 E2 F2:|\nw:one\n").tracks[0]
    assert track.lyrics == ((0, "one"), (4, "one"))


@pytest.mark.parametrize("text", ["N.C.", "C7xyz"])
def test_a_symbol_without_a_chord_ends_the_chord_before_it(text):
    assert rows(play(f'"C5"c4 "{text}"d4 "^slow"e8|').tracks[1]) == [(0, 2, 36), (0, 2, 48), (0, 2, 55)]


def test_chords_of_every_voice_are_played():
    book = abc.parse('X:1\nM:4/4\nL:1/8\nQ:1/4=60\nK:C\nV:1\nc8|"C5"c8|]\nV:2\n"E5"E8|E8|]\n')
    expected = [(0, 4, 40), (0, 4, 52), (0, 4, 59), (4, 8, 36), (4, 8, 48), (4, 8, 55)]
    assert rows(perform(book.tunes[0]).tracks[2]) == expected


@pytest.mark.parametrize("meter", ["C", "C|", "2/4"])
def test_swing_lengthens_the_first_of_two_eighths(meter):
    swung = play("cd ef|" if meter == "2/4" else "cd efg4|", meter, swing=0.75)
    assert onsets(swung.tracks[0])[:4] == [0, 0.75, 1, 1.75]


def test_swing_leaves_tuplets_and_compound_meters_alone():
    assert onsets(play("(3cde fg a4|", swing=2 / 3).tracks[0]) == [0, 0.333333, 0.666667, 1, 1.666667, 2]
    assert onsets(play("cde fga|", "6/8", swing=2 / 3).tracks[0]) == [0, 0.5, 1, 1.5, 2, 2.5]


def test_swing_never_makes_notes_overlap_or_vanish():
    notes = rows(play("c/d/e/f/ g3/a/ {a}b/c'/b/>a/ | c//d//e//f//g//a//b//c'// {cde}d2 e4|", swing=0.75).tracks[0])
    assert all(onset < offset for onset, offset, _ in notes)
    assert all(here[1] <= there[0] for here, there in pairwise(notes))


def test_tempo_changes_and_bpm_overrides_them():
    body = "c8|[Q:1/4=120]d8|"
    assert play(body).tempos == ((0.0, 60.0), (4.0, 120.0))
    assert rows(play(body).tracks[0]) == [(0, 4, 72), (4, 6, 74)]
    assert play(body, bpm=240).tempos == ((0.0, 240.0),)
    assert play("cde fga|", "6/8", bpm=100).tempos == ((0.0, 150.0),)


@pytest.mark.parametrize("options", [{"swing": 0.49}, {"swing": 0.76}, {"bpm": 0}, {"bpm": 5000}, {"program": 128}])
def test_arguments_out_of_range_are_refused(options):
    with pytest.raises(ValueError, match=r"swing|tempo|program"):
        play("c8|", **options)


def test_a_tune_without_sounds_is_refused_and_a_voice_without_sounds_is_ignored():
    with pytest.raises(ValueError, match="note or rest"):
        perform(Tune(((Bar(),),)))
    assert [track.name for track in perform(Tune(((Bar(),), tune("c8|").body))).tracks] == ["Untitled"]
