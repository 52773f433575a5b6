"""AdamW (Loshchilov and Hutter, Decoupled weight decay regularization, 2019), in PyTorch's fused kernel.

`torch.optim` gives the same results to the bit, but its first use imports PyTorch's compiler, which folkseq does not
need and which takes as long as importing PyTorch itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

EPSILON = 1e-8
_SLOTS = ("step", "exp_avg", "exp_avg_sq")  # the names in `torch.optim`


class AdamW:
    """The optimizer, with the running averages of the gradients of its parameters."""

    def __init__(self, parameters: Iterable[Tensor], betas: tuple[float, float], weight_decay: float) -> None:
        self.parameters, self.betas, self.weight_decay = list(parameters), betas, weight_decay
        self._slots: dict[int, tuple[Tensor, ...]] = {}
        """The number of updates, the average gradient and the average square of each parameter that had a gradient."""

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Update the parameters that have gradients, at a learning rate."""
        changed = [(number, each, each.grad) for number, each in enumerate(self.parameters) if each.grad is not None]
        for number, parameter, _ in changed:
            if number not in self._slots:
                count = torch.zeros((), dtype=torch.float32, device=parameter.device)
                self._slots[number] = count, torch.zeros_like(parameter), torch.zeros_like(parameter)
        slots = [self._slots[number] for number, _, _ in changed]
        counts, averages, squares = ([each[slot] for each in slots] for slot in range(len(_SLOTS)))
        torch._foreach_add_(counts, 1)
        torch._fused_adamw_(
            [parameter for _, parameter, _ in changed],
            [gradient for _, _, gradient in changed],
            averages,
            squares,
            [],
            counts,
            lr=rate,
            beta1=self.betas[0],
            beta2=self.betas[1],
            weight_decay=self.weight_decay,
            eps=EPSILON,
            amsgrad=False,
            maximize=False,
        )

    def state(self) -> dict[str, Tensor]:
        """Return all averages by name: `0.step`, `0.exp_avg` and so on."""
        return {
            f"{number}.{name}": tensor
            for number, slots in self._slots.items()
            for name, tensor in zip(_SLOTS, slots, strict=True)
        }

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Restore a result of `state`. Raises KeyError if a part is missing."""
        numbers = sorted({int(name.split(".")[0]) for name in state})
        self._slots = {
            number: tuple(state[f"{number}.{name}"].clone().to(self.parameters[number].device) for name in _SLOTS)
            for number in numbers
        }
