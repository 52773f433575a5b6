"""What sounds, told to a model in a stretch of ids at once, part by part, and one by one: the same each time."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from performances import take

from folkseq.tokenizers.performance import PerformanceTokenizer
from folkseq.tokenizers.performance.controls import Controls, ControlSchedule
from folkseq.tokenizers.performance.events import Layout
from folkseq.tokenizers.performance.sounding import SIZE, follow, silence, told

LAYOUT, STEPS = Layout(velocity_bins=4, max_shift=100), 20
# Few pitches, so that they are struck again and ended twice; shifts, velocities, the start and the end.
SOME = [0, 60, 61, 127, 128, 188, 189, 255, 256, 275, 355, 356, 359, LAYOUT.start, LAYOUT.end]
any_ids = st.lists(st.sampled_from(SOME), max_size=60)


def follow_slowly(ids):
    """One id after another; (pitch, steps since it was struck) of what sounds before each."""
    step, struck, seen = 0, {}, []
    for id_ in ids:
        seen.append({pitch: step - onset for pitch, onset in struck.items()})
        if id_ < 128:
            struck[id_] = step
        elif id_ < 256:
            struck.pop(id_ - 128, None)
        elif id_ < 356:
            step += id_ - 255
    return seen


@settings(deadline=None)
@given(any_ids, st.integers(0, 60))
def test_what_sounds_is_what_was_struck_and_not_ended(ids, cut):
    beside, after = follow(np.array(ids, np.int64), LAYOUT, STEPS, silence())
    expected = follow_slowly(ids)
    assert [set(np.flatnonzero(row[:128])) for row in beside] == [set(each) for each in expected]
    for row, each in zip(beside, expected, strict=True):
        young = sorted(each, key=each.get)
        ages = row[128:][young]
        assert (np.diff(ages) >= 0).all()
        assert all((age == 1) == (each[pitch] >= 10 * STEPS) for pitch, age in zip(young, ages, strict=True))
        assert set(np.flatnonzero(row[128:])) <= set(each)
    first, between = follow(np.array(ids[:cut], np.int64), LAYOUT, STEPS, silence())
    second, end = follow(np.array(ids[cut:], np.int64), LAYOUT, STEPS, between)
    assert np.array_equal(np.concatenate([first, second]), beside)
    assert end.step == after.step
    assert np.array_equal(end.on, after.on)
    assert np.array_equal(end.onset[end.on], after.onset[after.on])


@settings(deadline=None)
@given(any_ids)
def test_a_sampler_is_told_what_training_was(ids):
    schedule = ControlSchedule(Controls(LAYOUT, STEPS), [], [], steps=100)
    state = schedule.new_state()
    beside, _ = follow(np.array(ids, np.int64), LAYOUT, STEPS, silence())
    for id_, row in zip(ids, beside, strict=True):
        assert np.array_equal(schedule.controls(state)[:SIZE], row)
        state = schedule.advance(state, id_)
    assert np.array_equal(told(state.step, state.onsets, STEPS), schedule.controls(state)[:SIZE])


def test_a_window_is_told_what_the_whole_piece_was():
    tokenizer = PerformanceTokenizer(density=False, pitch_classes=False)
    ids = tokenizer.encode(take(1))
    whole = np.concatenate(list(tokenizer.beside(ids, 50)))
    assert whole.shape == (len(ids) - 1, SIZE)
    assert [len(part) for part in tokenizer.beside(ids, 50)][:-1] == [50] * ((len(ids) - 2) // 50)
    window = tokenizer.side.of(ids[200:300].astype(np.int64), 40)
    assert np.array_equal(window[:, :128], whole[199:239, :128])  # what ends in the window sounds from its start


def test_what_a_model_is_told_it_need_not_guess():
    """The ends of notes cost less where what sounds is known: the first row tells of the one note that can end."""
    tokenizer = PerformanceTokenizer()
    ids = np.array([388, 371, 60, 356 - 1, 188, 389])
    rows = np.concatenate(list(tokenizer.beside(ids, 3)))
    assert [np.flatnonzero(row[:128]).tolist() for row in rows] == [[], [], [60], [60], []]
    assert rows[2, 128 + 60] == 0
    assert 0.5 < rows[3, 128 + 60] < 0.55  # a second
    assert not rows[:, SIZE:].any()
