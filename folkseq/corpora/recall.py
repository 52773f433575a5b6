"""What the outputs for compound tokens in time see of recent tokens.

Tokens are events in time: two fields tell the wait since the token before, two the length, and one is a key, such as a
pitch. Each part of a time is a table lookup, and the two add up. A network that reads token after token has to learn
what still sounds when the next one begins. Here the outputs are told, as soon as the fields that decide it are known:

    before the wait     the waits after which the tokens that sound would end
    before the key      the set of keys that sound when the token begins, and the last keys
    after the key       of the recent token whose key is nearest: the values of some fields, its distance and its age;
                        the lengths of that one, and of the last ones; and the lengths with which the token would end as
                        those that sound

Tokens often end together, as the notes under a pedal do. So the length that ends with most, and that which ends with
the last, get logits of their own. So do the fields of the token that followed the longest match of keys: much of what
is played comes back. All of it follows from the ids so far, so the network still gives the distribution of the next id.
Nothing here knows music.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from folkseq.corpora.matching import places_after
from folkseq.recent import AGES, APART, ENDING, ENDS, FARTHEST, MATCH, MATCHED, RECALLED, TOGETHER, Recent, Reference

if TYPE_CHECKING:
    from folkseq.compound import CompoundLayout

Integers = NDArray[np.int64]


class _Past(NamedTuple):
    """The tokens of a passage, and recent events before each: (G,), (G, F) and (G, K)."""

    values: Integers
    onset: Integers
    end: Integers
    """Steps at which it ends."""
    whole: NDArray[np.bool_]
    """Whether it is neither a start nor an end."""
    usable: NDArray[np.bool_]
    """Whether it is an event."""
    real: Integers
    """(N,) the events."""
    before: Integers
    """The number of events before it."""
    at: Integers
    """The last events before it, the last first."""
    known: NDArray[np.bool_]
    """Whether there are so many."""

    def left(self, now: Integers) -> Integers:
        """Return the steps from moments, (G,), to the ends of the last events, 0 for those that have ended, (G, K)."""
        return np.where(self.known, np.maximum(self.end[self.at] - now[:, None], 0), 0)


@dataclass(frozen=True)
class RecentTokens:
    """What is shown of the recent tokens of pieces of a layout."""

    layout: CompoundLayout
    recent: Recent

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
        return (*(each.many + each.single for each in self.references), len(self.offsets) - 1, 2 * ENDS, match, match)

    @cached_property
    def blank(self) -> Integers:
        """Return what is shown where there is nothing, (W,)."""
        nothing = [each.nothing for each in self.references]
        return np.repeat([*nothing, self.offsets[-1], -1, -1, -1], self.widths)

    def indices(self, ids: NDArray[Any]) -> Integers:
        """Return what is shown for each token of a piece or a passage, (T,) to (G, W).

        The parts, of `widths` columns, are: rows of the tables of the references of the wait after the token, of the
        key and of the length; rows of the table of the nearest token; the values of both lengths for each end; and the
        level of the match, from 0, and the values of what followed it, after the token and before it. The parts
        without a table have −1 for nothing.
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
        parts += [ends.reshape(len(ends), -1), match, np.concatenate([np.full_like(match[:1], -1), match[:-1]])]
        return np.concatenate(parts, axis=1)

    def _references(self, past: _Past, left: Integers, nearest: Integers) -> tuple[Integers, ...]:
        """Return the values of the references, −1 for none, given the steps to the ends, (G, K)."""
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
        """Return what is shown of the nearest event; −1 for none."""
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
        """Return the last events, given the number of those before, and whether there are so many, (G, K) each."""
        turn = before[:, None] - 1 - np.arange(self.recent.count)
        return {"at": real[np.maximum(turn, 0)] if len(real) else turn, "known": turn >= 0}

    def _nearest(self, past: _Past) -> Integers:
        """Return the recent event whose key is nearest, (G,); of equal ones the last."""
        key = past.values[:, self.recent.key]
        distance = np.abs(key[past.at] - key[:, None])
        if self.recent.group is not None:
            group = past.values[:, self.recent.group]
            distance = distance + APART * (group[past.at] != group[:, None])
        score = np.where(past.known, 4 * distance + np.arange(self.recent.count), np.iinfo(np.int64).max)
        nearest: Integers = past.at[np.arange(len(score)), score.argmin(axis=1)]
        return nearest

    def _ends(self, left: Integers) -> tuple[Integers, Integers]:
        """Return how many tokens end with most, less one, (G,), and the values of both lengths, (G, ENDS, 2), or −1.

        Args:
            left: (G, ENDING) steps to the end of recent tokens, the last one first; 0 for those that do not sound.
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
        """Return the level of the match after each token, and the values of what followed it; −1 for nothing."""
        keys = np.where(past.whole, past.values[:, self.recent.key], self.layout.size)  # starts and ends are alike
        places, levels = places_after(keys, range(1, MATCH + 1), MATCHED)
        found = np.concatenate([levels[:, None] - 1, past.values[places][:, self.recent.matched]], axis=1)
        return np.where(levels[:, None] > 0, found, -1)


def _rows(reference: Reference, values: Integers) -> Integers:
    """Return the rows of the values of a reference, (G, R), −1 for none; each of the set only once."""
    alike = values[:, : reference.many, None] == values[:, None, : reference.many]
    again = np.tril(alike, -1).any(axis=2)
    again = np.pad(again, ((0, 0), (0, reference.single)))
    return np.where((values >= 0) & ~again, values + reference.kinds * reference.values, reference.nothing)


def _place(starts: Integers, steps: Integers) -> Integers:
    """Return the last place in rising numbers that is not above each number of steps, −1 below all."""
    return np.searchsorted(starts, steps, side="right") - 1
