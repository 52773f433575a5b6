"""The memory of voices: what came next in the training pieces, wherever the context was the same in any key.

A small network does not memorise hundreds of pieces. This lookback extends that of `voices`: before each voice is
predicted, it finds all places in the training pieces where several contexts were the same (see `CONTEXTS`), and counts
the intervals from the last height of the voice to the height that came next. The network reads the counts and learns
how much to trust each context; see `models.voice_head`.

Source: nearest-neighbour language models (Khandelwal et al., Generalization through memorization, 2020). Deviation: a
neighbour has exactly the same context, as in prediction by partial matching, and the network weighs logarithms.

A context consists of intervals, so it is the same in every key. It is found by a hash of 64 bits. In training, a window
must not find its own piece, since the network would learn to trust copies: `indices` can leave out one piece.
"""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import prod
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from folkseq.voices import FARTHEST, INTERVALS, Integers, Memory, VoiceLookback, interval

Hashes = NDArray[np.uint64]
NEAR = 12
"""Maximum interval that is counted; larger ones and rests are counted together."""
CLASSES = 2 * NEAR + 2
"""C, the number of counts of a context."""
MOST = 9_999
"""Maximum count; larger ones are clipped, so that a network can take logarithms from a table."""
SMOOTHED = 0.5
"""The number of places, spread over all classes, that a network adds to the counts of a context."""
LARGE = 10.0
"""About the logarithm of 1 + `MOST` / `SMOOTHED`."""


class Context(NamedTuple):
    """What must be the same: the position in the beat, and some intervals to the last height of the voice."""

    voices: str
    """Whose past is compared: that of `all` voices, of the `outer` ones, or of the `first`."""
    steps: int
    """The number of last tokens that are compared."""
    beats: int = 0
    """The number of last beats that are compared, besides these tokens."""
    modulo: int = 0
    """If not 0, intervals that differ by a multiple of this number are the same."""

    def of(self, voices: int) -> list[int]:
        """Return the numbers of the voices, of Q ones."""
        return {"all": [*range(voices)], "outer": [0, voices - 1], "first": [0]}[self.voices]


CONTEXTS = (
    *(Context("first", steps) for steps in (48, 24, 12, 6, 3)),
    *(Context("outer", steps) for steps in (16, 8, 4)),
    Context("all", 6),
    Context("all", 1, beats=1),
    Context("all", 1, beats=2),
    Context("all", 1, modulo=12),
    Context("all", 4, modulo=12),
)
LONGEST = max(context.steps for context in CONTEXTS)
MOST_BEATS = max(context.beats for context in CONTEXTS)


@dataclass(frozen=True)
class Counts:
    """How often each class followed each key."""

    keys: Hashes
    """(U,) sorted."""
    starts: Integers
    """(U + 1,) the first entry of each key."""
    classes: NDArray[np.int8]
    """(E,) the class of each entry."""
    counts: Integers
    """(E,) its count."""

    @classmethod
    def of(cls, keys: Hashes, classes: NDArray[np.int8]) -> Self:
        """Count the classes, (N,), of the places with each key, (N,)."""
        order = np.lexsort((classes, keys))
        keys, classes = keys[order], classes[order]
        new_key = np.diff(keys, prepend=~keys[:1]) != 0
        entries = np.flatnonzero(new_key | (np.diff(classes, prepend=np.int8(-1)) != 0))
        starts = np.flatnonzero(new_key[entries])
        counts = np.diff(entries, append=len(keys))
        return cls(keys[entries[starts]], np.append(starts, len(entries)), classes[entries], counts)

    def at(self, keys: Hashes) -> Integers:
        """Return the counts of all classes for each key, (N,) to (N, C)."""
        found = np.zeros((len(keys), CLASSES), np.int64)
        if not len(self.keys):
            return found
        place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        sizes = (self.starts[place + 1] - self.starts[place]) * (self.keys[place] == keys)
        rows = np.repeat(np.arange(len(keys)), sizes)
        entries = np.arange(len(rows)) + np.repeat(self.starts[place] - np.cumsum(sizes) + sizes, sizes)
        found[rows, self.classes[entries]] = self.counts[entries]
        return found


class RememberingLookback(VoiceLookback):
    """The lookback of voices with the counts of each context in the training pieces."""

    @property
    def counts(self) -> int:
        """Return K · C, the number of counts, which are the last columns."""
        return len(CONTEXTS) * CLASSES

    def indices(self, ids: NDArray[Any], without: int | None = None) -> Integers:
        """Return the lookback after each id, (T,) to (T, W); leave out the training piece `without`."""
        rows = super().indices(ids)
        width = self.layout.width
        padded = np.zeros((len(ids) // width + 1) * width, np.int64)
        padded[: len(ids)] = ids
        groups = padded.reshape(-1, width)
        heights, beats = self.heights[groups[:, list(self.fields)]], self.beats[groups[:, 0]]
        past = _past(heights)
        for voice, field in enumerate(self.fields):
            places = np.arange(field - 1, len(rows), width)
            keys = self._keys(voice, heights[: len(places)], past[: len(places)], beats[: len(places)])
            rows[places, -self.counts :] = self._counted(keys, without)
        return rows

    def remember(self, pieces: Iterable[tuple[int, NDArray[Any]]]) -> str:
        """Return the memory of numbered pieces of ids; see `pack`."""

        def values(ids: NDArray[Any]) -> Integers:
            groups = np.asarray(ids, np.int64).reshape(-1, self.layout.width)
            groups = groups[groups[:, 0] > self.layout.end]
            return np.column_stack([self.beats[groups[:, 0]], self.heights[groups[:, list(self.fields)]]])

        return pack((number, values(ids)) for number, ids in pieces)

    def begin(self, rows: int) -> Memory:
        """Return the memory of rows that have read nothing: the position in the beat, (B,), and that of `voices`."""
        return np.zeros(rows, np.int64), *super().begin(rows)

    def step(self, memory: Memory, ids: Integers) -> Integers:
        """Return the lookback after one more id in each row, (B,) to (B, W), and change the memory in place."""
        beats, history, current, count = memory[0], memory[1], memory[2], memory[-1][:, 0]
        width = self.layout.width
        beats[:] = np.where(count % width == 0, self.beats[ids], beats)
        found = super().step(memory[1:], ids)
        for voice, field in enumerate(self.fields):
            rows = np.flatnonzero(count % width == field)
            if len(rows):
                past = history[rows, :LONGEST].astype(np.int64)
                keys = self._keys(voice, current[rows], past, beats[rows])
                found[rows, -self.counts :] = self._counted(keys, None)
        return found

    @cached_property
    def beats(self) -> Integers:
        """Return the position in the beat that each id stands for, (V,); 0 if the tokens do not begin with one."""
        found = np.zeros(self.layout.size, np.int64)
        if 0 not in self.fields:
            first, stop = self.layout.offsets[:2]
            found[first:stop] = np.arange(stop - first) % self.voices.distances[0]
        return found

    def _counted(self, keys: Hashes, without: int | None) -> Integers:
        """Return the counts of the contexts with some keys, (N, K) to (N, K · C)."""
        counts = self._counts.at(keys.ravel())
        if without is not None:
            counts -= self._own_counts.at((keys + _of_piece(without)).ravel())
        return np.minimum(counts, MOST).reshape(len(keys), len(CONTEXTS) * CLASSES)

    def _keys(self, voice: int, heights: Integers, past: Integers, beats: Integers) -> Hashes:
        """Return the key of each context of a voice, (N, K).

        Args:
            voice: the voice.
            heights: (N, Q) the heights of the current token; only those of the voices before are read.
            past: (N, LONGEST, Q) the heights of the last tokens, newest first, -1 for none.
            beats: (N,) the position in the beat.
        """
        own, beat = past[:, 0, voice], self.voices.distances[0]
        known = interval(heights[:, :voice], own[:, None])  # (N, voice)
        moved = interval(heights[:, :voice], past[:, 0, :voice])
        steps = interval(past, own[:, None, None])  # (N, LONGEST, Q)
        back = np.where(beats, beats, beat)[:, None] + beat * np.arange(MOST_BEATS)  # from the last beat on
        at_beats = steps[np.arange(len(past))[:, None], back - 1]  # (N, MOST_BEATS, Q)
        found = np.zeros((len(past), len(CONTEXTS)), np.uint64)
        for number, context in enumerate(CONTEXTS):
            voices = context.of(past.shape[2])
            above = slice(0, 1) if context.voices == "first" else slice(None)
            parts = [steps[:, : context.steps, voices], at_beats[:, : context.beats, voices]]
            parts += [known[:, above], moved[:, above]]
            columns = np.concatenate([each.reshape(len(past), prod(each.shape[1:])) for each in parts], axis=1)
            if context.modulo:
                columns = np.where(columns < INTERVALS - 1, columns % context.modulo, -1)
            columns = np.concatenate([columns, beats[:, None]], axis=1)
            factors = _random(0, number * past.shape[2] + voice, columns.shape[1] + 1)
            found[:, number] = columns.astype(np.uint64) @ factors[1:] + factors[0]
        return found

    @cached_property
    def _counts(self) -> Counts:
        """Return the counts of all training pieces."""
        return self._counts_of(lambda number: np.zeros(1, np.uint64))

    @cached_property
    def _own_counts(self) -> Counts:
        """Return the counts of each training piece; its number changes the keys."""
        return self._counts_of(_of_piece)

    def _counts_of(self, change: Callable[[int], Hashes]) -> Counts:
        """Return the counts of all places in the training pieces, with a change of the keys for each piece."""
        keys, classes = [np.zeros(0, np.uint64)], [np.zeros(0, np.int8)]
        for number, rows in unpack(self.voices.memory or "", len(self.fields)):
            beats, heights = rows[:, 0], rows[:, 1:]
            past = _past(heights)
            for voice in range(heights.shape[1]):
                apart = interval(heights[:, voice], past[:, 0, voice]) - FARTHEST
                own = np.where(np.abs(apart) <= NEAR, apart + NEAR, CLASSES - 1).astype(np.int8)
                keys.append((self._keys(voice, heights, past, beats) + change(number)).ravel())
                classes.append(np.repeat(own, len(CONTEXTS)))
        return Counts.of(np.concatenate(keys), np.concatenate(classes))


def pack(pieces: Iterable[tuple[int, Integers]]) -> str:
    """Return numbered pieces, of (G, 1 + Q) positions in the beat and heights each, as text."""
    rows = [np.column_stack([np.full(len(values), number), values]) for number, values in pieces]
    table = np.concatenate(rows).astype("<i4")
    return b64encode(zlib.compress(np.diff(table, axis=0, prepend=np.int32(0)).T.tobytes(), 9)).decode()


def unpack(text: str, voices: int) -> Iterator[tuple[int, Integers]]:
    """Yield the numbered pieces of Q voices that `pack` wrote."""
    if not text:
        return
    changes = np.frombuffer(zlib.decompress(b64decode(text)), "<i4").reshape(2 + voices, -1).T  # (N, 2 + Q)
    table = np.cumsum(changes, axis=0, dtype=np.int64)
    starts = np.flatnonzero(changes[1:, 0]) + 1
    for piece in np.split(table, starts):
        yield int(piece[0, 0]), piece[:, 1:]


def _past(heights: Integers) -> Integers:
    """Return the heights of the last tokens before each token, newest first, (G, Q) to (G, LONGEST, Q)."""
    padded = np.concatenate([np.full((LONGEST, heights.shape[1]), -1), heights[:-1]])
    return sliding_window_view(padded, LONGEST, axis=0)[:, :, ::-1].transpose(0, 2, 1)


def _of_piece(number: int) -> Hashes:
    """Return the difference between the key of a place in a piece and its key in all pieces, (1,)."""
    return _random(1, number, 1)


@lru_cache
def _random(kind: int, number: int, count: int) -> Hashes:
    """Return random numbers, (count,), the same for the same arguments."""
    return np.asarray(np.random.PCG64([kind, number]).random_raw(count), np.uint64)
