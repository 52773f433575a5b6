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
from folkseq.voice_memory import CLASSES, LARGE, MOST, NEAR, SMOOTHED
from folkseq.voices import FARTHEST, VoiceLookback

HIDDEN = 0.3
"""Share of the features that are dropped in training."""


class MemoryScores(nn.Module):
    """Scores of the next intervals from the counts of each context in the training pieces; see `voice_memory`.

    The score of a context is the logarithm of the share of each class, and the network weighs the contexts.
    """

    def __init__(self, lookback: VoiceLookback, width: int) -> None:
        """Build it for vectors of width N."""
        super().__init__()
        self.contexts = lookback.counts // CLASSES
        self.seen = nn.Linear(2 * self.contexts, width, bias=False)
        self.trust = nn.Linear(width, len(lookback.fields) * self.contexts)
        nn.init.normal_(self.seen.weight, std=0.1)
        nn.init.zeros_(self.trust.weight)
        nn.init.constant_(self.trust.bias, 0.1)

    def features(self, counts: Tensor) -> Tensor:
        """Return the contribution of the counts, (B, G, K · C), to the vectors, (B, G, N)."""
        counts, places = self._by_context(counts)
        share = counts.amax(3) / places.clamp(min=1)
        found: Tensor = self.seen(torch.cat([torch.log1p(places / SMOOTHED) / LARGE, share], dim=2))
        return found

    def forward(self, voice: int, z: Tensor, counts: Tensor) -> Tensor:
        """Return the scores of the classes, (B, G, C)."""
        counts, places = self._by_context(counts)
        scores = torch.log(CLASSES * counts + SMOOTHED) - torch.log(places + SMOOTHED)[..., None]
        part = slice(voice * self.contexts, (voice + 1) * self.contexts)
        trust = functional.linear(z, self.trust.weight[part], self.trust.bias[part])  # (B, G, K)
        found: Tensor = (trust[..., None] * scores).sum(2)
        return found

    def _by_context(self, counts: Tensor) -> tuple[Tensor, Tensor]:
        """Return the counts, (B, G, K · C), by context, (B, G, K, C), and their sums, (B, G, K)."""
        counts = counts.view(*counts.shape[:2], self.contexts, CLASSES).float()
        return counts, counts.sum(3).clamp(max=MOST)


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
        self.bases, self.intervals = lookback.bases, 2 * FARTHEST + 1
        self.relative = nn.Linear(width, len(lookback.fields) * self.bases * self.intervals)
        nn.init.normal_(self.relative.weight, std=0.02)
        nn.init.zeros_(self.relative.bias)
        self.memory = MemoryScores(lookback, width) if lookback.counts else None
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
        width, voices, lookback = self.layout.width, self.lookback.fields, self.lookback
        rows = functional.pad(rows, (0, 0, 0, -x.shape[1] % width)).view(len(x), -1, width, rows.shape[2])
        features, bases, counts = torch.split(rows, [lookback.shown_width, self.bases, lookback.counts], 3)

        def show(field: int, z: Tensor) -> Tensor:
            if field not in voices:
                return z
            shown: Tensor = self.shown(self._thinned(features[:, :, field - 1]).flatten(0, 1))
            z = z + shown.view(z.shape)
            return z if self.memory is None else z + self.memory.features(counts[:, :, field - 1])

        def change(field: int, z: Tensor, logits: Tensor) -> Tensor:
            if field not in voices:
                return logits
            logits = logits + self._by_interval(field, z, bases[:, :, field - 1])
            if self.memory is None:
                return logits
            voice, (low, high) = voices.index(field), self.columns(field)
            scores: Tensor = self.memory(voice, z, counts[:, :, field - 1])
            apart = self.heights[low:high] - bases[:, :, field - 1, voice, None]
            near = (self.heights[low:high] >= 0) & (apart.abs() <= NEAR)
            return logits + scores.gather(2, torch.where(near, apart + NEAR, CLASSES - 1))

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
