"""The fields of a frame one after another, each foretold from those of the frame that are known.

By the chain rule that is a distribution over whole frames, however many there can be: with one embedding and one
softmax a field, where a single softmax would need an id for every frame. The chain is that of NADE (Larochelle and
Murray, The neural autoregressive distribution estimator, 2011), with the network's state in place of its bias.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from folkseq.compound import CompoundLayout
from folkseq.models.settings import IMPOSSIBLE


class CompoundHead(nn.Module):
    """From the network's state to what each field of the next frame is foretold from."""

    kinds: Tensor
    turns: Tensor
    forbidden: Tensor

    def __init__(self, frames: CompoundLayout, hidden: int) -> None:
        super().__init__()
        self.compound = frames
        self.heard = nn.Linear(hidden, hidden)
        self.told = nn.Embedding(frames.size, hidden)
        nn.init.normal_(self.told.weight, std=0.1)
        constants = {"kinds": frames.kinds, "turns": frames.transitions[1], "forbidden": ~frames.allowed}
        for name, array in constants.items():
            self.register_buffer(name, torch.from_numpy(array), persistent=False)

    def forward(self, before: Tensor, after: Tensor, x: Tensor) -> Tensor:
        """What the id after each is foretold from.

        Args:
            before: (B, H) the state before the first frame.
            after: (B, T // F, H) the state after each whole frame.
            x: (B, T) ids, from a frame's first on.

        Returns:
            (B, T, H) in [−1, 1].
        """
        ids = self._framed(x)  # (B, G, F)
        frames = ids.shape[1]
        heard = self.heard(torch.cat([before[:, None], after], dim=1))  # (B, T // F + 1, H)
        told = self.told(ids[:, :, :-1]).cumsum(2)  # (B, G, F − 1, H) by the frame's ids so far
        within = heard[:, :frames, None] + told
        between = nn.functional.pad(heard[:, 1:], (0, 0, 0, frames - after.shape[1]))[:, :, None]
        return torch.tanh(torch.cat([within, between], dim=2)).flatten(1, 2)[:, : x.shape[1]]

    def masked(self, logits: Tensor, x: Tensor) -> Tensor:
        """Scores (B, T, V) of the ids after each of x, those left out whose turn it is not."""
        ids, width = self._framed(x), self.compound.width
        kinds = self.kinds[ids]  # (B, G, F)
        first = torch.where(kinds[:, :, :1] < width, kinds[:, :, :1], kinds[:, :, :1] - width - 1).clamp(min=0)
        places = first * width + torch.arange(width, device=x.device)
        turns = self.turns[places, kinds].flatten(1)[:, : x.shape[1]]  # (B, T)
        return logits.masked_fill(self.forbidden[turns], IMPOSSIBLE)

    def _framed(self, x: Tensor) -> Tensor:
        """(B, T) ids as (B, G, F), the last frame filled up."""
        width = self.compound.width
        padded = nn.functional.pad(x, (0, -x.shape[1] % width))
        return padded.view(len(x), -1, width)
