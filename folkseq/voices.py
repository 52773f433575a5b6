"""The lookback of compound tokens whose fields have heights on one scale, such as the pitches of voices.

A network that reads heights has to learn the motion of voices separately for each height. This lookback gives its
outputs features that are the same in every key, before each voice is predicted:
    shown       the number of tokens for which the voice has stayed; the intervals from its last height to the other
                voices, and the motion of the voices that are already known; its motion at some distances; and the
                height after the best match, which is the distance at which the most changes of all voices agreed,
                with their number
    bases       the known heights of all voices, and the height after the best match; the voice has a logit for each
                interval to each of them, see `models.voice_head`
All features depend only on previous ids, so the network still predicts the next id. A match is exact and lies a whole
number of beats back, anywhere in the last `WINDOW` tokens.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from folkseq.settings import from_json, setting, validate

if TYPE_CHECKING:
    from folkseq.compound import CompoundLayout

Integers = NDArray[np.int64]
Memory = tuple[NDArray[Any], ...]
METADATA_KEY = "voices"
"""The entry of a model.onnx's metadata that holds the lookback."""
FARTHEST = 36
"""Maximum interval; larger ones are clipped."""
LONGEST = 33
"""Number of classes for the length of a stay; the last includes all longer ones."""
MATCHED = 16
"""Number of classes for the changes in a match; the last includes all larger counts."""
WINDOW = 512
"""Maximum distance of a match in tokens."""
INTERVALS = 2 * FARTHEST + 2
"""Number of classes of intervals; the last is for none."""


@dataclass(frozen=True)
class Voices:
    """The heights of the fields of compound tokens, and the distances of their lookback."""

    heights: tuple[tuple[int, ...], ...] = setting((), "Pitch of each value of each field; -1 for none.")
    distances: tuple[int, ...] = setting((), "Distances in compound tokens to look back.", low=1)
    memory: str | None = setting(None, "Training pieces to look up, see `voice_memory.pack`; None to look up none.")

    def __post_init__(self) -> None:
        validate(self)


@dataclass(frozen=True)
class VoiceLookback:
    """Computes the lookback at each id for pieces of a layout; see the module."""

    layout: CompoundLayout
    voices: Voices

    @cached_property
    def fields(self) -> tuple[int, ...]:
        """Return the fields that are voices, Q of them."""
        return tuple(field for field, heights in enumerate(self.voices.heights) if max(heights) >= 0)

    @cached_property
    def heights(self) -> Integers:
        """Return the height of each id, (V,), or −1."""
        start = [-1] * (self.layout.width + 1)
        return np.array([*start, *(height for field in self.voices.heights for height in field)], np.int64)

    @cached_property
    def again(self) -> NDArray[np.bool_]:
        """Return whether an earlier value of an id's field has the same height, (V,): the id repeats the note."""
        begins = [
            height >= 0 and height in heights[:value]
            for heights in self.voices.heights
            for value, height in enumerate(heights)
        ]
        return np.array([*[False] * (self.layout.width + 1), *begins])

    @property
    def shape(self) -> tuple[tuple[int, ...], int, bool]:
        """Return the values that determine the sizes of a model's weights, apart from the vocabulary."""
        return self.fields, len(self.voices.distances), bool(self.again.any())

    @cached_property
    def shown_sizes(self) -> tuple[tuple[int, ...], ...]:
        """Return the number of rows of each feature column of each voice."""
        others, far = len(self.fields) - 1, len(self.voices.distances)
        places = range(len(self.fields))
        return tuple((LONGEST, MATCHED, MATCHED, *[INTERVALS] * (1 + others + place + 2 * far)) for place in places)

    @property
    def shown_size(self) -> int:
        """Return the number of rows of the feature table; the last row stands for no value."""
        return sum(map(sum, self.shown_sizes)) + 1

    @property
    def shown_width(self) -> int:
        """Return the number of feature columns."""
        return max(map(len, self.shown_sizes))

    @property
    def bases(self) -> int:
        """Return the number of bases of each voice, Q + 1."""
        return len(self.fields) + 1

    @property
    def counts(self) -> int:
        """Return the number of counts of a memory; see `voice_memory`."""
        return 0

    @property
    def width(self) -> int:
        """Return W, the number of all columns."""
        return self.shown_width + self.bases + self.counts

    @cached_property
    def blank(self) -> Integers:
        """Return the lookback without any values, (W,)."""
        return np.repeat([self.shown_size - 1, -1, 0], [self.shown_width, self.bases, self.counts])

    @staticmethod
    def of(layout: CompoundLayout, voices: Voices) -> VoiceLookback:
        """Return the lookback of a layout, with a memory if there is one."""
        if voices.memory is None:
            return VoiceLookback(layout, voices)
        from folkseq.voice_memory import RememberingLookback

        return RememberingLookback(layout, voices)

    @classmethod
    def from_json(cls, text: str) -> VoiceLookback:
        """Return the lookback that `to_json` wrote."""
        from folkseq.compound import CompoundLayout

        values = json.loads(text)
        return cls.of(CompoundLayout(tuple(values.pop("fields"))), from_json(Voices, values))

    def to_json(self) -> str:
        """Return the entry of a model.onnx's metadata."""
        values = {name: value for name, value in asdict(self.voices).items() if value is not None}
        return json.dumps({"fields": self.layout.fields, **values})

    def indices(self, ids: NDArray[Any], without: int | None = None) -> Integers:
        """Return the lookback after each id of a piece or a passage, for the id that follows it: (T,) to (T, W).

        Args:
            ids: (T,) The ids.
            without: The number of a training piece to leave out of the memory, if there is one.
        """
        ids, width = np.asarray(ids, np.int64), self.layout.width
        groups = len(ids) // width + 1
        padded = np.zeros(groups * width, np.int64)
        padded[: len(ids)] = ids
        grouped = padded.reshape(groups, width)[:, list(self.fields)]
        heights, again = self.heights[grouped], self.again[grouped]  # (G, Q)
        steps = np.arange(groups)[:, None]
        changes = (np.diff(heights, axis=0, prepend=-2) != 0) | again
        stays = steps - np.maximum.accumulate(np.where(changes, steps, 0))  # (G, Q)

        def before(distance: int) -> Integers:
            found = np.full_like(heights, -1)
            found[distance:] = heights[: max(groups - distance, 0)]
            return found

        rows = np.tile(self.blank, (groups * width + 1, 1))
        stayed = np.concatenate([np.zeros_like(stays[:1]), stays[:-1]])
        matches, plain = self._matches(heights, changes), self.shown_width + self.bases
        for place, field in enumerate(self.fields):
            rows[field : len(rows) - 1 : width, :plain] = self._shown(place, heights, before, stayed, matches)
        return rows[1 : len(ids) + 1]

    def begin(self, rows: int) -> Memory:
        """Return the memory of rows that have read nothing.

        It holds the heights of the last tokens, (B, K, Q), newest first; the heights of the current token, whether they
        repeat a note, and for how many tokens the last heights have stayed, (B, Q) each; the changes in the match at
        each distance, (B, D, Q); and the number of ids read, (B, 1).
        """
        voices, apart = len(self.fields), len(self._apart)
        kept = max(WINDOW, *self.voices.distances) + 2
        nothing = np.full((rows, kept, voices), -1, np.int32)
        zeros = np.zeros((rows, voices), np.int64)
        runs = np.zeros((rows, apart, voices), np.int32)
        return nothing, zeros - 1, zeros > 0, zeros, runs, np.zeros((rows, 1), np.int64)

    def step(self, memory: Memory, ids: Integers) -> Integers:
        """Return the lookback after one more id in each row, (B,) to (B, W), and change the memory in place."""
        count, width = memory[-1][:, 0], self.layout.width
        found, places = np.tile(self.blank, (len(ids), 1)), count % width
        for place in np.unique(places).tolist():
            rows = np.flatnonzero(places == place)
            self._step(place, memory, rows, ids[rows], found)
        count += 1
        return found

    def _step(self, place: int, memory: Memory, rows: Integers, ids: Integers, found: Integers) -> None:
        """Read one more id in rows that are at the same field of their tokens."""
        history, current, struck, stays, runs, count = memory

        def before(distance: int) -> Integers:
            return history[rows, distance - 1].astype(np.int64) if distance else current[rows]

        if place in self.fields:
            voice = self.fields.index(place)
            current[rows, voice], struck[rows, voice] = self.heights[ids], self.again[ids]
        if place == self.layout.width - 1:
            heights = current[rows]
            changed = (heights != before(1)) | struck[rows] | (count[rows] < self.layout.width)
            stays[rows] = np.where(changed, 0, stays[rows] + 1)
            then = history[rows[:, None], self._apart[None] - 1]  # (N, D, Q)
            step = count[rows, 0] // self.layout.width  # (N,)
            same = (then == heights[:, None]) & (step[:, None] >= self._apart)[:, :, None]
            runs[rows] = np.where(same, runs[rows] + changed[:, None], 0)
            history[rows, 1:] = history[rows, :-1]
            history[rows, 0] = heights
            current[rows] = -1
        following = (place + 1) % self.layout.width
        if following in self.fields:
            matches = self._best(runs[rows].astype(np.int64), lambda apart: history[rows, apart - 1])
            plain = self.shown_width + self.bases
            found[rows, :plain] = self._shown(self.fields.index(following), current[rows], before, stays[rows], matches)

    @cached_property
    def _apart(self) -> Integers:
        """Return the distances at which matches are sought, (D,), which are whole beats."""
        return np.arange(self.voices.distances[0], WINDOW + 1, self.voices.distances[0])

    def _matches(self, heights: Integers, changes: NDArray[np.bool_]) -> tuple[Integers, Integers, Integers]:
        """Return `_best` before each token."""
        groups = len(heights)
        apart = self._apart[self._apart < groups]
        if not len(apart):
            return np.full_like(heights, -1), np.zeros_like(heights), np.zeros(groups, np.int64)
        at = np.arange(groups)[None] - apart[:, None]  # (D, G)
        same = (heights[np.maximum(at, 0)] == heights) & (at >= 0)[:, :, None]  # (D, G, Q)
        changed = np.cumsum(changes, axis=0)  # (G, Q)
        broken = np.maximum.accumulate(np.where(same, 0, changed), axis=1)
        found = np.concatenate([np.zeros_like(at[:, :1, None] * heights[0]), (changed - broken)[:, :-1]], axis=1)
        row = np.arange(groups)
        return self._best(found.transpose(1, 0, 2), lambda apart: heights[np.maximum(row - apart, 0)])

    def _best(self, found: Integers, back: Callable[[Integers], Integers]) -> tuple[Integers, Integers, Integers]:
        """Return the heights after the best match, (N, Q), −1 without one, and its changes in each voice and in total.

        Args:
            found: (N, D, Q) The changes of each voice in the match at each distance.
            back: Returns the heights, (N, Q), at distances (N,).
        """
        every = found.sum(axis=2)  # (N, D)
        best, row = every.argmax(axis=1), np.arange(len(found))  # the nearest of the best
        most = every[row, best]
        return np.where(most[:, None] > 0, back(self._apart[best]), -1), found[row, best], most

    def _shown(
        self,
        voice: int,
        heights: Integers,
        before: Callable[[int], Integers],
        stayed: Integers,
        matches: tuple[Integers, Integers, Integers],
    ) -> Integers:
        """Return the features of a voice, and the bases, (N, shown_width + Q)."""
        last = before(1)
        known = np.concatenate([heights[:, :voice], last[:, voice:]], axis=1)  # (N, Q)
        own = last[:, voice]
        followed, changes, every = matches
        columns = [np.minimum(stayed[:, voice], LONGEST - 1)]
        columns += [np.minimum(each, MATCHED - 1) for each in (changes[:, voice], every)]
        columns += [interval(followed[:, voice], own)]
        columns += [interval(known[:, other], own) for other in range(len(self.fields)) if other != voice]
        columns += [interval(heights[:, other], last[:, other]) for other in range(voice)]
        for distance in self.voices.distances:
            then, earlier = before(distance)[:, voice], before(distance + 1)[:, voice]
            columns += [interval(then, own), interval(then, earlier)]
        sizes = self.shown_sizes
        first = sum(map(sum, sizes[:voice]))
        shown = np.full((len(heights), self.shown_width), self.shown_size - 1)
        shown[:, : len(columns)] = np.stack(columns, axis=1) + first + np.cumsum((0, *sizes[voice][:-1]))
        return np.concatenate([shown, known, followed[:, voice : voice + 1]], axis=1)


def interval(heights: Integers, base: Integers) -> Integers:
    """Return the row of each interval; the last row stands for none."""
    there = (heights >= 0) & (base >= 0)
    rows: Integers = np.where(there, np.clip(heights - base, -FARTHEST, FARTHEST) + FARTHEST, INTERVALS - 1)
    return rows
