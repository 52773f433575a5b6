"""The match model: the longest suffix of the previous ids that occurred before, and the id that followed it then.

Source: data compression (Bloom, LZP: a new data compression algorithm, 1996; Mahoney's PAQ). The match model finds
repetitions at any distance, while `lookback` looks at a few bars. Of several matches of equal length, the last counts.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Integers = NDArray[np.int64]
Memory = tuple[NDArray[np.int32], NDArray[np.uint16]]
"""For each row: the last ids, (B, WINDOW - 1), newest first, −1 for none; and the number of ids before each of them
that match the last ids, as that many set bits from the lowest on."""

LENGTHS = (2, 4, 8, 16)
"""The length classes of a match. Each is twice the previous one, and they fit into 16 bits."""
WINDOW = 512
"""Exclusive maximum distance of a match in ids."""
_BITS = np.array([1 << (length - 1) for length in LENGTHS], np.uint16)
"""The bit that is set in runs of at least each length."""
_ALL_BITS = _BITS.sum(dtype=np.uint16)
_LEVEL = {int(_BITS[:level].sum()): level for level in range(len(LENGTHS) + 1)}


def matches(ids: ArrayLike) -> tuple[Integers, Integers]:
    """Return the id that followed the longest match after each id of a piece, and the level of the match.

    Args:
        ids: (T,).

    Returns:
        (T,) the id, −1 without a match; and (T,) the level, the number of `LENGTHS` that the match reaches.

    >>> followed, levels = matches([5, 6, 7, 8, 5, 6, 9, 7, 8, 5, 6])
    >>> followed.tolist(), levels.tolist()
    ([-1, -1, -1, -1, -1, 7, -1, -1, 5, 6, 9], [0, 0, 0, 0, 0, 1, 0, 0, 1, 1, 2])
    """
    read = np.asarray(ids, np.int64)
    places, levels = places_after(read, LENGTHS)
    return np.where(levels > 0, read[places], -1), levels


def places_after(ids: Integers, lengths: Iterable[int], window: int = WINDOW) -> tuple[Integers, Integers]:
    """Return the place after the longest match at each place, (T,), and its level, (T,), 0 without a match.

    Two stretches are equal if their first and their last ids are, where these stretches may overlap (Karp, Miller and
    Rosenberg, Rapid identification of repeated patterns in strings, trees and arrays, 1972).

    Args:
        ids: (T,).
        lengths: the length classes, each at most twice the previous one; the first is 1 or 2.
        window: the exclusive maximum distance of a match in ids.
    """
    count = len(ids)
    places, levels = np.zeros((2, count), np.int64)
    names, shorter = ids, 1  # of the stretches that end at each id: equal stretches have the same name
    for level, length in enumerate(lengths, 1):
        ends = np.arange(length - 1, count)
        if len(ends) < 2:
            break
        pairs = names[ends - (length - shorter)] * (names.max() + 1) + names[ends]
        order = np.argsort(pairs, kind="stable")
        again = pairs[order[1:]] == pairs[order[:-1]]
        names, shorter = np.zeros(count, np.int64), length
        names[ends[order]] = np.concatenate([[0], np.cumsum(~again)])
        here, before = ends[order[1:][again]], ends[order[:-1][again]]
        near = here - before < window
        places[here[near]], levels[here[near]] = before[near] + 1, level
    return places, levels


def begin(rows: int) -> Memory:
    """Return the memory of rows that have read nothing."""
    return np.full((rows, WINDOW - 1), -1, np.int32), np.zeros((rows, WINDOW - 1), np.uint16)


def step(memory: Memory, clock: Integers, ids: Integers) -> tuple[Integers, Integers]:
    """Return the result of `matches` after one more id in each row, (B,) each, and change the memory in place.

    Args:
        memory: from `begin`.
        clock: (B,) the number of ids that each row has read before.
        ids: (B,).
    """
    used = min(int(clock.max()) + 1, WINDOW - 1)
    runs = _read(memory[0][:, :used], memory[1][:, :used], ids.astype(np.int32)[:, None])
    rows, nearest = np.arange(len(ids)), runs.argmax(axis=1)  # the first of the longest
    longest = runs[rows, nearest]
    # The ids have shifted by one, so the index of each run is now the index of the id that followed it.
    return np.where(longest > 0, memory[0][rows, nearest], -1), _BITS.searchsorted(longest, side="right")


def step_one(memory: Memory, clock: int, one: int) -> tuple[int, int]:
    """Do the same for one row, where NumPy's calls take longer than their work."""
    used = min(clock + 1, WINDOW - 1)
    runs = _read(memory[0][0, :used], memory[1][0, :used], one)
    nearest = int(runs.argmax())
    level = _LEVEL[int(runs[nearest])]
    return (int(memory[0][0, nearest]) if level else -1), level


def _read(last: NDArray[np.int32], runs: NDArray[np.uint16], ids: NDArray[np.int32] | int) -> NDArray[np.uint16]:
    """Add an id in front of the last ones, and return the bits of the runs' lengths."""
    same = last == ids
    runs += runs  # a continued run gets another bit; it keeps its index, while the ids shift by one
    runs |= 1
    runs *= same
    last[..., 1:] = last[..., :-1]
    last[..., :1] = ids
    known: NDArray[np.uint16] = runs & _ALL_BITS
    return known
