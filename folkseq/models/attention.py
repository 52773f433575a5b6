"""Attention: while a model writes, it looks at what is known, at several places at once.

Scores are those of Luong et al. (Effective approaches to attention-based neural machine translation, 2015), the product
of a query and a key over the root of their width, or of Bahdanau et al. (Neural machine translation by jointly learning
to align and translate, 2015), a layer of tanh over their sum. To each is added a weight of its own for how near the
place is (Shaw et al., Self-attention with relative position representations, 2018, in the form of a bias), so that it
need not be learnt from what stands there.
"""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from torch import Tensor, nn

from folkseq.models.settings import IMPOSSIBLE, EncoderSettings
from folkseq.pairs import MASKED

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
        self.near = nn.Embedding(settings.relative_positions.size, settings.heads)
        with torch.no_grad():
            self.near.weight.copy_(BEGINS * torch.from_numpy(settings.relative_positions.aligned)[:, None])
        if self.additive:
            self.score = nn.Parameter(torch.empty(settings.heads, hidden // settings.heads))
            nn.init.uniform_(self.score, -1 / math.sqrt(hidden), 1 / math.sqrt(hidden))
        self.heard = nn.Linear(2 * hidden, hidden)

    def forward(self, h: Tensor, memory: Tensor, near: Tensor) -> Tensor:
        """Look at every element of what is known, at every step.

        Args:
            h: (B, T, H) a layer's output.
            memory: (B, S, M) what is known.
            near: (B, T, S) int64, how near each element is at each step, as `RelativePositions` gives it.

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
        scores = scores + cast(Any, _Nearness.apply)(self.near.weight, near)  # torch leaves it without types
        shares = scores.masked_fill((near == MASKED)[:, None], IMPOSSIBLE).softmax(3)
        context = (shares @ value).transpose(1, 2).flatten(2)  # (B, T, H)
        return torch.tanh(self.heard(torch.cat([h, context], dim=2)))


class _Nearness(torch.autograd.Function):
    """The weights of how near places are: the lookup of `nn.Embedding`, whose gradient takes five times as long."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, near: Tensor) -> Tensor:
        """(R, N) and (B, T, S) to (B, N, T, S)."""
        ctx.save_for_backward(near)
        ctx.size = len(table)
        found = table.t().index_select(1, near.flatten())  # (N, B T S)
        return found.view(-1, *near.shape).transpose(0, 1)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Of the table: each of its rows' sum, (R, N)."""
        (near,) = ctx.saved_tensors
        of_heads = gradient.transpose(0, 1).flatten(1)  # (N, B T S)
        if gradient.is_cuda:  # where counting would wait for the device
            return gradient.new_zeros(ctx.size, len(of_heads)).index_add_(0, near.flatten(), of_heads.t()), None
        sums = [torch.bincount(near.flatten(), head, ctx.size) for head in of_heads]
        return torch.stack(sums, dim=1).to(gradient.dtype), None
