"""Where a piece was before as it is now: the longest end of what was read that was read already, and what followed.

It is what compressors call a match model (Bloom, LZP: a new data compression algorithm, 1996; Mahoney's PAQ), and finds
again what comes back at any distance, where `recall` looks at a few. Of several matches of one length the last counts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Integers = NDArray[np.int64]
Memory = tuple[NDArray[np.int32], NDArray[np.uint8]]
"""Of each row the ids that were read, (B, WINDOW) in a ring, −1 where there is none; and at each of them how many ids
up to it are the same as the last ones, `LENGTHS[-1]` at most."""

LENGTHS = (2, 4, 8, 16)
"""How long a match is told to be: as long as the longest of these. Each is twice the one before."""
WINDOW = 512
"""A match lies fewer ids back."""
_LEVELS = np.searchsorted(LENGTHS, np.arange(LENGTHS[-1] + 1), side="right")
_LEVEL: list[int] = _LEVELS.tolist()


def matches(ids: ArrayLike) -> tuple[Integers, Integers]:
    """What followed the longest match after each id of a piece, and how long it is.

    Whether two stretches of 2k ids are the same follows from their halves (Karp, Miller and Rosenberg, Rapid
    identification of repeated patterns in strings, trees and arrays, 1972).

    Args:
        ids: (T,).

    Returns:
        (T,) the id that followed, −1 where there is no match; and (T,) the number of `LENGTHS` that it is as long as.

    >>> followed, levels = matches([5, 6, 7, 8, 5, 6, 9, 7, 8, 5, 6])
    >>> followed.tolist(), levels.tolist()
    ([-1, -1, -1, -1, -1, 7, -1, -1, 5, 6, 9], [0, 0, 0, 0, 0, 1, 0, 0, 1, 1, 2])
    """
    read = np.asarray(ids, np.int64)
    count = len(read)
    followed, levels = np.full(count, -1), np.zeros(count, np.int64)
    names = read  # of the stretches that end at each id: the same where they are
    for level, length in enumerate(LENGTHS, 1):
        whole = np.arange(length - 1, count)  # where such a stretch ends
        if len(whole) < 2:
            break
        pairs = names[whole - length // 2] * (names.max() + 1) + names[whole]
        order = np.argsort(pairs, kind="stable")
        again = pairs[order[1:]] == pairs[order[:-1]]
        names = np.zeros(count, np.int64)
        names[whole[order]] = np.concatenate([[0], np.cumsum(~again)])
        here, before = whole[order[1:][again]], whole[order[:-1][again]]
        near = here - before < WINDOW
        followed[here[near]], levels[here[near]] = read[before[near] + 1], level
    return followed, levels


def begin(rows: int) -> Memory:
    """The memory of rows that have read nothing."""
    return np.full((rows, WINDOW), -1, np.int32), np.zeros((rows, WINDOW), np.uint8)


def step(memory: Memory, clock: Integers, ids: Integers) -> tuple[Integers, Integers]:
    """What `matches` says after one more id in each row; the memory is changed in its place.

    Args:
        memory: as `begin` or the last step left it.
        clock: (B,) how many ids each row has read before.
        ids: (B,).

    Returns:
        (B,) and (B,).
    """
    read, same = memory
    every, now = np.arange(len(ids)), clock % WINDOW
    used = min(int(clock.max()) + 1, WINDOW)
    read[every, now] = -1  # what lies a whole window back counts no more
    row, at = np.divmod(np.flatnonzero(read[:, :used] == ids[:, None]), used)
    length = np.minimum(same[row, at - 1], LENGTHS[-1] - 1) + 1  # the ring's last comes before its first
    same[:, :used] = 0
    same[row, at] = length
    read[every, now] = ids
    best = np.zeros(len(ids), np.int64)  # how long the longest is, and of those how near the last
    np.maximum.at(best, row, _LEVELS[length] * WINDOW - (now[row] - at) % WINDOW)
    followed = read[every, (now - -best % WINDOW + 1) % WINDOW]
    return np.where(best > 0, followed, -1), -(-best // WINDOW)


def step_one(memory: Memory, clock: int, one: int) -> tuple[int, int]:
    """The same of one row, where NumPy's calls would take longer than the network."""
    read, same = memory[0][0], memory[1][0]
    now, used = clock % WINDOW, min(clock + 1, WINDOW)
    read[now] = -1
    at = (read[:used] == one).nonzero()[0]
    lengths = [min(length, LENGTHS[-1] - 1) + 1 for length in same[at - 1].tolist()]
    same[:used] = 0
    same[at] = lengths
    read[now] = one
    best = 0
    for place, length in zip(at.tolist(), lengths, strict=True):
        best = max(best, _LEVEL[length] * WINDOW - (now - place) % WINDOW)
    return (int(read[(now - -best % WINDOW + 1) % WINDOW]) if best else -1), -(-best // WINDOW)
