"""The encoder in PyTorch: recurrent layers that read the source forwards and backwards, or only forwards.

Source: Schuster and Paliwal, Bidirectional recurrent neural networks (1997). The backward direction reads each row
reversed up to its length, so that padding comes last in both directions.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from folkseq.models.cells import LAYERS
from folkseq.models.settings import CELLS, DIRECTIONS, EncoderSettings, ModelSettings

_MATRICES = {"rnn": 1, "gru": 3, "lstm": 4, "peephole": 4}  # (H, N) that the weights of a cell stack


class Encoder(nn.Module):
    """From the source to a memory of each element: the element itself, and what comes before and after it."""

    offsets: Tensor

    def __init__(self, settings: ModelSettings, encoder: EncoderSettings) -> None:
        super().__init__()
        self.settings, self.directions = settings, DIRECTIONS[encoder.direction]
        self.layers = max(settings.layers - 1, 1)  # the decoder's first layer reads the memory
        self.width = _width(settings, self.layers, self.directions)
        sizes = torch.tensor((0, *encoder.source)).cumsum(0)
        self.register_buffer("offsets", sizes[:-1], persistent=False)
        self.embedding = nn.EmbeddingBag(int(sizes[-1]), settings.embedding, mode="sum")
        widths = [settings.embedding] + [self.directions * self.width] * (self.layers - 1)
        self.cells = nn.ModuleList(
            LAYERS[settings.cell](width, self.width) for width in widths for _ in range(self.directions)
        )
        self.memory = self.directions * self.width + settings.embedding
        """M, the width of the memory."""

    def forward(self, source: Tensor, lengths: Tensor, dropout: nn.Module) -> Tensor:
        """Return the memory, (B, S, M); its elements beyond a row's length mean nothing.

        Args:
            source: (B, S, F) int64.
            lengths: (B,) int64, the number of elements of each row.
            dropout: applied to what each layer reads.
        """
        rows, length = source.shape[:2]
        embedded = self.embedding((source + self.offsets).flatten(0, 1)).view(rows, length, -1)  # (B, S, E)
        place = torch.arange(length, device=source.device)
        reverse = torch.where(place < lengths[:, None], lengths[:, None] - 1 - place, place)[:, :, None]  # (B, S, 1)
        state = tuple(embedded.new_zeros(1, rows, self.width) for _ in CELLS[self.settings.cell])
        x = embedded
        for layer in range(self.layers):
            x = dropout(x)
            forward, *backward = self.cells[layer * self.directions : (layer + 1) * self.directions]
            hidden = [forward(x, state)[0]]  # (B, S, W)
            for cell in backward:
                hidden.append(_reorder(cell(_reorder(x, reverse), state)[0], reverse))
            x = self.settings.gain * torch.cat(hidden, dim=2)  # (B, S, M − E)
        return torch.cat([x, embedded], dim=2)


def _reorder(x: Tensor, order: Tensor) -> Tensor:
    """(B, S, N) with the elements of each row in another order, (B, S, 1)."""
    return x.gather(1, order.expand_as(x))


def _width(settings: ModelSettings, layers: int, directions: int) -> int:
    """Return the width of each direction: half of `hidden` for two, and for one what gives as many weights."""

    def weights(directions: int, width: int) -> int:
        """Count the weights of the encoder and of the layers that read its memory."""
        total, read = directions * width * (settings.embedding + 2 * settings.hidden), settings.embedding
        for _ in range(layers):
            total += directions * _MATRICES[settings.cell] * width * (read + width + 2)
            read = directions * width
        return total

    half = max(settings.hidden // 2, 1)
    if directions == 2:
        return half
    return min(range(half, 2 * half + 1), key=lambda width: abs(weights(1, width) - weights(2, half)))
