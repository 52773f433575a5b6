"""The encoder–decoder in PyTorch: a language model of what is to be written that looks at all that is known.

The decoder reads, beside each id, what the encoder says of the place where the writer is; and after its first layer it
looks at all places (`attention`). So the whole of it can be computed for all steps at once, as training wants it.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from folkseq.models.attention import Attention
from folkseq.models.encoder import Encoder
from folkseq.models.language_model import LanguageModel, State
from folkseq.models.settings import ModelSettings


class SourceTensors(NamedTuple):
    """What is known of each row, as tensors; `dataset.pairs` makes it."""

    ids: Tensor
    """(B, S, F) int64 ids."""
    lengths: Tensor
    """(B,) int64, how many elements of each row are of it."""
    at: Tensor
    """(B, T) int64, the place where the writer is at each step of the cells."""
    relative: Tensor
    """(B, T, S) int64, how near each element is to it, as `folkseq.pairs.RelativePositions` counts."""


class EncoderDecoder(LanguageModel):
    """Predicts each next id of what is to be written from those before it and from what is known."""

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__(settings)
        if settings.encoder is None:
            raise ValueError("these settings have no encoder")
        self.encoder = Encoder(settings)
        self.here = nn.Linear(self.encoder.memory, settings.embedding, bias=False)
        self.attention = Attention(settings.hidden, self.encoder.memory, settings.encoder)

    def forward(  # type: ignore[override]  # it reads other things beside the ids
        self, x: Tensor, state: State, source: SourceTensors
    ) -> tuple[Tensor, State]:
        """Read T ids in each of B rows.

        Args:
            x: (B, T) int64, as the language model reads them.
            state: as `init_state` or the last call gave it.
            source: what the encoder reads.

        Returns:
            Logits (B, T, V), one distribution after every id read, and the state after the last.
        """
        memory = self.dropout(self.encoder(source.ids, source.lengths, self.dropout))  # (B, S, M)
        below = self.embed(x)
        steps = below.shape[1]
        here = self.here(memory).gather(1, source.at[:, :steps, None].expand(-1, -1, below.shape[2]))  # (B, T, E)
        below, after = self.recur(below + here, state, lambda h: self.attention(h, memory, source.relative[:, :steps]))
        return self.logits(below, state, x), after


def make(settings: ModelSettings) -> LanguageModel:
    """The model that settings describe, with new weights from PyTorch's global generator."""
    return LanguageModel(settings) if settings.encoder is None else EncoderDecoder(settings)
