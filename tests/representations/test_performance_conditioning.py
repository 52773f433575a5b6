"""The conditioning: extracted like an event loop does, and scheduled over time."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkseq.representations.performance.conditioning import Conditioning, ConditioningSchedule, extract
from folkseq.representations.performance.config import PerformanceConfig

STEPS = 20  # per second
CONFIG = PerformanceConfig(velocity_bins=4, max_shift=100, sustain="tokens", steps_per_second=STEPS)
LAYOUT = CONFIG.layout


def extract_slowly(ids):
    """(density, histogram) of each event, one event at a time."""
    sounding, held = {}, {}
    for id_ in ids:  # notes that sound when the slice begins end before they begin
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
def test_extract_equals_an_event_loop(ids):
    density, histogram = extract(np.array(ids, np.uint16), CONFIG)
    assert density.shape == (len(ids),)
    assert histogram.shape == (len(ids), 12)
    for place, (expected, shares) in enumerate(extract_slowly(ids)):
        assert density[place] == pytest.approx(expected)
        np.testing.assert_allclose(histogram[place], shares, rtol=1e-9, atol=1e-12)


def test_a_worked_case():
    ids = np.array([356, 60, 295, 188, 64, 67, 355, 275, 192, 195])  # C for 2 s, then E and G for 6 s
    density, histogram = extract(ids, CONFIG)
    # Three notes in 3 s, then two in 3 s, then none in the last second.
    assert density.tolist() == [*[1] * 3, *[2 / 3] * 4, *[0] * 3]
    np.testing.assert_allclose(histogram[0][[0, 4, 7]], np.array([2.01, 3.01, 3.01]) / 8.12)
    np.testing.assert_allclose(histogram[3][[0, 4, 7]], np.array([0.01, 5.01, 5.01]) / 10.12)


def test_density_and_pitch_classes_have_flags_and_columns():
    both = Conditioning(CONFIG)
    assert both.size == 22
    shares = np.full(12, 1 / 12)
    assert both.vectors(0.5, shares)[0].tolist() == [1, 1, *[0] * 7, 1, *[np.float32(1 / 12)] * 12]
    assert both.vectors(8, None)[0].tolist() == [1, 0, 0, 0, 0, 1, *[0] * 4, *[0] * 12]
    assert both.vectors(100, None)[0, 8] == 1
    assert not both.vectors(None, None).any()
    assert Conditioning(replace(CONFIG, pitch_classes=False)).vectors(1.9, shares)[0].tolist() == [1, 0, 1, *[0] * 6]
    without_density = Conditioning(replace(CONFIG, density=False))
    assert without_density.vectors(1.9, shares)[0, :2].tolist() == [1, np.float32(1 / 12)]
    assert Conditioning(replace(CONFIG, density=False, pitch_classes=False)).size == 0
    ids = np.array([356, 60, 355, 188])
    vectors = both.of(ids)
    assert vectors.shape == (4, 22)
    assert vectors[:, [0, 9]].all()
    np.testing.assert_array_equal(vectors[:, :9], Conditioning(replace(CONFIG, pitch_classes=False)).of(ids))


def test_values_share_the_time():
    conditioning = Conditioning(CONFIG)
    only = np.eye(12).tolist()
    schedule = ConditioningSchedule(
        conditioning, CONFIG.layout.steps, [2, 8], [only[0], only[1], only[11]], steps=60, after=20
    )
    seen, rows = [], schedule.begin(2)
    for id_ in [360, 356, 60, 265, 188, *[265] * 8]:  # start, a velocity, C4, then half seconds
        rows = schedule.advance(rows, np.array([id_, 60]))
        vector, waiting = schedule.conditioning(rows)
        seen.append((int(rows[0][0]), int(vector[1:9].argmax()), int(vector[10:].argmax())))
        assert vector[[0, 9]].all()
        assert waiting[[0, 3, 9, 10]].all()  # in which no time has passed
    beginning = [(0, 2, 0)] * 3 + [(10, 2, 0)] * 2 + [(20, 2, 0), (30, 2, 0)]
    assert seen == [*beginning, (40, 2, 1), (50, 4, 1), (60, 4, 11), (70, 4, 11), (80, 4, 11), (90, 4, 11)]
    off = ConditioningSchedule(conditioning, CONFIG.layout.steps, [], [], steps=60)
    assert off.conditioning(off.begin(3)).shape == (3, 22)
    assert not off.conditioning(off.begin(3)).any()


@given(
    st.lists(st.lists(st.integers(0, LAYOUT.size - 1), min_size=3, max_size=3), max_size=30),
    st.integers(0, 3),
    st.integers(0, 3),
    st.integers(1, 900),
    st.integers(0, 200),
)
def test_each_row_follows_its_own_time(written, rates, shares, steps, after):
    conditioning = Conditioning(CONFIG)
    densities, weights = [1.5, 5, 20][:rates], np.eye(12)[:shares].tolist()
    schedule = ConditioningSchedule(conditioning, CONFIG.layout.steps, densities, weights, steps=steps, after=after)
    rows, passed = schedule.begin(3), [0, 0, 0]
    for ids in written:
        before = rows[0].copy()
        advanced = schedule.advance(rows, np.array(ids))
        assert (rows[0] == before).all()
        rows, vectors = advanced, schedule.conditioning(advanced)
        assert vectors.dtype == np.float32
        for row, id_ in enumerate(ids):
            passed[row] += id_ - 255 if 256 <= id_ < 356 else 0
            share = min(max(passed[row] - after, 0), steps - 1) / steps
            density = densities[int(share * rates + 1e-9)] if rates else None
            histogram = (np.array(weights[int(share * shares + 1e-9)]) + 0.01) / 1.12 if shares else None
            np.testing.assert_allclose(vectors[row], conditioning.vectors(density, histogram)[0], rtol=1e-6)
