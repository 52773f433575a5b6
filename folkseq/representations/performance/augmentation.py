"""Windows for training: slices of a piece, each in a random key and at a random tempo.

Source: Performance RNN's augmentation, by up to 3 semitones and 5 % of the tempo. Deviations: both are drawn again for
every window, and the tempo from the whole range, instead of a few fixed copies; and no window leaves the keyboard of
the piano. The tempo is changed in steps, which moves an event by at most half a step. A note has a length of at least
one step. If two notes of one pitch then begin at the same step, the first is dropped.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from folkseq.representations.capabilities import Augmentation
from folkseq.representations.performance import events
from folkseq.representations.performance.conditioning import Conditioning
from folkseq.representations.performance.config import FINISH, NOTE_ON, PEDAL, Ids, Integers, PerformanceConfig
from folkseq.representations.performance.events import Mask, StepEvents

SEMITONES, STRETCH = 3, 0.05  # largest transposition, and largest relative change of the tempo
KEYBOARD = (21, 108)  # lowest and highest pitch of a piano
UNCONDITIONED = 0.5  # share of windows without conditioning, so that the model also learns to write without it


class PerformanceAugmentation(Augmentation):
    """Windows in random keys and tempos, with their conditioning."""

    def __init__(self, config: PerformanceConfig) -> None:
        self.config, self.conditioning = config, Conditioning(config)
        # About the number of ids in 5 s, or a few ids to replace those that a faster tempo drops.
        self.lookahead = 400 if self.conditioning.size else 16
        self.semitones, self.stretch = 0 if config.drums else SEMITONES, STRETCH

    def span(self, ids: Ids) -> tuple[int, int]:
        """Return the lowest and highest pitch."""
        pitches = self.config.layout.onset_pitches(ids)
        return (int(pitches.min()), int(pitches.max())) if len(pitches) else KEYBOARD

    def excerpt(
        self, ids: Ids, length: int, span: tuple[int, int], random: np.random.Generator
    ) -> tuple[Ids, NDArray[np.float32] | None]:
        """Return a window in a random key and at a random tempo, with its conditioning."""
        interval = draw_interval(span, self.semitones, random)
        if interval:
            ids = np.where(ids < self.config.layout.time_shift, ids.astype(np.int64) + interval, ids)
        factor = random.uniform(1 - self.stretch, 1 + self.stretch)
        if factor != 1:
            ids = stretched(ids, factor, self.config)
        window = ids[: length + 1]
        if not self.conditioning.size:
            return window, None
        return window, self.draw_conditioning(ids, random)[1 : len(window)]

    def draw_conditioning(self, ids: Ids, random: np.random.Generator) -> NDArray[np.float32]:
        """Return the conditioning of each id with random flags: none, or equally often both or one of them."""
        choice = int(random.integers(3))
        if random.random() < UNCONDITIONED:
            return np.zeros((len(ids), self.conditioning.size), np.float32)
        vectors = self.conditioning.of(ids)
        if self.config.density and self.config.pitch_classes:
            off = (slice(0), slice(9, None), slice(9))[choice]
            vectors[:, off] = 0
        return vectors


def draw_interval(span: tuple[int, int], semitones: int, random: np.random.Generator) -> int:
    """Draw a transposition within the keyboard, or within the MIDI pitches for a piece beyond the keyboard."""
    low, high = KEYBOARD if KEYBOARD[0] <= span[0] and span[1] <= KEYBOARD[1] else (0, 127)
    return int(random.integers(max(-semitones, low - span[0]), min(semitones, high - span[1]), endpoint=True))


def stretched(ids: Ids, factor: float, config: PerformanceConfig) -> Ids:
    """Return a slice of a piece, up to its last event, stretched by a factor of at least 0.5."""
    found = events.decode(ids, config.layout)
    step = np.floor(found.step * factor + 0.5).astype(np.int64)
    kept = _lengthen(found, step, config.canonical)
    pedal = np.flatnonzero(found.kind == PEDAL)
    turn = np.arange(len(pedal))
    step[pedal] = np.maximum.accumulate(step[pedal] - turn) + turn  # one move per step at most
    if len(step) and found.kind[-1] == FINISH:
        step[-1] = step.max()
    found = events.in_order(found._replace(step=step).where(kept), config.canonical)
    onsets = np.flatnonzero(found.kind == NOTE_ON)
    known = np.where(found.velocity[onsets] > 0, np.arange(len(onsets)), 0)
    # A note of unknown velocity takes the velocity of the previous note, so that no VELOCITY is repeated.
    found.velocity[onsets] = found.velocity[onsets][np.maximum.accumulate(known)]
    return events.encode(found, config.layout)


def _lengthen(found: StepEvents, step: Integers, canonical: bool) -> Mask:
    """Make every note at least one step long in the new steps, (R,), in place; return a mask of the kept events."""
    at = events.by_pitch(found)
    pitch, onset = found.value[at], found.kind[at] == NOTE_ON
    onsets, ends, end_pitch = at[onset], at[~onset], pitch[~onset]
    # The first ends of a pitch belong to notes that began before the slice.
    own = np.arange(len(ends)) - np.searchsorted(end_pitch, end_pitch) >= events.held_before(pitch, onset)[end_pitch]
    partner = events.partners(pitch[onset], end_pitch[own])
    ended = partner < np.count_nonzero(own)
    end = ends[own][partner[ended]]
    step[end] = np.maximum(step[end], step[onsets[ended]] + 1)
    kept = np.ones(len(step), np.bool_)
    if canonical:
        twice = ended & (np.diff(pitch[onset], append=-1) == 0) & (np.diff(step[onsets], append=-1) == 0)
        kept[onsets[twice]] = kept[end[twice[ended]]] = False
    return kept
