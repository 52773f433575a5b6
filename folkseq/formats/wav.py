"""A performance as sound: a WAV file of 16-bit samples in one channel (RIFF, Microsoft and IBM 1991).

The instrument is plain and needs no bank of sounds: each note is a few harmonics that die away, the upper ones and
those of high notes sooner, as a plucked string's do. Drums are short bursts of noise.
"""

from __future__ import annotations

import io
import math
import wave

import numpy as np
from numpy.typing import NDArray

from folkseq.music.performance import Performance

RATE = 22_050
"""Samples a second."""
LONGEST_S = 180.0
"""The part of a longer performance that is heard; a minute takes 2.6 MB."""

_HARMONICS = 6
_RELEASE_S = 0.08  # in which a note that ends dies away
_ATTACK_S = 0.004
_DECAY_S = 1.6  # of the first harmonic of middle C, to a share of 1/e
_LOUDEST = 0.89  # of the largest sample that fits
_DRUM_S = 0.09
_MIDDLE_C = 60


def format(performance: Performance) -> bytes:
    """Return the performance as the bytes of a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, RATE, 0, "NONE", ""))  # channels, bytes a sample
        out.writeframes(np.rint(synthesize(performance) * 32767).astype("<i2").tobytes())
    return file.getvalue()


def synthesize(performance: Performance) -> NDArray[np.float64]:
    """Return the samples of a performance, (N,) in [−1, 1]; silence where it holds no notes."""
    length_s = min(performance.length_s, LONGEST_S) + _RELEASE_S
    mix = np.zeros(math.ceil(length_s * RATE) + 1)
    random = np.random.default_rng(0)
    for track in performance.tracks:
        for onset_s, offset_s, pitch, velocity in track.notes.tolist():
            if onset_s >= LONGEST_S:
                break
            sound = _drum(random) if track.drum else _note(pitch, min(offset_s, LONGEST_S) - onset_s)
            start = round(onset_s * RATE)
            part = mix[start : start + len(sound)]
            part += (velocity / 127) ** 1.5 * sound[: len(part)]
    peak = float(np.abs(mix).max())
    return mix * (_LOUDEST / peak) if peak else mix


def _note(pitch: int, length_s: float) -> NDArray[np.float64]:
    time_s = np.arange(round((length_s + _RELEASE_S) * RATE)) / RATE
    frequency = 440 * 2 ** ((pitch - 69) / 12)
    sound = np.zeros(len(time_s))
    for harmonic in range(1, _HARMONICS + 1):
        if harmonic * frequency < RATE / 2:
            decay_s = _DECAY_S * 2 ** ((_MIDDLE_C - pitch) / 24) / harmonic
            sound += np.sin(2 * np.pi * harmonic * frequency * time_s) * np.exp(-time_s / decay_s) / harmonic**1.4
    rises, falls = time_s / _ATTACK_S, (length_s + _RELEASE_S - time_s) / _RELEASE_S
    return np.asarray(sound * np.clip(np.minimum(rises, falls), 0, 1))


def _drum(random: np.random.Generator) -> NDArray[np.float64]:
    time_s = np.arange(round(_DRUM_S * RATE)) / RATE
    return np.asarray(random.normal(0, 0.5, len(time_s)) * np.exp(-time_s * 50))
