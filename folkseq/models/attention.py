"""Attention: while a model writes, it looks at what is known, at several places at once.

Scores are those of Luong et al. (Effective approaches to attention-based neural machine translation, 2015), the product
of a query and a key over the root of their width, or of Bahdanau et al. (Neural machine translation by jointly learning
to align and translate, 2015), a layer of tanh over their sum. To each is added a weight of its own for how near the
place is (Shaw et al., Self-attention with relative position representations, 2018, in the form of a bias), so that it
need not be learnt from what stands there.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from folkseq.models.settings import IMPOSSIBLE, EncoderSettings
from folkseq.pairs import UNSEEN

BEGINS = 3.0
"""What is added to the score of an element that stands at the writer's own place in another stretch, before anything
is learnt: in music that is where what comes next is told, and a model that has to find it learns much later."""


class Attention(nn.Module):
    """From a layer's output, and what is known, to what the next layer reads in its place."""

    def __init__(self, hidden: int, memory: int, settings: EncoderSettings) -> None:
        super().__init__()
        self.heads, self.additive = settings.heads, settings.attention == "additive"
        self.query = nn.Linear(hidden, hidden, bias=False)
        self.key = nn.Linear(memory, hidden)
        self.value = nn.Linear(memory, hidden)
        self.near = nn.Embedding(settings.reach.size, settings.heads)
        with torch.no_grad():
            self.near.weight.copy_(BEGINS * torch.from_numpy(settings.reach.level)[:, None])
        if self.additive:
            self.score = nn.Parameter(torch.empty(settings.heads, hidden // settings.heads))
            nn.init.uniform_(self.score, -1 / math.sqrt(hidden), 1 / math.sqrt(hidden))
        self.heard = nn.Linear(2 * hidden, hidden)

    def forward(self, h: Tensor, memory: Tensor, near: Tensor) -> Tensor:
        """Look at every element of what is known, at every step.

        Args:
            h: (B, T, H) a layer's output.
            memory: (B, S, M) what is known.
            near: (B, T, S) int64, how near each element is at each step, as `Reach` gives it.

        Returns:
            (B, T, H) in [−1, 1].
        """
        parts = (self.query(h), self.key(memory), self.value(memory))
        query, key, value = (part.view(*part.shape[:2], self.heads, -1).transpose(1, 2) for part in parts)
        if self.additive:
            both = torch.tanh(query[:, :, :, None] + key[:, :, None])  # (B, N, T, S, H / N)
            scores = torch.einsum("bntsk,nk->bnts", both, self.score)
        else:
            scores = query @ key.transpose(2, 3) / math.sqrt(query.shape[3])  # (B, N, T, S)
        scores = scores + self.near(near).permute(0, 3, 1, 2)
        shares = scores.masked_fill((near == UNSEEN)[:, None], IMPOSSIBLE).softmax(3)
        context = (shares @ value).transpose(1, 2).flatten(2)  # (B, T, H)
        return torch.tanh(self.heard(torch.cat([h, context], dim=2)))
