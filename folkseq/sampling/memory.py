"""What is known of a piece, as an encoder has read it; it imports no torch."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from folkseq.pairs import METADATA_KEY, EncoderSource, Integers, RelativePositions
from folkseq.sampling.session import open_session


class Memory(NamedTuple):
    """What is known, as an encoder has read it, which all rows look at."""

    here: NDArray[np.float32]
    """(S, E)"""
    keys: NDArray[np.float32]
    """(N, S, H / N)"""
    values: NDArray[np.float32]
    """(N, S, H / N)"""
    positions: Integers
    """(S, 2)"""
    relative_positions: RelativePositions

    @property
    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """What a step looks at, by the names of its inputs."""
        return {"here": self.here, "keys": self.keys, "values": self.values}

    def relative(self, at: Integers) -> Integers:
        """Return the relative position of each element seen from where each row is, (B,): (B, S)."""
        return self.relative_positions.between(self.positions, at)


class Encoder:
    """Reads what is known, once for all pieces that are then written; as `models.onnx_encoder` builds it."""

    def __init__(self, model: Path | bytes) -> None:
        """Load it. Raises RunError if the file is missing or is not a model."""
        self._session = open_session(model, None)
        metadata = self._session.get_modelmeta().custom_metadata_map
        self._relative_positions = RelativePositions.from_json(metadata[METADATA_KEY])

    def read(self, source: EncoderSource) -> Memory:
        """What steps look at."""
        here, keys, values = self._session.run(None, {"source": source.ids})
        return Memory(here, keys, values, source.positions, self._relative_positions)
