"""The encoder in ONNX Runtime and its output, the memory for attention, without torch."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from folkseq.pairs import METADATA_KEY, EncoderSource, Integers, RelativePositions
from folkseq.sampling.session import open_session


class Memory(NamedTuple):
    """The output of an encoder: S elements that all rows attend to, with N heads."""

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
        """Return the inputs of a step, by name."""
        return {"here": self.here, "keys": self.keys, "values": self.values}

    def relative(self, at: Integers) -> Integers:
        """Return the position of each element relative to that of each row, (B,): (B, S)."""
        return self.relative_positions.between(self.positions, at)


class EncoderSession:
    """An encoder that `models.export.encoder_decoder` built; it reads each source once for all pieces."""

    def __init__(self, model: Path | bytes) -> None:
        """Load it. Raises RunError if the file is missing, or is not a model."""
        self._session = open_session(model, None)
        metadata = self._session.get_modelmeta().custom_metadata_map
        self._relative_positions = RelativePositions.from_json(metadata[METADATA_KEY])

    def read(self, source: EncoderSource) -> Memory:
        """Return the memory of a source."""
        here, keys, values = self._session.run(None, {"source": source.ids})
        return Memory(here, keys, values, source.positions, self._relative_positions)
