"""An index of a training set, which finds the longest run of ids that it shares with a piece.

Two passages of equal length are the same if one transposition makes them so (`Profile`). The ids that begin and end a
piece belong to no passage. Every run that is reported has been compared id by id.

All places of the training set are sorted by a key of 64 bits: 20 bits of the hash of the first five ids from there on,
then 4 bits each of the hashes of the first six, seven, … sixteen. So the two neighbours of any other key tell how many
ids, up to sixteen, can be found from there on. Every run of n ids holds a window of sixteen that begins at a multiple
of n − 15 in its text. So to find the runs of n ids or more, only such windows are looked up: with n at half of what is
possible first, then at half of that.

Deviation: a window of sixteen ids is compared at 4,096 places at most, a shorter one at 65,536, so a run of one
repeated note may be found shorter than it is. In folk.abc no window of sixteen occurs more than 131 times.
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
SEED, SHORTEST = 16, SHORT + 1  # the most ids that a key tells of, and the fewest
_FIRST, _REST = np.uint64(20), np.uint64(4)  # bits of a key for the first `SHORTEST` ids, and for each one more
_MOST, _MOST_SHORT = 1 << 12, 1 << 16  # places that a window of sixteen ids is compared at, and a shorter one
_NEVER = 1 << 60  # longer than any text
_LATER = np.arange(0, 45, 4).astype(np.uint64)  # bits of a key that tell of ids after the sixteenth, fifteenth, …


class Overlap:
    """The training set of a run, indexed to compare pieces with; the index takes 12 bytes for each id.

    A run keeps the index in its folder `novelty`. Without it, the index is built in memory.
    """

    def __init__(self, store: TokenStore, pieces: Sequence[int], profile: Profile) -> None:
        """Prepare to compare new pieces with some of a store, in whose vocabulary ids have a profile."""
        self.training_set, self.hashing = TrainingSet.of(store, pieces, profile), Hashing(profile)
        self._ids = self.training_set.ids

    def limit(self, most: int) -> CopyLimit:
        """Return a constraint for the sampler that keeps shared runs to `most` ids, which are 8 at least."""
        longest_piece = int(np.diff(self.training_set.store.offsets).max())
        return CopyLimit(self.training_set, self.hashing, min(most, max(longest_piece, FEWEST)))

    @cached_property
    def index(self) -> tuple[Hashes, NDArray[Any]]:
        """Return the sorted keys, and where in the flat array of the training set their passages begin, (N,) each."""
        keys, places = [np.zeros(0, np.uint64)], [np.zeros(0, np.uint32 if len(self._ids) < 2**32 else np.uint64)]
        for chunk in self.training_set.places():
            ids, jumps = self._ids[chunk], next_true(np.append(np.diff(chunk) > 1, True))
            ends = self.hashing.ends[ids]
            # The last keys of a piece that is cut short would depend on ids that are not compared.
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
        """Map the index that `write` left, and recompute some of its keys. Raises RunError if they differ."""
        try:
            keys, places = (np.asarray(np.load(folder / name, mmap_mode="r")) for name in (KEYS, PLACES))
            some = np.arange(0, len(keys), len(keys) // 64 + 1)
            windows = self._ids[np.minimum(places[some, None] + np.arange(SEED), len(self._ids) - 1)]
            whole = ~self.hashing.ends[windows].any(axis=1)  # the keys of others depend on the next piece
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
            One run for each piece; of equally long ones the first in the piece, and that at its first place in the
            training set.
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
        """Find the longest runs of pieces end to end, (4, P) as `_best` has them."""
        comparison = Comparison(text.ids, self._ids, self.hashing)
        owner = np.repeat(np.arange(len(text)), np.diff(text.offsets))  # (Q,) the piece of each place in the text
        best = np.stack((np.arange(len(text)), *np.zeros((3, len(text)), np.int64)))
        inner, (table, places) = ~self.hashing.ends[text.ids], self.index
        if not len(table):
            return best
        keys = keys_of(text.ids, self.hashing)
        possible = self._possible(inner, keys)
        bound = np.maximum.reduceat(possible, text.offsets[:-1])  # (P,) the longest run that a piece can have
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
        """Return an upper bound on the length of a run from each place of the text on, (Q,); 4 if it is 4 at most."""
        table, _ = self.index
        order = np.argsort(keys)
        after = np.searchsorted(table, keys[order])
        neighbours = np.maximum(after - 1, 0), np.minimum(after, len(table) - 1)
        apart = np.minimum(*(table[each] ^ keys[order] for each in neighbours))
        alike = np.empty(len(keys), np.int64)
        # The highest bit in which two keys differ tells how many of their first ids are alike.
        alike[order] = SEED - np.searchsorted(np.uint64(1) << _LATER, apart, side="right")
        places = np.arange(len(keys))
        ends = np.where(inner, np.where(alike == SEED, _NEVER, places + alike), places)
        # A run ends, at the latest, where one that begins later has to end.
        return np.minimum.accumulate(ends[::-1])[::-1] - places

    @cached_property
    def _short(self) -> ShortPassages:
        return ShortPassages(self._ids, np.sort(self.index[1]).astype(np.int64), self.hashing)


def keys_of(ids: NDArray[Any], hashing: Hashing) -> Hashes:
    """Return the keys of all places in an array, (T,), as though ids of 0 followed."""
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
    """Return the best run of each of P pieces, (4, P), after K more: the longest, and of equals the first.

    The rows are the piece, the length as a negative number, and the places in the text and in the training set.
    """
    every = np.concatenate((best, np.stack((piece, -length, start, place))), axis=1)
    every = every[:, np.lexsort(every[::-1])]
    return every[:, np.diff(every[0], prepend=-1) > 0]
