"""What is read beside the ids: extracted as an event loop would, and asked for over time."""

import numpy as np
import pytest
from folkseq.representations.performance.asking import Asked, parse_densities, parse_pitch_classes
from folkseq.representations.performance.controls import Controls, ControlSchedule, extract
from hypothesis import given
from hypothesis import strategies as st

from folkseq.errors import RequestError
from folkseq.representations.performance import PerformanceTokenizer
from folkseq.representations.performance.events import Layout

LAYOUT = Layout(velocity_bins=4, max_shift=100, pedal=True)
STEPS = 20  # a second


def extract_slowly(ids):
    """One event at a time: (density, histogram) of each."""
    sounding, held = {}, {}
    for id_ in ids:  # which notes sound when the slice begins: those that end before they begin
        if id_ < 128:
            sounding[id_] = sounding.get(id_, 0) + 1
        elif id_ < 256:
            if sounding.get(id_ - 128):
                sounding[id_ - 128] -= 1
            else:
                held[id_ - 128] = held.get(id_ - 128, 0) + 1
    step, steps, begun = 0, [], []
    classes = np.zeros(12)
    for pitch, count in held.items():
        classes[pitch % 12] += count
    seconds = []  # the pitch classes that sound in each step
    for id_ in ids:
        steps.append(step)
        if id_ < 128:
            begun.append(step)
            classes[id_ % 12] += 1
        elif id_ < 256:
            classes[(id_ - 128) % 12] -= 1
        elif id_ < 356:
            seconds += [classes.copy()] * (id_ - 255)
            step += id_ - 255
    values, latest = [], (0.0, np.full(12, 1 / 12))
    for at in steps:
        if at < step:
            count = sum(at <= other < at + 3 * STEPS for other in begun)
            histogram = sum(seconds[at : at + 5 * STEPS]) / STEPS + 0.01
            latest = (count * STEPS / min(3 * STEPS, step - at), histogram / histogram.sum())
        elif not seconds:
            histogram = 0.01 + np.zeros(12)
            latest = (0.0, histogram / histogram.sum())
        values.append(latest)
    return values


notes = st.lists(
    st.one_of(
        st.sampled_from([60, 61, 72, 188, 189, 200]),
        st.integers(256, 355),
        st.sampled_from([256, 265, 356, 360, 361, 362, 363]),
    ),
    max_size=60,
)


@given(notes)
def test_controls_are_extracted_as_an_event_loop_would(ids):
    density, histogram = extract(np.array(ids, np.uint16), LAYOUT, STEPS)
    assert density.shape == (len(ids),)
    assert histogram.shape == (len(ids), 12)
    for place, (expected, shares) in enumerate(extract_slowly(ids)):
        assert density[place] == pytest.approx(expected)
        np.testing.assert_allclose(histogram[place], shares, rtol=1e-9, atol=1e-12)


def test_a_worked_case():
    ids = np.array([356, 60, 295, 188, 64, 67, 355, 275, 192, 195])  # C for 2 s, then E and G for 6 s
    density, histogram = extract(ids, LAYOUT, STEPS)
    assert density.tolist() == [
        1,
        1,
        1,
        *[2 / 3] * 4,
        0,
        0,
        0,
    ]  # three notes in 3 s, two in 3 s, none in the last second
    np.testing.assert_allclose(histogram[0][[0, 4, 7]], np.array([2.01, 3.01, 3.01]) / 8.12)
    np.testing.assert_allclose(histogram[3][[0, 4, 7]], np.array([0.01, 5.01, 5.01]) / 10.12)


def test_each_control_has_a_flag_and_its_place():
    both = Controls(LAYOUT, STEPS)
    assert both.size == 22
    shares = np.full(12, 1 / 12)
    assert both.vectors(0.5, shares)[0].tolist() == [1, 1, *[0] * 7, 1, *[np.float32(1 / 12)] * 12]
    assert both.vectors(8, None)[0].tolist() == [1, 0, 0, 0, 0, 1, *[0] * 4, *[0] * 12]
    assert both.vectors(100, None)[0, 8] == 1
    assert not both.vectors(None, None).any()
    assert Controls(LAYOUT, STEPS, pitch_classes=False).vectors(1.9, shares)[0].tolist() == [1, 0, 1, *[0] * 6]
    assert Controls(LAYOUT, STEPS, density=False).vectors(1.9, shares)[0, :2].tolist() == [1, np.float32(1 / 12)]
    assert Controls(LAYOUT, STEPS, density=False, pitch_classes=False).size == 0
    ids = np.array([356, 60, 355, 188])
    beside = both.of(ids, pitch_classes=False)
    assert beside.shape == (4, 22)
    assert beside[:, 0].all()
    assert not beside[:, 9:].any()


def test_a_list_is_spread_over_the_time():
    controls = Controls(LAYOUT, STEPS)
    only = np.eye(12).tolist()
    schedule = ControlSchedule(controls, [2, 8], [only[0], only[1], only[11]], steps=60, after=20)
    seen, rows = [], schedule.begin(2)
    for id_ in [360, 356, 60, 265, 188, *[265] * 8]:  # start, a velocity, C4, then half seconds
        rows = schedule.advance(rows, np.array([id_, 60]))
        vector, waiting = schedule.conditioning(rows)
        seen.append((int(rows[0][0]), int(vector[1:9].argmax()), int(vector[10:].argmax())))
        assert vector[[0, 9]].all()
        assert waiting[[0, 3, 9, 10]].all()  # in which no time has passed
    beginning = [(0, 2, 0)] * 3 + [(10, 2, 0)] * 2 + [(20, 2, 0), (30, 2, 0)]
    assert seen == [*beginning, (40, 2, 1), (50, 4, 1), (60, 4, 11), (70, 4, 11), (80, 4, 11), (90, 4, 11)]
    off = ControlSchedule(controls, [], [], steps=60)
    assert off.conditioning(off.begin(3)).shape == (3, 22)
    assert not off.conditioning(off.begin(3)).any()


@given(
    st.lists(st.lists(st.integers(0, LAYOUT.size - 1), min_size=3, max_size=3), max_size=30),
    st.integers(0, 3),
    st.integers(0, 3),
    st.integers(1, 900),
    st.integers(0, 200),
)
def test_each_row_is_asked_what_its_own_time_says(written, rates, shares, steps, after):
    controls = Controls(LAYOUT, STEPS)
    densities, weights = [1.5, 5, 20][:rates], np.eye(12)[:shares].tolist()
    schedule = ControlSchedule(controls, densities, weights, steps=steps, after=after)
    rows, passed = schedule.begin(3), [0, 0, 0]
    for ids in written:
        before = rows[0].copy()
        advanced = schedule.advance(rows, np.array(ids))
        assert (rows[0] == before).all()
        rows, beside = advanced, schedule.conditioning(advanced)
        assert beside.dtype == np.float32
        for row, id_ in enumerate(ids):
            passed[row] += id_ - 255 if 256 <= id_ < 356 else 0
            share = min(max(passed[row] - after, 0), steps - 1) / steps
            asked = int(share * rates + 1e-9), int(share * shares + 1e-9)
            density = densities[asked[0]] if rates else None
            histogram = (np.array(weights[asked[1]]) + 0.01) / 1.12 if shares else None
            np.testing.assert_allclose(beside[row], controls.vectors(density, histogram)[0], rtol=1e-6)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"density": "fast"}, "density 'fast' is not in notes a second, 0 to 1000; write 8, or 2,8,16"),
        ({"density": "-1"}, "density '-1' is not"),
        ({"density": "nan"}, "density 'nan' is not"),
        ({"density": ""}, "density '' is not"),
        ({"pitch_classes": "C,H"}, "'H' is not one of C D E F G A B with # or b"),
        ({"pitch_classes": "C//G"}, "'' is not one of"),
        ({"pitch_classes": "C#b"}, "'C#b' is not one of"),
        ({"seconds": 0.5}, "seconds: from 1 to 3600, got 0.5"),
        ({"seconds": float("nan")}, "seconds: from 1 to 3600, got nan"),
        ({"bpm": 0}, "bpm: from 20 to 400, got 0"),
        ({"longest_note": 0}, "the longest note: from 0.1 to 3600, got 0"),
        ({"most_notes": 129}, "the most notes at once are 1 to 128, got 129"),
        ({"pedal": "on"}, "pedal 'on' does not exist; there are: cc, baked"),
    ],
)
def test_what_means_nothing_is_said_in_one_line(asked, message):
    with pytest.raises(RequestError, match=message):
        Asked.of(**asked)


def test_what_is_asked_is_read():
    assert parse_densities("2, 8,16") == parse_densities([2, 8, 16]) == (2, 8, 16)
    assert parse_densities(8) == (8,)
    (first, second) = parse_pitch_classes("C,E,G,c/Bb, F#,Cb")
    assert first == (2, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0)
    assert second == (0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1)
    assert (Asked.of().seconds, Asked.of().at_least_s) == (30, 0)
    assert (Asked.of(seconds=20).seconds, Asked.of(seconds=20).at_least_s) == (20, 18)


def test_a_model_cannot_be_asked_what_it_was_not_trained_on():
    tokenizer = PerformanceTokenizer(density=False)
    assert tokenizer.control_size == 13
    assert PerformanceTokenizer(density=False, pitch_classes=False).schedule() is None
    with pytest.raises(RequestError, match="trained without density; train one with performance:density=true"):
        tokenizer.schedule(density="8")
    with pytest.raises(RequestError, match="train one with performance:sustain=tokens"):
        tokenizer.grammar(tokenizer.vocabulary, pedal="cc")
    with pytest.raises(RequestError, match="C,E: the performance tokenizer is primed by a file of MIDI or ABC"):
        tokenizer.prime("C,E")
