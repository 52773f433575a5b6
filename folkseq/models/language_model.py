"""The language model in PyTorch: an embedding, a stack of recurrent layers, and a logit for every id.

Conditioning and lookback are added to the embedding of their id. Dropout is locked (Gal and Ghahramani, A theoretically
grounded application of dropout in recurrent neural networks, 2016): a row drops the same values in all of its steps.
A model learns as much as with a new mask at each step, and an update takes a sixth less time, because T times fewer
numbers are drawn.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from folkseq.corpora.batch import IGNORED, SourceBatch
from folkseq.models.cells import LAYERS
from folkseq.models.settings import ModelSettings

State = tuple[Tensor, ...]
"""The states of all layers, (L, B, H) each, in the order of `ModelSettings.carried`."""


class LockedDropout(nn.Module):
    """Dropout that drops the same values at every step of a row, in training."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, N) to (B, T, N)."""
        if not self.training or not self.share:
            return x
        kept = x.new_empty(x.shape[0], 1, x.shape[2]).bernoulli_(1 - self.share)  # (B, 1, N)
        return x * (kept / (1 - self.share))


class LanguageModel(nn.Module):
    """The model that predicts each next id from the previous ids.

    Run folders store its weights under the names of its attributes.
    """

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.settings, self.lookback, self.compound = settings, settings.lookback, settings.compound
        self.embedding = nn.Embedding(settings.vocabulary_size, settings.embedding)
        widths = [settings.embedding] + [settings.hidden] * (settings.layers - 1)
        self.cells = nn.ModuleList(LAYERS[settings.cell](width, settings.hidden) for width in widths)
        self.output = nn.Linear(settings.output_width, settings.vocabulary_size)
        self.dropout = LockedDropout(settings.dropout or 0.0)
        if self.lookback is not None:
            self.recalled = nn.EmbeddingBag(self.lookback.size, settings.embedding, mode="sum")
        if self.lookback is not None and settings.copy_pointer:
            from folkseq.models.copy_pointer import CopyPointer

            self.pointers = CopyPointer(self.lookback, settings.hidden)
        self.voices = settings.voice_lookback
        if self.voices is not None:
            from folkseq.models.voice_head import VoiceHead

            self.head: nn.Module
            self.head = VoiceHead(self.voices, settings.hidden, settings.output_width, settings.gain, self.dropout)
        elif settings.tokens is not None:
            from folkseq.models.token_head import TokenHead

            self.head = TokenHead(settings.tokens, settings.hidden, settings.output_width, settings.gain)
        elif self.compound is not None:
            from folkseq.models.compound_head import CompoundHead

            self.chain = CompoundHead(self.compound, settings.hidden)
        if settings.conditioning:
            self.control = nn.Linear(settings.conditioning, settings.embedding, bias=False)

    @property
    def own_loss(self) -> bool:
        """Return whether the model can compute the loss of its targets without the logits of all ids."""
        return self.settings.tokens is not None or self.voices is not None

    def init_state(self, rows: int) -> State:
        """Return the state at the start of a piece: zeros, (L, B, H) each."""
        shape = (self.settings.layers, rows, self.settings.hidden)
        return tuple(self.output.weight.new_zeros(shape) for _ in self.settings.carried)

    def forward(
        self,
        x: Tensor,
        state: State,
        conditioning: Tensor | None = None,
        lookback: Tensor | None = None,
        source: SourceBatch[Tensor] | None = None,
        targets: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """Read T ids in each of B rows.

        Args:
            x: (B, T) int64; if ids come in compound tokens, from the first id of one. Ids of a last one that is not
                whole do not change the state.
            state: from `init_state` or the last call.
            conditioning: (B, T, C) float32 in [−1, 1]; zeros if None.
            lookback: (B, T, W) int64 from `Lookback.indices` or `VoiceLookback.indices`, or (B, G, W) from
                `RecentTokens.indices`, if the settings ask for one.
            source: for an encoder, if there is one.
            targets: (B, T) int64 the ids that follow, or `IGNORED`, for a model that sees recent tokens or voices.

        Returns:
            Logits (B, T, V), one distribution after every id, or the mean nats of the targets; and the state after the
            last.
        """
        hidden, after = self.recur(self.embed(x, conditioning, lookback), state)
        if targets is not None and lookback is not None:
            # The outputs are told the own fields of a token as they are, even if the token is read with noise later.
            known = functional.pad(targets[:, :-1], (1, 0), value=IGNORED)
            x = torch.where(known == IGNORED, x, known)
            nats: Tensor = self.head(self.settings.gain * state[0][-1], hidden, x, lookback, self.output, targets)
            return nats, after
        return self.logits(hidden, state, x, lookback), after

    def embed(self, x: Tensor, conditioning: Tensor | None = None, lookback: Tensor | None = None) -> Tensor:
        """Return the input of the first layer: (B, T, E), or (B, T // F, E) for compound tokens."""
        embedded: Tensor = self.embedding(x)  # (B, T, E)
        if self.compound is not None:
            width = self.compound.width
            whole = embedded[:, : x.shape[1] // width * width]
            embedded = whole.view(len(x), -1, width, whole.shape[2]).sum(2)  # (B, T // F, E)
            if conditioning is not None:
                conditioning = conditioning[:, width - 1 :: width]  # (B, T // F, C), beside the last id of each
        if conditioning is not None:
            embedded = embedded + self.control(conditioning)
        if self.lookback is not None:
            if lookback is None:
                raise ValueError("this model needs the rows of `Lookback.indices`")
            embedded = embedded + self.recalled(lookback.flatten(0, 1)).view_as(embedded)
        return embedded

    def recur(self, x: Tensor, state: State, attend: Callable[[Tensor], Tensor] | None = None) -> tuple[Tensor, State]:
        """Run every layer over all steps.

        Args:
            x: (B, T, E).
            state: before the first step.
            attend: applied to the first layer's output, (B, T, H), before the next layer reads it.

        Returns:
            (B, T, H), the output of the last layer, and the state after the last step.
        """
        if not x.shape[1]:  # less than a compound token
            return x.new_zeros(len(x), 0, self.settings.hidden), state
        after = []
        for layer, cell in enumerate(self.cells):
            hidden, own = cell(self.dropout(x), tuple(part[layer : layer + 1] for part in state))  # (B, T, H)
            after.append(own)
            x = self.settings.gain * hidden
            if attend is not None and layer == 0:
                x = self.settings.gain * attend(self.dropout(x))
        return self.dropout(x), tuple(torch.cat(parts) for parts in zip(*after, strict=True))

    def logits(self, hidden: Tensor, state: State, x: Tensor, lookback: Tensor | None = None) -> Tensor:
        """Return the logits after every id, (B, T, V).

        Args:
            hidden: (B, T, H), or (B, T // F, H), the output of the last layer.
            state: before the first step.
            x: (B, T) the ids.
            lookback: (B, T, W), or (B, G, W).
        """
        if self.own_loss:
            if lookback is None:
                raise ValueError("this model needs the rows of `RecentTokens.indices` or `VoiceLookback.indices`")
            found: Tensor = self.head(self.settings.gain * state[0][-1], hidden, x, lookback, self.output)
            return found
        if self.compound is not None:
            before = self.settings.gain * state[0][-1]  # (B, H)
            hidden = self.settings.gain * self.chain(before, hidden, x)  # (B, T, H)
        logits: Tensor = self.output(hidden)  # (B, T, V)
        if self.compound is not None:
            logits = self.chain.masked(logits, x)
        if self.settings.copy_pointer:
            logits = self.pointers(logits, hidden, lookback)
        return logits
