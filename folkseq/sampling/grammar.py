"""What a sampler asks of a representation: which ids may come next, and what the model is to read beside them."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Grammar(Protocol):
    """Which ids may come next in a piece, given those so far.

    A state is one row's. It never changes, so that rows may share it, and is known only to the grammar.
    """

    def new_state(self) -> Any:
        """The state before a piece's start id has been read."""
        ...

    def advance(self, state: Any, id: int) -> Any:  # noqa: A002 - the field's own word
        """The state after one more id, which `allowed` had allowed."""
        ...

    def allowed(self, state: Any, remaining: int) -> NDArray[np.bool_]:
        """Which ids may come next.

        Args:
            state: after everything read so far.
            remaining: how many ids, the end id among them, may still be written before the limit.

        Returns:
            (V,) bool, never all False. As `remaining` falls it narrows to what ends the piece in time.
        """
        ...


class Schedule(Protocol):
    """The controls that a model reads beside the ids, as they are asked for over time.

    A state is one row's, as a grammar's is, and follows any ids, allowed or not.
    """

    def new_state(self) -> Any:
        """The state before a piece's start id has been read."""
        ...

    def advance(self, state: Any, id: int) -> Any:  # noqa: A002 - the field's own word
        """The state after one more id."""
        ...

    def controls(self, state: Any) -> NDArray[np.float32]:
        """What is asked of the id that comes next, (C,) float32; the model reads it beside the id before that."""
        ...
