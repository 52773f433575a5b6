"""The scale of a verdict: the usual overlap between different pieces of a corpus.

The pieces are divided into ten parts. Each piece of a part is compared with the other nine parts, for its longest
shared passage and for the piece that contains most of its figures. Near-duplicates and pieces with a common title are
in the same part, since two versions of a tune do not show the overlap of two tunes. Parts are measured until there are
enough pieces. In a text, which is a single piece, the held-out stretches are compared with the training stretches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.corpora import TokenStore
from folkseq.corpora.duplicates import Forest, near_duplicates
from folkseq.corpora.titles import same_titles
from folkseq.identity import ByIdentity
from folkseq.novelty.overlap import Overlap
from folkseq.novelty.sketches import Sketches
from folkseq.representations.base import Codec
from folkseq.representations.capabilities import Transposition

PARTS = 10
ENOUGH, FEWEST = 1000, 20
"""Maximum number of pieces to measure, and minimum number for a scale."""
NEAREST = 200
"""Number of pieces of similar length that define the scale for a piece: at most a quarter of all, at least `FEWEST`."""
Scale = NDArray[np.int64]
"""(K, 3) for each measured piece: its length in ids, the length of its longest shared passage, and the maximum share of
its figures in one other piece, in thousandths."""


def within(
    codec: Codec[Any], store: TokenStore, pieces: Sequence[int], sketches: Sketches, groups: NDArray[np.int64]
) -> Scale:
    """Measure the scale of some pieces of a store among themselves.

    Args:
        codec: codec of the ids.
        store: store of the pieces.
        pieces: numbers of the pieces in the store.
        sketches: sketches of the pieces.
        groups: (pieces,) result of `groups_of`; two pieces of a group are never compared.
    """
    numbers, found = np.array(pieces), np.zeros((0, 3), np.int64)
    parts = np.random.default_rng(0).permutation(groups.max(initial=0) + 1)[groups] % PARTS
    for part in range(PARTS):
        inside = parts == part
        if inside.any() and not inside.all() and len(found) < ENOUGH:
            measured = between(codec, store, numbers[~inside].tolist(), numbers[inside].tolist())
            others = sketches.some(~inside)
            closest = map(others.closest, map(sketches.__getitem__, np.flatnonzero(inside)[: len(measured)].tolist()))
            measured[:, 2] = [round(1000 * each.share) if each else 0 for each in closest]
            found = np.concatenate((found, measured))
    return found


def between(codec: Codec[Any], store: TokenStore, known: Sequence[int], new: Sequence[int]) -> Scale:
    """Measure the passages that at most 1,000 new pieces of a store share with known ones."""
    pieces = [store[piece] for piece in new[:ENOUGH]]
    runs, ends = Overlap(store, known, codec.profile).longest(pieces), codec.profile.ends
    facts = [(int(np.sum(~ends[ids])), run.length, 0) for ids, run in zip(pieces, runs, strict=True)]
    return np.array(facts, np.int64).reshape(-1, 3)


def share_of(scale: Scale, length: int, passage: int) -> float | None:
    """Return the share of pieces of similar length with a shared passage as long; None if the scale is too small."""
    if len(scale) < FEWEST:
        return None
    return _share_above(_passages_near(scale)(length), passage)


def share_as_close(scale: Scale, share: float) -> float | None:
    """Return the share of pieces with at least this share of figures in one piece; None if the scale is too small."""
    return _share_above(scale[:, 2], 1000 * share) if len(scale) >= FEWEST else None


def _share_above(values: NDArray[np.int64], least: float) -> float:
    return float(np.count_nonzero(values >= least) / len(values))


def _passages(scale: Scale, length: int) -> NDArray[np.int64]:
    """Return the shared passages of pieces of similar length."""
    count = max(min(NEAREST, len(scale) // 4), FEWEST)
    apart = np.abs(np.log(np.maximum(scale[:, 0], 1) / max(length, 1)))
    passages: NDArray[np.int64] = scale[np.argsort(apart, kind="stable")[:count], 1]
    return passages


_passages_near = ByIdentity[Scale, Callable[[int], NDArray[np.int64]]](lambda scale: cache(partial(_passages, scale)))


def groups_of(
    fingerprints: Sequence[NDArray[np.int64]], transposition: Transposition | None, labels: Sequence[str]
) -> NDArray[np.int64]:
    """Return a number for each piece, equal for near-duplicates and for pieces with a common title."""
    forest = Forest(len(labels))
    for numbers in (near_duplicates(fingerprints, transposition), same_titles(labels)):
        first: dict[int, int] = {}
        for piece, number in enumerate(numbers.tolist()):
            forest.join(first.setdefault(number, piece), piece)
    return forest.labels(len(labels))
