"""Pairs for an encoder–decoder: a source that the encoder reads, and a target that the decoder writes.

At each step the decoder is at one element of the source: in the bar that it fills, or at the note that it harmonises.
The offset from there to every other element is known in two directions (bars, and eighths within a bar, if the
representation defines them so). Attention can learn from it to look at the same place two bars before or after.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
METADATA_KEY = "places"
"""The entry of an encoder.onnx's metadata that holds the relative positions."""
MASKED = 0
"""The relative position of an element that the decoder must not see."""


@dataclass(frozen=True, eq=False)
class EncoderSource:
    """The sequence that an encoder reads."""

    ids: Integers
    """(S, F) ids of F fields, which are read together."""
    positions: Integers
    """(S, 2) the position of each element in both directions."""

    def __post_init__(self) -> None:
        if self.ids.ndim != 2 or self.positions.shape != (len(self.ids), 2):
            raise ValueError(f"expected ids (S, F), positions (S, 2), got {self.ids.shape}, {self.positions.shape}")

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, eq=False)
class Pair:
    """A source and the target that was written for it."""

    source: EncoderSource
    ids: Integers
    """(T + 1,) the target, from its start id to its end id."""
    at: Integers
    """(T,) the element of the source at which the decoder is after each id but the last, or each compound token."""
    free: NDArray[np.bool_]
    """(T,) False where the next id was given and not the decoder's choice."""
    before: Integers | None = None
    """The ids of the piece before the target, from its start id on, if they lead into it."""

    def __post_init__(self) -> None:
        if len(self.free) != len(self.ids) - 1:
            raise ValueError(f"{len(self.ids)} ids need {len(self.ids) - 1} flags `free`, got {len(self.free)}")


@dataclass(frozen=True)
class RelativePositions:
    """Offsets between elements of a source, each as one number. Offsets beyond a limit count as the limit.

    >>> RelativePositions(1, 0).between(np.array([[0, 0], [1, 0], [7, 0]]), np.array([0])).tolist()
    [[2, 3, 3]]
    """

    along: int
    """The largest offset that is told apart in the first direction."""
    within: int
    """And in the second."""
    causal: bool = False
    """Mask the elements that come later."""

    def to_json(self) -> str:
        """Return what `from_json` reads, as it is kept in an encoder.onnx."""
        return json.dumps({"along": self.along, "within": self.within, "onward": not self.causal})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the relative positions that `to_json` wrote."""
        values = json.loads(text)
        return cls(values["along"], values["within"], not values["onward"])

    @property
    def size(self) -> int:
        """R, the number of relative positions, `MASKED` included."""
        return 1 + (2 * self.along + 1) * (2 * self.within + 1)

    @property
    def aligned(self) -> NDArray[np.float32]:
        """(R,) 1 where the offset in the second direction is 0, else 0."""
        table = np.zeros((2 * self.along + 1, 2 * self.within + 1), np.float32)
        table[:, self.within] = 1
        return np.concatenate([np.zeros(1, np.float32), table.ravel()])

    def between(self, positions: Integers, at: Integers) -> Integers:
        """Return the relative position of every element seen from some of them, (T, S), each below `size`.

        Args:
            positions: (S, 2) of an `EncoderSource`.
            at: (T,) the elements from which it is seen.
        """
        offsets = positions[None] - positions[at][:, None]  # (T, S, 2)
        along = np.clip(offsets[..., 0], -self.along, self.along) + self.along
        within = np.clip(offsets[..., 1], -self.within, self.within) + self.within
        relative: Integers = 1 + along * (2 * self.within + 1) + within  # (T, S)
        if self.causal:
            relative[np.arange(len(positions)) > at[:, None]] = MASKED
        return relative
