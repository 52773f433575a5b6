"""One step of a model that sees recent tokens as an ONNX graph: it reads a compound token and draws the next one.

Inputs are `tokens` (B, F) int64, the token that is read; `forced` (B, F) int64, the fields of the next that are given,
−1 for those to draw; `uniforms` (B, F) in [0, 1); `temperature` (B, 1); `controls` (B, C) as in `step`; and the states:
those of the cells, and `recent` (B, K · n), of each recent token its key, counted from 1, its age, the steps left to
its end, and further fields. Outputs are `logits` (B, V) of all fields, each given the fields before it, `drawn` (B, F)
int64, `shares` (B, F), the probability of what is drawn at the temperature, and the states after the step.

Everything in a row depends on that row only, to the bit: where the order of a sum depends on the number of rows, a
running sum is used in its place. The metadata holds the number of values of each field.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from folkseq.compound import FIELDS_KEY
from folkseq.models.export.graph import Graph, Matrix, Value, Weights
from folkseq.models.export.step import Step
from folkseq.models.settings import IMPOSSIBLE, ModelSettings
from folkseq.recent import AGES, APART, ENDING, ENDS, FARTHEST, RECALLED, TOGETHER, RecentTokens

_FAR = np.int64(1 << 40)
_COLDEST = np.float32(1e-30)


class TokenStep(Step):
    """The graph of a step of compound tokens."""

    def __init__(self, weights: Weights, settings: ModelSettings, graph: Graph, tokens: RecentTokens) -> None:
        super().__init__(weights, settings, graph)
        self.tokens, self.layout, self.recent = tokens, tokens.layout, tokens.recent
        width, layout = self.layout.width, self.layout
        self.ids = graph.input("tokens", np.int64, "B", width)
        read = graph.node("Max", self.ids - layout.offsets[:-1][None], np.int64(0))  # (B, F) values
        self.read = self._columns(read)
        self.lows = np.array([layout.end, *layout.offsets[1:-1]])
        forced = graph.input("forced", np.int64, "B", width)
        self.given = self._columns(self._compare("GreaterOrEqual", forced, 0))
        self.forced = self._columns(graph.node("Max", forced - self.lows[None], np.int64(0)))
        self.uniforms = self._columns(graph.input("uniforms", np.float32, "B", width))
        self.temperature = graph.node("Max", graph.input("temperature", np.float32, "B", 1), _COLDEST)
        self.shown = weights["head.shown.weight"]
        self.offsets = self.recent.offsets(self.layout.fields)

    def build(self) -> bytes:
        """Return the serialised graph."""
        graph, settings, width = self.graph, self.settings, self.layout.width
        h = self._layer(0, None)
        for number in range(1, settings.layers):
            h = self._layer(number, h)
        heard = graph.product(h, self.weights["head.heard.weight"].T * self.gain, self.weights["head.heard.bias"])
        self.heard = heard.split(*[settings.output_width] * width)  # (B, N) each
        self._remember()
        logits, at, shares = self._draw_all()
        nothing = self._like(self.read[0], np.full((1, width), IMPOSSIBLE))
        graph.output("logits", graph.node("Concat", nothing, *logits, axis=1), "B", self.layout.size)
        drawn = graph.node("Concat", *at, axis=1) + self.lows[None]
        ends = self._compare("Equal", at[0], 0)
        drawn = graph.node("Where", ends, np.full((1, width), self.layout.end), drawn)
        graph.output("drawn", drawn, "B", width, dtype=np.int64)
        graph.output("shares", graph.node("Concat", *shares, axis=1), "B", width)
        return graph.serialize("token", {FIELDS_KEY: json.dumps(self.layout.fields)})

    def _read(self, w_x: Matrix, bias: Matrix, factors: list[Value], matrices: list[Matrix]) -> Value | None:
        # A table of sums would save a part of the product, but fetching its wide rows takes longer.
        table, width = self.weights["embedding.weight"], self.layout.width
        most = np.zeros(table.shape[1], np.float32)  # of a sum of embeddings, so that all of them lie in [−1, 1]
        for field in range(width):
            own = table[self.lows[field] : self.layout.offsets[field + 1]]
            most += np.abs(np.concatenate([own, table[:1]])).max(axis=0)
        factors.append(self.graph.bounded(self.graph.table_sum(table / most, self.ids, width)))
        matrices.append(w_x * most[:, None])
        if self.settings.conditioning:
            factors.append(
                self.graph.bounded(self.graph.input("controls", np.float32, "B", self.settings.conditioning))
            )
            matrices.append(self.weights["control.weight"].T @ w_x)
        return None

    def _remember(self) -> None:
        """Let time pass until the token that is read begins, and put it before the recent ones."""
        graph, recent, values = self.graph, self.recent, self.read
        whole = self._compare("Greater", self.ids.split(1, self.layout.width - 1)[0], self.layout.end)
        real = graph.node("And", whole, self._compare("Less", values[recent.key], recent.keys))
        wait, length = self._wait(values), self._length(values)
        extra = [*([recent.group] if recent.group is not None else []), *recent.copied]
        one = [values[recent.key] + np.int64(1), wait * np.int64(0), length, *(values[field] for field in extra)]
        size = len(one)
        state = graph.state("recent", recent.count * size, np.int64)
        passes = np.tile([0, 1, -1, *[0] * len(extra)], recent.count)[
            None
        ]  # an age grows, and the rest of a length falls
        passed = state + wait * passes
        older, _ = passed.split((recent.count - 1) * size, size)
        after = graph.node("Where", real, graph.node("Concat", *one, older, axis=1), passed)
        graph.next_state(state, after)
        every = np.iinfo(np.int64).max
        self.ring = [
            graph.node("Slice", after, *(np.array([each]) for each in (part, every, 1, size))) for part in range(size)
        ]

    def _draw_all(self) -> tuple[list[Value], list[Value], list[Value]]:
        """Return for each field the logits, (B, V of the field), and the columns and their probabilities, (B, 1)."""
        graph, layout, told = self.graph, self.layout, None
        logits, found, values, shares = (list[Value]() for _ in range(4))
        for field in range(layout.width):
            z = self.heard[field] if told is None else self.heard[field] + told
            if field == self.recent.key:
                wait = self._wait(values)
                z = z + self._before(*self._recent_keys(wait))
            if field == self.recent.key + 1:
                ends = self._ends(wait)
                after = self._after(wait, values)
            if field > self.recent.key:
                z = z + after
            low, high = int(self.lows[field]), int(layout.offsets[field + 1])
            own = self._logits(field, graph.bounded(graph.tanh(z)), low, high)  # (B, high − low)
            if field in self.recent.lengths:
                own = self._with_ends(own, ends, values)
            at, share = self._draw(own, field, high - low)
            logits.append(own)
            found.append(at)
            shares.append(share)
            # The end id comes before the values of the first field.
            values.append(at if field else graph.node("Max", at - np.int64(1), np.int64(0)))
            more = self._gather(self.weights["head.told.weight"][low:high], at)
            told = more if told is None else told + more
        return logits, found, shares

    def _logits(self, field: int, z: Value, low: int, high: int) -> Value:
        """Return the logits of a field, and keep the trust in its ends, (B, 1) each, if it is a length."""
        weights, bias, recent = (
            self.weights["output.weight"][low:high],
            self.weights["output.bias"][low:high],
            self.recent,
        )
        beside = "head.mixture" if field == recent.key else "head.trust" if field in recent.lengths else None
        if beside is None:
            return self.graph.product(z, weights.T * self.gain, bias)
        count = len(self.weights[f"{beside}.bias"])
        weights = np.concatenate([weights, self.weights[f"{beside}.weight"]])
        bias = np.concatenate([bias, self.weights[f"{beside}.bias"]])
        if field != recent.key:
            own, *self.trusts = self.graph.product(z, weights.T * self.gain, bias).split(high - low, ENDS, ENDS)
            return own
        own, *more = self.graph.product(z, weights.T * self.gain, bias).split(high - low, *[1] * count)
        parts = self.intervals.split(*[recent.keys] * count)
        added = self._total([weight * part for weight, part in zip(more, parts, strict=True)])
        rest = high - low - recent.keys
        if not rest:
            return own + added
        keys, others = own.split(recent.keys, rest)
        return self.graph.node("Concat", keys + added, others, axis=1)

    def _with_ends(self, logits: Value, ends: tuple[Value, Value, Value], values: Sequence[Value]) -> Value:
        """Return the logits of a length with the trust added to those of each end that there is."""
        graph, (first, second) = self.graph, self.recent.lengths
        coarse, fine, there = ends
        if len(values) == second:
            there = graph.node("And", there, self._compare_values("Equal", coarse, values[first]))
        trust = graph.node("Where", there, self.trusts[int(len(values) == second)], np.zeros((1, 1), np.float32))
        at = fine if len(values) == second else coarse
        return graph.node("ScatterElements", logits, at, trust, axis=1, reduction="add")

    def _ends(self, wait: Value) -> tuple[Value, Value, Value]:
        """Return the values of both lengths for each end, (B, ENDS), 0 for none, and whether there is one."""
        graph, recent, (ring, _, left, *_) = self.graph, self.recent, self.ring
        last, _ = left.split(ENDING, recent.count - ENDING)
        known, _ = ring.split(ENDING, recent.count - ENDING)
        passed = graph.node("Max", last - wait, np.int64(0))
        passed = graph.node("Where", self._compare("Greater", known, 0), passed, np.full((1, 1), 0))  # (B, ENDING)
        sounds = graph.node("Cast", self._compare("Greater", passed, 0), to=7)
        one, other = (graph.node("Unsqueeze", passed, np.array([axis])) for axis in (2, 1))
        counts = self._count(self._compare_values("Equal", one, other), 2, keepdims=0) * sounds  # (B, ENDING)
        most, latest = (graph.node("ArgMax", each, axis=1, keepdims=1) for each in (counts, sounds))
        self.together = graph.node("GatherElements", counts, most, axis=1)
        steps = graph.node("GatherElements", passed, graph.node("Concat", most, latest, axis=1), axis=1)  # (B, ENDS)
        coarse_steps, fine_steps = (np.array(table) for table in recent.steps[len(recent.waits) :])
        reached = self._compare_values(
            "GreaterOrEqual", graph.node("Unsqueeze", steps, np.array([2])), coarse_steps[None, None]
        )
        coarse = self._count(reached, 2, keepdims=0) - np.int64(1)
        at = graph.node("Max", coarse, np.int64(0))
        fine = steps - graph.node("Gather", coarse_steps, at)
        fits = graph.node(
            "And", self._compare("GreaterOrEqual", coarse, 0), self._compare("Less", fine, len(fine_steps))
        )
        self.coarse = graph.node("Where", fits, coarse, np.full((1, 1), -1))
        return at, graph.node("Where", fits, fine, np.zeros((1, 1), np.int64)), fits

    def _draw(self, logits: Value, field: int, width: int) -> tuple[Value, Value]:
        """Return the column that is given or drawn, (B, 1) int64, and its probability."""
        graph = self.graph
        shares = graph.node("Softmax", graph.node("Div", logits, self.temperature), axis=1)
        passed = self._compare_values("LessOrEqual", graph.node("CumSum", shares, np.array(1)), self.uniforms[field])
        free = graph.node("Min", self._count(passed, 1), np.int64(width - 1))
        at = graph.node("Where", self.given[field], self.forced[field], free)
        return at, graph.node("GatherElements", shares, at, axis=1)

    def _count(self, values: Value, axis: int, keepdims: int = 1) -> Value:
        """Return the number of true values along an axis, int64; sums of ones are exact in any order."""
        ones = self.graph.node("Cast", values, to=1)
        return self.graph.node("Cast", self.graph.node("ReduceSum", ones, np.array([axis]), keepdims=keepdims), to=7)

    def _recent_keys(self, wait: Value) -> tuple[Value, Value]:
        """Return the set of keys that sound, (B, keys + 1) as 0 and 1, and rows of the table for the last keys."""
        graph, keys, (ring, _, left, *_) = self.graph, self.recent.keys, self.ring
        sounds = self._compare_values("Greater", left, wait)
        sounds = graph.node("And", sounds, self._compare("Greater", ring, 0))
        at = graph.node("Where", sounds, ring - np.int64(1), np.full((1, 1), keys))
        none = self._like(wait, np.zeros((1, keys + 1)))  # (B, keys + 1)
        held = graph.node("ScatterElements", none, at, graph.node("Cast", sounds, to=1), axis=1)
        last, _ = ring.split(RECALLED, self.recent.count - RECALLED)
        rows = last + (self.offsets[1 : RECALLED + 1] - 1)[None]
        nothing = np.full((1, 1), (1 + RECALLED) * keys)  # any later row shows something else, and is not reached here
        return graph.bounded(held), graph.node("Where", self._compare("Greater", last, 0), rows, nothing)

    def _before(self, held: Value, rows: Value) -> Value:
        """Return what is shown before the key, (B, N), and keep what the intervals to recent keys add."""
        graph, keys = self.graph, self.recent.keys
        intervals = self.weights["head.intervals"]  # (P, M, 2 · keys − 1)
        key = np.arange(keys)
        apart = intervals[:, :, key[None] - key[:, None] + keys - 1]  # (P, M, keys, keys)
        by_key = apart.transpose(0, 2, 1, 3).reshape(len(intervals) * keys, -1)  # (P · keys, M · keys)
        shown = self.shown[: len(by_key)]
        both = np.concatenate([shown, by_key], axis=1)
        both = np.concatenate([both, np.zeros((1, both.shape[1]), np.float32)])
        of_set = np.concatenate([both[:keys], both[-1:]])
        found = graph.product(held, of_set) + graph.table_sum(both, rows, RECALLED)
        at_key, self.intervals = found.split(shown.shape[1], by_key.shape[1])
        return at_key

    def _after(self, wait: Value, values: Sequence[Value]) -> Value:
        """Return what is shown after the key, (B, N), of the recent token whose key is nearest."""
        graph, recent, (ring, ages, _, *extra) = self.graph, self.recent, self.ring
        key, none = values[recent.key], np.full((1, 1), -1)
        distance = graph.node("Abs", ring - np.int64(1) - key)
        if recent.group is not None:
            same = self._compare_values("Equal", extra.pop(0), values[recent.group])
            distance = distance + graph.node("Where", same, np.zeros((1, 1), np.int64), np.full((1, 1), APART))
        score = distance * np.int64(4) + np.arange(recent.count)[None]
        score = graph.node("Where", self._compare("Greater", ring, 0), score, np.full((1, 1), _FAR))
        at = graph.node("ArgMin", score, axis=1, keepdims=1)
        nearest, age, *copied = (graph.node("GatherElements", each, at, axis=1) for each in (ring, ages, *extra))
        interval = graph.node("Clip", nearest - np.int64(1) - key, np.int64(-FARTHEST), np.int64(FARTHEST))
        older = self._compare_values("GreaterOrEqual", age + wait, np.array(AGES)[None])
        level = self._count(older, 1)
        # What is shown of the ends is −1 for none.
        ending = [graph.node("Min", self.together, np.int64(TOGETHER)) - np.int64(1), self.coarse]
        near = [*copied, interval + np.int64(FARTHEST), level]
        known = graph.node("Where", self._compare("Greater", nearest, 0), graph.node("Concat", *near, axis=1), none)
        rows = graph.node("Concat", known, *ending, axis=1)
        usable = graph.node("And", self._compare("GreaterOrEqual", rows, 0), self._compare("Less", key, recent.keys))
        rows = rows + self.offsets[RECALLED + 1 :][None]
        rows = graph.node("Where", usable, rows, np.full((1, 1), self.tokens.nothing))
        return graph.table_sum(self.shown, rows, len(near) + 1 + ENDS)

    def _wait(self, values: Sequence[Value]) -> Value:
        """Return the steps of the wait in the values of a token, (B, 1)."""
        recent = self.recent
        return self._steps(recent.waits, recent.steps[: len(recent.waits)], values)

    def _length(self, values: Sequence[Value]) -> Value:
        """Return the steps of the length in the values of a token, (B, 1)."""
        recent = self.recent
        return self._steps(recent.lengths, recent.steps[len(recent.waits) :], values)

    def _steps(self, fields: Sequence[int], tables: Sequence[tuple[int, ...]], values: Sequence[Value]) -> Value:
        parts = zip(fields, tables, strict=True)
        return self._total([self.graph.node("Gather", np.array(table), values[field]) for field, table in parts])

    def _like(self, value: Value, constant: NDArray[np.float64]) -> Value:
        """Return a constant in as many rows as an integer value, (B, 1), has."""
        return self.graph.node("Cast", value * np.int64(0), to=1) + constant.astype(np.float32)

    def _columns(self, value: Value) -> list[Value]:
        return value.split(*[1] * self.layout.width)

    def _gather(self, table: Matrix, ids: Value) -> Value:
        """Return the rows of a table, (B, n), by ids (B, 1)."""
        return self.graph.node("Gather", table, self.graph.node("Squeeze", ids, np.array([1])))

    def _total(self, values: Sequence[Value]) -> Value:
        total = values[0]
        for value in values[1:]:
            total = total + value
        return total

    def _compare(self, operator: str, value: Value, other: int) -> Value:
        return self.graph.node(operator, value, np.int64(other))

    def _compare_values(self, operator: str, value: Value, other: Value | ArrayLike) -> Value:
        return self.graph.node(operator, value, other)
