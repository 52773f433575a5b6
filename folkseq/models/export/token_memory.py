"""The memory of recent tokens in a graph that draws compound tokens; see `corpora.recall`.

The states are:

- `recent` (B, K · n): for each recent token its key, counted from 1, its age, the steps left to its end, and more
  fields.
- `keys` (B, `MATCHED` − 1): the last keys, counted from 1; −1 for starts and ends.
- `followed` (B, `MATCHED` − 1): the fields to copy from each of these tokens, as one number.
- `runs` (B, `MATCHED` − 1): for each distance in tokens, the number of last keys that equal the keys at this distance.
- `intervals` and `interval_runs` (B, `MATCHED` − 1): the last intervals between keys, as positive numbers, 0 for none;
  and the same number of them.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from functools import reduce

import numpy as np
from numpy.typing import ArrayLike

from folkseq.corpora.recall import RecentTokens
from folkseq.models.export.graph import Graph, Value
from folkseq.recent import AGES, APART, ENDING, FARTHEST, MATCH, MATCHED, RECALLED, TOGETHER, Reference

_FAR = np.int64(1 << 40)
_NONE = np.full((1, 1), -1)


def compare(how: str, value: Value, other: int | Value | ArrayLike) -> Value:
    """Return the result of an ONNX comparison operator, such as `Less`, for a value and another value or a number."""
    return value.graph.node(how, value, np.int64(other) if isinstance(other, int) else other)


def total(values: Sequence[Value]) -> Value:
    """Return the sum of values."""
    return reduce(operator.add, values)


def count(values: Value, axis: int, keepdims: int = 1) -> Value:
    """Return the number of true values along an axis, int64. A float32 sum of ones is exact in any order."""
    ones = values.graph.node("Cast", values, to=1)
    return values.graph.node("Cast", values.graph.node("ReduceSum", ones, np.array([axis]), keepdims=keepdims), to=7)


def count_down(values: Value, rows: int) -> Value:
    """Return the number of true values in each column of (rows, B), (1, B) int64, by a product, which is faster."""
    graph = values.graph
    ones = np.ones((1, rows), np.float32)
    return graph.node("Cast", graph.node("MatMul", ones, graph.node("Cast", values, to=1)), to=7)


class TokenMemory:
    """The recent tokens of each row."""

    def __init__(self, graph: Graph, tokens: RecentTokens, read: Sequence[Value], whole: Value) -> None:
        """Update the memory with a token.

        Args:
            graph: the graph.
            tokens: the description of recent tokens.
            read: (B, 1) each, the values of the token's fields.
            whole: (B, 1) whether the token is neither a start nor an end.
        """
        self.graph, self.tokens, self.layout, self.recent = graph, tokens, tokens.layout, tokens.recent
        self.references = self.recent.references(self.layout.fields)
        real = graph.node("And", whole, compare("Less", read[self.recent.key], self.recent.keys))
        self._remember(read, real)
        self._match(read, whole)

    def wait(self, values: Sequence[Value]) -> Value:
        """Return the steps of the wait in the values of a token, (B, 1)."""
        return self._steps(self.recent.waits, self.recent.steps[: len(self.recent.waits)], values)

    def until_ends(self) -> Value:
        """Return the set of waits after which sounding tokens end, (B, ENDING)."""
        left, _ = self.left.split(ENDING, self.recent.count - ENDING)
        return self._bins(0, left, self._sounding(left), self.references[self.recent.waits[0]].values)

    def keys_before(self, wait: Value) -> tuple[Value, Value]:
        """Return the references of the key: the set of sounding keys, (B, K), and the rows of the last keys."""
        graph, reference = self.graph, self.references[self.recent.key]
        sounds = graph.node("And", compare("Greater", self.left, wait), compare("Greater", self.keys, 0))
        held = graph.node("Where", sounds, self.keys - np.int64(1), np.full((1, 1), reference.values))
        last, _ = self.keys.split(RECALLED, self.recent.count - RECALLED)
        return held, self._rows(reference, last - np.int64(1))

    def nearest(self, wait: Value, values: Sequence[Value]) -> tuple[Value, Value, Value]:
        """Return the rows of the nearest token, and the references of the length: their set and their other rows."""
        graph, recent = self.graph, self.recent
        key = values[recent.key]
        distance = graph.node("Abs", self.keys - np.int64(1) - key)
        if recent.group is not None:
            same = compare("Equal", self.others[recent.group], values[recent.group])
            distance = distance + graph.node("Where", same, np.zeros((1, 1), np.int64), np.full((1, 1), APART))
        score = distance * np.int64(4) + np.arange(recent.count)[None]
        score = graph.node("Where", compare("Greater", self.keys, 0), score, np.full((1, 1), _FAR))
        at = graph.node("ArgMin", score, axis=1, keepdims=1)
        shown = [self.keys, self.ages, self.others[recent.lengths[0]], *(self.others[each] for each in recent.copied)]
        nearest, age, length, *copied = (graph.node("GatherElements", each, at, axis=1) for each in shown)
        interval = graph.node("Clip", nearest - np.int64(1) - key, np.int64(-FARTHEST), np.int64(FARTHEST))
        level = count(compare("GreaterOrEqual", age + wait, np.array(AGES)[None]), 1)
        # Both numbers about the ends are −1 if there is none.
        ending = [graph.node("Min", self.together, np.int64(TOGETHER)) - np.int64(1), self.coarse]
        near = [*copied, interval + np.int64(FARTHEST), level]
        known, is_event = compare("Greater", nearest, 0), compare("Less", key, recent.keys)
        near = [graph.node("Where", known, graph.node("Concat", *near, axis=1), _NONE), *ending]
        rows = graph.node("Concat", *near, axis=1)
        usable = graph.node("And", compare("GreaterOrEqual", rows, 0), is_event)
        rows = graph.node("Where", usable, rows + self.tokens.offsets[:-1][None], self.tokens.offsets[-1:][None])
        last, _ = self.others[recent.lengths[0]].split(RECALLED, recent.count - RECALLED)
        there, _ = self.keys.split(RECALLED, recent.count - RECALLED)
        last = graph.node("Where", compare("Greater", there, 0), last, _NONE)
        reference = self.references[recent.lengths[0]]
        sounding = graph.node("And", compare("Greater", self.passed, 0), is_event)
        ends = self._bins(len(recent.waits), self.passed, sounding, reference.values)
        lengths = graph.node("Concat", graph.node("Where", known, length, _NONE), last, axis=1)
        return rows, ends, self._rows(reference, graph.node("Where", is_event, lengths, _NONE))

    def ends(self, wait: Value) -> tuple[Value, Value, Value]:
        """Return the values of both lengths for each end, (B, ENDS), 0 for none, and whether there is one."""
        graph, recent = self.graph, self.recent
        last, _ = self.left.split(ENDING, recent.count - ENDING)
        left = graph.node("Max", last - wait, np.int64(0))
        self.passed = graph.node("Where", self._sounding(last), left, np.full((1, 1), 0))  # (B, ENDING)
        sounds = graph.node("Cast", compare("Greater", self.passed, 0), to=7)
        one, other = (graph.node("Unsqueeze", self.passed, np.array([axis])) for axis in (2, 1))
        counts = count(compare("Equal", one, other), 2, keepdims=0) * sounds  # (B, ENDING)
        most, latest = (graph.node("ArgMax", each, axis=1, keepdims=1) for each in (counts, sounds))
        self.together = graph.node("GatherElements", counts, most, axis=1)
        steps = graph.node("GatherElements", self.passed, graph.node("Concat", most, latest, axis=1), axis=1)
        coarse_steps, fine_steps = (np.array(table) for table in recent.steps[len(recent.waits) :])
        coarse = self._bins(len(recent.waits), steps, compare("Greater", steps, 0), -1)
        at = graph.node("Max", coarse, np.int64(0))
        fine = steps - graph.node("Gather", coarse_steps, at)
        fits = graph.node("And", compare("GreaterOrEqual", coarse, 0), compare("Less", fine, len(fine_steps)))
        self.coarse = graph.node("Where", fits, coarse, _NONE)
        return at, graph.node("Where", fits, fine, np.zeros((1, 1), np.int64)), fits

    def _remember(self, values: Sequence[Value], real: Value) -> None:
        """Advance the time to the onset of the token, and put the token before the recent ones."""
        graph, recent = self.graph, self.recent
        wait = self.wait(values)
        length = self._steps(recent.lengths, recent.steps[len(recent.waits) :], values)
        extra = sorted({*recent.copied, recent.lengths[0], *([] if recent.group is None else [recent.group])})
        one = [values[recent.key] + np.int64(1), wait * np.int64(0), length, *(values[each] for each in extra)]
        size = len(one)
        state = graph.state("recent", recent.count * size, np.int64)
        passes = np.tile([0, 1, -1, *[0] * len(extra)], recent.count)[None]  # ages grow, and times left shrink
        passed = state + wait * passes
        older, _ = passed.split((recent.count - 1) * size, size)
        after = graph.node("Where", real, graph.node("Concat", *one, older, axis=1), passed)
        graph.next_state(state, after)
        every = np.iinfo(np.int64).max
        self.keys, self.ages, self.left, *others = (
            graph.node("Slice", after, *(np.array([each]) for each in (part, every, 1, size))) for part in range(size)
        )
        self.others = dict(zip(extra, others, strict=True))

    def _match(self, values: Sequence[Value], whole: Value) -> None:
        """Find the longest match: its level, (B, 1), 0 for none, and the values of the token after it, (B, 1) each."""
        graph, recent = self.graph, self.recent
        keys, runs = (graph.state(name, MATCHED - 1, np.int32) for name in ("keys", "runs"))
        followed = graph.state("followed", MATCHED - 1, np.int64)
        key = graph.node("Where", whole, values[recent.key] + np.int64(1), _NONE)
        key = graph.node("Cast", key, to=6)
        same = graph.node("Cast", graph.node("Equal", keys, key), to=6)
        longest = graph.node("Min", runs + np.int32(1), np.int32(MATCH)) * same
        graph.next_state(runs, longest)
        radices = [self.layout.fields[field] for field in recent.matched]
        scales = np.cumprod([1, *radices[:-1]])
        one = total([values[field] * np.int64(scale) for field, scale in zip(recent.matched, scales, strict=True)])
        self._continue(key, keys, same, self._put_first(key, keys))
        at = graph.node("ArgMax", longest, axis=1, keepdims=1)  # the most recent of the longest
        self.level = graph.node("Cast", graph.node("GatherElements", longest, at, axis=1), to=7)
        found = graph.node("GatherElements", self._put_first(one, followed), at, axis=1)
        digits = graph.node("Mod", graph.node("Div", found, scales[None]), np.array(radices)[None])
        self.copies = dict(zip(recent.matched, digits.split(*[1] * len(radices)), strict=True))

    def _continue(self, key: Value, keys: Value, same: Value, after: Value) -> None:
        """Find the key that continues the longest match of intervals at another key, and its level, (B, 1) each.

        Args:
            key: (B, 1) of the token, counted from 1; −1 for a start or an end.
            keys: (B, `MATCHED` − 1) of the tokens before it.
            same: (B, `MATCHED` − 1) 1 for those that equal the key, 0 for others.
            after: (B, `MATCHED` − 1) the keys that followed them.
        """
        graph, most, none = self.graph, self.recent.keys, np.zeros((1, 1), np.int32)
        intervals, runs = (graph.state(name, MATCHED - 1, np.int32) for name in ("intervals", "interval_runs"))
        previous, _ = keys.split(1, MATCHED - 2)
        two = graph.node("And", *(graph.node("Greater", each, np.int32(0)) for each in (key, previous)))
        interval = graph.node("Where", two, key - previous + np.int32(most + 2), np.full((1, 1), -1, np.int32))
        longest = (runs + np.int32(1)) * graph.node("Cast", graph.node("Equal", intervals, interval), to=6)
        graph.next_state(runs, longest)
        self._put_first(graph.node("Max", interval, np.int32(0)), intervals)
        longest = longest * graph.node("Sub", np.int32(1), same)
        at = graph.node("ArgMax", longest, axis=1, keepdims=1)  # the most recent of the longest
        level, then, following = (graph.node("GatherElements", each, at, axis=1) for each in (longest, keys, after))
        continued = following + key - then
        inside = graph.node("Clip", continued, np.int32(1), np.int32(most))
        level = graph.node("Where", graph.node("Equal", inside, continued), level, none)
        self.interval_level = graph.node("Cast", graph.node("Min", level, np.int32(MATCH)), to=7)
        self.continued = graph.node("Cast", inside, to=7) - np.int64(1)

    def _put_first(self, new: Value, state: Value) -> Value:
        """Put a value, (B, 1), before those of a state, of which the last is forgotten; return all of them."""
        first, last, axis = (np.array([each]) for each in (0, MATCHED - 2, 1))
        after = self.graph.node("Concat", new, self.graph.node("Slice", state, first, last, axis), axis=1)
        self.graph.next_state(state, after)
        return after

    def _sounding(self, left: Value) -> Value:
        known, _ = self.keys.split(ENDING, self.recent.count - ENDING)
        return self.graph.node("And", compare("Greater", left, 0), compare("Greater", known, 0))

    def _bins(self, part: int, steps: Value, there: Value, none: int) -> Value:
        """Return the coarse values of numbers of steps, or `none` where `there` is false."""
        starts = np.array(self.recent.steps[part])
        table = np.searchsorted(starts, np.arange(starts[-1] + 1), side="right") - 1
        low = self.graph.node("Clip", steps, np.int64(0), np.int64(starts[-1]))
        return self.graph.node("Where", there, self.graph.node("Gather", table, low), np.full((1, 1), none))

    def _rows(self, reference: Reference, values: Value) -> Value:
        """Return the table rows of a reference's values outside its set; values of −1 get the row for nothing."""
        rows = values + (reference.kinds[reference.many :] * reference.values)[None]
        nothing = np.full((1, 1), reference.nothing)
        return self.graph.node("Where", compare("GreaterOrEqual", values, 0), rows, nothing)

    def _steps(self, fields: Sequence[int], tables: Sequence[tuple[int, ...]], values: Sequence[Value]) -> Value:
        parts = zip(fields, tables, strict=True)
        return total([self.graph.node("Gather", np.array(table), values[field]) for field, table in parts])
