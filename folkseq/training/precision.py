"""Which numbers products are made with in training: float32, or bfloat16 where the machine has units for them.

In bfloat16 (Micikevicius et al., Mixed precision training, 2018) the weights, the loss and the optimizer stay float32,
and so does what is sampled from. Which it is follows from the processor alone and not from a trial, so that a number of
updates gives the same weights on the same machine each time. On a GPU PyTorch's own cells stay in float32 (TF32), see
`models.cells`.
"""

from __future__ import annotations

from typing import Any

import torch

from folkseq.models.settings import BFLOAT16, FLOAT32, ModelSettings

WIDE = 256
"""From here on products outweigh the turning of numbers in cells that PyTorch makes step by step, all but its LSTM."""


def fastest(model: ModelSettings, device: torch.device) -> str:
    """The faster of `PRECISIONS` for a model: bfloat16 on a GPU that has it, and on a CPU with AMX if it is not small.

    On others it is slower: a CPU that has but AVX-512's bfloat16 spends more on turning numbers into it than it gains.
    """
    if device.type == "cuda":
        return BFLOAT16 if torch.cuda.is_bf16_supported(including_emulation=False) else FLOAT32
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # an older PyTorch has none
    worth = model.cell == "lstm" or model.hidden >= WIDE
    return BFLOAT16 if worth and capabilities.get("amx_bf16") else FLOAT32
