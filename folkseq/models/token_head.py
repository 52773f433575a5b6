"""The output for compound tokens in time, which sees recent tokens.

It differs from `compound_head` in two ways: each field has its own projection, and sees the recent tokens of
`corpora.recall`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from folkseq.corpora.recall import RecentTokens
from folkseq.models.field_head import FieldHead
from folkseq.models.references import References
from folkseq.recent import ENDS, MATCH


class TokenHead(FieldHead):
    """The module that computes the logits of each next id from the last layer's output after each compound token."""

    def __init__(self, tokens: RecentTokens, hidden: int, width: int, gain: float) -> None:
        """Build the output for a network of size `hidden`, with vectors of width N for each field."""
        super().__init__(tokens.layout, hidden, width, gain, nn.Identity())
        self.tokens, self.recent = tokens, tokens.recent
        layout, recent = tokens.layout, tokens.recent
        nothing = int(tokens.offsets[-1])
        self.shown = nn.EmbeddingBag(nothing + 1, width, mode="sum", padding_idx=nothing)  # of the nearest token
        references = recent.references(layout.fields)
        self.references = nn.ModuleDict({str(field): References(each, width) for field, each in references.items()})
        self.matched = nn.Linear(width, len(recent.matched))  # trust in the token after the match, for each field
        self.levels = nn.Embedding(MATCH, len(recent.matched))
        self.continued = nn.Linear(width, 1)  # trust in the key that continues the match of intervals
        self.interval_levels = nn.Embedding(MATCH, 1)
        trusts = (*self.matched.parameters(), self.levels.weight, *self.continued.parameters())
        for weight in (*trusts, self.interval_levels.weight):
            nn.init.zeros_(weight)
        self.trust = nn.Linear(width, 2 * ENDS)  # in each end, of the first and of the second length
        nn.init.zeros_(self.trust.weight)
        nn.init.zeros_(self.trust.bias)
        nn.init.normal_(self.told.weight, std=0.1)
        nn.init.normal_(self.shown.weight[:-1], std=0.05)

    def forward(
        self,
        before: Tensor,
        after: Tensor,
        x: Tensor,
        rows: Tensor,
        output: nn.Linear,
        targets: Tensor | None = None,
    ) -> Tensor:
        """Return the logits after each id, (B, T, V), or mean nats; see `FieldHead.predict`.

        The rows, (B, G, W), come from `RecentTokens.indices`.
        """
        layout, ids = self.layout, self.grouped(x)
        groups = ids.shape[1]
        *references, near, ends, match_after, match, moved = torch.split(
            rows[:, :groups], list(self.tokens.widths), dim=2
        )
        told_of = dict(zip(self.recent.references(layout.fields), references, strict=True))
        nearest = self.shown(near.flatten(0, 1)).view(len(x), groups, -1)
        ends = ends.view(len(x), groups, ENDS, 2)
        first, second = self.recent.lengths

        def show(field: int, z: Tensor) -> Tensor:
            if field > self.recent.key:
                z = z + nearest
            reference = self.references[str(field)] if field in told_of else None
            return z + reference.show(told_of[field]) if isinstance(reference, References) else z

        def change(field: int, z: Tensor, logits: Tensor) -> Tensor:
            reference = self.references[str(field)] if field in told_of else None
            if isinstance(reference, References):
                low, high = self.columns(field)
                first_value = int(layout.offsets[field]) - low
                rest = high - low - first_value - reference.values
                logits = logits + functional.pad(reference(told_of[field], z), (first_value, rest))
            if field in self.recent.matched:
                logits = self._with_match(logits, field, match if field else match_after, z, ids)
            if field == self.recent.key:
                level, key = moved[..., :1], moved[..., 1:]
                trust = (self.continued(z) + self.interval_levels(level.clamp(min=0))[..., 0]) * (level >= 0)
                at = key.clamp(min=0) + int(layout.offsets[field]) - self.columns(field)[0]
                logits = logits.scatter_add(2, at, trust.to(logits.dtype))
            if field in (first, second):
                at = ends[..., int(field == second)]  # (B, G, ENDS)
                there = at >= 0
                if field == second:
                    there = there & (ids[:, :, first, None] - int(layout.offsets[first]) == ends[..., 0])
                trust = self.trust(z)[..., ENDS * int(field == second) :][..., :ENDS] * there
                logits = logits.scatter_add(2, at.clamp(min=0), trust.to(logits.dtype))
            return logits

        return self.predict(before, after, x, output, targets, show, change)

    def _with_match(self, logits: Tensor, field: int, match: Tensor, z: Tensor, ids: Tensor) -> Tensor:
        """Return the logits of a field after adding the trust to the value that followed the match."""
        place, (first, second) = self.recent.matched.index(field), self.recent.lengths
        level, value = match[..., 0], match[..., 1 + place]
        there = level >= 0
        if field == second:
            coarse = match[..., 1 + self.recent.matched.index(first)]
            there = there & (ids[:, :, first] - int(self.layout.offsets[first]) == coarse)
        trust = (self.matched(z)[..., place] + self.levels(level.clamp(min=0))[..., place]) * there
        at = value.clamp(min=0) + int(self.layout.offsets[field]) - self.columns(field)[0]
        return logits.scatter_add(2, at[..., None], trust[..., None].to(logits.dtype))
