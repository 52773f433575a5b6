"""The encoder–decoder in PyTorch: a language model of the target that attends to a source.

The encoder reads the source forwards and backwards, or only forwards (Schuster and Paliwal, Bidirectional recurrent
neural networks, 1997), and returns a memory of it. With each id, the decoder reads the memory of the element at its
position, and after its first layer it attends to all elements. In training, all steps can thus be computed at once.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from folkseq.corpora.batch import SourceBatch
from folkseq.models.cells import LAYERS
from folkseq.models.language_model import LanguageModel, State
from folkseq.models.settings import CELLS, DIRECTIONS, GATES, IMPOSSIBLE, EncoderSettings, ModelSettings
from folkseq.pairs import MASKED

ALIGNED_BIAS = 3.0
"""The initial bias of elements that align with the position of the decoder. In music they are the best predictors, and
a model without this bias learns much later."""


class EncoderDecoder(LanguageModel):
    """The model that predicts each next id of the target from the previous ids and from the source."""

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__(settings)
        if settings.encoder is None:
            raise ValueError("these settings have no encoder")
        self.encoder = Encoder(settings, settings.encoder)
        self.here = nn.Linear(self.encoder.memory, settings.embedding, bias=False)
        self.attention = Attention(settings.hidden, self.encoder.memory, settings.encoder)

    def forward(
        self,
        x: Tensor,
        state: State,
        conditioning: Tensor | None = None,
        lookback: Tensor | None = None,
        source: SourceBatch[Tensor] | None = None,
        targets: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """Read T ids in each of B rows; see `LanguageModel`."""
        if source is None:
            raise ValueError("an encoder–decoder needs a source")
        memory = self.dropout(self.encoder(source.ids, source.lengths, self.dropout))  # (B, S, M)
        embedded = self.embed(x)  # (B, T, E)
        steps, width = embedded.shape[1:]
        here = self.here(memory).gather(1, source.at[:, :steps, None].expand(-1, -1, width))  # (B, T, E)
        relative = source.relative[:, :steps]  # (B, T, S)
        hidden, after = self.recur(embedded + here, state, lambda h: self.attention(h, memory, relative))
        return self.logits(hidden, state, x), after


class Encoder(nn.Module):
    """The encoder, which computes a memory of each element of the source in its context."""

    offsets: Tensor

    def __init__(self, settings: ModelSettings, encoder: EncoderSettings) -> None:
        super().__init__()
        self.settings, self.directions = settings, DIRECTIONS[encoder.direction]
        self.layers = max(settings.layers - 1, 1)  # the decoder's first layer reads the memory
        self.width = _encoder_width(settings, self.layers, self.directions)
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
        """Return the memory, (B, S, M); elements beyond the length of a row are undefined.

        Args:
            source: (B, S, F) int64.
            lengths: (B,) int64, the number of elements of each row.
            dropout: applied to the input of each layer.
        """
        rows, length = source.shape[:2]
        embedded = self.embedding((source + self.offsets).flatten(0, 1)).view(rows, length, -1)  # (B, S, E)
        # The backward direction reads each row reversed up to its length, so that padding comes last in both.
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


class Attention(nn.Module):
    """Attention with N heads, from the output of a layer and the memory to the input of the next layer.

    Scores are those of Luong et al. (Effective approaches to attention-based neural machine translation, 2015), the
    product of a query and a key over the root of their width; or of Bahdanau et al. (Neural machine translation by
    jointly learning to align and translate, 2015), a layer of tanh over their sum. Each relative position has a bias
    (Shaw et al., Self-attention with relative position representations, 2018).
    """

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
        """Return the input of the next layer, (B, T, H) in [−1, 1].

        Args:
            h: (B, T, H) a layer's output.
            memory: (B, S, M) from the encoder.
            relative: (B, T, S) int64, the relative position of each element at each step.
        """
        parts = (self.query(h), self.key(memory), self.value(memory))
        # (B, N, T, H / N), and (B, N, S, H / N) twice
        query, key, value = (part.view(*part.shape[:2], self.heads, -1).transpose(1, 2) for part in parts)
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


def _reorder(x: Tensor, order: Tensor) -> Tensor:
    """(B, S, N) with the elements of each row in another order, (B, S, 1)."""
    return x.gather(1, order.expand_as(x))


def _encoder_width(settings: ModelSettings, layers: int, directions: int) -> int:
    """Return the width of each direction: half of `hidden` for two, and the width with as many weights for one."""

    def weights(directions: int, width: int) -> int:
        """Count the weights of the encoder and of the layers that read its memory."""
        total, read = directions * width * (settings.embedding + 2 * settings.hidden), settings.embedding
        for _ in range(layers):
            total += directions * GATES[settings.cell] * width * (read + width + 2)
            read = directions * width
        return total

    half = max(settings.hidden // 2, 1)
    if directions == 2:
        return half
    return min(range(half, 2 * half + 1), key=lambda width: abs(weights(1, width) - weights(2, half)))
