"""The loss on held-out pieces against a plain loop over one piece at a time."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from echoes import END, MODEL, START, V, pieces
from torch.nn import functional

from folkseq.models.language_model import LanguageModel
from folkseq.training import validate
from folkseq.training.validate import nll

LOOKBACK = {"lookback_bars": (1, 3), "lookback_match": True, "bar_ends": (0, 2), "section_ends": (0,)}


@pytest.mark.parametrize("changes", [{}, {**LOOKBACK, "copy_pointer": True}])
def test_held_out_pieces_are_read_whole_from_a_zero_state(monkeypatch, changes):
    torch.manual_seed(0)
    model, store = LanguageModel(replace(MODEL, **changes)), pieces()
    read = [store[0], np.array([START, END]), *[np.concatenate([store[i], store[i + 1]]) for i in range(5)]]
    total = 0.0
    for piece in read:  # one at a time and unpadded
        ids = torch.from_numpy(piece.astype(np.int64))[None]
        lookback = torch.from_numpy(model.lookback.indices(piece[:-1]))[None] if changes else None
        logits = model.eval()(ids[:, :-1], model.init_state(1), lookback=lookback)[0]
        total += float(functional.cross_entropy(logits[0], ids[0, 1:], reduction="sum").detach())
    model.train()
    assert nll(model, read, rows=3, steps=5) == (pytest.approx(total, rel=1e-5), 8 + 1 + 5 * 17)
    monkeypatch.setattr(validate, "LOGITS", 3 * 2 * V)  # two ids of each row at once
    assert nll(model, read, rows=3) == (pytest.approx(total, rel=1e-5), 8 + 1 + 5 * 17)
    assert model.training
