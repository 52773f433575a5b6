"""All ids of a corpus in one flat array, which may be mapped from the disk."""

from __future__ import annotations

import mmap
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from typing import Any, Self

import numpy as np
from numpy.lib.format import write_array_header_1_0
from numpy.typing import ArrayLike, DTypeLike, NDArray

from folkseq.errors import CorpusError, FolkseqError
from folkseq.files import sync, write_array

Ids = NDArray[Any]
IDS, OFFSETS = "ids.npy", "offsets.npy"
EACH = 256
"""Ids of a piece's beginning, at least, that are worth evaluating."""


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
        """Map the store that a `StoreWriter` left in a folder."""
        return cls(np.load(folder / IDS, mmap_mode="r"), np.load(folder / OFFSETS))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, piece: int) -> Ids:
        if not 0 <= piece < len(self):
            raise IndexError(f"piece {piece} of {len(self)}")
        return self.ids[self.offsets[piece] : self.offsets[piece + 1]]

    def forget(self) -> None:
        """Release the memory that reading mapped ids has taken; pieces are read one by one from then on.

        Otherwise the system maps what lies around each, and finally the whole store.
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
    """Return the length that pieces have to be cut to, so that they hold no more than `most` ids together.

    >>> beginning([3, 7], 8), beginning([3, 4], 8)
    (5, 4)

    Args:
        lengths: (P,) of the pieces.
        most: ids in all; but no piece is cut to less than two.

    Returns:
        The length of the longest piece if none has to be cut.
    """
    rising = np.sort(np.asarray(lengths, np.int64))
    left = most - (np.cumsum(rising) - rising)  # for each piece and the longer ones, after the shorter ones
    shares = left // np.arange(len(rising), 0, -1)
    cut = np.flatnonzero(rising > shares)
    return max(int(shares[cut[0]] if len(cut) else rising.max(initial=0)), 2)


class StoreWriter:
    """Writes a store piece by piece, so that a corpus never has to fit into memory.

    Use it in a `with` statement, in a folder of its own that is renamed later: when the statement ends, the files are
    complete, or removed if an error ended it. All methods raise FolkseqError if the disk refuses.
    """

    def __init__(self, folder: Path, dtype: DTypeLike) -> None:
        """Begin `ids.npy` in a folder."""
        self._folder, self._dtype, self._lengths = folder, np.dtype(dtype), array("q")
        with _reported(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._file = (folder / IDS).open("wb")
            self._write_header(0)

    def append(self, ids: ArrayLike) -> None:
        """Add one piece."""
        piece = np.ascontiguousarray(ids, self._dtype)
        with _reported(self._folder):
            self._file.write(piece.tobytes())
        self._lengths.append(len(piece))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._file.close()
            (self._folder / IDS).unlink(missing_ok=True)
            return
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.array(self._lengths, np.int64))])
        with _reported(self._folder), self._file:
            self._file.seek(0)
            self._write_header(int(offsets[-1]))
        sync(self._folder / IDS)
        write_array(self._folder / OFFSETS, offsets)

    def _write_header(self, count: int) -> None:
        # NumPy pads the header to a multiple of 64 bytes with room for any length, so it can be written again.
        header = {"descr": self._dtype.str, "fortran_order": False, "shape": (count,)}
        write_array_header_1_0(self._file, header)


def copy_store(source: Path, target: Path) -> None:
    """Link the files of a store into another folder, or copy them. Raises FolkseqError if the disk refuses."""
    with _reported(target):
        target.mkdir(parents=True, exist_ok=True)
        for name in (IDS, OFFSETS):
            (target / name).unlink(missing_ok=True)
            try:
                (target / name).hardlink_to(source / name)
            except OSError:
                copyfile(source / name, target / name)
                sync(target / name)


@contextmanager
def _reported(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FolkseqError(f"{folder}: cannot be written: {error.strerror or error}") from error
