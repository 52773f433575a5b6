"""The language model in PyTorch: an embedding, a stack of recurrent layers, and a score for every id.

What is read beside an id, where a model takes such controls, is added to its embedding.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from folkseq.models.settings import ModelSettings

State = tuple[Tensor, ...]
"""What the cells carry from step to step, in the order of `ModelSettings.carried`; each (L, B, H)."""


class LanguageModel(nn.Module):
    """Predicts each next id from those before it.

    The names and shapes of its weights are those that `onnx_graph` reads.
    """

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.settings = settings
        between = settings.dropout if settings.layers > 1 else 0.0  # a single layer has no between, and PyTorch warns
        self.embedding = nn.Embedding(settings.vocabulary_size, settings.embedding)
        self.cells = nn.LSTM(settings.embedding, settings.hidden, settings.layers, batch_first=True, dropout=between)
        self.output = nn.Linear(settings.hidden, settings.vocabulary_size)
        self.dropout = nn.Dropout(settings.dropout)
        if settings.controls:
            self.control = nn.Linear(settings.controls, settings.embedding, bias=False)

    def init_state(self, rows: int) -> State:
        """The state at the start of a piece: zeros, (L, B, H) each."""
        settings = self.settings
        shape = (settings.layers, rows, settings.hidden)
        return tuple(self.output.weight.new_zeros(shape) for _ in settings.carried)

    def forward(self, x: Tensor, state: State, controls: Tensor | None = None) -> tuple[Tensor, State]:
        """Read T ids in each of B rows.

        Args:
            x: (B, T) int64.
            state: as `init_state` or the last call gave it.
            controls: (B, T, C) float32 in [−1, 1], read beside the ids; zeros if None.

        Returns:
            Logits (B, T, V), one distribution after every id read, and the state after the last.
        """
        embedded = self.embedding(x)  # (B, T, E)
        if controls is not None:
            embedded = embedded + self.control(controls)
        hidden, state = self.cells(self.dropout(embedded), state)  # (B, T, H)
        return cast(Tensor, self.output(self.dropout(hidden))), state  # (B, T, V)
