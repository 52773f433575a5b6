"""The network and the training that anyone would write in PyTorch: what folkseq is measured against."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from folkseq.corpus import Batch
from folkseq.corpus.batch import IGNORED


class Plain(nn.Module):
    """An embedding, `nn.LSTM` and a linear layer, with dropout between them."""

    lookback = None  # as `LanguageModel` has

    def __init__(self, vocabulary: int, layers: int, hidden: int, embedding: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.cells = nn.LSTM(embedding, hidden, layers, batch_first=True, dropout=dropout)
        self.output = nn.Linear(hidden, vocabulary)
        self.dropout = nn.Dropout(dropout)

    def init_state(self, rows: int) -> tuple[Tensor, ...]:
        """Zeros, (L, B, H) twice."""
        return tuple(torch.zeros(self.cells.num_layers, rows, self.cells.hidden_size) for _ in "hc")

    def forward(self, x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Logits (B, T, V) after (B, T) ids, and the state."""
        hidden, state = self.cells(self.dropout(self.embedding(x)), state)
        return self.output(self.dropout(hidden)), state


class Loop:
    """AdamW over batches, with the state carried from one to the next."""

    def __init__(self, model: Plain, rows: int, rate: float, clip: float | None = None) -> None:
        self.model, self.clip = model, clip
        self.optimizer: torch.optim.Optimizer = torch.optim.AdamW(model.parameters(), rate)
        self.state = model.init_state(rows)

    def update(self, batch: Batch) -> float | Any:
        """Learn from one batch; the loss is left as a tensor."""
        x, y = (torch.from_numpy(array) for array in batch[:2])
        logits, state = self.model(x, self.state)
        self.state = tuple(tensor.detach() for tensor in state)
        loss = functional.cross_entropy(logits.flatten(0, 1), y.flatten(), ignore_index=IGNORED)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it without types
        if self.clip is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
        self.optimizer.step()
        return loss.detach()
