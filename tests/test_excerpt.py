"""Windows for training: in another key and at another tempo, still canonical, and what a plain loop would make."""

import numpy as np
import pytest
from folkseq.representations.performance.controls import Controls
from folkseq.representations.performance.excerpt import draw_interval, excerpt, stretched
from hypothesis import given, settings
from hypothesis import strategies as st

from folkseq.music.performance import NOTE, PEDAL, Performance, Track
from folkseq.representations.performance import PerformanceTokenizer

PLAIN = PerformanceTokenizer(density=False, pitch_classes=False)
PEDALLED = PerformanceTokenizer(sustain="tokens", velocity_bins=16, max_shift=30)
MAGENTA = PerformanceTokenizer(order="magenta")


def piece(tokenizer, seed, notes):
    """Ids of a canonical piece in which steps come together and the same few pitches at once or in turn."""
    random = np.random.default_rng(seed)
    rows = []
    for pitch in range(60, 66):
        gaps, lengths = random.geometric(0.2, (2, notes // 6)) - [[1], [0]]
        ends = np.cumsum(gaps + lengths)
        for last, length in zip(ends.tolist(), lengths.tolist(), strict=True):
            rows.append(((last - length) / 100, last / 100, pitch, int(random.integers(1, 128))))
    turns = np.cumsum(random.geometric(0.1, notes // 2 * (tokenizer.sustain == "tokens"))) / 100
    pedal = np.array([(at, 127 * (place % 2 == 0)) for place, at in enumerate(turns.tolist())], PEDAL)
    return tokenizer.encode(Performance((Track(np.array(rows, NOTE), pedal=pedal),)))


def notes_of(ids, tokenizer):
    """[first step, last step, pitch, velocity] of each note in the order of their beginning, and the pedal's steps."""
    layout, step, velocity, notes, pedal = tokenizer.layout, 0, 0, [], []
    for id_ in ids.tolist():
        if id_ < 128:
            notes.append([step, None, id_, velocity])
        elif id_ < 256:
            next(note for note in notes if note[2] == id_ - 128 and note[1] is None)[1] = step
        elif id_ < layout.velocity:
            step += id_ - 255
        elif id_ < layout.start:
            velocity = id_
        elif id_ > layout.end:
            pedal.append(step)
    return notes, pedal


def stretched_slowly(ids, factor, tokenizer):
    """The notes and the pedal of the whole piece `ids`, each time multiplied and rounded by itself."""
    notes, pedal = notes_of(ids, tokenizer)

    def move(step):
        return int(step * factor + 0.5)

    moved = [[move(first), max(move(last), move(first) + 1), pitch, loud] for first, last, pitch, loud in notes]
    kept = [
        note
        for place, note in enumerate(moved)
        if not any(note[0] == other[0] and note[2] == other[2] for other in moved[place + 1 :])
    ]
    turns = []
    for step in pedal:
        turns.append(max([move(step), *(turn + 1 for turn in turns[-1:])]))
    return sorted(kept), turns


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([PLAIN, PEDALLED]), st.integers(0, 2**32), st.sampled_from([0.5, 0.9, 0.95, 0.99, 1.05, 1.3]))
def test_a_piece_is_stretched_as_note_by_note_and_stays_canonical(tokenizer, seed, factor):
    ids = piece(tokenizer, seed, 60)
    new = stretched(ids, factor, tokenizer.layout)
    notes, pedal = notes_of(new, tokenizer)
    assert (sorted(notes), pedal) == stretched_slowly(ids, factor, tokenizer)
    assert (new[0], new[-1]) == (tokenizer.layout.start, tokenizer.layout.end)
    assert tokenizer.encode(tokenizer.decode(new)).tolist() == new.tolist()


def test_the_pieces_are_dense_enough_for_that_to_mean_something():
    lost = 0
    for seed in range(40):
        ids = piece(PLAIN, seed, 60)
        lost += len(notes_of(ids, PLAIN)[0]) - len(notes_of(stretched(ids, 0.9, PLAIN.layout), PLAIN)[0])
    assert lost > 10


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([PLAIN, PEDALLED, MAGENTA]), st.integers(0, 2**32), st.integers(0, 150), st.integers(1, 100))
def test_without_draws_a_slice_comes_back_as_it_is(tokenizer, seed, start, length):
    ids = piece(PEDALLED if tokenizer is PEDALLED else PLAIN, seed, 60)[start : start + length + 17]
    canonical = tokenizer.order == "canonical"
    nothing = Controls(tokenizer.layout, 100, density=False, pitch_classes=False)
    arguments = (ids, length, tokenizer.layout, nothing, (60, 65), np.random.default_rng(seed))
    window, controls = excerpt(*arguments, canonical=canonical, semitones=0, stretch=0)
    assert controls is None
    assert window.tolist() == ids[: length + 1].tolist()
    # what is spelt anew without being moved is the same too, up to the last event
    again = stretched(ids, 1.0, tokenizer.layout, canonical=canonical).tolist()
    assert again == ids[: len(again)].tolist()
    assert all(256 <= id_ < tokenizer.layout.start for id_ in ids[len(again) :].tolist())


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([PLAIN, PEDALLED]), st.integers(0, 2**32), st.integers(0, 150), st.floats(0.9, 1.1))
def test_a_slice_from_anywhere_may_be_stretched(tokenizer, seed, start, factor):
    ids = piece(tokenizer, seed, 60)[start:]
    new = stretched(ids, factor, tokenizer.layout)
    assert new[-1] == tokenizer.layout.end
    off = [sum(128 <= id_ < 256 for id_ in each.tolist()) for each in (ids, new)]
    on = [sum(id_ < 128 for id_ in each.tolist()) for each in (ids, new)]
    assert off[0] - on[0] == off[1] - on[1]  # what sounded before still ends
    velocity = 0
    for before, id_ in zip([0, *new.tolist()], new.tolist(), strict=False):
        if tokenizer.layout.velocity <= id_ < tokenizer.layout.start:
            assert id_ != velocity
            velocity = id_
        if tokenizer.layout.velocity <= before < tokenizer.layout.start:
            assert id_ < 128


def test_in_magentas_order_ends_come_first_and_else_nothing_is_sorted():
    #  two notes that begin as 64, 60, and end as 60, 64; a step later 62
    ids = np.array([388, 380, 64, 60, 270, 188, 192, 256, 62, 280, 190, 389], np.uint16)
    assert stretched(ids, 1.0, MAGENTA.layout, canonical=False).tolist() == ids.tolist()
    closer = stretched(ids, 0.5, MAGENTA.layout, canonical=False)  # 15 and 16 steps both become 8
    assert closer.tolist() == [388, 380, 64, 60, 263, 188, 192, 62, 268, 190, 389]
    # overlapping notes of one pitch: the first, of two steps, comes to one, and ends before the second begins
    overlapping = np.array([388, 380, 60, 256, 60, 256, 188, 256, 188, 389], np.uint16)
    closer = stretched(overlapping, 0.5, MAGENTA.layout, canonical=False)
    assert closer.tolist() == [388, 380, 60, 256, 188, 60, 256, 188, 389]


def test_a_velocity_that_is_not_known_is_none_that_changes():
    # a slice of which the first note's velocity was told before; all three notes come to one step
    ids = np.array([256, 62, 256, 360, 60, 64, 300, 188], np.uint16)
    assert stretched(ids, 0.5, PLAIN.layout).tolist() == [256, 360, 60, 62, 64, 278, 188]


def test_no_copy_leaves_the_keyboard():
    random = np.random.default_rng(0)

    def drawn(low, high):
        return {draw_interval((low, high), 3, random) for _ in range(300)}

    assert drawn(40, 80) == {-3, -2, -1, 0, 1, 2, 3}
    assert drawn(21, 107) == {0, 1}
    assert drawn(20, 107) == {-3, -2, -1, 0, 1, 2, 3}  # no piano's
    assert drawn(0, 127) == {0}


def test_a_window_is_moved_as_drawn_and_its_controls_are_those_of_what_is_predicted():
    tokenizer = PerformanceTokenizer()
    ids = piece(tokenizer, 5, 300)
    assert len(ids) > 900
    pitches, asked = set(), {(False, False): 0, (True, False): 0, (False, True): 0, (True, True): 0}
    random = np.random.default_rng(1)
    for _ in range(400):
        start = int(random.integers(0, 400))
        window, controls = tokenizer.excerpt(
            ids[start : start + 101 + tokenizer.lookahead], 100, (60, 65), tokenizer.vocabulary, random
        )
        assert len(window) == 101
        assert controls.shape == (100, 22)
        assert controls.dtype == np.float32
        pitches.update(window[window < 128].tolist())
        on = (bool(controls[0, 0]), bool(controls[0, 9]))
        asked[on] += 1
        assert (controls[:, 0] == on[0]).all()
        assert (controls[:, 1:9].sum(axis=1) == on[0]).all()
        np.testing.assert_allclose(controls[:, 10:].sum(axis=1), on[1], rtol=1e-5)
        if on[1]:  # the histogram moves with the key
            lowest = min(id_ for id_ in window.tolist() if id_ < 128)
            heard = np.flatnonzero((controls[:, 10:] > 0.05).all(axis=0)).tolist()
            assert heard == sorted(pitch % 12 for pitch in range(lowest, lowest + 6))
    assert pitches == set(range(57, 69))
    assert 160 < asked[False, False] < 240
    assert min(asked.values()) > 40

    whole, _ = excerpt(ids, len(ids), tokenizer.layout, tokenizer.side, (60, 65), random, semitones=0, stretch=0)
    everything = tokenizer.side.of(whole)
    for _ in range(20):
        window, controls = excerpt(ids, 100, tokenizer.layout, tokenizer.side, (60, 65), random, semitones=0, stretch=0)
        if controls[0, 0] and controls[0, 9]:
            assert np.array_equal(controls, everything[1:101])


def test_drums_have_no_key():
    drums, random = PerformanceTokenizer(drums=True), np.random.default_rng(0)
    windows = [
        drums.excerpt(np.array([388, 380, 60, 300, 188, 389]), 9, (60, 60), drums.vocabulary, random)[0]
        for _ in range(50)
    ]
    assert {ids[2] for ids in windows} == {60}


@pytest.mark.parametrize("tokenizer", [PLAIN, PEDALLED, MAGENTA])
def test_the_least_there_can_be(tokenizer):
    random = np.random.default_rng(0)
    layout = tokenizer.layout
    for ids in ([layout.start], [layout.start, layout.end], [255], [260, 260], [60], []):
        window, _ = tokenizer.excerpt(np.array(ids, np.uint16), 10, (60, 60), tokenizer.vocabulary, random)
        assert len(window) <= len(ids)
    assert tokenizer.span(np.array([layout.start, layout.end])) == (21, 108)
    assert tokenizer.span(np.array([layout.start, layout.velocity, 60, 270, 50, 188])) == (50, 60)
