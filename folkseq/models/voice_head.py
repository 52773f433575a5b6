"""The output for compound tokens whose fields are voices.

It differs from `compound_head` in two ways: each field has its own projection, and sees the features of
`folkseq.voices`. A logit is the sum of a score of the value and one score per interval to a base, so that the model
applies what it learns in one key to all keys. If several values of a field have the same height, as for a repeated
note, all but the first get an additional score.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from folkseq.corpora.batch import IGNORED
from folkseq.models.settings import IMPOSSIBLE
from folkseq.voices import FARTHEST, VoiceLookback

HIDDEN = 0.3
"""Share of the features that are dropped in training."""


class VoiceHead(nn.Module):
    """The module that computes the logits of each next id from the last layer's output after each compound token."""

    begins: Tensor
    heights: Tensor

    def __init__(self, lookback: VoiceLookback, hidden: int, width: int, gain: float, dropout: nn.Module) -> None:
        """Build the output for a network of size `hidden`, with vectors of width N for each field."""
        super().__init__()
        self.layout, self.lookback, self.gain, self.dropout = lookback.layout, lookback, gain, dropout
        self.heard = nn.Linear(hidden, self.layout.width * width)
        self.told = nn.Embedding(self.layout.size, width)
        self.shown = nn.EmbeddingBag(lookback.shown_size, width, mode="sum", padding_idx=lookback.shown_size - 1)
        nn.init.normal_(self.told.weight, std=0.1)
        nn.init.normal_(self.shown.weight[:-1], std=0.05)
        self.bases, self.intervals = len(lookback.fields) + 1, 2 * FARTHEST + 1
        self.relative = nn.Linear(width, len(lookback.fields) * self.bases * self.intervals)
        nn.init.normal_(self.relative.weight, std=0.02)
        nn.init.zeros_(self.relative.bias)
        self.again = nn.Linear(width, len(lookback.fields)) if lookback.again.any() else None
        self.register_buffer("begins", torch.from_numpy(lookback.again.astype("f")), persistent=False)
        self.register_buffer("heights", torch.from_numpy(lookback.heights), persistent=False)

    def forward(
        self,
        before: Tensor,
        after: Tensor,
        x: Tensor,
        rows: Tensor,
        output: nn.Linear,
        targets: Tensor | None = None,
    ) -> Tensor:
        """Return the logits after each id, (B, T, V), or mean nats; see `TokenHead.forward`.

        The rows, (B, T, W), come from `VoiceLookback.indices`.
        """
        layout, width = self.layout, self.layout.width
        ids = functional.pad(x, (0, -x.shape[1] % width)).view(len(x), -1, width)  # (B, G, F)
        groups = ids.shape[1]
        states = torch.cat([before[:, None], after], dim=1)  # (B, T // F + 1, H)
        heard = self.heard(states).unflatten(2, (width, -1))  # (B, T // F + 1, F, N)
        told = self.told(ids[:, :, :-1]).cumsum(2)  # (B, G, F − 1, N)
        rows = functional.pad(rows, (0, 0, 0, -x.shape[1] % width)).view(len(x), groups, width, -1)
        logits, total, wanted = [], output.bias.new_zeros(()), None
        if targets is not None:
            wanted = functional.pad(targets, (0, -x.shape[1] % width), value=IGNORED).view(len(x), -1, width)
        for field in (*range(1, width), 0):
            beside = rows[:, :, field - 1]
            if field:
                z = heard[:, :groups, field] + told[:, :, field - 1]  # (B, G, N)
            else:
                z = functional.pad(heard[:, 1:, 0], (0, 0, 0, groups - after.shape[1]))
            if field in self.lookback.fields:
                z = z + self.shown(self._thinned(beside[..., : -self.bases]).flatten(0, 1)).view(len(x), groups, -1)
            low, high = (int(layout.offsets[field]) if field else layout.end), int(layout.offsets[field + 1])
            z = self.gain * self.dropout(torch.tanh(z))
            own = functional.linear(z, output.weight[low:high], output.bias[low:high])
            if field in self.lookback.fields:
                voice = self.lookback.fields.index(field)
                own = own + self._by_interval(voice, z, beside[..., -self.bases :], low, high)
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
        for again in (0, layout.end):  # start and end ids are repeated
            repeats = ids[:, :, :1] == again  # (B, G, 1)
            if repeats.any():
                only = torch.full_like(found[0, 0, 0], IMPOSSIBLE)
                only[again] = 0
                inside = repeats & (torch.arange(width, device=x.device) < width - 1)  # (B, G, F)
                found = torch.where(inside[..., None], only, found)
        return found.flatten(1, 2)[:, : x.shape[1]]

    def _thinned(self, rows: Tensor) -> Tensor:
        """Return the feature rows; in training, drop some so that the model does not rely on a single one."""
        if not self.training:
            return rows
        return torch.where(torch.rand(rows.shape, device=rows.device) < HIDDEN, self.lookback.shown_size - 1, rows)

    def _by_interval(self, voice: int, z: Tensor, bases: Tensor, low: int, high: int) -> Tensor:
        """Return the contribution of the intervals to all bases to the logits of a voice, (B, G, values)."""
        size = self.bases * self.intervals
        part = slice(voice * size, (voice + 1) * size)
        scores = functional.linear(z, self.relative.weight[part], self.relative.bias[part])
        scores = scores.view(*z.shape[:2], self.bases, self.intervals)
        scores = functional.pad(scores, (0, 1))  # (B, G, Q + 1, 2R + 2)
        heights = self.heights[low:high]
        apart = heights - bases[..., None]  # (B, G, Q + 1, values)
        there = (heights >= 0) & (bases[..., None] >= 0) & (apart.abs() <= FARTHEST)
        found: Tensor = scores.gather(3, torch.where(there, apart + FARTHEST, self.intervals)).sum(2)
        if self.again is not None:
            found = found + self.again(z)[..., voice : voice + 1] * self.begins[low:high]
        return found
