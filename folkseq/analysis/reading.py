"""The data of neuron plots, without torch: the states of a network while it reads a piece, and its gate saturation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from folkseq.music.performance import Performance
from folkseq.representations.capabilities import Timing

SHUT, OPEN = 0.1, 0.9
"""A gate is shut below `SHUT` and open above `OPEN` (left- and right-saturated in Karpathy et al. 2015)."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GateSaturation:
    """The share of time that the gates of each unit are shut or open, for one kind of gate in one layer."""

    name: str  # such as `forget`
    layer: int  # from 1
    shut: Floats  # (H,) the share of tokens after which the gate is below `SHUT`
    open: Floats  # (H,) the share of tokens after which the gate is above `OPEN`


@dataclass(frozen=True, eq=False)
class Neuron:
    """The neuron that one label explains best, and its values after each token of a piece."""

    label: str  # such as `place in bar`
    layer: int  # from 1
    number: int  # in its layer, from 0
    measure: str  # `η²` or `r²`
    score: float  # the share of its variance that the label explains
    null: float  # the same for shuffled labels
    values: Floats  # (T,) in [−1, 1]

    @property
    def name(self) -> str:
        """Return its name, such as `layer 2, cell 17`."""
        return f"layer {self.layer}, cell {self.number}"

    @property
    def summary(self) -> str:
        """Return one line with the label, the neuron and the scores."""
        return f"{self.label}: {self.name}, {self.measure} {self.score:.2f} (shuffled {self.null:.2f})"


@dataclass(frozen=True, eq=False)
class NeuronReading:
    """The values of a network while it reads a piece of T tokens."""

    name: str  # of the piece
    about: str  # the run and its network
    shown: str  # the quantity in `Neuron.values`: `tanh(c)` or `h`
    tokens: tuple[str, ...]
    surprise: Floats  # (T,) bits per token; NaN for the first
    guesses: tuple[tuple[tuple[str, float], ...], ...]  # (T,) the likeliest tokens at each position, with probabilities
    neurons: tuple[Neuron, ...]
    timing: Timing
    performance: Performance | None = None  # shown as a piano roll where there are no bars
    part: str = ""  # such as `first 30 of 62 s`, if the piece was cut
