"""The configuration of performances, and the resulting ids.

Source: Oore et al., This time with feeling (2018), and magenta's `PerformanceOneHotEncoding`. By default, ids 0 to 387
are the same: NOTE_ON, NOTE_OFF, TIME_SHIFT and VELOCITY. Deviations: the start and end ids follow, then the two pedal
events if the pedal has tokens; and times and velocities can be finer or coarser.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.representations.base import END, START
from folkseq.representations.vocabulary import Vocabulary
from folkseq.settings import setting, validate

Ids = NDArray[Any]
Integers = NDArray[np.int64]

MAX_VELOCITY = 127
DEFAULT_VELOCITY = 80
BEGIN, PEDAL, NOTE_OFF, NOTE_ON, FINISH = range(5)  # kinds of events, in their order within a step
TIME_SHIFT, VELOCITY = -1, -2  # kinds of ids that set the step and the velocity of the following events


class Velocities:
    """Velocities in bins of equal size.

    Attributes:
        velocity_bins: Number of bins; 0 if velocities are not kept.
        bin_size: Number of velocities in a bin; 127 if there are no bins.
    """

    def __init__(self, velocity_bins: int) -> None:
        self.velocity_bins, self.bin_size = velocity_bins, -(-MAX_VELOCITY // max(velocity_bins, 1))

    def bins(self, velocities: NDArray[Any]) -> Integers:
        """Return the bins, from 1, of velocities 1 to 127; 0 if there are no bins."""
        bins = (velocities.astype(np.int64) - 1) // self.bin_size + 1
        return bins if self.velocity_bins else np.zeros_like(bins)

    def velocities(self, bins: Integers) -> Integers:
        """Return the lowest velocity of each bin, and the default velocity for bin 0 (unknown)."""
        default = DEFAULT_VELOCITY - (DEFAULT_VELOCITY - 1) % self.bin_size if self.velocity_bins else DEFAULT_VELOCITY
        return np.where(bins > 0, np.minimum((bins - 1) * self.bin_size + 1, MAX_VELOCITY), default)


class PerformanceLayout(Velocities):
    """The ids of a configuration; the ids of each kind are consecutive.

    Attributes:
        vocabulary: Token of each id.
        note_on, note_off, time_shift, velocity, start, end: First id of each kind.
        pedal_up, pedal_down: Their ids; −1 if the pedal has no tokens.
        kinds: (V,) kind of each id.
        values: (V,) pitch, steps or velocity bin of each id; 1 for PEDAL_DOWN; otherwise 0.
        steps: (V,) steps of each TIME_SHIFT; otherwise 0.
    """

    def __init__(self, velocity_bins: int = 32, max_shift: int = 100, pedal: bool = False) -> None:
        table = [(f"NOTE_ON_{pitch}", NOTE_ON, pitch) for pitch in range(128)]
        table += [(f"NOTE_OFF_{pitch}", NOTE_OFF, pitch) for pitch in range(128)]
        table += [(f"TIME_SHIFT_{steps}", TIME_SHIFT, steps) for steps in range(1, max_shift + 1)]
        table += [(f"VELOCITY_{number}", VELOCITY, number) for number in range(1, velocity_bins + 1)]
        table += [(START, BEGIN, 0), (END, FINISH, 0)]
        table += [("PEDAL_UP", PEDAL, 0), ("PEDAL_DOWN", PEDAL, 1)] if pedal else []
        super().__init__(velocity_bins)
        self.max_shift, self.pedal, self.size = max_shift, pedal, len(table)
        self.vocabulary = Vocabulary(tuple(token for token, _, _ in table))
        self.kinds = np.array([kind for _, kind, _ in table])
        self.values = np.array([value for _, _, value in table])
        self.steps = np.where(self.kinds == TIME_SHIFT, self.values, 0)
        self.note_on, self.note_off, self.time_shift = 0, 128, 256
        self.velocity = self.time_shift + max_shift
        self.start = self.velocity + velocity_bins
        self.end = self.start + 1
        self.pedal_up, self.pedal_down = (self.end + 1, self.end + 2) if pedal else (-1, -1)

    def onset_pitches(self, ids: Ids) -> Ids:
        """Return the pitches of all onsets, in order."""
        return ids[ids < self.note_off]

    def duration(self, ids: Ids) -> int:
        """Return the duration of ids in steps."""
        return int(self.steps[ids].sum())


@dataclass(frozen=True)
class PerformanceConfig:
    """The configuration of performances as ids."""

    velocity_bins: int = setting(32, "Number of velocity bins; with 0, every note has velocity 80.", low=0, high=127)
    steps_per_second: int = setting(100, "Time steps per second.", low=1, high=1000)
    max_shift: int = setting(100, "Longest time shift in steps.", low=1, high=1000)
    sustain: str = setting("baked", "Pedal: longer notes (baked), or tokens of its own.", choices=("baked", "tokens"))
    order: str = setting(
        "canonical", "Order of the ids; magenta is that of note_seq.", choices=("canonical", "magenta")
    )
    drums: bool = setting(False, "Keep only the drums, instead of only the other instruments.")
    density: bool = setting(True, "Condition the model on notes per second.")
    pitch_classes: bool = setting(True, "Condition the model on pitch classes.")

    def __post_init__(self) -> None:
        validate(self)

    @cached_property
    def layout(self) -> PerformanceLayout:
        """Return the ids."""
        return PerformanceLayout(self.velocity_bins, self.max_shift, self.sustain == "tokens")

    @property
    def canonical(self) -> bool:
        """Return whether the events of a step are sorted, and a pitch sounds once at a time."""
        return self.order == "canonical"

    def to_steps(self, seconds: NDArray[Any]) -> Integers:
        """Return times in steps, rounded half up."""
        return (seconds * self.steps_per_second + 0.5).astype(np.int64)
