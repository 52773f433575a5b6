"""The encoder–decoder in PyTorch: a language model of the target that looks at a source.

Beside each id the decoder reads the memory of the element at which it is, and after its first layer it looks at all
elements (`attention`). So all steps can be computed at once in training.
"""

from __future__ import annotations

from torch import Tensor, nn

from folkseq.corpus.batch import SourceBatch
from folkseq.models.attention import Attention
from folkseq.models.encoder import Encoder
from folkseq.models.language_model import LanguageModel, State
from folkseq.models.settings import ModelSettings


class EncoderDecoder(LanguageModel):
    """Predicts each next id of the target from the ids before it and from the source."""

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
