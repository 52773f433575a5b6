"""The training pieces of a model, in the form for comparison with new pieces.

A long text is split into stretches for training. A passage may cross the boundary between two stretches, so consecutive
stretches are joined: a piece continues in the next one if its last id does not end a piece. If the training set has
more than `MOST_IDS` ids, only the beginnings of the pieces are compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from folkseq.corpora import TokenStore, beginning
from folkseq.representations.capabilities import Profile

MOST_IDS = 20_000_000
_CHUNK = 1 << 14  # ids hashed together, so that intermediate arrays fit into the processor's cache


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Whole pieces, and their origin in the run's own store."""

    store: TokenStore
    pieces: Sequence[int]
    """The pieces of `store` to compare with, rising."""
    origins: Sequence[int]
    """Number in the run's store of each piece of `store`; for a joined piece, of its first stretch."""

    @classmethod
    def of(cls, store: TokenStore, pieces: Sequence[int], profile: Profile) -> Self:
        """Join consecutive stretches among the `pieces` of a store, and cut them to `MOST_IDS` ids in total.

        If every piece ends, the result refers to `store` itself; otherwise it holds a new store in memory.
        """
        pieces = sorted(pieces)
        continues = ~profile.ends[store.ids[store.offsets[1:][pieces] - 1]]
        if not continues.any():
            return cls(store, pieces, range(len(store)))
        begins = np.append(True, (np.diff(pieces) > 1) | ~continues[:-1])
        groups = np.split(np.array(pieces), np.flatnonzero(begins)[1:])
        lengths = np.diff(store.offsets)
        most = beginning([lengths[group].sum() for group in groups], MOST_IDS)
        end = int(np.flatnonzero(profile.ends)[-1])
        joined = []
        for group in groups:
            first, *others = group[: np.searchsorted(np.cumsum(lengths[group] - 1), most) + 1].tolist()
            whole = np.concatenate([store[first], *(ids[~profile.ends[ids]] for ids in map(store.__getitem__, others))])
            complete = profile.ends[whole[-1]] or len(whole) >= most
            joined.append(whole[:most] if complete else np.append(whole, end))
        joined[-1] = np.append(joined[-1], end)  # so that no run extends beyond the array
        return cls(TokenStore.of(joined), range(len(joined)), [int(group[0]) for group in groups])

    def places(self) -> Iterator[NDArray[np.int64]]:
        """Yield the positions of ids in the store's flat array, in chunks of whole pieces with about `_CHUNK` ids."""
        starts, ends = self.store.offsets[:-1][self.pieces], self.store.offsets[1:][self.pieces]
        lengths = np.minimum(ends - starts, beginning(ends - starts, MOST_IDS))
        chunk = (np.cumsum(lengths) - lengths) // _CHUNK  # (P,) the chunk of each piece
        for first, last in pairwise([*np.unique(chunk, return_index=True)[1].tolist(), len(lengths)]):
            those = lengths[first:last]
            yield np.arange(those.sum()) + np.repeat(starts[first:last] - (np.cumsum(those) - those), those)

    @property
    def numbers(self) -> list[int]:
        """Return the number of each piece in the run's store."""
        return [self.origins[piece] for piece in self.pieces]

    @property
    def ids(self) -> NDArray[Any]:
        """Return the store's flat array, (T,)."""
        return np.asarray(self.store.ids)
