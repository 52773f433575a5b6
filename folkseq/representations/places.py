"""When the ids of a piece are heard, so that what is drawn of them stands in musical time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Places:
    """Of each id, when it is heard and for how long: in seconds, or where there are bars, in whole notes."""

    start: NDArray[np.float64]
    """(T,) seconds from the beginning, or whole notes from the bar line before it."""
    length: NDArray[np.float64]
    """(T,) in the same unit; 0 of what takes no time."""
    bar: NDArray[np.int64] | None = None
    """(T,) the number of its bar from 0, below 0 before the first; None where there are no bars."""

    def __post_init__(self) -> None:
        counts = {len(each) for each in (self.start, self.length, self.bar) if each is not None}
        if len(counts) != 1:
            raise ValueError(f"every id has a start, a length and a bar; got {sorted(counts)} of them")
