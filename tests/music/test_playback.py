import io
from fractions import Fraction
from itertools import pairwise

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from folkseq.formats import abc, midi
from folkseq.formats.pretty import from_pretty_midi, to_pretty_midi
from folkseq.music.dance import beat_and_bpm, tempo_of
from folkseq.music.harmony import chord_pitches
from folkseq.music.performance import NOTE, Note, Performance, Track
from folkseq.music.playback import perform
from folkseq.music.repeats import unfold
from folkseq.music.signature import Key, Meter, Tempo
from folkseq.music.timeline import Timeline, part_order
from folkseq.music.tune import Bar, Sound, Tune


def tune(body: str, meter: str = "4/4", fields: str = "Q:1/4=60\n") -> Tune:
    """Return the tune of eighths in C; at its tempo a second is a quarter note."""
    book = abc.parse(f"X:1\nT:Made Up\nM:{meter}\nL:1/8\n{fields}K:C\n{body}\n")
    assert not book.faults
    return book.tunes[0]


def play(body: str, meter: str = "4/4", fields: str = "Q:1/4=60\n", **options) -> Performance:
    return perform(tune(body, meter, fields), **options)


def rows(track: Track) -> list[tuple[float, float, int]]:
    return [(round(note.onset_s, 6), round(note.offset_s, 6), note.pitch) for note in track]


def onsets(track: Track) -> list[float]:
    return [onset for onset, _, _ in rows(track)]


# -- the timeline ------------------------------------------------------------------------------------------------------


def test_pickup_is_filled_up_to_a_bar():
    performance = play("G2|c4 d4|e6|]")
    assert rows(performance.tracks[0]) == [(3, 4, 67), (4, 6, 72), (6, 8, 74), (8, 11, 76)]
    assert performance.meters == ((0.0, Meter(4, 4)),)
    assert performance.length_s == 12  # the last bar is filled up too


def test_one_bar_alone_has_no_pickup():
    assert onsets(play("G2").tracks[0]) == [0]


def test_last_bar_and_the_pickup_after_it_are_one_bar():
    performance = play("G2|c8|d6:|")
    assert rows(performance.tracks[0]) == [
        *((3, 4, 67), (4, 8, 72), (8, 11, 74)),
        *((11, 12, 67), (12, 16, 72), (16, 19, 74)),
    ]
    assert performance.meters == ((0.0, Meter(4, 4)),)


def test_endings_are_played_out():
    performance = play("|:c8|1 d8:|2 e8|]")
    assert rows(performance.tracks[0]) == [(0, 4, 72), (4, 8, 74), (8, 12, 72), (12, 16, 76)]
    assert performance.markers == ((0.0, "A"), (8.0, "A"))


def test_irregular_bar_has_a_meter_of_its_own():
    performance = play("c8|d4|e8|f8 g2|a8|]")
    assert performance.meters == (
        *((0.0, Meter(4, 4)), (4.0, Meter(2, 4)), (6.0, Meter(4, 4))),
        *((10.0, Meter(5, 4)), (15.0, Meter(4, 4))),
    )


def test_bar_that_no_meter_can_measure_leaves_the_meter_alone():
    assert play("c8|(3ddd d|e8|").meters == ((0.0, Meter(4, 4)), (4.0, Meter(3, 8)), (5.5, Meter(4, 4)))
    assert play("c8|(3:2:1d d6|e8|").meters == ((0.0, Meter(4, 4)),)


def test_bars_without_a_meter_are_measured():
    performance = play("c4|d6|e2 f2|", "none")
    assert performance.meters == ((0.0, Meter(2, 4)), (2.0, Meter(3, 4)), (5.0, Meter(2, 4)))
    assert onsets(performance.tracks[0])[0] == 0


def test_ending_that_no_repeat_leads_to_is_played_if_there_is_nothing_else():
    assert onsets(play("[2 c8|d8|]").tracks[0]) == [0, 4]


def test_key_and_meter_change_and_are_back_when_the_section_is_played_again():
    performance = play("|:c8|[K:D][M:3/4]f6:|")
    assert performance.keys == ((0.0, Key()), (4.0, Key(1)), (7.0, Key()), (11.0, Key(1)))
    assert performance.meters == ((0.0, Meter()), (4.0, Meter(3, 4)), (7.0, Meter()), (11.0, Meter(3, 4)))


def test_sections_are_marked():
    performance = play("G2|:c8|d6:|G2|e8|f6:|")
    assert performance.markers == ((0.0, "A"), (11.0, "A"), (18.0, "B"), (26.0, "B"))
    assert play("c8|d8||e8|]").markers == ((0.0, "A"), (8.0, "B"))
    assert play("P:Verse\nc8|d8|\nP:Refrain\ne8|").markers == ((0.0, "Verse"), (8.0, "Refrain"))


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("AABB", "AABB"),
        ("A(A2B2)2", "AAABBAABB"),
        ("((AB)3.(CD)3)2", "ABABABCDCDCDABABABCDCDCD"),
        ("A B.A", "ABA"),
        ("Modern Version.", ""),
        ("A)B", ""),
        ("(((((A99)99)99)99)99)99", ""),
        ("", ""),
    ],
)
def test_expand_order(text, order):
    assert part_order(text) == order


def test_parts_are_played_in_the_order_of_the_header():
    parts = "P:A\nc8|\nP:B\n[K:D]d8:|\n"
    performance = play(parts, fields="P:ABA\nQ:1/4=60\n")
    assert [note.pitch for note in performance.tracks[0]] == [72, 74, 74, 72]
    assert performance.markers == ((0.0, "A"), (4.0, "B"), (8.0, "B"), (12.0, "A"))
    assert performance.keys == ((0.0, Key()), (4.0, Key(1)), (12.0, Key()))
    unknown = play(parts, fields="P:ACA\nQ:1/4=60\n")
    assert [note.pitch for note in unknown.tracks[0]] == [72, 74, 72, 74]  # no part C: as it stands


# -- notes -------------------------------------------------------------------------------------------------------------


def test_ties_are_merged_over_bar_lines_and_only_where_both_chords_have_the_pitch():
    assert rows(play("c4 d4-|d8-|d2 e6|").tracks[0]) == [(0, 2, 72), (2, 9, 74), (9, 12, 76)]
    assert rows(play("[Ce]4-[Ge]4|").tracks[0]) == [(0, 2, 60), (0, 4, 76), (2, 4, 67)]


def test_ties_are_merged_in_the_order_of_playing():
    assert rows(play("|:c8|d8-|1 d8:|2 e8|]").tracks[0]) == [
        *((0, 4, 72), (4, 12, 74)),
        *((12, 16, 72), (16, 20, 74), (20, 24, 76)),
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


@pytest.mark.parametrize(
    ("symbol", "pitches"),
    [
        ("Am7", (45, 48, 52, 55, 57)),
        ("Bb", (46, 50, 53, 58)),
        ("F#dim", (42, 48, 54, 57)),
        ("D7/F#", (42, 48, 50, 54, 57)),
        ("D.C.", None),
        ("Fine", None),
        ("4", None),
        ("^A", None),
    ],
)
def test_chord_pitches(symbol, pitches):
    assert chord_pitches(symbol) == pitches


# -- swing -------------------------------------------------------------------------------------------------------------


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


# -- tempo -------------------------------------------------------------------------------------------------------------


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
def test_tempo_comes_from_the_dance_or_else_from_the_meter(rhythm, meter, tempo):
    assert beat_and_bpm(rhythm, meter) == tempo


def test_tempo_of_the_tune_itself():
    assert tempo_of(tune("c8|")) == Tempo(Fraction(1, 4), 60)
    assert tempo_of(tune("c8|", fields="Q:1/16=60\n")) == Tempo(Fraction(1, 4), 138)  # a misprint


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


def test_a_tune_without_a_sound_is_refused_and_a_voice_without_one_passed_over():
    with pytest.raises(ValueError, match="note or rest"):
        perform(Tune(((Bar(),),)))
    assert [track.name for track in perform(Tune(((Bar(),), tune("c8|").body))).tracks] == ["Untitled"]


# -- every bar line on the grid ----------------------------------------------------------------------------------------

TUNES = {
    "plain": ("c8|d8|e8|f8|]", "4/4"),
    "pickup and repeats": ("G2|:c8|d6 e2|f8|g6:|e2|c8|d8|e8|f6:|", "4/4"),
    "pickup inside the repeat": ("|:d|efg a2 b|agf e2:|d|efg a2 b|agf e2:|", "6/8"),
    "ending in the middle of a bar": ("|:d|efg a2[1b|agf e2:|2g|agf e2|]", "6/8"),
    "endings": ("|:d|efg a2 b|1 agf e2:|2 agf e3||B3 c3|:B3 c3|d3 e2:|", "6/8"),
    "short and long bars": ("c8|d5|e8|f8 g3|a8|]", "4/4"),
    "pickup that does not fit": ("|:G|c4|d4:|", "2/4"),
    "meter changes": ("c8|[M:3/4]d6|e6|[M:6/8]f6|g5:|", "4/4"),
    "meter changes at the join": ("G2|c8|d6||[M:3/4]G2|c6|d4|]", "4/4"),
    "no meter": ("c3|d5|e8|", "none"),
    "cut time": ("GF|E2CE GEcG|E2CE G2:|", "C|"),
    "tuplets": ("(3GAB|c2 (3cde f4|(3gfe d4 z2:|", "C"),
    "parts": ("P:A\nG2|c8|d6||\nP:B\nG2|e8|f6||\n", "4/4"),
    "nine eight": ("|:A|BAB d2 e f2 e|d3 e3 d2:|", "9/8"),
    "rests": ("z2|z8|c6 z2|]", "4/4"),
}


def grid(data: bytes) -> set[int]:
    """Return the ticks of the bar lines that a sequencer draws from the file's time signatures."""
    lines, tick = set(), 0
    conductor = mido.MidiFile(file=io.BytesIO(data)).tracks[0]
    bar, place = 1920, 0
    for message in conductor:
        while tick + message.time >= place:
            lines.add(place)
            place += bar
        tick += message.time
        if message.type == "time_signature":
            bar = 1920 * message.numerator // message.denominator
            place = tick
    return lines | {tick}


def bar_lines(tune: Tune) -> list[int]:
    """Return the ticks of the lines inside of the tune's sections, by a reading of its own."""
    time, lines, meter, last = Fraction(0), [], tune.meter, Fraction(0)
    pickup = None
    for element in unfold(tune.body):
        if isinstance(element, Sound):
            time += element.duration
        elif isinstance(element, Meter):
            meter = element
        elif isinstance(element, Bar) and element.style and time > last:
            if pickup is None:
                pickup = meter.bar - time if time < meter.bar else Fraction(0)
            if not element.ends_section:
                lines.append(time)
            last = time
    assert pickup is not None
    return [int((line + pickup) * 1920) for line in lines]


@pytest.mark.parametrize("name", TUNES)
@pytest.mark.parametrize("swing", [0.5, 2 / 3])
def test_bar_lines_lie_on_the_grid(name, swing):
    written = tune(*TUNES[name])
    assert set(bar_lines(written)) <= grid(midi.format(perform(written, swing=swing)))


@st.composite
def bodies(draw):
    """Return the ABC of some sections in 4/4, most of whose bars are full."""
    sections = []
    for _ in range(draw(st.integers(1, 3))):
        pickup = draw(st.integers(0, 3))
        lengths = [draw(st.sampled_from([8, 8, 8, 8, 5, 11])) for _ in range(draw(st.integers(2, 5)))]
        last = draw(st.sampled_from([8 - pickup, 8]))
        bars = [*([pickup] if pickup else []), *lengths, last]
        opening, closing = draw(st.sampled_from([("|:", ":|"), ("", "||"), ("", ":|")]))
        sections.append(opening + "|".join(f"c{length}" for length in bars) + closing)
    return "\n".join(sections)


@settings(deadline=None)
@given(bodies())
def test_bar_lines_of_any_tune_lie_on_the_grid(body):
    written = tune(body)
    data = midi.format(perform(written))
    assert set(bar_lines(written)) <= grid(data)
    timeline = Timeline.of(written)
    assert {int(measure.start * 1920) for measure in timeline.measures} | {int(timeline.end * 1920)} == grid(data)


# -- performances ------------------------------------------------------------------------------------------------------


def test_track_is_sorted_read_only_and_compares_by_value():
    notes = [Note(1, 2, 60, 80), Note(0, 1, 64, 80), Note(0, 1, 60, 80)]
    track = Track.of(notes, "Flute", 73)
    assert list(track) == sorted(notes)
    assert len(track) == 3
    assert track == Track.of(reversed(notes), "Flute", 73)
    assert hash(track) == hash(Track.of(reversed(notes), "Flute", 73))
    assert track != Track.of(notes, "Flute", 74)
    assert track != Track.of([*notes[:2], Note(0, 1, 60, 81)], "Flute", 73)
    assert track != "Flute"
    with pytest.raises(ValueError, match="read-only"):
        track.notes["pitch"] = 0


@pytest.mark.parametrize(
    "note", [(-1, 0, 60, 80), (2, 1, 60, 80), (0, 1, 128, 80), (0, 1, 60, 0), (0, float("nan"), 60, 80)]
)
def test_impossible_notes_are_refused(note):
    with pytest.raises(ValueError, match=r"note|pitch"):
        Note(*note)
    with pytest.raises(ValueError, match="note"):
        Track(np.array([note], NOTE))


@pytest.mark.parametrize(
    "maps",
    [
        {"tempos": ()},
        {"tempos": ((1.0, 120.0),)},
        {"tempos": ((0.0, 0.0),)},
        {"meters": ((2.0, Meter()), (1.0, Meter()))},
        {"keys": ((1.0, Key()), (1.0, Key(1)))},
        {"markers": ((-1.0, "A"),)},
    ],
)
def test_impossible_maps_are_refused(maps):
    with pytest.raises(ValueError, match=r"tempo|order|hold"):
        Performance((), **maps)


def test_a_performance_lasts_to_its_last_note():
    assert Performance((Track.of([Note(0, 3, 60)]),), length_s=2).length_s == 3


@pytest.mark.parametrize("sharps", range(-7, 8))
@pytest.mark.parametrize("minor", [False, True])
def test_signature_key_has_its_sharps(sharps, minor):
    key = Key.of_signature(sharps, minor)
    assert (key.sharps, key.mode) == (sharps, "min" if minor else "maj")
    assert key.major_or_minor == key


def test_plain_key_keeps_the_signature():
    for mode, plain in {"mix": "Gmaj", "dor": "Amin", "phr": "Gmin", "lyd": "Amaj", "loc": "Cmin"}.items():
        assert Key(1, 0, mode).major_or_minor.sharps == Key(1, 0, mode).sharps, mode
        assert Key(1, 0, mode).major_or_minor.mode == plain[1:]


def test_pretty_midi_and_back():
    performance = play('"C"G2|:c8|[K:Gmin][Q:1/4=90]_b8|[M:3/4]g6:|')
    back = from_pretty_midi(to_pretty_midi(performance))
    assert back.tracks == performance.tracks
    assert (back.meters, back.keys, back.markers) == (performance.meters, performance.keys, performance.markers)
    times, bpms = zip(*back.tempos, strict=True)
    assert times == pytest.approx([time_s for time_s, _ in performance.tempos], abs=1e-3)
    assert bpms == pytest.approx([bpm for _, bpm in performance.tempos], rel=1e-5)
