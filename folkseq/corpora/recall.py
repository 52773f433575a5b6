"""Features of recent tokens for the outputs of timed compound tokens.

Tokens are timed events: two fields give the wait since the previous token, two give the length, and one is a key, such
as a pitch. Each time is the sum of two table lookups. A network that reads token after token would have to learn which
tokens still sound when the next one begins. These features tell the outputs as soon as the relevant fields are known:

    before the wait     the waits until the sounding tokens end
    before the key      the set of keys that sound when the token begins, and the last keys
    after the key       some fields, the distance and the age of the recent token with the nearest key;
                        its length and the last lengths;
                        the lengths with which the token would end together with sounding tokens

Tokens often end together, like notes under a pedal. Two lengths therefore get separate logits: the one that ends with
the most tokens, and the one that ends with the last token. The fields of the token after the longest match of keys get
logits too, because passages recur; and so does the key that continues the longest match of intervals, because they also
recur at other keys. All features depend only on previous ids, so the network still predicts the next id. This module
does not depend on music.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from folkseq.corpora.matching import places_after
from folkseq.recent import (
    AGES,
    APART,
    ENDING,
    ENDS,
    FARTHEST,
    LONGEST,
    MATCH,
    MATCHED,
    RECALLED,
    TOGETHER,
    Recent,
    Reference,
)
from folkseq.settings import from_json

if TYPE_CHECKING:
    from folkseq.compound import CompoundLayout

Integers = NDArray[np.int64]
METADATA_KEY = "recent tokens"
"""The entry of a model.onnx's metadata that holds the description of recent tokens."""
ABSENT = 1 << 20
"""Stands for the values of a recent token that does not exist."""


class _Past(NamedTuple):
    """The tokens of a passage, and recent events before each: (G,), (G, F) and (G, K)."""

    values: Integers
    onset: Integers
    end: Integers
    """The step at which it ends."""
    whole: NDArray[np.bool_]
    """Whether it is neither a start nor an end."""
    usable: NDArray[np.bool_]
    """Whether it is an event."""
    real: Integers
    """(N,) The indices of the events."""
    before: Integers
    """The number of events before it."""
    at: Integers
    """The last events before it, latest first."""
    known: NDArray[np.bool_]
    """Whether each of these events exists."""

    def left(self, now: Integers) -> Integers:
        """Return the steps from times, (G,), to the ends of the last events, (G, K); 0 for events that have ended."""
        return np.where(self.known, np.maximum(self.end[self.at] - now[:, None], 0), 0)


@dataclass(frozen=True)
class RecentTokens:
    """Computes the features of recent tokens for pieces of a layout."""

    layout: CompoundLayout
    recent: Recent

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the description that `to_json` wrote."""
        from folkseq.compound import CompoundLayout

        values = json.loads(text)
        return cls(CompoundLayout(tuple(values.pop("fields"))), from_json(Recent, values))

    def to_json(self) -> str:
        """Return the description as one line of JSON."""
        return json.dumps({"fields": self.layout.fields, **asdict(self.recent)})

    @property
    def parts(self) -> tuple[str, ...]:
        """Return the names of what the sampler remembers of each recent token.

        `length` is the row of the reference table for the length of the nearest token.
        """
        copied = (f"copied {field}" for field in self.recent.copied)
        return ("key", "end", "onset", *copied, "length", *["group"] * (self.recent.group is not None))

    @cached_property
    def offsets(self) -> Integers:
        """Return `Recent.offsets`."""
        return self.recent.offsets(self.layout.fields)

    @cached_property
    def references(self) -> tuple[Reference, ...]:
        """Return the references of the wait, the key and the length."""
        return tuple(self.recent.references(self.layout.fields).values())

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """Return the number of columns of each part of `indices`."""
        match = 1 + len(self.recent.matched)
        references = (each.many + each.single for each in self.references)
        return (*references, len(self.offsets) - 1, 2 * ENDS, match, match, 2)

    @cached_property
    def blank(self) -> Integers:
        """Return the features without any recent token, (W,)."""
        nothing = [each.nothing for each in self.references]
        return np.repeat([*nothing, self.offsets[-1], -1, -1, -1, -1], self.widths)

    def indices(self, ids: NDArray[Any]) -> Integers:
        """Return the features at each token of a piece or a passage, (T,) to (G, W).

        The parts, of `widths` columns, are: rows of the reference tables of the next wait, the key and the length; rows
        of the table of the nearest token; the values of both length fields for each end; after and before the token,
        the level of the match, from 0, and the values of the token that followed it; and, before the token, the level
        of the match of intervals and the key that continues it. In parts without a table, −1 stands for no value.
        """
        past = self._past(ids)
        if not len(past.real):
            return np.tile(self.blank, (len(past.values), 1))
        left = past.left(past.onset)
        nearest = self._nearest(past)
        together, ends = self._ends(left[:, :ENDING])
        parts = [
            _rows(reference, values)
            for reference, values in zip(self.references, self._references(past, left, nearest), strict=True)
        ]
        near = np.concatenate([self._near(past, nearest), together[:, None], ends[:, :, 0]], axis=1)
        near[~past.usable] = -1
        parts.append(np.where(near >= 0, near + self.offsets[:-1], self.offsets[-1]))
        match = self._matches(past)
        parts += [ends.reshape(len(ends), -1), match, _before(match), _before(self._moved(past))]
        return np.concatenate(parts, axis=1)

    def _references(self, past: _Past, left: Integers, nearest: Integers) -> tuple[Integers, ...]:
        """Return the reference values, −1 for none, given the steps to the ends, (G, K)."""
        recent = self.recent
        wait_steps, _, length_steps, _ = map(np.array, recent.steps)
        after = past._replace(**self._last(past.real, past.before + past.usable)).left(past.onset)[:, :ENDING]
        keys = past.values[past.at, recent.key]
        last = past.known[:, :RECALLED]
        recalled = np.where(last, keys[:, :RECALLED], -1)
        length = past.values[:, recent.lengths[0]]
        lengths = (
            np.where(left > 0, _place(length_steps, left), -1)[:, :ENDING],
            np.where(past.before > 0, length[nearest], -1)[:, None],
            np.where(last, length[past.at[:, :RECALLED]], -1),
        )
        return (
            np.where(after > 0, _place(wait_steps, after), -1),
            np.concatenate([np.where(left > 0, keys, -1), recalled], axis=1),
            np.where(past.usable[:, None], np.concatenate(lengths, axis=1), -1),
        )

    def _near(self, past: _Past, nearest: Integers) -> Integers:
        """Return the features of the nearest event; −1 for none."""
        key = past.values[:, self.recent.key]
        distance = np.clip(key[nearest] - key, -FARTHEST, FARTHEST) + FARTHEST
        age = _place(np.array((0, *AGES)), past.onset - past.onset[nearest])
        near = np.stack([*(past.values[nearest, field] for field in self.recent.copied), distance, age], axis=1)
        return np.where((past.before > 0)[:, None], near, -1)

    def _past(self, ids: NDArray[Any]) -> _Past:
        recent, width = self.recent, self.layout.width
        padded = np.zeros(-(-len(ids) // width) * width, np.int64)
        padded[: len(ids)] = ids
        values = padded.reshape(-1, width) - self.layout.offsets[:-1]  # (G, F)
        whole = np.logical_and.reduce((values >= 0) & (values < np.array(self.layout.fields)), axis=1)
        values = np.where(whole[:, None], values, 0)
        steps = [np.array(table)[values[:, field]] for field, table in zip(recent.timed, recent.steps, strict=True)]
        wait, length = sum(steps[: len(recent.waits)]), sum(steps[len(recent.waits) :])
        onset = np.cumsum(np.where(whole, wait, 0))
        usable = whole & (values[:, recent.key] < recent.keys)
        real = np.flatnonzero(usable)
        before = np.searchsorted(real, np.arange(len(values)))
        return _Past(values, onset, onset + length, whole, usable, real, before, **self._last(real, before))

    def _last(self, real: Integers, before: Integers) -> dict[str, Any]:
        """Return the last events, and whether each exists, (G, K) each, given the number of earlier events."""
        turn = before[:, None] - 1 - np.arange(self.recent.count)
        return {"at": real[np.maximum(turn, 0)] if len(real) else turn, "known": turn >= 0}

    def _nearest(self, past: _Past) -> Integers:
        """Return the recent event with the nearest key, (G,); the latest wins ties."""
        key = past.values[:, self.recent.key]
        distance = np.abs(key[past.at] - key[:, None])
        if self.recent.group is not None:
            group = past.values[:, self.recent.group]
            distance = distance + APART * (group[past.at] != group[:, None])
        score = np.where(past.known, 4 * distance + np.arange(self.recent.count), np.iinfo(np.int64).max)
        nearest: Integers = past.at[np.arange(len(score)), score.argmin(axis=1)]
        return nearest

    def _ends(self, left: Integers) -> tuple[Integers, Integers]:
        """Return the largest number of tokens that end together, minus 1, (G,), and length values, (G, ENDS, 2).

        Args:
            left: (G, ENDING) The steps to the ends of recent tokens, latest first; 0 for tokens that do not sound.
        """
        sounds, row = left > 0, np.arange(len(left))
        counts = (left[:, :, None] == left[:, None, :]).sum(axis=2) * sounds
        most, last = counts.argmax(axis=1), sounds.argmax(axis=1)
        steps = np.stack([left[row, most], left[row, last]], axis=1)  # (G, ENDS)
        coarse_steps, fine_steps = map(np.array, self.recent.steps[len(self.recent.waits) :])
        coarse = _place(coarse_steps, steps)
        fine = steps - coarse_steps[np.maximum(coarse, 0)]
        found = np.stack([coarse, fine], axis=2)
        found[(coarse < 0) | (fine >= len(fine_steps))] = -1
        return np.minimum(counts[row, most], TOGETHER) - 1, found

    def _matches(self, past: _Past) -> Integers:
        """Return the level of the match after each token, and the values of the token after it; −1 for none."""
        keys = np.where(past.whole, past.values[:, self.recent.key], self.layout.size)  # one key for starts and ends
        places, levels = places_after(keys, range(1, MATCH + 1), MATCHED)
        found = np.concatenate([levels[:, None] - 1, past.values[places][:, self.recent.matched]], axis=1)
        return np.where(levels[:, None] > 0, found, -1)

    def _moved(self, past: _Past) -> Integers:
        """Return the level of the match of intervals after each token, and the key that continues it; −1 for none.

        The match is at another key than the last one, since `_matches` finds those at the same key.
        """
        keys = np.where(past.whole, past.values[:, self.recent.key] + 1, 0).astype(np.int16)
        intervals = np.diff(keys, prepend=np.int16(0)) + np.int16(self.recent.keys + 2)
        intervals[1:] *= past.whole[1:] & past.whole[:-1]
        intervals[:1] = 0

        def earlier(values: NDArray[np.int16], first: int) -> NDArray[np.int16]:
            """Return the values at distances of `first`, `first` + 1, … tokens, (MATCHED − 1, G)."""
            padded = np.pad(values[: len(values) - first], (MATCHED - 2 + first, 0))
            return np.lib.stride_tricks.sliding_window_view(padded, len(values))[::-1]

        same = (earlier(intervals, 1) == intervals) & (intervals > 0)
        at = np.arange(len(keys), dtype=np.int32)
        runs = at - np.maximum.accumulate(np.where(same, np.int32(-1), at), axis=1)
        then = earlier(keys, 1)
        best = (np.minimum(runs, LONGEST) * (then != keys)).argmax(axis=0)
        continued = earlier(keys, 0)[best, at].astype(np.int64) + keys - then[best, at]
        level = np.minimum(runs[best, at] * (then[best, at] != keys), MATCH)
        there = (level > 0) & (continued > 0) & (continued <= self.recent.keys)
        return np.where(there[:, None], np.stack([level, continued], axis=1) - 1, -1)


def _before(features: Integers) -> Integers:
    """Return the features of the previous token at each token, −1 at the first."""
    return np.concatenate([np.full_like(features[:1], -1), features[:-1]])


def _rows(reference: Reference, values: Integers) -> Integers:
    """Return the rows of reference values, (G, R), of which −1 means none; values in the set count only once."""
    alike = values[:, : reference.many, None] == values[:, None, : reference.many]
    again = np.tril(alike, -1).any(axis=2)
    again = np.pad(again, ((0, 0), (0, reference.single)))
    return np.where((values >= 0) & ~again, values + reference.kinds * reference.values, reference.nothing)


def _place(starts: Integers, steps: Integers) -> Integers:
    """Return the last index in sorted `starts` whose value is at most each number of steps; −1 if there is none."""
    return np.searchsorted(starts, steps, side="right") - 1
