"""The number format of matrix products in training: float32, or bfloat16 if the hardware supports it.

With bfloat16 (Micikevicius et al., Mixed precision training, 2018), the weights, the loss, the optimizer and the
trained model stay in float32. The choice depends on the processor and never on a measurement, so the same number of
updates always gives the same weights on the same machine. On a GPU, PyTorch's own cells stay in float32 (TF32); see
`models.cells`.
"""

from __future__ import annotations

from typing import Any

import torch

from folkseq.errors import RequestError
from folkseq.models.cells import LAYERS
from folkseq.models.settings import BFLOAT16, CELLS, FLOAT32, ModelSettings

WIDE = 256
"""Width from which products outweigh conversions in cells that PyTorch computes step by step: all but its LSTM."""


def choose(asked: str | None, model: ModelSettings, device: torch.device) -> str:
    """Return the requested precision, or else the fastest. Raises RequestError if the machine does not support it."""
    if asked == BFLOAT16 and not is_possible(model.cell, device):
        raise RequestError(f"--precision {asked}: this processor computes no {model.cell} in it; leave it out")
    return asked or fastest(model, device)


def is_possible(cell: str, device: torch.device) -> bool:
    """Test whether a cell can be trained in bfloat16; oneDNN has no such LSTM for older processors."""
    small = LAYERS[cell](8, 8).to(device)
    zeros = torch.zeros(1, 1, 8, device=device)
    try:
        with torch.autocast(device.type, torch.bfloat16):
            small(zeros, (zeros,) * len(CELLS[cell]))
    except RuntimeError:
        return False
    return True


def fastest(model: ModelSettings, device: torch.device) -> str:
    """Return bfloat16 on a GPU or CPU that is faster with it, unless the model is small; else float32.

    CPUs with AMX are faster, and AMD's with AVX-512's bfloat16. On Intel's without AMX, conversions cost more than the
    products gain.
    """
    if device.type == "cuda":
        return BFLOAT16 if torch.cuda.is_bf16_supported(including_emulation=False) else FLOAT32
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # missing in an older PyTorch
    worth = model.cell == "lstm" or model.hidden >= WIDE
    is_amd = str(capabilities.get("cpu_name", "")).startswith("AMD")
    has_products = capabilities.get("amx_bf16") or (is_amd and capabilities.get("avx512_bf16"))
    return BFLOAT16 if worth and has_products else FLOAT32
