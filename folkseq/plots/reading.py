"""What a network did while it read a piece, ready to be drawn: its best cells, its surprise, what it expected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from folkseq.music.performance import Performance
    from folkseq.representations.capabilities import Timing

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Cell:
    """The cell that tells one label best."""

    label: str
    """Such as `place in bar`."""
    layer: int
    """From 1, the lowest."""
    number: int
    """In its layer, from 0."""
    measure: str
    """Which share of its variance the label explains: `η²` or `r²`."""
    score: float
    """That share, in pieces that the cell was not chosen on."""
    null: float
    """The same when labels are shuffled."""
    values: Floats
    """(T,) in [−1, 1] after each token."""

    @property
    def name(self) -> str:
        """As `layer 2, cell 17`."""
        return f"layer {self.layer}, cell {self.number}"

    @property
    def told(self) -> str:
        """What it tells, and how well."""
        return f"{self.label}: {self.name}, {self.measure} {self.score:.2f} (shuffled {self.null:.2f})"


@dataclass(frozen=True, eq=False)
class Reading:
    """One piece of T tokens, as a network read it."""

    name: str
    """What the piece is called."""
    about: str
    """What the network is."""
    shown: str
    """What of a cell is shown: `tanh(c)` or `h`."""
    tokens: tuple[str, ...]
    surprise: Floats
    """(T,) bits; NaN of the first."""
    guesses: tuple[tuple[tuple[str, float], ...], ...]
    """(T,) what was expected in the place of each token, from the likeliest on, with its probability."""
    cells: tuple[Cell, ...]
    places: Timing
    performance: Performance | None = None
    """Whose roll stands over the cells, where there are no bars."""
    part: str = ""
    """Which part of the piece is read, where it is not all of it: `first 30 of 62 s`."""

    def __post_init__(self) -> None:
        count = len(self.tokens)
        lengths = {len(self.surprise), len(self.guesses), len(self.places.start)}
        lengths |= {len(cell.values) for cell in self.cells}
        if lengths != {count}:
            raise ValueError(f"every one of {count} tokens has a surprise, guesses, a place and values; got {lengths}")
