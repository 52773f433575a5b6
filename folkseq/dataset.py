"""From pieces to batches: clusters of near twins, a split that keeps them together, a store, and streams.

A piece is a 1-D array of ids that begins with a start id and ends with an end id. Nothing here knows what an id
stands for.

Near twins are pieces that share at least half of the smaller one's distinct n-grams of a fingerprint (for tunes, nine
melodic intervals, which are ten notes whatever the key). A tune printed twice would otherwise be learnt on one side
of the split and be 'predicted' on the other.
"""

from __future__ import annotations

import io
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from folkseq.errors import CorpusError
from folkseq.files import write_atomically

Ids = NDArray[Any]


def cluster(fingerprints: Sequence[Sequence[int]], length: int = 9, share: float = 0.5) -> NDArray[np.int64]:
    """Label the pieces so that near twins, and twins of twins, bear the same label.

    Two pieces are near twins when they share at least `share` of the smaller set of distinct `length`-grams. A piece
    shorter than `length` has a twin only in one whose whole fingerprint is equal and not empty.

    Candidates come from an inverted index. If a piece needs t of its n shingles to be shared, one of any n − t + 1 of
    them must be; the rarest are looked up, so that shingles common to the whole corpus cost nothing.

    Args:
        fingerprints: one sequence of integers a piece.
        length: integers in a shingle.
        share: of the smaller set, in (0, 1].

    Returns:
        (pieces,) int64: labels 0, 1, 2, … in order of first appearance.
    """
    if length < 1 or not 0 < share <= 1:
        raise ValueError(f"expected length >= 1 and 0 < share <= 1, got {length} and {share}")
    keys = [tuple(int(value) for value in fingerprint) for fingerprint in fingerprints]
    shingles = [_shingles(key, length) for key in keys]
    pieces_with = Counter(shingle for piece in shingles for shingle in piece)
    forest = _Forest(len(keys))

    first_with: dict[frozenset[tuple[int, ...]], int] = {}
    for piece, grams in enumerate(shingles):  # equal sets are twins at once; one of them stands for all below
        if grams:
            forest.join(piece, first_with.setdefault(grams, piece))

    postings: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for piece in sorted(
        first_with.values(), key=lambda piece: -len(shingles[piece])
    ):  # the smaller looks up the larger
        grams = shingles[piece]
        needed = max(1, math.ceil(share * len(grams)))
        rarest = sorted(grams, key=pieces_with.__getitem__)[: len(grams) - needed + 1]
        for other in sorted({other for gram in rarest for other in postings[gram]}):
            if forest.root(other) != forest.root(piece) and len(grams & shingles[other]) >= needed:
                forest.join(piece, other)
        for gram in grams:
            if pieces_with[gram] > 1:
                postings[gram].append(piece)

    number: dict[int, int] = {}
    return np.array([number.setdefault(forest.root(piece), len(number)) for piece in range(len(keys))], dtype=np.int64)


def _shingles(key: tuple[int, ...], length: int) -> frozenset[tuple[int, ...]]:
    if len(key) < length:
        return frozenset([key] if key else [])  # shorter than any true shingle, so equal only to its like
    return frozenset(key[start : start + length] for start in range(len(key) - length + 1))


class _Forest:
    """Union–find with path halving; the root of a set is its smallest member."""

    def __init__(self, size: int) -> None:
        self.parents = list(range(size))

    def root(self, item: int) -> int:
        parents = self.parents
        while parents[item] != item:
            parents[item] = item = parents[parents[item]]
        return item

    def join(self, one: int, other: int) -> None:
        low, high = sorted((self.root(one), self.root(other)))
        self.parents[high] = low


@dataclass(frozen=True)
class Split:
    """Which pieces are learnt from, which choose the best weights, and which are only looked at in the end."""

    train: tuple[int, ...]
    valid: tuple[int, ...]
    test: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.train:
            raise ValueError("a split has at least one piece to train on")
        pieces = self.train + self.valid + self.test
        if len(set(pieces)) != len(pieces):
            raise ValueError("a piece stands on more than one side of the split")


def split(labels: ArrayLike, shares: tuple[float, float, float] = (0.90, 0.05, 0.05), seed: int = 0) -> Split:
    """Deal whole clusters to train, valid and test.

    The clusters come in a random order and each goes to the first held-out side that it brings closer to its share;
    the largest is always trained on. With two clusters there is a valid side, with three a test side, however small
    the shares.

    Args:
        labels: (pieces,) the cluster of each piece, as `cluster` gives them.
        shares: of the pieces, for train, valid and test; they sum to one.
        seed: of the order in which clusters are dealt.

    Returns:
        The pieces' indices, rising on each side.

    Raises:
        CorpusError: there are no pieces.
        ValueError: the shares are negative or do not sum to one.
    """
    if min(shares) < 0 or not math.isclose(sum(shares), 1.0, abs_tol=1e-6):
        raise ValueError(f"shares are positive and sum to one, got {shares}")
    members: dict[int, list[int]] = defaultdict(list)
    for piece, label in enumerate(np.asarray(labels).tolist()):
        members[label].append(piece)
    if not members:
        raise CorpusError("the corpus holds no pieces that could be trained on")
    clusters = list(members.values())
    order = [clusters[index] for index in np.random.default_rng(seed).permutation(len(clusters))]
    largest = order.pop(max(range(len(order)), key=lambda index: len(order[index])))

    wanted = [sum(map(len, clusters)) * share for share in shares[1:]]
    held_out: list[list[int]] = [[], []]
    rest: list[list[int]] = []
    for pieces in order:
        for side, target in zip(held_out, wanted, strict=True):
            if abs(len(side) + len(pieces) - target) < abs(len(side) - target):
                side.extend(pieces)
                break
        else:
            rest.append(pieces)
    for side, target in zip(held_out, wanted, strict=True):
        if not side and rest and target > 0:
            side.extend(rest.pop(min(range(len(rest)), key=lambda index: len(rest[index]))))
    train = [*largest, *(piece for pieces in rest for piece in pieces)]
    return Split(tuple(sorted(train)), tuple(sorted(held_out[0])), tuple(sorted(held_out[1])))


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


class Batch(NamedTuple):
    """What a model reads at once."""

    x: NDArray[np.int64]
    """(B, T) ids."""
    y: NDArray[np.int64]
    """(B, T) the ids that follow them."""
    fresh: NDArray[np.bool_]
    """(B,) whether a row begins with the start of a piece, so that its state is to begin at zero."""


class Streams:
    """Endless batches in which each row reads whole pieces one after another.

    Each epoch has its own random order. A row that comes to the end of a piece takes the next one that no other row
    has taken, so that rows never begin inside a piece, a corpus smaller than a batch fills it nonetheless, and the
    caller may carry the model's state from each batch to the next: row b of a batch goes on where row b of the batch
    before it ended.
    """

    def __init__(
        self, store: TokenStore, pieces: Sequence[int], rows: int, steps: int, generator: np.random.Generator
    ) -> None:
        """Open the streams at the start of the first epoch.

        Args:
            store: the pieces' ids.
            pieces: which of them to read.
            rows: B.
            steps: T.
            generator: draws each epoch's order; over a bit generator whose state is plain integers, such as PCG64.
        """
        if not pieces or rows < 1 or steps < 1:
            raise ValueError(f"expected pieces, rows >= 1, steps >= 1, got {len(pieces)}, {rows}, {steps}")
        self._store, self._pieces, self._steps, self._generator = store, np.asarray(pieces), steps, generator
        self._epoch, self._dealt = 0, 0
        self._shuffle()
        self._cursors = [(self._take(), 0) for _ in range(rows)]

    @property
    def epoch(self) -> float:
        """How often the corpus has been dealt out, with the part of the epoch that is under way."""
        return self._epoch + self._dealt / len(self._order)

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        """Read one batch."""
        fresh = np.array([start == 0 for _, start in self._cursors])
        window = np.empty((len(self._cursors), self._steps + 1), dtype=np.int64)  # (B, T + 1)
        for row, (piece, start) in enumerate(self._cursors):
            filled = 0
            while True:
                ids = self._store[piece][start : start + self._steps + 1 - filled]
                window[row, filled : filled + len(ids)] = ids
                filled += len(ids)
                if filled > self._steps:
                    break
                piece, start = self._take(), 0
            self._cursors[row] = (piece, start + len(ids) - 1)  # the last id is the next batch's first
        return Batch(window[:, :-1], window[:, 1:], fresh)

    def state(self) -> dict[str, Any]:
        """Where the streams stand, as values that JSON can hold exactly."""
        return {
            "generator": self._before,
            "epoch": self._epoch,
            "dealt": self._dealt,
            "cursors": [list(cursor) for cursor in self._cursors],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to where `state` was taken, over the same store, pieces, rows and steps."""
        self._generator.bit_generator.state = state["generator"]
        self._shuffle()
        self._epoch, self._dealt = state["epoch"], state["dealt"]
        self._cursors = [(piece, start) for piece, start in state["cursors"]]

    def _shuffle(self) -> None:
        self._before: Any = self._generator.bit_generator.state  # drawing from it again gives this order again
        self._order = self._generator.permutation(self._pieces)
        self._dealt = 0

    def _take(self) -> int:
        if self._dealt == len(self._order):
            self._shuffle()
            self._epoch += 1
        self._dealt += 1
        return int(self._order[self._dealt - 1])
