"""What is known of a piece, as an encoder has read it; it imports no torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from folkseq.pairs import Integers, Reach, Source
from folkseq.sampling.session import open_session

PLACES = "places"
"""Under which name an encoder tells how near places are, and whether what comes after one is seen, as JSON."""


class Memory(NamedTuple):
    """What is known, as an encoder has read it, which all rows look at."""

    here: NDArray[np.float32]
    """(S, E)"""
    keys: NDArray[np.float32]
    """(N, S, H / N)"""
    values: NDArray[np.float32]
    """(N, S, H / N)"""
    places: Integers
    """(S, 2)"""
    reach: Reach
    onward: bool

    @property
    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """What a step looks at, by the names of its inputs."""
        return {"here": self.here, "keys": self.keys, "values": self.values}

    def near(self, at: Integers) -> Integers:
        """(B, S) how near each element is to where each row is, (B,)."""
        return self.reach.near(self.places, at, self.onward)


class Encoder:
    """Reads what is known, once for all pieces that are then written; as `models.onnx_encoder` builds it."""

    def __init__(self, model: Path | bytes) -> None:
        """Load it. Raises RunError if the file is missing or is not a model."""
        self._session = open_session(model, None)
        told = self._session.get_modelmeta().custom_metadata_map
        facts: dict[str, Any] = json.loads(told[PLACES])
        self._onward: bool = facts.pop("onward")
        self._reach = Reach(**facts)

    def read(self, source: Source) -> Memory:
        """What steps look at."""
        here, keys, values = self._session.run(None, {"source": source.ids})
        return Memory(here, keys, values, source.places, self._reach, self._onward)
