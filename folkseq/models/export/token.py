"""One step of a model that sees recent tokens as an ONNX graph: it reads a compound token and draws the next one.

The inputs are:

- `tokens` (B, F) int64, the token to read.
- `forced` (B, F) int64, the given fields of the next token; −1 for fields to draw.
- `uniforms` (B, F) in [0, 1).
- `temperature` (B, 1).
- `controls` (B, C), as in `step`.
- The states of the cells and of `token_memory`.

The outputs are `logits` (B, V) of all fields, each conditional on the previous fields; `drawn` (B, F) int64; `shares`
(B, F), the probability of each drawn value at the temperature; and the new states.

The outputs of a row are bit-identical in every batch: a running sum replaces sums whose order depends on the number of
rows. The metadata holds the number of values of each field.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from folkseq.compound import FIELDS_KEY
from folkseq.corpora.recall import RecentTokens
from folkseq.models.export.graph import Graph, Matrix, Value, Weights
from folkseq.models.export.step import Step
from folkseq.models.export.token_memory import TokenMemory, compare, count_down, total
from folkseq.models.settings import IMPOSSIBLE, ModelSettings
from folkseq.recent import ENDS

_COLDEST = np.float32(1e-30)


class TokenStep(Step):
    """The graph of a step of compound tokens."""

    def __init__(self, weights: Weights, settings: ModelSettings, graph: Graph, tokens: RecentTokens) -> None:
        super().__init__(weights, settings, graph)
        self.layout, self.recent = tokens.layout, tokens.recent
        width, layout = self.layout.width, self.layout
        self.ids = graph.input("tokens", np.int64, "B", width)
        read = graph.node("Max", self.ids - layout.offsets[:-1][None], np.int64(0))  # (B, F) values
        self.temperature = graph.node("Max", graph.input("temperature", np.float32, "B", 1), _COLDEST)
        self.rows = self.temperature * np.zeros((1, 1), np.float32)
        whole = compare("Greater", self.ids.split(1, width - 1)[0], layout.end)
        self.memory = TokenMemory(graph, tokens, self._columns(read), whole)
        self.lows = np.array([layout.end, *layout.offsets[1:-1]])
        forced = graph.input("forced", np.int64, "B", width)
        self.given = self._columns(compare("GreaterOrEqual", forced, 0))
        self.forced = self._columns(graph.node("Max", forced - self.lows[None], np.int64(0)))
        uniforms = graph.node("Transpose", graph.input("uniforms", np.float32, "B", width), perm=[1, 0])
        self.uniforms = graph.nodes("Split", width, uniforms, np.ones(width, np.int64), axis=0)

    def build(self) -> bytes:
        """Return the serialised graph."""
        graph, settings, width = self.graph, self.settings, self.layout.width
        h = self._layer(0, None)
        for number in range(1, settings.layers):
            h = self._layer(number, h)
        heard = graph.product(h, self.weights["head.heard.weight"].T * self.gain, self.weights["head.heard.bias"])
        self.heard = heard.split(*[settings.output_width] * width)  # (B, N) each
        logits, at, shares = self._draw_all()
        nothing = self._like(np.full((1, width), IMPOSSIBLE))
        graph.output("logits", graph.node("Concat", nothing, *logits, axis=1), "B", self.layout.size)
        drawn = graph.node("Concat", *at, axis=1) + self.lows[None]
        ends = compare("Equal", at[0], 0)
        drawn = graph.node("Where", ends, np.full((1, width), self.layout.end), drawn)
        graph.output("drawn", drawn, "B", width, dtype=np.int64)
        graph.output("shares", graph.node("Concat", *shares, axis=1), "B", width)
        return graph.serialize("token", {FIELDS_KEY: json.dumps(self.layout.fields)})

    def _read(self, w_x: Matrix, bias: Matrix, factors: list[Value], matrices: list[Matrix]) -> Value | None:
        # A table of sums would save part of the product, but fetching its wide rows takes longer.
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

    def _draw_all(self) -> tuple[list[Value], list[Value], list[Value]]:
        """Return the logits of each field, (B, values), the drawn columns, (B, 1), and their probabilities, (B, 1)."""
        graph, layout, told = self.graph, self.layout, None
        logits, found, values, shares = (list[Value]() for _ in range(4))
        for field in range(layout.width):
            z = self.heard[field] if told is None else self.heard[field] + told
            if field == self.recent.waits[0]:
                z = z + self._refer(field, self.memory.until_ends())
            if field == self.recent.key:
                wait = self.memory.wait(values)
                z = z + self._refer(field, *self.memory.keys_before(wait))
            if field == self.recent.key + 1:
                ends = self.memory.ends(wait)
                rows, *lengths = self.memory.nearest(wait, values)
                after = graph.table_sum(self.weights["head.shown.weight"], rows, len(self.memory.tokens.offsets) - 1)
            if field > self.recent.key:
                z = z + after
            if field == self.recent.lengths[0]:
                z = z + self._refer(field, *lengths)
            low, high = int(self.lows[field]), int(layout.offsets[field + 1])
            own = self._logits(field, graph.bounded(graph.tanh(z)), low, high)  # (B, high − low)
            if field in self.recent.matched:
                own = self._copied(own, field, values, ends if field in self.recent.lengths else None)
            at, share = self._draw(own, field, high - low)
            logits.append(own)
            found.append(at)
            shares.append(share)
            # The end id comes before the values of the first field.
            values.append(at if field else graph.node("Max", at - np.int64(1), np.int64(0)))
            more = self._gather(self.weights["head.told.weight"][low:high], at)
            told = more if told is None else told + more
        return logits, found, shares

    def _refer(self, field: int, held: Value, rows: Value | None = None) -> Value:
        """Return the vector of the references, (B, N), and store their contribution to the logits of the field.

        Args:
            field: the field that they predict.
            held: (B, K) the values of the set; the number of values stands for none.
            rows: rows of the other references.
        """
        graph, weights, name = self.graph, self.weights, f"head.references.{field}"
        reference, curves = self.memory.references[field], weights[f"{name}.curves"]
        value, mixtures = np.arange(reference.values), curves.shape[1]
        table = curves[:, :, value[None] - value[:, None] + reference.values - 1]  # (kinds, M, values, values)
        table = table.transpose(0, 2, 1, 3).reshape(reference.nothing, -1)
        table = np.concatenate([table, np.zeros((1, table.shape[1]), np.float32)])
        both = np.concatenate([weights[f"{name}.shown.weight"], table], axis=1)
        ones = graph.node("Cast", compare("Less", held, reference.values), to=1)
        none = self._like(np.zeros((1, reference.values + 1)))
        held = graph.node("ScatterElements", none, held, ones, axis=1)
        of_set = np.concatenate([both[: reference.values], both[-1:]])
        found = graph.product(graph.bounded(held), of_set)
        if rows is not None:
            found = found + graph.table_sum(both, rows, reference.single)
        told, *self.added = found.split(both.shape[1] - table.shape[1], *[reference.values] * mixtures)
        return told

    def _logits(self, field: int, z: Value, low: int, high: int) -> Value:
        """Return the logits of a field, and store the trust in each copied value, (B, n)."""
        graph, recent, weights = self.graph, self.recent, self.weights
        matrices, biases = [weights["output.weight"][low:high]], [weights["output.bias"][low:high]]
        sizes = [high - low]
        reference = self.memory.references.get(field)
        if reference is not None:
            name = f"head.references.{field}.mixture"
            matrices.append(weights[f"{name}.weight"])
            biases.append(weights[f"{name}.bias"])
            sizes += [1] * len(self.added)
        if field in recent.matched:
            place = recent.matched.index(field)
            own = slice(place, place + 1)
            matrices.append(weights["head.matched.weight"][own])
            biases.append(weights["head.matched.bias"][own])
            sizes.append(1)
        if field == recent.key:
            matrices.append(weights["head.continued.weight"])
            biases.append(weights["head.continued.bias"])
            sizes[-1] += 1
        if field in recent.lengths:
            own = slice(*(ENDS * (recent.lengths.index(field) + each) for each in (0, 1)))
            matrices.append(weights["head.trust.weight"][own])
            biases.append(weights["head.trust.bias"][own])
            sizes[-1] += ENDS
        if len(sizes) == 1:
            return graph.product(z, matrices[0].T * self.gain, biases[0])
        logits, *others = graph.product(z, np.concatenate(matrices).T * self.gain, np.concatenate(biases)).split(*sizes)
        if field in recent.matched:
            self.trust = others.pop()
        if reference is None:
            return logits
        added = total([weight * part for weight, part in zip(others, self.added, strict=True)])
        first = int(self.layout.offsets[field]) - low
        rest = high - low - first - reference.values
        parts = [self._like(np.zeros((1, size))) if size else None for size in (first, rest)]
        parts.insert(1, added)
        return logits + graph.node("Concat", *(part for part in parts if part is not None), axis=1)

    def _copied(
        self, logits: Value, field: int, values: Sequence[Value], ends: tuple[Value, Value, Value] | None
    ) -> Value:
        """Return the logits of a field plus the trust in the value after the match and in the value of each end."""
        graph, memory, (first, second) = self.graph, self.memory, self.recent.lengths
        place = self.recent.matched.index(field)
        by_level = self.weights["head.levels.weight"][:, place : place + 1]
        level = self._gather(np.concatenate([np.zeros_like(by_level[:1]), by_level]), memory.level)
        at, there = memory.copies[field], compare("Greater", memory.level, 0)
        if field == second:
            there = graph.node("And", there, compare("Equal", memory.copies[first], values[first]))
        at = at + np.int64(int(self.layout.offsets[field]) - int(self.lows[field]))
        trust = self.trust
        if field == self.recent.key:
            by_level = self.weights["head.interval_levels.weight"]
            more = self._gather(np.concatenate([np.zeros_like(by_level[:1]), by_level]), memory.interval_level)
            there = graph.node("Concat", there, compare("Greater", memory.interval_level, 0), axis=1)
            at = graph.node("Concat", at, memory.continued, axis=1)
            level = graph.node("Concat", level, more, axis=1)
        if ends is not None:
            coarse, fine, fits = ends
            if field == second:
                fits = graph.node("And", fits, compare("Equal", coarse, values[first]))
            there = graph.node("Concat", there, fits, axis=1)
            at = graph.node("Concat", at, fine if field == second else coarse, axis=1)
            level = graph.node("Concat", level, self._like(np.zeros((1, ENDS))), axis=1)
        trust = graph.node("Where", there, trust + level, np.zeros((1, 1), np.float32))
        return graph.node("ScatterElements", logits, at, trust, axis=1, reduction="add")

    def _draw(self, logits: Value, field: int, width: int) -> tuple[Value, Value]:
        """Return the forced or drawn column, (B, 1) int64, and its probability."""
        graph = self.graph
        shares = graph.node("Softmax", graph.node("Div", logits, self.temperature), axis=1)
        # A running sum over transposed shares is five times as fast and gives the same bits.
        sums = graph.node("CumSum", graph.node("Transpose", shares, perm=[1, 0]), np.array(0))  # (n, B)
        passed = compare("LessOrEqual", sums, self.uniforms[field])
        passed = graph.node("Transpose", count_down(passed, width), perm=[1, 0])
        free = graph.node("Min", passed, np.int64(width - 1))
        at = graph.node("Where", self.given[field], self.forced[field], free)
        return at, graph.node("GatherElements", shares, at, axis=1)

    def _like(self, constant: NDArray[np.float64]) -> Value:
        """Return a constant repeated for every row."""
        return self.rows + constant.astype(np.float32)

    def _columns(self, value: Value) -> list[Value]:
        return value.split(*[1] * self.layout.width)

    def _gather(self, table: Matrix, ids: Value) -> Value:
        """Return the rows of a table, (B, n), by ids (B, 1)."""
        return self.graph.node("Gather", table, self.graph.node("Squeeze", ids, np.array([1])))
