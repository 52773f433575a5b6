"""CopyPointer: a score of its own for each id that is recalled, beside what the network itself says of it.

A network that is only shown what was recalled has to learn of every id apart that what is shown may be repeated. With
a pointer it learns once how far to trust each memory (Vinyals, Fortunato and Jaitly, Pointer networks, 2015; Merity et
al., Pointer sentinel mixture models, 2016, who mix probabilities where scores are added here).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from folkseq.corpus import Lookback


class CopyPointer(nn.Module):
    """Adds to the scores of recalled ids how far each of P pointers is to be trusted."""

    offsets: Tensor

    def __init__(self, lookback: Lookback, hidden: int) -> None:
        super().__init__()
        self.nothing = lookback.vocabulary_size
        self.heard = nn.Linear(hidden, lookback.pointer_count)
        self.told = nn.EmbeddingBag(lookback.size, lookback.pointer_count, mode="sum")
        for weight in self.parameters():
            nn.init.zeros_(weight)
        self.register_buffer("offsets", torch.from_numpy(lookback.offsets[: lookback.pointer_count]), persistent=False)

    def forward(self, logits: Tensor, below: Tensor, recalled: Tensor) -> Tensor:
        """Add to the scores of each step.

        Args:
            logits: (B, T, V).
            below: (B, T, H), what the last layer gives.
            recalled: (B, T, W) int64, as `Lookback` gives it.

        Returns:
            (B, T, V) float32.
        """
        trust = self.heard(below) + self.told(recalled.flatten(0, 1)).view(*below.shape[:2], -1)  # (B, T, P)
        ids = recalled[:, :, : len(self.offsets)] - self.offsets  # with `nothing` where a pointer points nowhere
        wide = functional.pad(logits.float(), (0, 1))  # (B, T, V + 1)
        return wide.scatter_add(2, ids.clamp(min=0), trust.float())[:, :, : self.nothing]
