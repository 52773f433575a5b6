"""Windows in other keys and tempos: still canonical, and equal to what a note-by-note loop makes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from folkseq.music.performance import NOTE, PEDAL, Performance, Track
from folkseq.representations.performance import PerformanceRepresentation
from folkseq.representations.performance.augmentation import PerformanceAugmentation, draw_interval, stretched
from folkseq.representations.performance.codec import PerformanceCodec
from folkseq.representations.performance.conditioning import Conditioning


def codec_of(**fields):
    return PerformanceCodec(PerformanceRepresentation(**fields))


PLAIN = codec_of(density=False, pitch_classes=False)
PEDALLED = codec_of(sustain="tokens", velocity_bins=16, max_shift=30)
MAGENTA = codec_of(order="magenta")


def unvaried(codec):
    """The augmentation of a codec without transposition and change of tempo."""
    augmentation = PerformanceAugmentation(codec.config)
    augmentation.semitones = augmentation.stretch = 0
    return augmentation


def piece(codec, seed, notes):
    """Ids of a dense canonical piece of six pitches."""
    random = np.random.default_rng(seed)
    rows = []
    for pitch in range(60, 66):
        gaps, lengths = random.geometric(0.2, (2, notes // 6)) - [[1], [0]]
        ends = np.cumsum(gaps + lengths)
        for last, length in zip(ends.tolist(), lengths.tolist(), strict=True):
            rows.append(((last - length) / 100, last / 100, pitch, int(random.integers(1, 128))))
    turns = np.cumsum(random.geometric(0.1, notes // 2 * (codec.config.sustain == "tokens"))) / 100
    pedal = np.array([(at, 127 * (place % 2 == 0)) for place, at in enumerate(turns.tolist())], PEDAL)
    return codec.encode(Performance((Track(np.array(rows, NOTE), pedal=pedal),)))


def notes_of(ids, codec):
    """[onset, offset, pitch, velocity] of each note in the order of onsets, and the steps of the pedal."""
    layout, step, velocity, notes, pedal = codec.layout, 0, 0, [], []
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


def stretched_slowly(ids, factor, codec):
    """Notes and pedal of a whole piece, each time multiplied and rounded by itself."""
    notes, pedal = notes_of(ids, codec)

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
def test_stretched_equals_a_note_by_note_loop_and_is_canonical(codec, seed, factor):
    ids = piece(codec, seed, 60)
    new = stretched(ids, factor, codec.config)
    notes, pedal = notes_of(new, codec)
    assert (sorted(notes), pedal) == stretched_slowly(ids, factor, codec)
    assert (new[0], new[-1]) == (codec.layout.start, codec.layout.end)
    assert codec.encode(codec.decode(new)).tolist() == new.tolist()


def test_the_pieces_are_dense_enough_to_lose_notes():
    lost = 0
    for seed in range(40):
        ids = piece(PLAIN, seed, 60)
        lost += len(notes_of(ids, PLAIN)[0]) - len(notes_of(stretched(ids, 0.9, PLAIN.config), PLAIN)[0])
    assert lost > 10


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([PLAIN, PEDALLED, MAGENTA]), st.integers(0, 2**32), st.integers(0, 150), st.integers(1, 100))
def test_an_unvaried_window_is_the_slice(codec, seed, start, length):
    ids = piece(PEDALLED if codec is PEDALLED else PLAIN, seed, 60)[start : start + length + 17]
    augmentation = unvaried(codec)
    window, conditioning = augmentation.excerpt(ids, length, (60, 65), np.random.default_rng(seed))
    assert window.tolist() == ids[: length + 1].tolist()
    assert (conditioning is None) == (codec is PLAIN)
    # Decoding and encoding alone gives the same ids, too, up to the last event.
    again = stretched(ids, 1.0, codec.config).tolist()
    assert again == ids[: len(again)].tolist()
    assert all(256 <= id_ < codec.layout.start for id_ in ids[len(again) :].tolist())


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([PLAIN, PEDALLED]), st.integers(0, 2**32), st.integers(0, 150), st.floats(0.9, 1.1))
def test_any_slice_can_be_stretched(codec, seed, start, factor):
    ids = piece(codec, seed, 60)[start:]
    new = stretched(ids, factor, codec.config)
    assert new[-1] == codec.layout.end
    off = [sum(128 <= id_ < 256 for id_ in each.tolist()) for each in (ids, new)]
    on = [sum(id_ < 128 for id_ in each.tolist()) for each in (ids, new)]
    assert off[0] - on[0] == off[1] - on[1]  # notes that sounded before still end
    velocity = 0
    for before, id_ in zip([0, *new.tolist()], new.tolist(), strict=False):
        if codec.layout.velocity <= id_ < codec.layout.start:
            assert id_ != velocity
            velocity = id_
        if codec.layout.velocity <= before < codec.layout.start:
            assert id_ < 128


def test_in_magentas_order_only_ends_and_onsets_are_sorted():
    # Two notes that begin as 64, 60, and end as 60, 64; a step later 62.
    ids = np.array([388, 380, 64, 60, 270, 188, 192, 256, 62, 280, 190, 389], np.uint16)
    assert stretched(ids, 1.0, MAGENTA.config).tolist() == ids.tolist()
    closer = stretched(ids, 0.5, MAGENTA.config)  # 15 and 16 steps both become 8
    assert closer.tolist() == [388, 380, 64, 60, 263, 188, 192, 62, 268, 190, 389]
    # Overlapping notes of one pitch: the first, of two steps, shrinks to one, and ends before the second begins.
    overlapping = np.array([388, 380, 60, 256, 60, 256, 188, 256, 188, 389], np.uint16)
    closer = stretched(overlapping, 0.5, MAGENTA.config)
    assert closer.tolist() == [388, 380, 60, 256, 188, 60, 256, 188, 389]


def test_an_unknown_velocity_is_no_change():
    # The velocity of the first note came before the slice; all three notes come to one step.
    ids = np.array([256, 62, 256, 360, 60, 64, 300, 188], np.uint16)
    assert stretched(ids, 0.5, PLAIN.config).tolist() == [256, 360, 60, 62, 64, 278, 188]


def test_no_window_leaves_the_keyboard():
    random = np.random.default_rng(0)

    def drawn(low, high):
        return {draw_interval((low, high), 3, random) for _ in range(300)}

    assert drawn(40, 80) == {-3, -2, -1, 0, 1, 2, 3}
    assert drawn(21, 107) == {0, 1}
    assert drawn(20, 107) == {-3, -2, -1, 0, 1, 2, 3}  # not a piano's
    assert drawn(0, 127) == {0}


def test_windows_are_transposed_and_their_conditioning_belongs_to_the_predicted_ids():
    codec = codec_of()
    augmentation, ids = codec.augmentation, piece(codec, 5, 300)
    assert len(ids) > 900
    pitches, flags = set(), {(False, False): 0, (True, False): 0, (False, True): 0, (True, True): 0}
    random = np.random.default_rng(1)
    for _ in range(400):
        start = int(random.integers(0, 400))
        window, conditioning = augmentation.excerpt(
            ids[start : start + 101 + augmentation.lookahead], 100, (60, 65), random
        )
        assert len(window) == 101
        assert conditioning.shape == (100, 22)
        assert conditioning.dtype == np.float32
        pitches.update(window[window < 128].tolist())
        on = (bool(conditioning[0, 0]), bool(conditioning[0, 9]))
        flags[on] += 1
        assert (conditioning[:, 0] == on[0]).all()
        assert (conditioning[:, 1:9].sum(axis=1) == on[0]).all()
        np.testing.assert_allclose(conditioning[:, 10:].sum(axis=1), on[1], rtol=1e-5)
        if on[1]:  # the histogram moves with the key
            lowest = min(id_ for id_ in window.tolist() if id_ < 128)
            heard = np.flatnonzero((conditioning[:, 10:] > 0.05).all(axis=0)).tolist()
            assert heard == sorted(pitch % 12 for pitch in range(lowest, lowest + 6))
    assert pitches == set(range(57, 69))
    assert 160 < flags[False, False] < 240
    assert min(flags.values()) > 40

    everything = Conditioning(codec.config).of(ids)
    for _ in range(20):
        window, conditioning = unvaried(codec).excerpt(ids, 100, (60, 65), random)
        if conditioning[0, 0] and conditioning[0, 9]:
            assert np.array_equal(conditioning, everything[1:101])


def test_drums_have_no_key():
    drums, random = codec_of(drums=True), np.random.default_rng(0)
    ids = np.array([388, 380, 60, 300, 188, 389])
    windows = [drums.augmentation.excerpt(ids, 9, (60, 60), random)[0] for _ in range(50)]
    assert {window[2] for window in windows} == {60}


@pytest.mark.parametrize("codec", [PLAIN, PEDALLED, MAGENTA])
def test_the_shortest_slices(codec):
    random = np.random.default_rng(0)
    layout = codec.layout
    for ids in ([layout.start], [layout.start, layout.end], [255], [260, 260], [60], []):
        window, _ = codec.augmentation.excerpt(np.array(ids, np.uint16), 10, (60, 60), random)
        assert len(window) <= len(ids)
    assert codec.augmentation.span(np.array([layout.start, layout.end])) == (21, 108)
    assert codec.augmentation.span(np.array([layout.start, layout.velocity, 60, 270, 50, 188])) == (50, 60)
