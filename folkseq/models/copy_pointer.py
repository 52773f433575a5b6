"""The copy pointer: a score for each id in the lookback, added to the logits of the network.

A network that only reads the lookback has to learn for every id separately that it may be repeated. With a copy
pointer, it learns a single weight for each position in the lookback (Vinyals, Fortunato and Jaitly, Pointer networks,
2015; Merity et al., Pointer sentinel mixture models, 2016). Deviation: the papers mix probabilities, and this module
adds logits.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from folkseq.corpora.lookback import Lookback


class CopyPointer(nn.Module):
    """The module that adds a learnt score to the logits of the ids of P pointers."""

    offsets: Tensor

    def __init__(self, lookback: Lookback, hidden: int) -> None:
        super().__init__()
        self.vocabulary_size = lookback.vocabulary_size
        # The trust depends on the network's state and on the lookback.
        self.heard = nn.Linear(hidden, lookback.pointer_count)
        self.told = nn.EmbeddingBag(lookback.size, lookback.pointer_count, mode="sum")
        for weight in self.parameters():
            nn.init.zeros_(weight)
        offsets = torch.from_numpy(lookback.offsets[: lookback.pointer_count])
        self.register_buffer("offsets", offsets, persistent=False)

    def forward(self, logits: Tensor, hidden: Tensor, lookback: Tensor) -> Tensor:
        """Return the logits (B, T, V) plus the scores of the lookback, in float32.

        Args:
            logits: (B, T, V).
            hidden: (B, T, H) the output of the last layer.
            lookback: (B, T, W) int64, from `Lookback.indices`.
        """
        trust = self.heard(hidden) + self.told(lookback.flatten(0, 1)).view(*hidden.shape[:2], -1)  # (B, T, P)
        ids = lookback[:, :, : len(self.offsets)] - self.offsets  # (B, T, P), V where a pointer points nowhere
        padded = functional.pad(logits.float(), (0, 1))  # (B, T, V + 1)
        return padded.scatter_add(2, ids.clamp(min=0), trust.float())[:, :, : self.vocabulary_size]
