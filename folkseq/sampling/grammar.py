"""What a sampler asks of a representation's grammar."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Grammar(Protocol):
    """Which ids may come next in a piece, given those so far.

    A state is one row's, immutable and hashable, and is known only to the grammar.
    """

    def new_state(self) -> Hashable:
        """The state before a piece's start id has been read."""
        ...

    def advance(self, state: Hashable, id: int) -> Hashable:  # noqa: A002 - the field's own word
        """The state after one more id, which `allowed` had allowed."""
        ...

    def allowed(self, state: Hashable, remaining: int) -> NDArray[np.bool_]:
        """Which ids may come next.

        Args:
            state: after everything read so far.
            remaining: how many ids, the end id among them, may still be written before the limit.

        Returns:
            (V,) bool, never all False. As `remaining` falls it narrows to what ends the piece in time.
        """
        ...
