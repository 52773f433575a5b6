"""The base of the outputs that predict the fields of a compound token one by one, each with a projection of its own.

The fields have a fixed order, so the logits of a field are computed only for the ids of the field.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from folkseq.compound import CompoundLayout
from folkseq.corpora.batch import IGNORED
from folkseq.models.settings import IMPOSSIBLE

Change = Callable[[int, Tensor, Tensor], Tensor]
"""Takes a field, its vectors, (B, G, N), and its logits, (B, G, values), and returns the logits with features added."""


class FieldHead(nn.Module):
    """A projection of the network's output for each field, and an embedding of the token's ids so far."""

    def __init__(self, layout: CompoundLayout, hidden: int, width: int, gain: float, dropout: nn.Module) -> None:
        """Build the output for a network of size `hidden`, with vectors of width N for each field."""
        super().__init__()
        self.layout, self.gain, self.dropout = layout, gain, dropout
        self.heard = nn.Linear(hidden, layout.width * width)
        self.told = nn.Embedding(layout.size, width)

    def grouped(self, x: Tensor) -> Tensor:
        """Return ids by compound token, (B, T) to (B, G, F); the last of the G tokens may be incomplete."""
        width = self.layout.width
        return functional.pad(x, (0, -x.shape[1] % width)).view(len(x), -1, width)

    def columns(self, field: int) -> tuple[int, int]:
        """Return the first id of a field and the one after its last; the end id belongs to the first field."""
        low, high = self.layout.offsets[field : field + 2].tolist()
        return (low if field else self.layout.end), high

    def predict(
        self,
        before: Tensor,
        after: Tensor,
        x: Tensor,
        output: nn.Linear,
        targets: Tensor | None,
        show: Callable[[int, Tensor], Tensor],
        change: Change,
    ) -> Tensor:
        """Return the logits after each id, (B, T, V), with `IMPOSSIBLE` for ids that cannot come next; or mean nats.

        Args:
            before: (B, H) the last layer's output before the first compound token.
            after: (B, T // F, H) its output after each complete token.
            x: (B, T) ids, from the first id of a compound token.
            output: the layer from N to V.
            targets: (B, T) ids or `IGNORED`; if given, the method returns their mean nats instead of logits.
            show: takes a field and its vectors, (B, G, N), and returns the vectors with features added.
            change: see `Change`.
        """
        layout, width = self.layout, self.layout.width
        ids = self.grouped(x)
        groups = ids.shape[1]
        states = torch.cat([before[:, None], after], dim=1)  # (B, T // F + 1, H)
        heard = self.heard(states).unflatten(2, (width, -1))  # (B, T // F + 1, F, N)
        told = self.told(ids[:, :, :-1]).cumsum(2)  # (B, G, F − 1, N)
        logits, total, wanted = [], output.bias.new_zeros(()), None
        if targets is not None:
            wanted = functional.pad(targets, (0, -x.shape[1] % width), value=IGNORED).view(len(x), -1, width)
        for field in (*range(1, width), 0):
            if field:
                z = heard[:, :groups, field] + told[:, :, field - 1]  # (B, G, N)
            else:
                z = functional.pad(heard[:, 1:, 0], (0, 0, 0, groups - after.shape[1]))
            low, high = self.columns(field)
            z = self.gain * self.dropout(torch.tanh(show(field, z)))
            own = change(field, z, functional.linear(z, output.weight[low:high], output.bias[low:high]))
            if wanted is not None:
                target = wanted[:, :, field - 1]  # (B, G); repeated start and end ids cost nothing
                own_target = torch.where((target < low) | (target >= high), IGNORED, target - low)
                flat = own.float().flatten(0, 1)
                total = total + functional.cross_entropy(
                    flat, own_target.flatten(), ignore_index=IGNORED, reduction="sum"
                )
                continue
            logits.append(functional.pad(own, (low, layout.size - high), value=IMPOSSIBLE))  # (B, G, V)
        if wanted is not None:
            return total / (wanted != IGNORED).sum().clamp(min=1)
        found = torch.stack(logits, dim=2)  # (B, G, F, V)
        for again in (0, layout.end):  # start and end tokens repeat one id in all fields
            repeats = ids[:, :, :1] == again  # (B, G, 1)
            if repeats.any():
                only = torch.full_like(found[0, 0, 0], IMPOSSIBLE)
                only[again] = 0
                inside = repeats & (torch.arange(width, device=x.device) < width - 1)  # (B, G, F)
                found = torch.where(inside[..., None], only, found)
        return found.flatten(1, 2)[:, : x.shape[1]]
