"""The output for compound tokens in time, which sees recent tokens.

It differs from `compound_head` in two ways: each field has its own projection, and each field sees the recent tokens
of `corpora.recall`. The fields have a fixed order, so the logits of a field are computed only for the ids of the field.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from folkseq.corpora.batch import IGNORED
from folkseq.corpora.recall import RecentTokens
from folkseq.models.references import References
from folkseq.models.settings import IMPOSSIBLE
from folkseq.recent import ENDS, MATCH


class TokenHead(nn.Module):
    """The module that computes the logits of each next id from the last layer's output after each compound token."""

    def __init__(self, tokens: RecentTokens, hidden: int, width: int, gain: float) -> None:
        """Build the output for a network of size `hidden`, with vectors of width N for each field."""
        super().__init__()
        self.tokens, self.layout, self.recent, self.gain = tokens, tokens.layout, tokens.recent, gain
        layout, recent = tokens.layout, tokens.recent
        self.heard = nn.Linear(hidden, layout.width * width)  # of the network's output, for each field
        self.told = nn.Embedding(layout.size, width)  # of the token's ids so far
        nothing = int(tokens.offsets[-1])
        self.shown = nn.EmbeddingBag(nothing + 1, width, mode="sum", padding_idx=nothing)  # of the nearest token
        references = recent.references(layout.fields)
        self.references = nn.ModuleDict({str(field): References(each, width) for field, each in references.items()})
        self.matched = nn.Linear(width, len(recent.matched))  # trust in the token after the match, for each field
        self.levels = nn.Embedding(MATCH, len(recent.matched))
        for weight in (*self.matched.parameters(), self.levels.weight):
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
        """Return the logits after each id, (B, T, V), with `IMPOSSIBLE` for ids that cannot come next; or mean nats.

        Args:
            before: (B, H) the last layer's output before the first compound token.
            after: (B, T // F, H) its output after each complete token.
            x: (B, T) ids, from the first id of a compound token.
            rows: (B, G, W) result of `RecentTokens.indices`; the last of the G tokens may be incomplete.
            output: the layer from N to V.
            targets: (B, T) ids or `IGNORED`; if given, the method returns their mean nats instead of logits, and
                computes the logits of each field only for the ids of the field.
        """
        layout, width = self.layout, self.layout.width
        ids = functional.pad(x, (0, -x.shape[1] % width)).view(len(x), -1, width)  # (B, G, F)
        groups = ids.shape[1]
        states = torch.cat([before[:, None], after], dim=1)  # (B, T // F + 1, H)
        heard = self.heard(states).unflatten(2, (width, -1))  # (B, T // F + 1, F, N)
        told = self.told(ids[:, :, :-1]).cumsum(2)  # (B, G, F − 1, N)
        *references, near, ends, match_after, match = torch.split(rows[:, :groups], list(self.tokens.widths), dim=2)
        told_of = dict(zip(self.recent.references(layout.fields), references, strict=True))
        nearest = self.shown(near.flatten(0, 1)).view(len(x), groups, -1)
        ends = ends.view(len(x), groups, ENDS, 2)
        first, second = self.recent.lengths
        logits, total = [], output.bias.new_zeros(())
        wanted = None
        if targets is not None:
            wanted = functional.pad(targets, (0, -x.shape[1] % width), value=IGNORED).view(len(x), -1, width)
        for field in (*range(1, width), 0):
            if field:
                z = heard[:, :groups, field] + told[:, :, field - 1]  # (B, G, N)
                if field > self.recent.key:
                    z = z + nearest
            else:
                z = functional.pad(heard[:, 1:, 0], (0, 0, 0, groups - after.shape[1]))
            reference = self.references[str(field)] if field in told_of else None
            if isinstance(reference, References):
                z = z + reference.show(told_of[field])
            low, high = self.columns(field)
            z = self.gain * torch.tanh(z)
            own = functional.linear(z, output.weight[low:high], output.bias[low:high])
            if isinstance(reference, References):
                first_value = int(layout.offsets[field]) - low
                rest = high - low - first_value - reference.values
                own = own + functional.pad(reference(told_of[field], z), (first_value, rest))
            if field in self.recent.matched:
                own = self._with_match(own, field, match if field else match_after, z, ids)
            if field in (first, second):
                at = ends[..., int(field == second)]  # (B, G, ENDS)
                there = at >= 0
                if field == second:
                    there = there & (ids[:, :, first, None] - int(layout.offsets[first]) == ends[..., 0])
                trust = self.trust(z)[..., ENDS * int(field == second) :][..., :ENDS] * there
                own = own.scatter_add(2, at.clamp(min=0), trust.to(own.dtype))
            if wanted is not None:
                target = wanted[:, :, field - 1]  # (B, G); repeated start and end ids cost nothing
                own_target = torch.where((target < low) | (target >= high), IGNORED, target - low)
                flat = own.float().flatten(0, 1)
                total = total + functional.cross_entropy(
                    flat, own_target.flatten(), ignore_index=IGNORED, reduction="sum"
                )
                continue
            logits.append(functional.pad(own, (low, layout.size - high), value=IMPOSSIBLE))  # (B, G, V)
        if wanted is not None:
            return total / (wanted != IGNORED).sum().clamp(min=1)
        found = torch.stack(logits, dim=2)  # (B, G, F, V)
        for again in (0, layout.end):  # start and end tokens repeat one id in all fields
            repeats = ids[:, :, :1] == again  # (B, G, 1)
            if repeats.any():
                only = torch.full_like(found[0, 0, 0], IMPOSSIBLE)
                only[again] = 0
                inside = repeats & (torch.arange(width, device=x.device) < width - 1)  # (B, G, F)
                found = torch.where(inside[..., None], only, found)
        return found.flatten(1, 2)[:, : x.shape[1]]

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

    def columns(self, field: int) -> tuple[int, int]:
        """Return the first id of a field and the one after its last; the end id belongs to the first field."""
        low, high = self.layout.offsets[field : field + 2].tolist()
        return (low if field else self.layout.end), high
