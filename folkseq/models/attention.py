"""Attention: at each step the decoder looks at several elements of the source at once.

Scores are those of Luong et al. (Effective approaches to attention-based neural machine translation, 2015), the product
of a query and a key over the root of their width; or of Bahdanau et al. (Neural machine translation by jointly learning
to align and translate, 2015), a layer of tanh over their sum. Each relative position has a bias (Shaw et al.,
Self-attention with relative position representations, 2018), so that positions need not be learnt from the elements.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from folkseq.models.settings import IMPOSSIBLE, EncoderSettings
from folkseq.pairs import MASKED

ALIGNED_BIAS = 3.0
"""The first bias of elements that align with the decoder's position. In music they say most about what comes next, and
a model that has to find them learns much later."""


class Attention(nn.Module):
    """From a layer's output and the encoder's memory to what the next layer reads."""

    def __init__(self, hidden: int, memory: int, settings: EncoderSettings) -> None:
        super().__init__()
        self.heads, self.additive = settings.heads, settings.attention == "additive"
        self.query = nn.Linear(hidden, hidden, bias=False)
        self.key = nn.Linear(memory, hidden)
        self.value = nn.Linear(memory, hidden)
        self.near = nn.Embedding(settings.relative_positions.size, settings.heads)  # the biases, (R, N)
        with torch.no_grad():
            self.near.weight.copy_(ALIGNED_BIAS * torch.from_numpy(settings.relative_positions.aligned)[:, None])
        if self.additive:
            self.score = nn.Parameter(torch.empty(settings.heads, hidden // settings.heads))
            nn.init.uniform_(self.score, -1 / math.sqrt(hidden), 1 / math.sqrt(hidden))
        self.heard = nn.Linear(2 * hidden, hidden)

    def forward(self, h: Tensor, memory: Tensor, relative: Tensor) -> Tensor:
        """Return what the next layer reads, (B, T, H) in [−1, 1].

        Args:
            h: (B, T, H) a layer's output.
            memory: (B, S, M) from the encoder.
            relative: (B, T, S) int64, the relative position of each element at each step.
        """
        parts = (self.query(h), self.key(memory), self.value(memory))
        query, key, value = (
            part.view(*part.shape[:2], self.heads, -1).transpose(1, 2) for part in parts
        )  # (B, N, T, H / N)
        if self.additive:
            both = torch.tanh(query[:, :, :, None] + key[:, :, None])  # (B, N, T, S, H / N)
            scores = torch.einsum("bntsk,nk->bnts", both, self.score)  # (B, N, T, S)
        else:
            scores = query @ key.transpose(2, 3) / math.sqrt(query.shape[3])  # (B, N, T, S)
        # The gradient of `gather` is many times faster than that of `nn.Embedding`.
        biases = self.near.weight.t().gather(1, relative.view(1, -1).expand(self.heads, -1))  # (N, B T S)
        scores = scores + biases.view(-1, *relative.shape).transpose(0, 1)  # (B, N, T, S)
        shares = scores.masked_fill((relative == MASKED)[:, None], IMPOSSIBLE).softmax(3)
        context = (shares @ value).transpose(1, 2).flatten(2)  # (B, T, H)
        return torch.tanh(self.heard(torch.cat([h, context], dim=2)))
