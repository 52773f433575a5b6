"""The language model in PyTorch: an embedding, a stack of recurrent layers, and a score for every id.

What is read beside an id, conditioning or what is recalled, is added to its embedding; and ids that are recalled may be
pointed at (`pointers`). Dropout is locked (Gal and Ghahramani, A theoretically grounded application of dropout in
recurrent neural networks, 2016): what is dropped in a row stays dropped for all of its steps. Here it learns no less
than dropping each value anew, and drawing T times fewer numbers makes an update a sixth shorter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from folkseq.models.cells import LAYERS
from folkseq.models.compound_head import CompoundHead
from folkseq.models.copy_pointer import CopyPointer
from folkseq.models.settings import ModelSettings

State = tuple[Tensor, ...]
"""What the cells carry from step to step, in the order of `ModelSettings.carried`; each (L, B, H)."""


class LockedDropout(nn.Module):
    """Drops the same values at every step of a row, while training."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, N) to (B, T, N)."""
        if not self.training or not self.share:
            return x
        kept = x.new_empty(x.shape[0], 1, x.shape[2]).bernoulli_(1 - self.share)
        return x * (kept / (1 - self.share))


class LanguageModel(nn.Module):
    """Predicts each next id from those before it.

    The names and shapes of its weights are those that `onnx_step` reads.
    """

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.settings = settings
        self.embedding = nn.Embedding(settings.vocabulary_size, settings.embedding)
        widths = [settings.embedding] + [settings.hidden] * (settings.layers - 1)
        self.cells = nn.ModuleList(LAYERS[settings.cell](width, settings.hidden) for width in widths)
        self.output = nn.Linear(settings.hidden, settings.vocabulary_size)
        self.dropout = LockedDropout(settings.dropout or 0.0)
        self.lookback = settings.lookback
        if self.lookback is not None:
            self.recalled = nn.EmbeddingBag(self.lookback.size, settings.embedding, mode="sum")
            if settings.copy_pointer:
                self.pointers = CopyPointer(self.lookback, settings.hidden)
        self.compound = settings.compound
        if self.compound is not None:
            self.chain = CompoundHead(self.compound, settings.hidden)
        if settings.conditioning:
            self.control = nn.Linear(settings.conditioning, settings.embedding, bias=False)

    def init_state(self, rows: int) -> State:
        """The state at the start of a piece: zeros, (L, B, H) each."""
        settings = self.settings
        shape = (settings.layers, rows, settings.hidden)
        return tuple(self.output.weight.new_zeros(shape) for _ in settings.carried)

    def forward(
        self, x: Tensor, state: State, conditioning: Tensor | None = None, lookback: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Read T ids in each of B rows.

        Args:
            x: (B, T) int64; where ids come in frames, from the first of one on. One that breaks off is not carried on.
            state: as `init_state` or the last call gave it.
            conditioning: (B, T, C) float32 in [−1, 1], read beside the ids; zeros if None.
            lookback: (B, T, W) int64, what `Lookback` gives beside the ids, where the settings ask for it.

        Returns:
            Logits (B, T, V), one distribution after every id read, and the state after the last.
        """
        below = self.embed(x)
        if conditioning is not None:
            below = below + self.control(conditioning)
        if self.lookback is not None:
            if lookback is None:
                raise ValueError("this model reads what `Lookback` gives beside the ids")
            below = below + self.recalled(lookback.flatten(0, 1)).view_as(below)
        below, after = self.recur(below, state)
        logits = self.logits(below, state, x)
        if self.settings.copy_pointer and lookback is not None:
            logits = self.pointers(logits, below, lookback)
        return logits, after

    def embed(self, x: Tensor) -> Tensor:
        """What ids, (B, T), are to the cells: (B, T, E), or (B, T // F, E) of frames, the sum of their ids'."""
        below = cast(Tensor, self.embedding(x))
        if self.compound is not None:
            width = self.compound.width
            steps = x.shape[1] // width
            below = below[:, : steps * width].view(len(x), steps, width, below.shape[2]).sum(2)
        return below

    def recur(
        self, below: Tensor, state: State, between: Callable[[Tensor], Tensor] | None = None
    ) -> tuple[Tensor, State]:
        """Every layer's steps.

        Args:
            below: (B, T, E) what the first layer reads.
            state: before the first step.
            between: what becomes of the first layer's output, (B, T, H), before the next one reads it.

        Returns:
            (B, T, H), what the last layer gives, and the state after the last step.
        """
        after = []
        for layer, cell in enumerate(self.cells):
            before = tuple(tensor[layer : layer + 1] for tensor in state)  # (1, B, H) each
            if not below.shape[1]:  # less than a frame, in which the cells do not step
                below = below.new_zeros(len(below), 0, self.settings.hidden)
                after.append(before)
                continue
            hidden, carried = cell(self.dropout(below), before)  # (B, T, H)
            below = self.settings.gain * hidden
            after.append(carried)
            if between is not None and not layer:
                below = self.settings.gain * between(self.dropout(below))
        return self.dropout(below), tuple(torch.cat(parts) for parts in zip(*after, strict=True))

    def logits(self, below: Tensor, state: State, x: Tensor) -> Tensor:
        """Logits (B, T, V) after every id, from what the last layer gives and the state before the first step."""
        if self.compound is not None:
            heard_before = self.settings.gain * state[0][-1]  # (B, H)
            below = self.settings.gain * self.chain(heard_before, below, x)  # (B, T, H)
        logits = self.output(below)  # (B, T, V)
        if self.compound is not None:
            logits = self.chain.masked(logits, x)
        return cast(Tensor, logits)
