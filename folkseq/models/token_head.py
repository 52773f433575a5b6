"""The output for compound tokens in time, which sees recent tokens.

It is that of `compound_head`, but each field has a projection of its own, and the fields from the key on see what
`folkseq.recent` shows. The fields come in their order, so the logits of a field are computed for its own ids only.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from folkseq.corpora.batch import IGNORED
from folkseq.models.settings import IMPOSSIBLE
from folkseq.recent import ENDS, RECALLED, RecentTokens

MIXTURES = 2


class TokenHead(nn.Module):
    """From the output of the last layer after each compound token to the logits of each next id."""

    apart: Tensor

    def __init__(self, tokens: RecentTokens, hidden: int, width: int, gain: float) -> None:
        """Build the output of a network of a hidden size, with vectors of a width N for each field."""
        super().__init__()
        self.layout, self.recent, self.gain = tokens.layout, tokens.recent, gain
        layout, recent = tokens.layout, tokens.recent
        self.heard = nn.Linear(hidden, layout.width * width)  # of the network's output, for each field
        self.told = nn.Embedding(layout.size, width)  # of the token's ids so far
        size = tokens.nothing + 1
        self.shown = nn.EmbeddingBag(size, width, mode="sum", padding_idx=tokens.nothing)  # of the recent tokens
        # By how much a key is likelier for its interval to each key that sounds, and to each of the last keys: some
        # mixtures of intervals, and the weight of each mixture.
        self.intervals = nn.Parameter(0.02 * torch.randn(1 + RECALLED, MIXTURES, 2 * recent.keys - 1))
        self.mixture = nn.Linear(width, MIXTURES)
        nn.init.normal_(self.mixture.weight, std=0.02)
        nn.init.ones_(self.mixture.bias)
        keys = torch.arange(recent.keys)
        self.register_buffer("apart", keys[None] - keys[:, None] + recent.keys - 1, persistent=False)
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
        """Return the logits after each id, (B, T, V), with `IMPOSSIBLE` for those that cannot come next; or mean nats.

        Args:
            before: (B, H) the last layer's output before the first compound token.
            after: (B, T // F, H) its output after each whole one.
            x: (B, T) ids, from the first id of a compound token.
            rows: (B, G, W) of the table of recent tokens for each token, the last of which may not be whole.
            output: from N to V.
            targets: (B, T) the ids whose mean nats are returned, or `IGNORED`; computed from each field's ids alone.
        """
        layout, width = self.layout, self.layout.width
        ids = functional.pad(x, (0, -x.shape[1] % width)).view(len(x), -1, width)  # (B, G, F)
        groups = ids.shape[1]
        states = torch.cat([before[:, None], after], dim=1)  # (B, T // F + 1, H)
        heard = self.heard(states).unflatten(2, (width, -1))  # (B, T // F + 1, F, N)
        told = self.told(ids[:, :, :-1]).cumsum(2)  # (B, G, F − 1, N)
        before_key = self.recent.before()
        at_key = self.shown(rows[:, :groups, :before_key].flatten(0, 1)).view(len(x), groups, -1)
        after_key = self.shown(rows[:, :groups, before_key : -2 * ENDS].flatten(0, 1)).view(len(x), groups, -1)
        ends = rows[:, :groups, -2 * ENDS :].view(len(x), groups, ENDS, 2)  # (B, G, ENDS, 2)
        first, second = self.recent.lengths
        logits, total = [], output.bias.new_zeros(())
        wanted = None
        if targets is not None:
            wanted = functional.pad(targets, (0, -x.shape[1] % width), value=IGNORED).view(len(x), -1, width)
        for field in (*range(1, width), 0):
            if field:
                z = heard[:, :groups, field] + told[:, :, field - 1]  # (B, G, N)
                if field >= self.recent.key:
                    z = z + (at_key if field == self.recent.key else after_key)
            else:
                z = functional.pad(heard[:, 1:, 0], (0, 0, 0, groups - after.shape[1]))
            low, high = self.columns(field)
            z = self.gain * torch.tanh(z)
            own = functional.linear(z, output.weight[low:high], output.bias[low:high])
            if field == self.recent.key:
                own = own + self._by_interval(rows[:, :groups, :before_key], z)
            if field in (first, second):
                at = ends[..., int(field == second)]  # (B, G, ENDS)
                there = at >= 0
                if field == second:
                    there = there & (ids[:, :, first, None] - int(layout.offsets[first]) == ends[..., 0])
                trust = self.trust(z)[..., ENDS * int(field == second) :][..., :ENDS] * there
                own = own.scatter_add(2, at.clamp(min=0), trust.to(own.dtype))
            if wanted is not None:
                target = wanted[:, :, field - 1]  # (B, G); start and end ids that are repeated cost nothing
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
        for again in (0, layout.end):  # start and end ids are repeated
            repeats = ids[:, :, :1] == again  # (B, G, 1)
            if repeats.any():
                only = torch.full_like(found[0, 0, 0], IMPOSSIBLE)
                only[again] = 0
                inside = repeats & (torch.arange(width, device=x.device) < width - 1)  # (B, G, F)
                found = torch.where(inside[..., None], only, found)
        return found.flatten(1, 2)[:, : x.shape[1]]

    def _by_interval(self, rows: Tensor, z: Tensor) -> Tensor:
        """Return what the intervals to recent keys add to the logits of the keys, (B, G, values of the key).

        Args:
            rows: (B, G, W) of the table of recent tokens, as far as they are known before the key.
            z: (B, G, N) the vector that predicts the key.
        """
        keys, sizes = self.recent.keys, len(self.intervals)
        table = self.intervals[:, :, self.apart].permute(0, 2, 1, 3).reshape(sizes * keys, -1)  # (P · K, M · K)
        # The rows of the keys are the first of the table of recent tokens, in the same order.
        table = torch.cat([table, table.new_zeros(1, table.shape[1])])
        found = functional.embedding_bag(rows.clamp(max=sizes * keys).flatten(0, 1), table, mode="sum")
        mixed = found.view(*z.shape[:2], MIXTURES, keys) * self.mixture(z)[..., None]  # (B, G, M, K)
        more = self.layout.fields[self.recent.key] - keys
        return functional.pad(mixed.sum(2), (0, more))

    def columns(self, field: int) -> tuple[int, int]:
        """Return the first id of a field and the one after its last; the end id belongs to the first field."""
        low, high = self.layout.offsets[field : field + 2].tolist()
        return (low if field else self.layout.end), high
