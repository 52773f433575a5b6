"""The store: all ids of a corpus in one flat array, which may be memory-mapped."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from folkseq.errors import CorpusError, FolkseqError
from folkseq.files import sync

Ids = NDArray[Any]
IDS, OFFSETS = "ids.npy", "offsets.npy"
EACH = 256
"""Minimum number of ids at the beginning of a piece for an evaluation."""


@dataclass(frozen=True, eq=False)
class TokenStore:
    """All pieces concatenated in one flat array, which may be memory-mapped from a file larger than memory.

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
        """Build the store of `pieces`, in their order. Raises CorpusError if there are none."""
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
        """Map the store in a folder, `ids.npy` and `offsets.npy`."""
        return cls(np.load(folder / IDS, mmap_mode="r"), np.load(folder / OFFSETS))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, piece: int) -> Ids:
        if not 0 <= piece < len(self):
            raise IndexError(f"piece {piece} of {len(self)}")
        return self.ids[self.offsets[piece] : self.offsets[piece + 1]]

    def forget(self) -> None:
        """Release the memory that reading mapped ids has taken; pieces are read one by one from then on.

        Otherwise the system also maps the surroundings of each piece, and finally the whole store.
        """
        mapped = getattr(self.ids, "_mmap", None)
        if mapped is not None and hasattr(mmap, "MADV_RANDOM"):
            mapped.madvise(mmap.MADV_RANDOM)
            mapped.madvise(mmap.MADV_DONTNEED)

    def count(self, pieces: Sequence[int]) -> int:
        """Return the number of tokens that `pieces` hold together."""
        return int(np.diff(self.offsets)[list(pieces)].sum())

    def beginnings(self, pieces: Sequence[int], most: int) -> list[Ids]:
        """Return the ids of `pieces`, each cut to one length if they hold more than `most` together.

        >>> store = TokenStore.of([[0, 5, 1], [0, 7, 7, 7, 7, 7, 1]])
        >>> [ids.tolist() for ids in store.beginnings([0, 1], 8)]
        [[0, 5, 1], [0, 7, 7, 7, 7]]
        """
        share = beginning(np.diff(self.offsets)[list(pieces)], most)
        return [self[piece][:share] for piece in pieces]

    def some(self, pieces: Sequence[int], most: int) -> list[Ids]:
        """Return `beginnings` of `pieces`; of fewer, evenly spaced ones if less than `EACH` ids of each were left."""
        if len(pieces) * EACH > most:
            places = np.linspace(0, len(pieces) - 1, max(most // EACH, 1)).astype(np.int64)
            pieces = [pieces[place] for place in places.tolist()]
        return self.beginnings(pieces, most)


def beginning(lengths: ArrayLike, most: int) -> int:
    """Return the length to which pieces must be cut so that they hold at most `most` ids together.

    >>> beginning([3, 7], 8), beginning([3, 4], 8)
    (5, 4)

    Args:
        lengths: (P,) The lengths of the pieces.
        most: The maximum total number of ids; no piece is cut to fewer than two.

    Returns:
        The length of the longest piece if none has to be cut.
    """
    rising = np.sort(np.asarray(lengths, np.int64))
    left = most - (np.cumsum(rising) - rising)  # for each piece and the longer ones, after the shorter ones
    shares = left // np.arange(len(rising), 0, -1)
    cut = np.flatnonzero(rising > shares)
    return max(int(shares[cut[0]] if len(cut) else rising.max(initial=0)), 2)


def copy_store(source: Path, target: Path) -> None:
    """Link the files of a store into another folder, or copy them. Raises FolkseqError if the disk refuses."""
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name in (IDS, OFFSETS):
            (target / name).unlink(missing_ok=True)
            try:
                (target / name).hardlink_to(source / name)
            except OSError:
                copyfile(source / name, target / name)
                sync(target / name)
    except OSError as error:
        raise FolkseqError(f"{target}: cannot be written: {error.strerror or error}") from error
