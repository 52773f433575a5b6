"""A straightforward network and training loop in PyTorch, as a reference."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from folkseq.corpora import Batch
from folkseq.corpora.batch import IGNORED
from folkseq.models.settings import ModelSettings


class Plain(nn.Module):
    """An embedding, `nn.LSTM` and a linear layer, with dropout between them."""

    lookback = None  # `nll` reads this attribute and `settings` of a `LanguageModel`

    def __init__(self, vocabulary: int, layers: int, hidden: int, embedding: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.settings = ModelSettings(vocabulary)
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.cells = nn.LSTM(embedding, hidden, layers, batch_first=True, dropout=dropout)
        self.output = nn.Linear(hidden, vocabulary)
        self.dropout = nn.Dropout(dropout)

    def init_state(self, rows: int) -> tuple[Tensor, ...]:
        """Return zeros, (L, B, H) twice."""
        return tuple(torch.zeros(self.cells.num_layers, rows, self.cells.hidden_size) for _ in "hc")

    def forward(self, x: Tensor, state: tuple[Tensor, ...], *unused: None) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return the logits (B, T, V) after (B, T) ids, and the state; `nll` also passes the inputs of other models."""
        hidden, state = self.cells(self.dropout(self.embedding(x)), state)
        return self.output(self.dropout(hidden)), state


class Loop:
    """AdamW over batches, with the state carried from batch to batch."""

    def __init__(self, model: Plain, rows: int, rate: float, clip: float | None = None) -> None:
        self.model, self.clip = model, clip
        self.optimizer: torch.optim.Optimizer = torch.optim.AdamW(model.parameters(), rate)
        self.state = model.init_state(rows)

    def update(self, batch: Batch) -> Tensor:
        """Learn from one batch; return its loss."""
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
