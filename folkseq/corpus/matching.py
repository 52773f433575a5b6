"""Where a piece was before as it is now: the longest end of what was read that was read already, and what followed.

It is what compressors call a match model (Bloom, LZP: a new data compression algorithm, 1996; Mahoney's PAQ), and finds
again what comes back at any distance, where `recall` looks at a few. Of several matches of one length the last counts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Integers = NDArray[np.int64]
Memory = tuple[NDArray[np.int32], NDArray[np.uint16]]
"""Of each row the last ids that were read, (B, WINDOW - 1), the newest first, −1 where there is none; and how many ids
just before each are the same as the last ones, as so many bits from the lowest on."""

LENGTHS = (2, 4, 8, 16)
"""How long a match is told to be: as long as the longest of these. Each is twice the one before; 16 bits hold them."""
WINDOW = 512
"""A match lies fewer ids back."""
_REACHED = np.array([1 << (length - 1) for length in LENGTHS], np.uint16)
"""The bit that tells a run of so many from a shorter one."""
_TOLD = _REACHED.sum(dtype=np.uint16)
_LEVEL = {int(_REACHED[:level].sum()): level for level in range(len(LENGTHS) + 1)}


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
    return np.full((rows, WINDOW - 1), -1, np.int32), np.zeros((rows, WINDOW - 1), np.uint16)


def step(memory: Memory, clock: Integers, ids: Integers) -> tuple[Integers, Integers]:
    """What `matches` says after one more id in each row; the memory is changed in its place.

    Args:
        memory: as `begin` or the last step left it.
        clock: (B,) how many ids each row has read before.
        ids: (B,).

    Returns:
        (B,) and (B,).
    """
    used = min(int(clock.max()) + 1, WINDOW - 1)
    read, runs = memory[0][:, :used], memory[1][:, :used]
    last = ids.astype(read.dtype)
    _lengthen(runs, read == last[:, None])
    read[:, 1:] = read[:, :-1]
    read[:, 0] = last
    told = runs & _TOLD
    every, nearest = np.arange(len(ids)), told.argmax(axis=1)  # the first of the longest
    longest = told[every, nearest]
    return np.where(longest > 0, read[every, nearest], -1), _REACHED.searchsorted(longest, side="right")


def step_one(memory: Memory, clock: int, one: int) -> tuple[int, int]:
    """The same of one row, where NumPy's calls take longer than what they do."""
    used = min(clock + 1, WINDOW - 1)
    read, runs = memory[0][0, :used], memory[1][0, :used]
    _lengthen(runs, read == one)
    read[1:] = read[:-1]
    read[0] = one
    told = runs & _TOLD
    nearest = int(told.argmax())
    level = _LEVEL[int(told[nearest])]
    return (int(read[nearest]) if level else -1), level


def _lengthen(runs: NDArray[np.uint16], same: NDArray[np.bool_]) -> None:
    """Add a bit to the runs that go on, and end the others.

    A run stays at its place: the ids move on by one, and so does what it stands before.
    """
    runs += runs
    runs |= 1
    runs *= same
