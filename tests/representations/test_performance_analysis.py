"""Validity, labels, timing and transposition of performances, by hand and against counting loops."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from performances import performances, solo, take

from folkseq.representations.capabilities import Transposition
from folkseq.representations.performance import PerformanceRepresentation
from folkseq.representations.performance.codec import PerformanceCodec


def codec_of(**fields):
    return PerformanceCodec(PerformanceRepresentation(**fields))


DEFAULT, PEDAL, MAGENTA = codec_of(), codec_of(sustain="tokens"), codec_of(order="magenta")


@pytest.mark.parametrize(
    ("codec", "body", "fault", "paired"),
    [
        (DEFAULT, "NOTE_ON_60 TIME_SHIFT_9 NOTE_OFF_60", "", (2, 2)),
        (DEFAULT, "NOTE_ON_60 TIME_SHIFT_9 NOTE_ON_64 NOTE_OFF_60", "note_does_not_end", (2, 3)),
        (DEFAULT, "NOTE_ON_60 TIME_SHIFT_9 NOTE_OFF_64 NOTE_OFF_60", "note_ends_that_is_silent", (2, 3)),
        (DEFAULT, "NOTE_ON_60 TIME_SHIFT_9 NOTE_ON_60 TIME_SHIFT_9 NOTE_OFF_60", "note_begins_that_sounds", (2, 3)),
        (MAGENTA, "NOTE_ON_60 TIME_SHIFT_9 NOTE_ON_60 TIME_SHIFT_9 NOTE_OFF_60 NOTE_OFF_60", "", (4, 4)),
        (PEDAL, "PEDAL_DOWN NOTE_ON_60 TIME_SHIFT_9 PEDAL_UP NOTE_OFF_60", "", (2, 2)),
        (PEDAL, "PEDAL_DOWN NOTE_ON_60 TIME_SHIFT_9 NOTE_OFF_60", "pedal_does_not_rise", (2, 2)),
    ],
)
def test_faults(codec, body, fault, paired):
    ids = np.array(codec.vocabulary.encode(["<s>", *body.split(), "</s>"]))
    assert codec.analysis.validate(ids) == fault
    assert codec.analysis.features(ids).validity == {"note_events_paired": paired}


def test_a_performance_that_is_cut_off_or_corrupted_is_not_valid():
    validate = DEFAULT.analysis.validate
    ids = DEFAULT.encode(take(1, seconds=5))
    assert validate(ids) == ""
    assert validate(ids[:-1]) == "no_end"
    assert validate(ids[:0]) == "no_end"
    last_end = np.flatnonzero((ids >= 128) & (ids < 256))[-1]
    assert validate(np.delete(ids, last_end)) == "note_does_not_end"


def test_labels_and_timing():
    piece = solo((60, 80, 0.0, 0.5), (59, 80, 0.5, 0.6), (71, 80, 2.0, 2.1), pedal=[(0.5, 127), (2.0, 0)])
    ids = PEDAL.encode(piece)
    labels = PEDAL.analysis.labels(ids)
    tokens = PEDAL.vocabulary.decode(ids.tolist())
    onsets = [place for place, token in enumerate(tokens) if token.startswith("NOTE_ON")]
    assert labels["pitch_class"][onsets].tolist() == [0, 11, 11]
    assert labels["hand_register"][onsets].tolist() == [1, 0, 1]
    others = np.setdiff1d(np.arange(len(ids)), onsets)
    assert set(labels["pitch_class"][others].tolist()) == {-1}
    assert labels["density"][onsets].tolist() == [1, 2, 1]
    assert labels["since_onset"][onsets].tolist() == [0, 0, 0]
    assert math.isnan(labels["since_onset"][0])
    assert labels["since_onset"][onsets[2] - 1] == pytest.approx(1.5)
    assert labels["pedal"][onsets].tolist() == [0, 1, 0]
    timing = PEDAL.analysis.timing(ids)
    assert timing.start[onsets].tolist() == pytest.approx([0, 0.5, 2])
    assert timing.length[onsets].tolist() == [0, 0, 0]
    assert timing.length.sum() == pytest.approx(2.1)
    assert timing.bar is None


def test_drums_have_no_pitch_class_and_baked_pedals_no_label():
    drums = codec_of(drums=True)
    ids = drums.encode(solo((36, 80, 0.0, 0.1), drum=True))
    assert list(drums.analysis.labels(ids)) == ["density", "since_onset"]


@given(performances(), st.data())
def test_labels_do_not_depend_on_what_follows(piece, data):
    ids = PEDAL.encode(piece)
    count = data.draw(st.integers(0, len(ids)))
    whole = PEDAL.analysis.labels(ids)
    for name, labels in PEDAL.analysis.labels(ids[:count]).items():
        np.testing.assert_array_equal(labels, whole[name][:count], err_msg=name)


def test_density_counts_the_onsets_of_the_last_second():
    ids = DEFAULT.encode(take(3, seconds=8))
    density, timing = DEFAULT.analysis.labels(ids)["density"], DEFAULT.analysis.timing(ids)
    after = np.round((timing.start + timing.length) * 100).astype(int)  # steps, which compare exactly
    onsets = [(place, step) for place, step in enumerate(after) if ids[place] < 128]
    for place, step in enumerate(after):
        assert density[place] == sum(other <= place and step - 100 < onset for other, onset in onsets)


@pytest.mark.parametrize("codec", [DEFAULT, codec_of(sustain="tokens", velocity_bins=0)])
def test_profile(codec):
    profile = codec.profile
    for index, token in enumerate(codec.vocabulary.tokens):
        name, _, value = token.rpartition("_")
        pitched = name in ("NOTE_ON", "NOTE_OFF")
        assert profile.pitched[index] == pitched
        assert profile.heights[index] == (int(value) if pitched else 0)
        assert profile.free[index] == (name in ("NOTE_ON", "TIME_SHIFT", "VELOCITY"))
        assert profile.ends[index] == (token in ("<s>", "</s>"))
        assert profile.kinds[index] == (codec.vocabulary.id(f"{name}_0") if pitched else index)
    assert not profile.binding.any()


def test_drums_have_no_key():
    drums, notes = codec_of(drums=True).profile, DEFAULT.profile
    assert not drums.pitched.any()
    assert drums.kinds.tolist() == list(range(len(drums.kinds)))
    assert drums.free.tolist() == notes.free.tolist()


def test_melody():
    ids = DEFAULT.encode(solo((64, 80, 0.5, 1), (60, 80, 0, 2), (67, 80, 0.5, 1)))
    assert DEFAULT.transposition.melody(ids).tolist() == [[60, 0], [64, 0], [67, 0]]
    assert Transposition.melody(DEFAULT.transposition, ids).shape == (0, 2)
