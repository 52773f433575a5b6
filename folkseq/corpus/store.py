"""All ids of a corpus in one flat array, which may lie on the disk."""

from __future__ import annotations

import mmap
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.lib.format import write_array_header_1_0
from numpy.typing import ArrayLike, DTypeLike, NDArray

from folkseq.errors import CorpusError, FolkseqError
from folkseq.files import sync

Ids = NDArray[Any]
IDS, OFFSETS = "ids.npy", "offsets.npy"
EACH = 256  # ids of a piece's beginning, at least, that say something of it


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
        """The store that a `StoreWriter` left in `folder`, mapped and not loaded."""
        return cls(np.load(folder / IDS, mmap_mode="r"), np.load(folder / OFFSETS))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, piece: int) -> Ids:
        if not 0 <= piece < len(self):
            raise IndexError(f"piece {piece} of {len(self)}")
        return self.ids[self.offsets[piece] : self.offsets[piece + 1]]

    def forget(self) -> None:
        """Give the memory back that reading has taken, where the ids are mapped; pieces are then read one by one.

        Else the system maps what lies around each, and a store would come to stand in memory as a whole.
        """
        mapped = getattr(self.ids, "_mmap", None)
        if mapped is not None and hasattr(mmap, "MADV_RANDOM"):
            mapped.madvise(mmap.MADV_RANDOM)
            mapped.madvise(mmap.MADV_DONTNEED)

    def count(self, pieces: Sequence[int]) -> int:
        """How many tokens `pieces` hold together."""
        return int(np.diff(self.offsets)[list(pieces)].sum())

    def beginnings(self, pieces: Sequence[int], most: int) -> list[Ids]:
        """The ids of `pieces`, or, where they hold more than `most` together, so much of each one's beginning.

        >>> store = TokenStore.of([[0, 5, 1], [0, 7, 7, 7, 7, 7, 1]])
        >>> [ids.tolist() for ids in store.beginnings([0, 1], 8)]
        [[0, 5, 1], [0, 7, 7, 7, 7]]
        """
        share = beginning(np.diff(self.offsets)[list(pieces)], most)
        return [self[piece][:share] for piece in pieces]

    def some(self, pieces: Sequence[int], most: int) -> list[Ids]:
        """The same for judging by: where less than `EACH` ids of each were left, of fewer pieces, evenly spaced."""
        if len(pieces) * EACH > most:
            places = np.linspace(0, len(pieces) - 1, max(most // EACH, 1)).astype(np.int64)
            pieces = [pieces[place] for place in places.tolist()]
        return self.beginnings(pieces, most)


def beginning(lengths: ArrayLike, most: int) -> int:
    """How many ids each of several pieces may keep, so that they hold no more than `most` together.

    >>> beginning([3, 7], 8), beginning([3, 4], 8)
    (5, 4)

    Args:
        lengths: (P,) of the pieces.
        most: as many may be kept; but no piece is left with less than two.

    Returns:
        The longest piece's length, where all may be kept.
    """
    rising = np.sort(np.asarray(lengths, np.int64))
    left, share = most, int(rising[-1]) if len(rising) else 0
    if rising.sum() > most:
        for place, length in enumerate(rising.tolist()):
            share = left // (len(rising) - place)
            if length > share:
                break
            left -= length
    return max(share, 2)


class StoreWriter:
    """Writes a store piece by piece, so that a corpus never has to fit into memory.

    The files are whole once the writer is closed; it is for the caller to write into a folder of its own and to rename
    that, as `with` leaves nothing behind where an error ends it.
    """

    def __init__(self, folder: Path, dtype: DTypeLike) -> None:
        """Begin `ids.npy` in `folder`. Raises FolkseqError if the disk refuses, here and below."""
        self._folder, self._dtype = folder, np.dtype(dtype)
        self._lengths = array("q")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = (folder / IDS).open("wb")
            self._write_header(0)
        except OSError as error:
            raise _refused(folder, error) from error

    def append(self, ids: ArrayLike) -> None:
        """Add one piece."""
        piece = np.ascontiguousarray(ids, self._dtype)
        try:
            self._file.write(piece.tobytes())
        except OSError as error:
            raise _refused(self._folder, error) from error
        self._lengths.append(len(piece))

    def close(self) -> None:
        """Write what is only known at the end: how many ids there are, and where the pieces begin."""
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.array(self._lengths, np.int64))])
        try:
            self._file.seek(0)
            self._write_header(int(offsets[-1]))
            self._file.close()
            np.save(self._folder / OFFSETS, offsets, allow_pickle=False)
        except OSError as error:
            raise _refused(self._folder, error) from error
        for name in (IDS, OFFSETS):  # or a power cut might leave a file's name and length without what it holds
            sync(self._folder / name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._file.close()
            for name in (IDS, OFFSETS):
                (self._folder / name).unlink(missing_ok=True)

    def _write_header(self, count: int) -> None:
        # NumPy pads the header to a multiple of 64 bytes with room for any length, so it can be written again.
        header = {"descr": self._dtype.str, "fortran_order": False, "shape": (count,)}
        write_array_header_1_0(self._file, header)


def _refused(folder: Path, error: OSError) -> FolkseqError:
    return FolkseqError(f"{folder}: cannot be written: {error.strerror or error}")
