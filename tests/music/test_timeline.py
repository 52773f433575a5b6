"""Tunes in the order in which they are played, and bar lines on the grid of a sequencer."""

import io
from fractions import Fraction

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tunes import onsets, play, rows, tune

from folkseq.formats import midi
from folkseq.music import Bar, Key, Meter, Sound, Tune
from folkseq.music.playback import perform
from folkseq.music.repeats import unfold
from folkseq.music.timeline import Timeline


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


def test_a_bar_without_a_possible_meter_keeps_the_meter():
    assert play("c8|(3ddd d|e8|").meters == ((0.0, Meter(4, 4)), (4.0, Meter(3, 8)), (5.5, Meter(4, 4)))
    assert play("c8|(3:2:1d d6|e8|").meters == ((0.0, Meter(4, 4)),)


def test_bars_without_a_meter_are_measured():
    performance = play("c4|d6|e2 f2|", "none")
    assert performance.meters == ((0.0, Meter(2, 4)), (2.0, Meter(3, 4)), (5.0, Meter(2, 4)))
    assert onsets(performance.tracks[0])[0] == 0


def test_an_ending_without_a_repeat_is_played_if_there_is_nothing_else():
    assert onsets(play("[2 c8|d8|]").tracks[0]) == [0, 4]


def test_a_repeated_section_begins_in_its_own_key_and_meter():
    performance = play("|:c8|[K:D][M:3/4]f6:|")
    assert performance.keys == ((0.0, Key()), (4.0, Key(1)), (7.0, Key()), (11.0, Key(1)))
    assert performance.meters == ((0.0, Meter()), (4.0, Meter(3, 4)), (7.0, Meter()), (11.0, Meter(3, 4)))


def test_sections_are_marked():
    performance = play("G2|:c8|d6:|G2|e8|f6:|")
    assert performance.markers == ((0.0, "A"), (11.0, "A"), (18.0, "B"), (26.0, "B"))
    assert play("c8|d8||e8|]").markers == ((0.0, "A"), (8.0, "B"))
    assert play("P:Verse\nc8|d8|\nP:Refrain\ne8|").markers == ((0.0, "Verse"), (8.0, "Refrain"))


def test_parts_are_played_in_the_order_of_the_header():
    parts = "P:A\nc8|\nP:B\n[K:D]d8:|\n"
    performance = play(parts, fields="P:ABA\nQ:1/4=60\n")
    assert [note.pitch for note in performance.tracks[0]] == [72, 74, 74, 72]
    assert performance.markers == ((0.0, "A"), (4.0, "B"), (8.0, "B"), (12.0, "A"))
    assert performance.keys == ((0.0, Key()), (4.0, Key(1)), (12.0, Key()))
    unknown = play(parts, fields="P:ACA\nQ:1/4=60\n")
    assert [note.pitch for note in unknown.tracks[0]] == [72, 72]  # without the part C, which is counted as lost


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


@given(bodies())
def test_bar_lines_of_any_tune_lie_on_the_grid(body):
    written = tune(body)
    data = midi.format(perform(written))
    assert set(bar_lines(written)) <= grid(data)
    timeline = Timeline.of(written)
    assert {int(measure.start * 1920) for measure in timeline.measures} | {int(timeline.end * 1920)} == grid(data)
