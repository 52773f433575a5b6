"""The output for compound tokens: it predicts each field from the previous fields of the same token.

By the chain rule, this is a distribution over all compound tokens, with one embedding and one softmax per field; a
single softmax would need an id for every compound token. The method is that of NADE (Larochelle and Murray, The neural
autoregressive distribution estimator, 2011), with the state of the network instead of a bias.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from folkseq.compound import CompoundLayout
from folkseq.models.settings import IMPOSSIBLE


class CompoundHead(nn.Module):
    """The module that computes the vectors that predict each next id, from the output of the last layer."""

    kinds: Tensor
    slots: Tensor
    forbidden: Tensor

    def __init__(self, layout: CompoundLayout, hidden: int) -> None:
        super().__init__()
        self.width = layout.width
        self.heard = nn.Linear(hidden, hidden)  # of the network's output
        self.told = nn.Embedding(layout.size, hidden)  # of the token's ids so far
        nn.init.normal_(self.told.weight, std=0.1)
        constants = {"kinds": layout.kinds, "slots": layout.transitions[1], "forbidden": ~layout.allowed}
        for name, array in constants.items():
            self.register_buffer(name, torch.from_numpy(array), persistent=False)

    def forward(self, before: Tensor, after: Tensor, x: Tensor) -> Tensor:
        """Return the vectors that predict the id after each, (B, T, H) in [−1, 1].

        Args:
            before: (B, H) the last layer's output before the first compound token.
            after: (B, T // F, H) its output after each complete token.
            x: (B, T) ids, from the first id of a compound token.
        """
        ids = self._grouped(x)  # (B, G, F)
        groups = ids.shape[1]
        heard = self.heard(torch.cat([before[:, None], after], dim=1))  # (B, T // F + 1, H)
        told = self.told(ids[:, :, :-1]).cumsum(2)  # (B, G, F − 1, H)
        within = heard[:, :groups, None] + told  # (B, G, F − 1, H), after the first F − 1 ids of each
        between = functional.pad(heard[:, 1:], (0, 0, 0, groups - after.shape[1]))[:, :, None]  # (B, G, 1, H)
        return torch.tanh(torch.cat([within, between], dim=2)).flatten(1, 2)[:, : x.shape[1]]  # (B, T, H)

    def masked(self, logits: Tensor, x: Tensor) -> Tensor:
        """Return the logits after each of x, (B, T, V), with `IMPOSSIBLE` for ids that cannot come next."""
        kinds = self.kinds[self._grouped(x)]  # (B, G, F)
        value = kinds[:, :, :1] - self.width - 1
        first = torch.where(value < -1, kinds[:, :, :1], value).clamp(min=0)  # (B, G, 1) the first field of each
        positions = first * self.width + torch.arange(self.width, device=x.device)  # (B, G, F)
        slots = self.slots[positions, kinds].flatten(1)[:, : x.shape[1]]  # (B, T)
        return logits.masked_fill(self.forbidden[slots], IMPOSSIBLE)

    def _grouped(self, x: Tensor) -> Tensor:
        """Return ids, (B, T), as (B, G, F), with the last compound token padded."""
        padded = functional.pad(x, (0, -x.shape[1] % self.width))
        return padded.view(len(x), -1, self.width)
