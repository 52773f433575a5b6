"""How much of a piece stands in the training set: the longest run of ids that it shares with one of its pieces.

Two passages of equal length are the same if one transposition makes them so (`Profile`); the ids that begin and end a
piece belong to no passage. Every run that is reported has been compared id by id.

All places of the training set lie in the order of a key of 64 bits: 20 of what the first five ids from there are, and
4 more of what the first six are, the first seven, and so on up to sixteen. So the neighbours of a piece's own key tell
at once how many ids, up to sixteen, could be found from there on; from sixteen in a row follows how many more. Every
run of n ids holds a window that stands at a multiple of n − 15 in its piece; so only such windows are looked at to find
the runs of n ids or more, at half of what is possible first, then at half of that.

Deviation: a window of sixteen ids that occurs more than 4,096 times is compared at as many places; a run of one and the
same note, over and over, may so be found shorter than it is. In folk.abc no window occurs more than 131 times.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from shutil import rmtree
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from folkseq.corpus import TokenStore
from folkseq.errors import FolkseqError, RunError
from folkseq.files import sync
from folkseq.novelty.passages import BASE, RISE, Hashes, Hashing, Integers, Part, next_pitch, parts
from folkseq.novelty.runs import Best, Codes, Comparison, Runs, Text
from folkseq.novelty.short import LONGEST, Short
from folkseq.representations.capabilities import Profile

FOLDER = "novelty"
KEYS, PLACES = "keys.npy", "places.npy"
SEED, SHORTEST = 16, 5  # the most ids that a key tells of, and the fewest
_FIRST, _REST = 20, 4  # bits of a key for the first `SHORTEST` ids, and for each one more
_NEVER = 1 << 60  # further than any text goes
_MOST, _MOST_SHORT = 1 << 12, 1 << 16  # places that a window of sixteen ids is compared at, and a shorter one
_PAIRS = 1 << 16  # places in a piece and in the training set that are compared together
# The place of the highest bit in which two keys differ tells how many of their first ids are alike.
_APART = np.uint64(1) << np.arange(0, 64 - _FIRST + 1, _REST).astype(np.uint64)


def keys_of(ids: NDArray[Any], hashing: Hashing) -> Hashes:
    """The key of each place, (T,); of the last places as though ids of 0 followed."""
    count = len(ids)
    ids = np.concatenate((ids, np.zeros(SEED, ids.dtype)))
    pitched = hashing.profile.pitched[ids]
    heights = np.append(hashing.profile.heights[ids], 0)[next_pitch(pitched)[:count]].astype(np.uint64) * RISE
    values, pitches = hashing.values[ids], hashing.pitches[ids]
    whole, counted, found = np.zeros((3, count), np.uint64)
    power = 1
    for length in range(1, SEED + 1):
        whole += values[length - 1 : length - 1 + count] * np.uint64(power)
        counted += pitches[length - 1 : length - 1 + count] * np.uint64(power)
        power = power * BASE % 2**64
        if length >= SHORTEST:
            bits = np.uint64(_FIRST if length == SHORTEST else _REST)
            found = found << bits | (whole - heights * counted) >> np.uint64(64) - bits
    return found


def _lasts(part: Part) -> Integers:
    """Where the pieces of a part end."""
    return np.flatnonzero(part.left == 1)


@dataclass(frozen=True, eq=False)
class Novelty:
    """All places of a training set in the order of their keys, so that what stands in it is soon found.

    It takes 12 bytes an id. Of a training set of more than 20 million ids it holds the beginnings of all pieces.
    """

    store: TokenStore
    hashing: Hashing
    keys: Hashes
    """Sorted."""
    places: NDArray[Any]
    """Where in the store's flat array what a key stands for begins."""

    @classmethod
    def build(cls, store: TokenStore, pieces: Sequence[int], profile: Profile) -> Self:
        """The index of those `pieces` of `store` that are trained on."""
        hashing = Hashing(profile)
        found, places = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
        kind = np.uint32 if len(store.ids) < 2**32 else np.uint64
        for part in parts(store, pieces):
            # The key of one of the last ids depends on the end that follows, which a piece that is cut short lacks.
            ended = np.repeat(profile.ends[part.ids[_lasts(part)]], np.diff(_lasts(part), prepend=-1))
            inner = ~profile.ends[part.ids] & (ended | (part.left >= SEED))
            found.append(keys_of(part.ids, hashing)[inner])
            places.append(part.places[inner].astype(kind))
        order = np.argsort(every := np.concatenate(found))
        return cls(store, hashing, every[order], np.concatenate(places, dtype=kind, casting="unsafe")[order])

    def write(self, run: Path) -> None:
        """Leave the index in a folder of the run's, in place of what is there. Raises FolkseqError if it cannot be."""
        folder = run / FOLDER
        beside, before = (run / f".{FOLDER}.{secrets.token_hex(4)}" for _ in range(2))
        try:
            beside.mkdir(parents=True)
            np.save(beside / KEYS, self.keys, allow_pickle=False)
            np.save(beside / PLACES, self.places, allow_pickle=False)
            for path in (beside / KEYS, beside / PLACES, beside):
                sync(path)
            if folder.exists():
                folder.rename(before)
            beside.rename(folder)
            sync(run)
        except OSError as error:
            raise FolkseqError(f"{folder}: cannot be written: {error.strerror or error}") from error
        finally:
            rmtree(beside, ignore_errors=True)
            rmtree(before, ignore_errors=True)

    @staticmethod
    def stands_in(run: Path) -> bool:
        """Whether a run has an index."""
        return (run / FOLDER).exists()

    @classmethod
    def read(cls, run: Path, store: TokenStore, profile: Profile) -> Self:
        """The index that `write` left, mapped and not loaded. Raises RunError if there is none, or one of other ids."""
        folder = run / FOLDER
        try:
            found, places = (np.asarray(np.load(folder / name, mmap_mode="r")) for name in (KEYS, PLACES))
        except (OSError, EOFError, ValueError) as error:
            raise RunError(f"{folder}: the index of the pieces trained on cannot be read: {error}; remove it") from None
        index = cls(store, Hashing(profile), found, places)
        if not index._fits():
            raise RunError(f"{folder}: not the index of the pieces that this run was trained on; remove it")
        return index

    def _fits(self) -> bool:
        """Whether some of the keys are those of the ids at their places."""
        if self.keys.dtype != np.uint64 or self.places.dtype.kind != "u" or self.keys.shape != self.places.shape:
            return False
        some = np.linspace(0, len(self.keys) - 1, 64).astype(np.int64) if len(self.keys) else np.zeros(0, np.int64)
        places = self.places[some].astype(np.int64)[:, None] + np.arange(SEED)  # (64, 16)
        if (places[:, 0] >= len(self._ids)).any():
            return False
        windows = self._ids[np.minimum(places, len(self._ids) - 1)]
        whole = ~self.hashing.profile.ends[windows].any(axis=1)  # the key of another would depend on what comes after
        return bool((keys_of(windows.ravel(), self.hashing)[::SEED] == self.keys[some])[whole].all())

    def longest(self, pieces: Sequence[NDArray[Any]]) -> Runs:
        """The longest run that each of some pieces shares with the training set.

        Args:
            pieces: arrays of ids, with or without the ids that begin and end a piece.

        Returns:
            One for each piece; of equals the first in the piece, and that at its first place in the store.
        """
        text = Text.of(pieces, self._codes)
        best = Best(len(pieces))
        if not len(pieces) or not len(self.keys):
            return best.runs(text.starts, self.store.offsets)
        found = keys_of(text.ids, self.hashing)
        possible = self._possible(text, found)
        bound = np.maximum.reduceat(possible, text.starts)  # (P,) the longest run that a piece could have
        comparison = Comparison(text, self._ids, self._codes)
        while (bound >= SHORTEST).any():
            aim = np.where(bound > SEED, SEED + (bound - SEED) // 2, np.maximum(bound - 1, SHORTEST))
            aim[bound < SHORTEST] = _NEVER
            self._look(comparison, found, possible, aim, best)
            bound = np.where(best.length >= aim, 0, np.minimum(bound, aim - 1))
        self._look_for_short(text, np.flatnonzero(best.length < SHORTEST), best)
        return best.runs(text.starts, self.store.offsets)

    @cached_property
    def _codes(self) -> Codes:
        return Codes(self.hashing)

    @cached_property
    def _ids(self) -> NDArray[Any]:
        return np.asarray(self.store.ids)

    @cached_property
    def _short(self) -> Short:
        return Short.of(self._ids, np.sort(self.places).astype(np.int64), self._codes)

    def _possible(self, text: Text, found: Hashes) -> Integers:
        """How long a run from each place of the text on could be, (Q,); 4 where it is 4 at most."""
        order = np.argsort(found)
        wanted = found[order]
        after = np.searchsorted(self.keys, wanted)
        before = np.maximum(after - 1, 0)
        after = np.minimum(after, len(self.keys) - 1)
        apart = np.minimum(self.keys[after] ^ wanted, self.keys[before] ^ wanted)
        alike = np.empty(len(found), np.int64)
        alike[order] = SEED - np.searchsorted(_APART, apart, side="right")
        # A run ends where one that begins later ends, at the latest.
        places = np.arange(len(found))
        ends = np.where(text.inner, np.where(alike == SEED, _NEVER, places + alike), places)
        return np.minimum.accumulate(ends[::-1])[::-1] - places

    def _look(self, comparison: Comparison, found: Hashes, possible: Integers, aim: Integers, best: Best) -> None:
        """Find all runs of the lengths that are aimed at, (P,), or more."""
        text = comparison.text
        here = np.flatnonzero(possible >= aim[text.piece])
        step = np.maximum(aim - SEED + 1, 1)[text.piece[here]]
        here = -(-here // step) * step
        here = here[np.diff(here, prepend=-1) > 0]
        length = np.minimum(aim, SEED)[text.piece[here]]
        rest = (_REST * (SEED - length)).astype(np.uint64)
        wanted = found[here] >> rest << rest
        first = np.searchsorted(self.keys, wanted)
        last = np.searchsorted(self.keys, wanted | (np.uint64(1) << rest) - np.uint64(1), side="right")
        last = np.minimum(last, first + np.where(length == SEED, _MOST, _MOST_SHORT))
        ends = np.cumsum(last - first)
        for begin in range(0, int(ends[-1]) if len(ends) else 0, _PAIRS):
            pair = np.arange(begin, min(begin + _PAIRS, ends[-1]))
            of = np.searchsorted(ends, pair, side="right")
            there = self.places[last[of] - ends[of] + pair].astype(np.int64)
            if (aim[text.piece[here[of]]] > length[of]).any():
                kept = comparison.promising(here[of], there, length[of], aim[text.piece[here[of]]])
                of, there = of[kept], there[kept]
            start, place, run = comparison.grown(here[of], there, length[of])
            best.take(text.piece[start], start, place, run)

    def _look_for_short(self, text: Text, pieces: Integers, best: Best) -> None:
        """Find the longest runs of `pieces`, which have none of five ids or more."""
        if not len(pieces):
            return
        here = np.flatnonzero(text.inner & np.isin(text.piece, pieces))
        for length in range(1, LONGEST + 1):
            numbers, known = self._short.numbers(text.ids, here, length)
            # The next place may be another piece's, of which the profile does not know.
            known &= text.inner[here + length - 1]
            here, numbers = here[known], numbers[known]
            best.take(text.piece[here], here, self._short.places[length - 1][numbers], np.full(len(here), length))
