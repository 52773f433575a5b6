"""One step of a model that sees recent tokens as an ONNX graph: it reads a compound token and draws the next one.

The inputs are:

- `tokens` (B, F) int64, the token to read.
- `forced` (F, B) int32, the given fields of the next token, counted from the first id of the field; −1 for fields to
  draw. The end id is the first id of the first field.
- `uniforms` (F, B) in [0, 1).
- `temperature` (B, 1).
- `controls` (B, C), as in `step`.
- The memory of recent tokens after the token to read, of `token_memory`.
- `blank_k` (B, n) zeros and `marks_k` (B, m) ones, for each field k with references.
- The states of the cells.

The outputs are `logits_k` (B, values) of each field k, conditional on the previous fields; `drawn` (B, F) int32;
`shares` (B, F), the probability of each drawn value at the temperature; and the new states.

The outputs of a row are bit-identical in every batch: a running sum replaces sums whose order depends on the number of
rows. The metadata holds the description of recent tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from folkseq.corpora.recall import METADATA_KEY, RecentTokens
from folkseq.models.export.graph import Graph, Matrix, Value, Weights
from folkseq.models.export.step import Step
from folkseq.models.export.token_memory import INT32, TokenMemory, compare
from folkseq.models.settings import ModelSettings
from folkseq.recent import ENDS, MATCH

_COLDEST = np.float32(1e-30)


class TokenStep(Step):
    """The graph of a step of compound tokens."""

    def __init__(self, weights: Weights, settings: ModelSettings, graph: Graph, tokens: RecentTokens) -> None:
        super().__init__(weights, settings, graph)
        self.layout, self.recent = tokens.layout, tokens.recent
        width, layout = self.layout.width, self.layout
        self.ids = graph.input("tokens", np.int64, "B", width)
        self.temperature = graph.node("Max", graph.input("temperature", np.float32, "B", 1), _COLDEST)
        self.memory = TokenMemory(graph, tokens)
        self.lows = layout.lows
        forced = graph.input("forced", np.int32, width, "B")
        uniforms = graph.input("uniforms", np.float32, width, "B")
        self.given, self.forced, self.uniforms = (
            graph.nodes("Split", width, each, np.ones(width, np.int64), axis=0)
            for each in (compare("GreaterOrEqual", forced, 0), forced, uniforms)
        )

    def build(self) -> bytes:
        """Return the serialised graph."""
        graph, settings, width = self.graph, self.settings, self.layout.width
        h = self._layer(0, None)
        for number in range(1, settings.layers):
            h = self._layer(number, h)
        heard = graph.product(h, self.weights["head.heard.weight"].T * self.gain, self.weights["head.heard.bias"])
        self.heard = heard.split(*[settings.output_width] * width)  # (B, N) each
        logits, at, shares = self._draw_all()
        for field, (own, low) in enumerate(zip(logits, self.lows.tolist(), strict=True)):
            graph.output(f"logits_{field}", own, "B", int(self.layout.offsets[field + 1]) - low)
        drawn = graph.node("Concat", *at, axis=1) + self.lows[None].astype(np.int32)
        ends = compare("Equal", at[0], 0)
        drawn = graph.node("Where", ends, np.full((1, width), self.layout.end, np.int32), drawn)
        graph.output("drawn", drawn, "B", width, dtype=np.int32)
        graph.output("shares", graph.node("Concat", *shares, axis=1), "B", width)
        return graph.serialize("token", {METADATA_KEY: self.memory.tokens.to_json()})

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
        graph, layout, memory, told = self.graph, self.layout, self.memory, None
        self._find_copies()
        logits, found, values, shares = (list[Value]() for _ in range(4))
        for field in range(layout.width):
            parts = [self.heard[field], *([] if told is None else [told])]
            if field == self.recent.waits[0]:
                parts.append(self._refer(field, memory.until))
            if field == self.recent.key:
                wait = memory.wait(values)
                parts.append(self._refer(field, *memory.keys_before(wait)))
            if field == self.recent.key + 1:
                ends = memory.ends(wait)
                rows, *lengths = memory.nearest(wait, values)
                after = graph.table_sum(self.weights["head.shown.weight"], rows, len(memory.tokens.offsets) - 1)
            if field > self.recent.key:
                parts.append(after)
            if field == self.recent.lengths[0]:
                parts.append(self._refer(field, *lengths))
            z = graph.node("Sum", *parts) if len(parts) > 1 else parts[0]
            own = self._logits(field, graph.bounded(graph.tanh(z)))  # (B, values)
            if field in self.recent.matched:
                own = self._copied(own, field, values, ends if field in self.recent.lengths else None)
            at, column, share = self._draw(own, field)
            logits.append(own)
            found.append(column)
            shares.append(share)
            # The end id comes before the values of the first field.
            values.append(column if field else graph.node("Max", column - np.int32(1), np.int32(0)))
            low, high = self._range(field)
            more = graph.node("Gather", self.weights["head.told.weight"][low:high], at)
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
        low, high = self._range(field)
        before = int(self.layout.offsets[field]) - low
        after = high - low - before - reference.values
        table = np.pad(table, ((0, 0), (0, 0), (0, 0), (before, after)))  # all columns of the field's logits
        table = table.transpose(0, 2, 1, 3).reshape(reference.nothing, -1)
        table = np.concatenate([table, np.zeros((1, table.shape[1]), np.float32)])
        both = np.concatenate([weights[f"{name}.shown.weight"], table], axis=1)
        blank = graph.bounded_input(f"blank_{field}", reference.values + 1)
        marks = graph.bounded_input(f"marks_{field}", reference.many)
        held = graph.node("ScatterElements", blank, held, marks, axis=1)
        found = graph.product(held, np.concatenate([both[: reference.values], both[-1:]]))
        if rows is not None:
            found = found + graph.table_sum(both, rows, reference.single)
        told, *self.added = found.split(both.shape[1] - table.shape[1], *[high - low] * mixtures)
        return told

    def _logits(self, field: int, z: Value) -> Value:
        """Return the logits of a field, and store the trust in each copied value, (B, n)."""
        graph, recent, weights = self.graph, self.recent, self.weights
        low, high = self._range(field)
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
        mixed = (weight * part for weight, part in zip(others, self.added, strict=True))
        return graph.node("Sum", logits, *mixed)

    def _find_copies(self) -> None:
        """Find for each field the columns of the values to copy, (B, n), which of them there are, and their levels.

        The levels of the ends are 0.
        """
        graph, recent, memory, weights = self.graph, self.recent, self.memory, self.weights
        sizes = [1 + (field == recent.key) for field in recent.matched]
        first = np.concatenate(
            [
                [self.layout.offsets[each] - self.lows[each]] * size
                for each, size in zip(recent.matched, sizes, strict=True)
            ]
        )
        there = compare("GreaterOrEqual", memory.copies, 0)
        at = graph.node("Max", memory.copies, np.int32(0)) + first[None].astype(np.int32)
        own = [size + ENDS * (field in recent.lengths) for field, size in zip(recent.matched, sizes, strict=True)]
        starts = np.cumsum([0, *own])
        by_match, by_interval = np.zeros((2, MATCH + 1, starts[-1]), np.float32)
        by_match[1:, starts[:-1]] = weights["head.levels.weight"]
        by_interval[1:, starts[recent.matched.index(recent.key)] + 1] = weights["head.interval_levels.weight"][:, 0]
        levels = graph.node("Gather", by_match, memory.match_level) + graph.node(
            "Gather", by_interval, memory.interval_level
        )
        parts = zip(at.split(*sizes), there.split(*sizes), levels.split(*own), strict=True)
        self.copies = dict(zip(recent.matched, parts, strict=True))

    def _copied(
        self, logits: Value, field: int, values: Sequence[Value], ends: tuple[Value, Value, Value] | None
    ) -> Value:
        """Return the logits of a field plus the trust in the value after the match and in the value of each end."""
        graph, (first, second) = self.graph, self.recent.lengths
        at, there, levels = self.copies[field]
        if field == second:
            there = graph.node("And", there, compare("Equal", self.copies[first][0], values[first]))
        if ends is not None:
            coarse, fine, fits = ends
            if field == second:
                fits = graph.node("And", fits, compare("Equal", coarse, values[first]))
            there = graph.node("Concat", there, fits, axis=1)
            at = graph.node("Concat", at, fine if field == second else coarse, axis=1)
        trust = graph.node("Where", there, self.trust + levels, np.zeros((1, 1), np.float32))
        return graph.node("ScatterElements", logits, at, trust, axis=1, reduction="add")

    def _draw(self, logits: Value, field: int) -> tuple[Value, Value, Value]:
        """Return the forced or drawn column, (B,) and (B, 1) int32, and its probability, (B, 1)."""
        graph = self.graph
        low, high = self._range(field)
        shares = graph.node("Softmax", graph.node("Div", logits, self.temperature), axis=1)
        # A running sum over transposed shares is five times as fast and gives the same bits.
        sums = graph.node("CumSum", graph.node("Transpose", shares, perm=[1, 0]), np.array(0))  # (n, B)
        # A product with ones counts the sums that are passed, exactly, but never the last.
        passed = graph.node("Cast", compare("LessOrEqual", sums, self.uniforms[field]), to=1)
        counts = graph.node("MatMul", np.append(np.ones(high - low - 1, np.float32), np.float32(0))[None], passed)
        free = graph.node("Cast", counts, to=INT32)  # (1, B)
        at = graph.node("Where", self.given[field], self.forced[field], free)
        column = graph.node("Reshape", at, np.array([-1, 1]))
        return graph.node("Reshape", at, np.array([-1])), column, graph.node("GatherElements", shares, column, axis=1)

    def _range(self, field: int) -> tuple[int, int]:
        """Return the first id of a field, with the end id in the first, and the one after its last."""
        return int(self.lows[field]), int(self.layout.offsets[field + 1])
