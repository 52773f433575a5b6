"""The features of recent tokens in a graph that draws compound tokens; see `corpora.recall`.

The sampler keeps the memory of recent tokens (`sampling.token_memory`), since NumPy changes it in place and a graph
would copy it in every step. The graph computes the features that depend on the fields of the token that it draws.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from functools import reduce

import numpy as np
from numpy.typing import ArrayLike, NDArray

from folkseq.corpora.recall import ABSENT, RecentTokens
from folkseq.models.export.graph import Graph, Value
from folkseq.recent import AGES, APART, ENDING, FARTHEST, RECALLED, TOGETHER

INT32 = 6
"""ONNX's number for the type of all integers in the graph."""
_NONE = np.full((1, 1), -1, np.int32)


def compare(how: str, value: Value, other: int | Value) -> Value:
    """Return the result of an ONNX comparison operator, such as `Less`, for a value and another value or a number."""
    return value.graph.node(how, value, np.int32(other) if isinstance(other, int) else other)


def total(values: Sequence[Value]) -> Value:
    """Return the sum of values."""
    return reduce(operator.add, values)


def slice_columns(value: Value, first: int, after: int) -> Value:
    """Return some columns of (B, n)."""
    return value.graph.node("Slice", value, *(np.array([each]) for each in (first, after, 1)))


class TokenMemory:
    """The memory of recent tokens of each row, as inputs of the graph."""

    def __init__(self, graph: Graph, tokens: RecentTokens) -> None:
        """Add the inputs, which `sampling.token_memory.Memory` describes."""
        self.graph, self.tokens, self.layout, self.recent = graph, tokens, tokens.layout, tokens.recent
        recent, count = tokens.recent, tokens.recent.count
        self.references = recent.references(self.layout.fields)

        def given(name: str, *width: int) -> Value:
            return graph.input(name, np.int32, "B", *width)

        self.left, self.until = given("left", count), given("until", ENDING)
        self.counts, recalled = given("together", ENDING), given("recalled", 2 * RECALLED)
        self.events, self.clock = given("events", len(tokens.parts) * count), given("clock", 1)
        self.match_level, self.interval_level = given("match_level"), given("interval_level")
        self.copies = given("copies", len(recent.matched) + 1)
        self.keys = slice_columns(self.events, 0, count)
        self.last_keys, self.last_lengths = recalled.split(RECALLED, RECALLED)

    def wait(self, values: Sequence[Value]) -> Value:
        """Return the steps of the wait in the values of a token, (B, 1)."""
        tables = (np.array(table, np.int32) for table in self.recent.steps)
        return total([self.graph.node("Gather", next(tables), values[field]) for field in self.recent.waits])

    def keys_before(self, wait: Value) -> tuple[Value, Value]:
        """Return the references of the key: the set of sounding keys, (B, K), and the rows of the last keys."""
        none = np.full((1, 1), self.references[self.recent.key].values, np.int32)
        return self.graph.node("Where", compare("Greater", self.left, wait), self.keys, none), self.last_keys

    def nearest(self, wait: Value, values: Sequence[Value]) -> tuple[Value, Value, Value]:
        """Return the rows of the nearest token, and the references of the length: their set and their other rows."""
        graph, recent, parts = self.graph, self.recent, self.tokens.parts
        key = values[recent.key]
        distance = graph.node("Abs", self.keys - key)
        if recent.group is not None:
            first = parts.index("group") * recent.count
            same = compare("Equal", slice_columns(self.events, first, first + recent.count), values[recent.group])
            distance = distance + graph.node(
                "Where", same, np.zeros((1, 1), np.int32), np.full((1, 1), APART, np.int32)
            )
        score = distance * np.int32(4) + np.arange(recent.count, dtype=np.int32)[None]
        at = graph.node("ArgMin", score, axis=1, keepdims=1) + np.arange(len(parts))[None] * recent.count
        found = dict(
            zip(parts, graph.node("GatherElements", self.events, at, axis=1).split(*[1] * len(parts)), strict=True)
        )
        interval = graph.node("Clip", found["key"] - key, np.int32(-FARTHEST), np.int32(FARTHEST))
        ages = np.searchsorted(AGES, np.arange(AGES[-1] + 1), side="right").astype(np.int32)
        age = graph.node("Min", self.clock + wait - found["onset"], np.int32(AGES[-1]))
        # Both numbers about the ends are −1 if there is none.
        ending = [graph.node("Min", self.together, np.int32(TOGETHER)) - np.int32(1), self.coarse]
        near = [*(found[f"copied {each}"] for each in recent.copied), interval + np.int32(FARTHEST)]
        near.append(graph.node("Gather", ages, age))
        known, is_event = compare("Less", found["key"], ABSENT), compare("Less", key, recent.keys)
        near = [graph.node("Where", known, graph.node("Concat", *near, axis=1), _NONE), *ending]
        rows = graph.node("Concat", *near, axis=1)
        usable = graph.node("And", compare("GreaterOrEqual", rows, 0), is_event)
        offsets = self.tokens.offsets[None].astype(np.int32)
        rows = graph.node("Where", usable, rows + offsets[:, :-1], offsets[:, -1:])
        reference = self.references[recent.lengths[0]]
        none, nothing = (np.full((1, 1), each, np.int32) for each in (reference.values, reference.nothing))
        lengths = graph.node("Concat", found["length"], self.last_lengths, axis=1)
        return (
            rows,
            graph.node("Where", is_event, self._gather(self._coarse(reference.values), self.passed), none),
            graph.node("Where", is_event, lengths, nothing),
        )

    def ends(self, wait: Value) -> tuple[Value, Value, Value]:
        """Return the values of both lengths for each end, (B, ENDS), 0 for none, and whether there is one."""
        graph = self.graph
        self.passed = graph.node("Max", slice_columns(self.left, 0, ENDING) - wait, np.int32(0))  # (B, ENDING)
        sounds = graph.node("Min", self.passed, np.int32(1))
        counts = self.counts * sounds
        most, latest = (graph.node("ArgMax", each, axis=1, keepdims=1) for each in (counts, sounds))
        self.together = graph.node("GatherElements", counts, most, axis=1)
        steps = graph.node("GatherElements", self.passed, graph.node("Concat", most, latest, axis=1), axis=1)
        coarse_steps, fine_steps = (np.array(table) for table in self.recent.steps[len(self.recent.waits) :])
        coarse = np.pad(self._coarse(-1), (0, len(fine_steps)), mode="edge")
        fine = np.arange(len(coarse)) - coarse_steps[coarse]
        fits = (coarse >= 0) & (fine < len(fine_steps))
        coarse, fine = np.where(fits, coarse, -1), np.where(fits, fine, 0)
        self.coarse = self._gather(coarse, steps)
        at = graph.node("Max", self.coarse, np.int32(0))
        return at, self._gather(fine, steps), compare("GreaterOrEqual", self.coarse, 0)

    def _coarse(self, none: int) -> NDArray[np.int64]:
        """Return the coarse value of the length for each number of steps; `none` for 0 steps."""
        starts = np.array(self.recent.steps[len(self.recent.waits)])
        return np.append(none, np.searchsorted(starts, np.arange(1, starts[-1] + 1), side="right") - 1)

    def _gather(self, table: ArrayLike, steps: Value) -> Value:
        """Return values of a table by numbers of steps, of which larger ones get the last value."""
        values = np.asarray(table, np.int32)
        return self.graph.node("Gather", values, self.graph.node("Min", steps, np.int32(len(values) - 1)))
