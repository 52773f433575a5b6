"""All ids of a corpus in one flat array, which may lie on the disk."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from folkseq.errors import CorpusError
from folkseq.files import write_atomically

Ids = NDArray[Any]


@dataclass(frozen=True, eq=False)
class TokenStore:
    """All pieces end to end in one flat array, which may be mapped from a file larger than memory.

    >>> store = TokenStore.of([[0, 5, 1], [0, 7, 7, 1]])
    >>> len(store), store[1].tolist(), store.ids.dtype
    (2, [0, 7, 7, 1], dtype('uint8'))
    """

    ids: Ids
    """(tokens,) of the smallest unsigned integer that holds every id."""
    offsets: NDArray[np.int64]
    """(pieces + 1,) where each piece begins, and where the last ends."""

    def __post_init__(self) -> None:
        lengths = np.diff(self.offsets)
        if self.offsets[0] != 0 or self.offsets[-1] != len(self.ids) or (lengths < 2).any():
            raise ValueError("every piece holds at least a start id and an end id, and the offsets span the ids")

    @classmethod
    def of(cls, pieces: Sequence[ArrayLike]) -> Self:
        """The store that holds `pieces`, in their order. Raises CorpusError if there are none."""
        arrays = [np.asarray(piece) for piece in pieces]
        if not arrays:
            raise CorpusError("the corpus holds no pieces")
        flat = np.concatenate(arrays)
        if flat.dtype.kind not in "iu" or flat.min(initial=0) < 0:
            raise ValueError(f"ids are integers from 0 on, got {flat.dtype} with a minimum of {flat.min(initial=0)}")
        offsets = np.cumsum([0, *map(len, arrays)], dtype=np.int64)
        return cls(flat.astype(np.min_scalar_type(int(flat.max(initial=0)))), offsets)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The store that `write` left in `folder`, mapped and not loaded."""
        return cls(np.load(folder / "ids.npy", mmap_mode="r"), np.load(folder / "offsets.npy"))

    def write(self, folder: Path) -> None:
        """Write `ids.npy` and `offsets.npy` into `folder`. Raises FolkseqError if the disk refuses."""
        for name, array in (("ids", self.ids), ("offsets", self.offsets)):
            buffer = io.BytesIO()
            np.save(buffer, array, allow_pickle=False)
            write_atomically(folder / f"{name}.npy", buffer.getvalue())

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, piece: int) -> Ids:
        if not 0 <= piece < len(self):
            raise IndexError(f"piece {piece} of {len(self)}")
        return self.ids[self.offsets[piece] : self.offsets[piece + 1]]

    def count(self, pieces: Sequence[int]) -> int:
        """How many tokens `pieces` hold together."""
        return int(np.diff(self.offsets)[list(pieces)].sum())
