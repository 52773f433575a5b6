"""`folkseq inspect`: the model, training data and figures of a run."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from folkseq.run import Run


def inspect(run: Path | str | None = None) -> dict[str, Any]:
    """Return the configuration and the number of parameters of a run; by default, the newest run under `runs`.

    The split of a pretrained model is empty, since it does not include its corpus.

    Raises:
        RunError: there is no such run.
    """
    found = Run.latest() if run is None else Run.open(run)
    config = asdict(found.config)
    split = {}
    if found.token_folder.exists():
        split = {side: len(pieces) for side, pieces in asdict(found.tokens()[1]).items()}
    weights = sum(int(array.size) for array in found.weights().values())
    return {"run": found.address, **config, "split": split, "parameters": weights}
