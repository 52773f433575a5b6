"""The encoder: it reads all that is known, forwards and backwards, or only forwards.

Source: Schuster and Paliwal, Bidirectional recurrent neural networks (1997). Each direction is a layer of its own; that
which goes backwards reads its row turned round, so that what fills up a row comes after it in both.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from folkseq.models.cells import LAYERS
from folkseq.models.settings import CELLS, DIRECTIONS, ModelSettings


class Encoder(nn.Module):
    """Says of each element of the source what it is, and what stands before and after it."""

    firsts: Tensor

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        if settings.encoder is None:
            raise ValueError("these settings have no encoder")
        self.settings, self.width = settings, settings.encoder_width
        self.directions = DIRECTIONS[settings.encoder.direction]
        sizes = torch.tensor((0, *settings.encoder.source)).cumsum(0)
        self.register_buffer("firsts", sizes[:-1], persistent=False)
        self.embedding = nn.EmbeddingBag(int(sizes[-1]), settings.embedding, mode="sum")
        widths = [settings.embedding] + [self.directions * self.width] * (settings.encoder_layers - 1)
        self.cells = nn.ModuleList(
            LAYERS[settings.cell](width, self.width) for width in widths for _ in range(self.directions)
        )

    @property
    def memory(self) -> int:
        """M: the width of what is said of each element."""
        return self.directions * self.width + self.settings.embedding

    def forward(self, source: Tensor, lengths: Tensor, dropout: nn.Module) -> Tensor:
        """Read rows of a length each.

        Args:
            source: (B, S, F) int64.
            lengths: (B,) int64, how many elements each row has.
            dropout: what is dropped on the way.

        Returns:
            (B, S, M); beyond a row's length nothing that is of use.
        """
        rows, length = source.shape[:2]
        embedded = self.embedding((source + self.firsts).flatten(0, 1)).view(rows, length, -1)  # (B, S, E)
        place = torch.arange(length, device=source.device)
        turned = torch.where(place < lengths[:, None], lengths[:, None] - 1 - place, place)[:, :, None]  # (B, S, 1)
        state = tuple(embedded.new_zeros(1, rows, self.width) for _ in CELLS[self.settings.cell])
        below = embedded
        for layer in range(self.settings.encoder_layers):
            read = dropout(below)
            forward, *backward = self.cells[layer * self.directions : (layer + 1) * self.directions]
            heard = [forward(read, state)[0]]  # (B, S, W)
            for cell in backward:
                heard.append(_turn(cell(_turn(read, turned), state)[0], turned))
            below = self.settings.gain * torch.cat(heard, dim=2)
        return torch.cat([below, embedded], dim=2)


def _turn(x: Tensor, turned: Tensor) -> Tensor:
    """(B, S, N) with the elements of each row in the order `turned`, (B, S, 1)."""
    return x.gather(1, turned.expand_as(x))
