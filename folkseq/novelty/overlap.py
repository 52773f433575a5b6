"""An index of a training set that finds the longest run of ids shared with a piece.

Two passages of equal length match if a transposition makes them equal (`Profile`). The ids that begin and end a piece
do not belong to any passage. Every reported run has been compared id by id.

All positions of the training set are sorted by a 64-bit key: 20 bits of the hash of the next five ids, then 4 bits each
of the hashes of the next six, seven, … sixteen ids. The two neighbours of any other key in this order thus give the
number of next ids, up to sixteen, that can match. Every run of n ids contains a window of sixteen ids that begins at a
multiple of n − 15 in its text. So only these windows are looked up to find runs of n ids or more, first with n at half
of the maximum, then at half of that, and so on.

Deviation: a window of sixteen ids is compared at no more than 4,096 positions, and a shorter window at no more than
65,536, so a run of one repeated note may be reported too short. In folk.abc no window of sixteen ids occurs more than
131 times.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.corpora import TokenStore
from folkseq.corpora.hashing import RISE, Hashes, powers
from folkseq.errors import RunError
from folkseq.files import write_array
from folkseq.novelty.hashing import Flags, Hashing, Integers, matches, next_true
from folkseq.novelty.limit import FEWEST, CopyLimit
from folkseq.novelty.runs import SHORT, Comparison, ShortPassages
from folkseq.novelty.training_set import TrainingSet
from folkseq.representations.capabilities import Profile
from folkseq.sampling.overlaps import SharedPassage

FOLDER, KEYS, PLACES = "novelty", "keys.npy", "places.npy"
SEED, SHORTEST = 16, SHORT + 1  # the maximum and minimum number of ids that a key covers
_FIRST, _REST = np.uint64(20), np.uint64(4)  # bits of a key for the first `SHORTEST` ids, and for each further id
_MOST, _MOST_SHORT = 1 << 12, 1 << 16  # maximum number of positions to compare with a window of sixteen; with a shorter
_NEVER = 1 << 60  # longer than any text
_LATER = np.arange(0, 45, 4).astype(np.uint64)  # number of key bits for the ids after the sixteenth, fifteenth, …


class Overlap:
    """The training set of a run with an index of 12 bytes per id.

    A run stores the index in its folder `novelty`. If it is missing, it is built in memory.
    """

    def __init__(self, store: TokenStore, pieces: Sequence[int], profile: Profile) -> None:
        """Select the pieces of a store; `profile` is the profile of its vocabulary."""
        self.training_set, self.hashing = TrainingSet.of(store, pieces, profile), Hashing(profile)
        self._ids = self.training_set.ids

    def limit(self, most: int) -> CopyLimit:
        """Return a constraint for the sampler that limits shared runs to `most` ids, at least 8."""
        longest_piece = int(np.diff(self.training_set.store.offsets).max())
        return CopyLimit(self.training_set, self.hashing, min(most, max(longest_piece, FEWEST)))

    @cached_property
    def index(self) -> tuple[Hashes, NDArray[Any]]:
        """Return the sorted keys, and the positions of their passages in the training set's flat array, (N,) each."""
        keys, places = [np.zeros(0, np.uint64)], [np.zeros(0, np.uint32 if len(self._ids) < 2**32 else np.uint64)]
        for chunk in self.training_set.places():
            ids, jumps = self._ids[chunk], next_true(np.append(np.diff(chunk) > 1, True))
            ends = self.hashing.ends[ids]
            # The last keys of a truncated piece would depend on ids outside the training set.
            known = (next_true(ends) <= jumps) | (jumps - np.arange(len(ids)) >= SEED - 1)
            keys.append(keys_of(ids, self.hashing)[known & ~ends])
            places.append(chunk[known & ~ends].astype(places[0].dtype))
        order = np.argsort(every := np.concatenate(keys))
        return every[order], np.concatenate(places)[order]

    def write(self, folder: Path) -> None:
        """Write the index into a folder. Raises FolkseqError if the disk refuses."""
        keys, places = self.index
        write_array(folder / PLACES, places)
        write_array(folder / KEYS, keys)

    def read(self, folder: Path) -> None:
        """Map the index written by `write`, and check some of its keys. Raises RunError if they differ."""
        try:
            keys, places = (np.asarray(np.load(folder / name, mmap_mode="r")) for name in (KEYS, PLACES))
            some = np.arange(0, len(keys), len(keys) // 64 + 1)
            windows = self._ids[np.minimum(places[some, None] + np.arange(SEED), len(self._ids) - 1)]
            whole = ~self.hashing.ends[windows].any(axis=1)  # other keys depend on the next piece
            found = keys_of(windows.ravel(), self.hashing)[::SEED]
            if len(keys) != len(places) or (found != keys[some])[whole].any():
                raise ValueError("it is not that of this run's training set")
        except (OSError, EOFError, ValueError, IndexError) as error:
            raise RunError(f"{folder}: cannot use this novelty index: {error}; remove the folder") from None
        self.index = keys, places

    def longest(self, pieces: Sequence[NDArray[Any]]) -> list[SharedPassage]:
        """Find the longest run that each piece shares with the training set.

        Args:
            pieces: arrays of ids, with or without the ids that begin and end a piece.

        Returns:
            One run for each piece; ties go to the first run in the piece, and to its first occurrence in the training
            set.
        """
        if not len(pieces):
            return []
        end = np.flatnonzero(self.hashing.ends)[:1]
        text = TokenStore.of([np.concatenate((end, np.asarray(piece, np.int64), end)) for piece in pieces])
        store, origins = self.training_set.store, self.training_set.origins
        _, shortness, start, place = self._search(text)
        number = np.searchsorted(store.offsets, place, side="right") - 1
        runs = np.stack((-shortness, start - text.offsets[:-1] - 1, number, place - store.offsets[number]), axis=1)
        return [
            SharedPassage(length, start, origins[piece], place, store[piece][: place + length])
            if length
            else SharedPassage()
            for length, start, piece, place in runs.tolist()
        ]

    def _search(self, text: TokenStore) -> Integers:
        """Find the longest runs of concatenated pieces, (4, P) in the format of `_best`."""
        comparison = Comparison(text.ids, self._ids, self.hashing)
        owner = np.repeat(np.arange(len(text)), np.diff(text.offsets))  # (Q,) the piece of each position in the text
        best = np.stack((np.arange(len(text)), *np.zeros((3, len(text)), np.int64)))
        inner, (table, places) = ~self.hashing.ends[text.ids], self.index
        if not len(table):
            return best
        keys = keys_of(text.ids, self.hashing)
        possible = self._possible(inner, keys)
        bound = np.maximum.reduceat(possible, text.offsets[:-1])  # (P,) upper bound on the longest run of each piece
        while (bound >= SHORTEST).any():
            aim = np.where(bound > SEED, SEED + (bound - SEED) // 2, np.maximum(bound - 1, SHORTEST))
            aim[bound < SHORTEST] = _NEVER
            here = np.flatnonzero(possible >= aim[owner])
            step = np.maximum(aim - SEED + 1, 1)[owner[here]]
            here = np.unique(-(-here // step) * step)
            length = np.minimum(aim, SEED)[owner[here]]
            later = (np.uint64(1) << _LATER[SEED - length]) - np.uint64(1)
            most = np.where(length == SEED, _MOST, _MOST_SHORT)
            for which, entry in matches(table, keys[here] & ~later, keys[here] | later, most):
                found, start, place = comparison.grow(here[which], places[entry].astype(np.int64), length[which])
                best = _best(best, owner[start], found, start, place)
            bound = np.where(-best[1] >= aim, 0, np.minimum(bound, aim - 1))
        here = np.flatnonzero(inner & (best[1, owner] > -SHORTEST))
        for size, start, place in self._short.find(text.ids, here) if len(here) else ():
            best = _best(best, owner[start], np.full_like(start, size), start, place)
        return best

    def _possible(self, inner: Flags, keys: Hashes) -> Integers:
        """Return an upper bound on the length of a run from each position of the text on, (Q,); 4 for 4 or fewer."""
        table, _ = self.index
        order = np.argsort(keys)
        after = np.searchsorted(table, keys[order])
        neighbours = np.maximum(after - 1, 0), np.minimum(after, len(table) - 1)
        apart = np.minimum(*(table[each] ^ keys[order] for each in neighbours))
        alike = np.empty(len(keys), np.int64)
        # The highest bit in which two keys differ gives the number of equal ids.
        alike[order] = SEED - np.searchsorted(np.uint64(1) << _LATER, apart, side="right")
        places = np.arange(len(keys))
        ends = np.where(inner, np.where(alike == SEED, _NEVER, places + alike), places)
        # A run ends no later than the runs that begin after it must end.
        return np.minimum.accumulate(ends[::-1])[::-1] - places

    @cached_property
    def _short(self) -> ShortPassages:
        return ShortPassages(self._ids, np.sort(self.index[1]).astype(np.int64), self.hashing)


def keys_of(ids: NDArray[Any], hashing: Hashing) -> Hashes:
    """Return the keys of all positions in an array, (T,), padded with ids of 0 at the end."""
    count, ids = len(ids), np.append(ids, np.zeros(SEED, ids.dtype))
    first = np.append(next_true(hashing.pitched[ids]), len(ids) - 1)[:count]
    heights = hashing.levels[np.append(ids, 0)][first].astype(np.uint64) * RISE
    terms, sums, keys = hashing.terms[:, ids], np.zeros((2, count), np.uint64), np.zeros(count, np.uint64)
    for length, power in enumerate(powers(SEED), 1):
        sums += terms[:, length - 1 : length - 1 + count] * power
        if length >= SHORTEST:
            bits = _FIRST if length == SHORTEST else _REST
            keys = keys << bits | (sums[0] - heights * sums[1]) >> np.uint64(64) - bits
    return keys


def _best(best: Integers, piece: Integers, length: Integers, start: Integers, place: Integers) -> Integers:
    """Return the best run of each of P pieces, (4, P), after adding K runs: the longest, and the first of equal ones.

    The rows are the piece, the negative length, and the positions in the text and in the training set.
    """
    every = np.concatenate((best, np.stack((piece, -length, start, place))), axis=1)
    every = every[:, np.lexsort(every[::-1])]
    return every[:, np.diff(every[0], prepend=-1) > 0]
