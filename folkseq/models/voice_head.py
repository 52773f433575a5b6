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

from folkseq.models.field_head import FieldHead
from folkseq.voices import FARTHEST, VoiceLookback

HIDDEN = 0.3
"""Share of the features that are dropped in training."""


class VoiceHead(FieldHead):
    """The module that computes the logits of each next id from the last layer's output after each compound token."""

    begins: Tensor
    heights: Tensor

    def __init__(self, lookback: VoiceLookback, hidden: int, width: int, gain: float, dropout: nn.Module) -> None:
        """Build the output for a network of size `hidden`, with vectors of width N for each field."""
        super().__init__(lookback.layout, hidden, width, gain, dropout)
        self.lookback = lookback
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
        """Return the logits after each id, (B, T, V), or mean nats; see `FieldHead.predict`.

        The rows, (B, T, W), come from `VoiceLookback.indices`.
        """
        width, voices = self.layout.width, self.lookback.fields
        rows = functional.pad(rows, (0, 0, 0, -x.shape[1] % width)).view(len(x), -1, width, rows.shape[2])

        def show(field: int, z: Tensor) -> Tensor:
            if field not in voices:
                return z
            features = self._thinned(rows[:, :, field - 1, : -self.bases])
            shown: Tensor = self.shown(features.flatten(0, 1))
            return z + shown.view(z.shape)

        def change(field: int, z: Tensor, logits: Tensor) -> Tensor:
            if field not in voices:
                return logits
            return logits + self._by_interval(field, z, rows[:, :, field - 1, -self.bases :])

        return self.predict(before, after, x, output, targets, show, change)

    def _thinned(self, rows: Tensor) -> Tensor:
        """Return the feature rows; in training, drop some so that the model does not rely on a single one."""
        if not self.training:
            return rows
        return torch.where(torch.rand(rows.shape, device=rows.device) < HIDDEN, self.lookback.shown_size - 1, rows)

    def _by_interval(self, field: int, z: Tensor, bases: Tensor) -> Tensor:
        """Return the contribution of the intervals to all bases to the logits of a voice, (B, G, values)."""
        voice, size = self.lookback.fields.index(field), self.bases * self.intervals
        low, high = self.columns(field)
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
