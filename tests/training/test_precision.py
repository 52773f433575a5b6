"""The precision follows from the processor and the model."""

from dataclasses import replace

import pytest
import torch
from echoes import MODEL

from folkseq.training.precision import choose


@pytest.mark.parametrize(
    ("capabilities", "cell", "hidden", "expected"),
    [
        ({"amx_bf16": True}, "lstm", 32, "bfloat16"),
        ({"amx_bf16": True}, "gru", 32, "float32"),
        ({"amx_bf16": True}, "gru", 320, "bfloat16"),
        ({"amx_bf16": False}, "lstm", 32, "float32"),
        ({"avx512_bf16": True, "cpu_name": "AMD EPYC"}, "lstm", 32, "bfloat16"),
        ({"avx512_bf16": True, "cpu_name": "Intel(R) Xeon(R)"}, "lstm", 32, "float32"),
        ({"avx512_bf16": False, "cpu_name": "AMD EPYC"}, "lstm", 32, "float32"),
    ],
)
def test_the_precision_follows_from_processor_and_model(monkeypatch, capabilities, cell, hidden, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert choose(None, replace(MODEL, cell=cell, hidden=hidden), torch.device("cpu")) == expected
