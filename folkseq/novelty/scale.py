"""The scale of a verdict: how much the pieces of a corpus share among themselves.

The pieces are dealt into ten parts. For each piece of a part, the longest passage is found that it shares with a piece
of the other nine, and the piece that holds most of its figures. Near-duplicates, and pieces with a title in common, are
in one part: two prints of a tune do not show what two tunes share. Parts are measured until there are enough pieces. Of
texts, which are one piece each, the held-out stretches are compared with those that are trained on.
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
"""Pieces that are measured in a large corpus, and those that make a scale."""
NEAREST = 200
"""Pieces of about its length that a piece is compared with; but at most a quarter of all, and `FEWEST` at least."""
Scale = NDArray[np.int64]
"""(K, 3) of each piece that was measured: its number of ids; those of its longest passage; and the share of its figures
that one other piece holds, in thousandths."""


def within(
    codec: Codec[Any], store: TokenStore, pieces: Sequence[int], sketches: Sketches, groups: NDArray[np.int64]
) -> Scale:
    """Measure the scale of some pieces of a store among themselves.

    Args:
        codec: of the ids.
        store: the pieces.
        pieces: their numbers.
        sketches: of the pieces.
        groups: (pieces,) see `groups_of`; two pieces of a group are never compared.
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
    """Measure the passages that new pieces of a store, 1,000 at most, share with known ones."""
    pieces = [store[piece] for piece in new[:ENOUGH]]
    runs, ends = Overlap(store, known, codec.profile).longest(pieces), codec.profile.ends
    facts = [(int(np.sum(~ends[ids])), run.length, 0) for ids, run in zip(pieces, runs, strict=True)]
    return np.array(facts, np.int64).reshape(-1, 3)


def share_of(scale: Scale, length: int, passage: int) -> float | None:
    """Return the share of pieces of about a length that share a passage as long; None if the scale is too small."""
    if len(scale) < FEWEST:
        return None
    return _share_above(_passages_near(scale)(length), passage)


def share_as_close(scale: Scale, share: float) -> float | None:
    """Return the share of pieces of whose figures one piece holds as many; None if the scale is too small."""
    return _share_above(scale[:, 2], 1000 * share) if len(scale) >= FEWEST else None


def _share_above(values: NDArray[np.int64], least: float) -> float:
    return float(np.count_nonzero(values >= least) / len(values))


def _passages(scale: Scale, length: int) -> NDArray[np.int64]:
    """Return the passages of the pieces of about a length."""
    count = max(min(NEAREST, len(scale) // 4), FEWEST)
    apart = np.abs(np.log(np.maximum(scale[:, 0], 1) / max(length, 1)))
    passages: NDArray[np.int64] = scale[np.argsort(apart, kind="stable")[:count], 1]
    return passages


_passages_near = ByIdentity[Scale, Callable[[int], NDArray[np.int64]]](lambda scale: cache(partial(_passages, scale)))


def groups_of(
    fingerprints: Sequence[NDArray[np.int64]], transposition: Transposition | None, labels: Sequence[str]
) -> NDArray[np.int64]:
    """Return a number for each piece, the same for near-duplicates and pieces with a title in common."""
    forest = Forest(len(labels))
    for numbers in (near_duplicates(fingerprints, transposition), same_titles(labels)):
        first: dict[int, int] = {}
        for piece, number in enumerate(numbers.tolist()):
            forest.join(first.setdefault(number, piece), piece)
    return forest.labels(len(labels))
