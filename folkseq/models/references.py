"""Prediction of a field's next value from values of recent tokens, by their distance to it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from folkseq.recent import Reference

MIXTURES = 2


class References(nn.Module):
    """An embedding of reference values for the vector that predicts a field, and logits by distance to each reference.

    The logits are a mixture of learnt curves over the distances, with separate curves for each kind of reference. A
    model thus applies what it learns about one value to all values.
    """

    apart: Tensor

    def __init__(self, reference: Reference, width: int) -> None:
        """Build the tables for vectors of a width N."""
        super().__init__()
        self.values, self.nothing = reference.values, reference.nothing
        self.shown = nn.EmbeddingBag(self.nothing + 1, width, mode="sum", padding_idx=self.nothing)
        nn.init.normal_(self.shown.weight[:-1], std=0.05)
        self.curves = nn.Parameter(0.02 * torch.randn(1 + reference.single, MIXTURES, 2 * self.values - 1))
        self.mixture = nn.Linear(width, MIXTURES)
        nn.init.normal_(self.mixture.weight, std=0.02)
        nn.init.ones_(self.mixture.bias)
        value = torch.arange(self.values)
        self.register_buffer("apart", value[None] - value[:, None] + self.values - 1, persistent=False)

    def show(self, rows: Tensor) -> Tensor:
        """Return the sum of the references' embeddings, (B, G, R) rows to (B, G, N)."""
        found: Tensor = self.shown(rows.flatten(0, 1))
        return found.view(*rows.shape[:2], -1)

    def forward(self, rows: Tensor, z: Tensor) -> Tensor:
        """Return the numbers to add to the logits of the values, (B, G, values).

        Args:
            rows: (B, G, R) rows of the tables.
            z: (B, G, N) the vector that predicts the field.
        """
        table = self.curves[:, :, self.apart].permute(0, 2, 1, 3).reshape(self.nothing, -1)  # (kinds · K, M · K)
        table = torch.cat([table, table.new_zeros(1, table.shape[1])])
        found = functional.embedding_bag(rows.flatten(0, 1), table, mode="sum", padding_idx=self.nothing)
        mixed: Tensor = found.view(*z.shape[:2], MIXTURES, self.values) * self.mixture(z)[..., None]
        return mixed.sum(2)
