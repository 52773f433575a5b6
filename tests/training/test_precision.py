"""The precision follows from the processor and the model."""

from dataclasses import replace

import pytest
import torch
from echoes import MODEL

from folkseq.training.precision import choose


@pytest.mark.parametrize(
    ("amx", "cell", "hidden", "expected"),
    [
        (True, "lstm", 32, "bfloat16"),
        (True, "gru", 32, "float32"),
        (True, "gru", 320, "bfloat16"),
        (False, "lstm", 32, "float32"),
    ],
)
def test_the_precision_follows_from_processor_and_model(monkeypatch, amx, cell, hidden, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": amx})
    assert choose(None, replace(MODEL, cell=cell, hidden=hidden), torch.device("cpu")) == expected
